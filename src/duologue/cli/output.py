"""How commands speak to a person: results on standard output, trouble on standard error, both plain when piped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console
from rich.markup import escape

from duologue.errors import DuologueError, InputError, InternalError, PeerError

if TYPE_CHECKING:
    from duologue.models.automatic import Pick

USER_ERROR = 2
"""The exit code when something was wrong; a check that found something exits with 1."""

WAV = (".wav", ".wave")
MP4 = (".mp4", ".m4v")


def console(*, stderr: bool = False) -> Console:
    """Standard output, or standard error. A fingerprint's ``:AB:`` is no picture of a blood group."""
    return Console(stderr=stderr, emoji=False, highlight=False, soft_wrap=True)


def complain(error: DuologueError) -> None:
    """Say what was wrong, where, and the next step."""
    trouble = console(stderr=True)
    trouble.print(f"[bold red]error:[/] {escape(error.what.rstrip('.'))}.")
    if error.where:
        trouble.print(f"  [dim]where:[/] {escape(error.where)}")
    if error.remedy:
        trouble.print(f"  [dim]do:[/]    {escape(error.remedy)}")
    if isinstance(error, InternalError):
        trouble.print("  This is a fault of Duologue itself; please report it with these lines.")


def tell_of(picks: Iterable[Pick]) -> None:
    """Say at a start what of natural voices and ears is missing and what is lost by it, and where a voice comes from.
    ``picks`` are what ``auto`` came to for the engines that will be used.
    """
    from duologue.models.automatic import notices

    trouble = console(stderr=True)
    for notice in notices(picks):
        trouble.print(notice, markup=False)


def require_wav(files: Mapping[str, Path | None], also: tuple[str, ...] = ()) -> None:
    """Raises :class:`InputError` for a file to write, by its option, that is not called WAV (or ``also``). What is no
    plain file (a pipe, ``/dev/null``) may be called anything.
    """
    _require(files, (*WAV, *also), "WAV and Opus are" if also else "WAV is")


def require_mp4(files: Mapping[str, Path | None]) -> None:
    """The same for films: a stranger to MP4 would find it under the name of something else."""
    _require(files, MP4, "MP4 is")


def _require(files: Mapping[str, Path | None], suffixes: tuple[str, ...], formats: str) -> None:
    for option, path in files.items():
        plain = path is not None and (path.is_file() or not path.exists())
        if path is not None and plain and path.suffix.lower() not in suffixes:
            raise InputError(
                f"only {formats} written, and {path.name!r} is no name for it", where=option,
                remedy=f"Call it {path.with_suffix(suffixes[0]).name}; FFmpeg makes other formats of it.",
            )  # fmt: skip


def write_out(path: Path, text: str, what: str, option: str = "-o") -> None:
    """Write what a command made to a file. Raises :class:`PeerError` when the disk does not take it."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        reason = error.strerror or "it failed"
        raise PeerError(f"{what} cannot be written: {reason}", where=str(path), remedy=f"Check {option}.") from error


def known_errors(group: BaseExceptionGroup[BaseException]) -> list[DuologueError] | None:
    """The errors in a task group's failure when all of them are ours; None when a stranger is among them."""
    found: list[DuologueError] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop()
        if isinstance(error, DuologueError):
            found.append(error)
        elif isinstance(error, BaseExceptionGroup):
            waiting.extend(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        else:
            return None
    return found
