"""A real PostgreSQL, started here, and databases in it for a test each."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from duologue.store.database import database_url

_numbers = itertools.count(1)


class Server:
    """PostgreSQL on a socket in a folder of its own, as nobody's root."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self.folder = folder
        self._user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", "duologue", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        settings = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c max_connections=20"
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", settings, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    @contextmanager
    def stopped(self) -> Generator[None]:
        """All its processes stand still (SIGSTOP)."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        processes = [first, *map(int, others)]
        for each in processes:
            os.kill(each, signal.SIGSTOP)
        try:
            yield
        finally:
            for each in processes:
                os.kill(each, signal.SIGCONT)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._user, str(self._programs / program), *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@contextmanager
def started() -> Generator[Server]:
    """It runs. Skips where there is none."""
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or (os.getuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("needs the Debian package postgresql")
    with tempfile.TemporaryDirectory(prefix="duologue-pg-", dir="/tmp") as folder:
        made = Server(found[-1].parent, Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def own_database(server: Server) -> Generator[str]:
    """The address of one that is new, and gone afterwards."""
    name = f"t{next(_numbers)}"
    owner = create_engine(database_url(_address(server, "postgres"), Path("unused")), poolclass=NullPool)
    owner = owner.execution_options(isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield _address(server, name)
    with owner.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    owner.dispose()


def _address(server: Server, name: str) -> str:
    return f"postgresql://duologue@/{name}?host={server.folder}"
