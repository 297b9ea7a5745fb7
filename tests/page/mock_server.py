"""The real web application in front of a scripted studio and a recorded stream: what the page is tried against.

Run it by hand while working on the page: ``python tests/page/mock_server.py --port 8099 --media /tmp/duologue-media``.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
from scripted_line import ScriptedLine
from scripted_studio import ENGINES, SEGMENTS, ScriptedStudio

from duologue.app.bus import Bus, Topics
from duologue.app.models import (
    HouseView,
    PartState,
    PartView,
    PlacesView,
    StateEvent,
    StateView,
    TalkView,
    WorkerEvent,
    WorkerView,
)
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.settings import load_settings
from duologue.tokens import Scope
from duologue.web.application import create_app
from duologue.web.options import Grant, Key, WebOptions

ROLES: dict[str, tuple[Scope, ...]] = {
    "onlooker": (), "guest": (Scope.TALK,), "crew": (Scope.STAGE, Scope.TALK), "operator": (Scope.LINE,),
}  # fmt: skip
GUARDED = WebOptions(
    token="the token of all tokens",
    keys=tuple(Key(f"{name} token", Grant(name, frozenset(scopes))) for name, scopes in ROLES.items()),
)
"""What ``--guarded`` asks for: one token for everything, and some that may do less."""


def make_media(folder: Path) -> None:
    """Record ``SEGMENTS`` one-second segments of a test picture (H.264 and AAC) into ``folder``, once."""
    if (folder / f"{SEGMENTS - 1}.m4s").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    sources = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=220:r=48000"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-sc_threshold", "0"]
    audio = ["-c:a", "aac", "-b:a", "64k", "-ac", "2"]
    packaging = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_segment_type", "fmp4"]
    names = ["-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", "%d.m4s", "made.m3u8"]
    command = ["ffmpeg", "-v", "error", "-y", *sources, "-t", str(SEGMENTS), *video, *audio, *packaging, *names]
    subprocess.run(command, cwd=folder, check=True)


@dataclass(frozen=True)
class Scripted:
    """A show of the house, on air at once."""

    name: str
    studio: ScriptedStudio
    state: PartState = PartState.UP
    failure: str = ""
    headless: bool = False

    @property
    def topic(self) -> str:
        return f"show:{self.name}"


WORKERS = {"stage": "draws and encodes the show", "espeak": "speaks"}


def _worker(name: str, purpose: str, since: float) -> WorkerView:
    return WorkerView(
        name=name, purpose=purpose, state="up", since=since, pid=1000 + len(name), restarts=0, failures=0,
        last_failure="", next_try=None,
    )  # fmt: skip


def _failing(since: float) -> WorkerView:
    trouble = {"failures": 3, "last_failure": "the process died of signal 9 (SIGKILL)", "next_try": since + 3_600_000.0}
    update = {"state": "restarting", "pid": None, "restarts": 3, **trouble}
    return _worker("kokoro", "speaks with a natural voice", since).model_copy(update=update)


TALKS = PartView(name="talk", topic="talk", state=PartState.UP, restarts=1, reasons=("none of its ears has come up",))
PLACES = (
    PlacesView(kind="listener", places=2, taken=1, refused=3, waited=1),
    PlacesView(kind="voice", places=4, taken=1),
    PlacesView(kind="thought", places=None, taken=1),
)
ADA = TalkView(id="t1", character="virgin", title="Virgin", started=SYSTEM_CLOCK.wall() / MILLISECOND)


class ScriptedHouse:
    """The shows, and the bus on which all of them tell what happens."""

    def __init__(self, shows: Sequence[Scripted], line: str = "") -> None:
        self.shows = shows
        self.endpoints = self.twilio = self.talk = None
        self.bus = Bus(self._state, unique_id(SYSTEM_CLOCK.wall()))
        self.line = ScriptedLine(line, self.bus.topic("line")) if line else None
        since = SYSTEM_CLOCK.wall() / MILLISECOND
        self._workers = {name: _worker(name, purpose, since) for name, purpose in WORKERS.items()}
        self._workers["kokoro"] = _failing(since)
        for show in shows:
            show.studio.bus = self.bus.topic(show.topic)

    def _state(self, topics: Topics) -> StateEvent:
        found = next((show for show in self.shows if show.topic in topics), None)
        event = found.studio.state(self.view()) if found is not None else StateEvent(state=StateView(house=self.view()))
        if self.line is None or "line" not in topics:
            return event
        return StateEvent(state=event.state.model_copy(update={"line": self.line.view()}))

    def view(self) -> HouseView:
        shows = tuple(PartView(name=show.name, topic=show.topic, state=show.state) for show in self.shows)
        return HouseView(parts=(*shows, TALKS), engines=ENGINES, places=PLACES, talks=(ADA,), workers=self.workers())

    def healthy(self) -> tuple[bool, Sequence[str]]:
        return True, ()

    def metrics(self) -> bytes:
        return b""

    def workers(self) -> tuple[WorkerView, ...]:
        return tuple(self._workers.values())

    async def restart_worker(self, name: str) -> WorkerView:
        """At once, and without a fault."""
        if name not in self._workers:
            raise InputError(f"there is no worker {name!r}", where="name")
        before = self._workers[name]
        since = SYSTEM_CLOCK.wall() / MILLISECOND
        update = {"state": "up", "since": since, "restarts": before.restarts + 1, "failures": 0, "next_try": None}
        self._workers[name] = before.model_copy(update=update)
        self.bus.publish(WorkerEvent(worker=self._workers[name]), "engines")
        return self._workers[name]


async def serve(shows: Sequence[Scripted], port: int, options: WebOptions, line: str = "") -> None:
    """Serve the shows on loopback until the process is told to stop."""
    rows = tuple(load_settings({"show.turns": 6, "web.port": port}).rows())
    house = ScriptedHouse(shows, line)
    app = create_app(house, replace(options, settings=rows))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    async with asyncio.TaskGroup() as group:
        scripts = [group.create_task(show.studio.run()) for show in shows]
        if house.line is not None:
            scripts.append(group.create_task(house.line.run()))
        await uvicorn.Server(config).serve()
        for script in scripts:
            script.cancel()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--steal", type=float, default=1.2, help="CPU steal to report, in per cent")
    parser.add_argument("--shows", default="show", help="names of shows, with commas between them")
    parser.add_argument("--line", default="", help="a phone line: calls, quiet, deaf or full")
    parser.add_argument("--guarded", action="store_true", help="ask for a token, of which there are several")
    options = parser.parse_args()
    if options.shows:
        make_media(options.media)
    asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    names = [name for name in options.shows.split(",") if name]
    shows = [Scripted(name, ScriptedStudio(options.media, steal=options.steal)) for name in names]
    await serve(shows, options.port, GUARDED if options.guarded else WebOptions(), options.line)


if __name__ == "__main__":
    main()
