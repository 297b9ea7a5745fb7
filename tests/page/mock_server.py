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

import numpy as np
import uvicorn
from scripted_evidence import ScriptedEvidence
from scripted_line import ScriptedLine
from scripted_studio import ENGINES, SEGMENTS, ScriptedStudio
from scripted_usage import used

from duologue.app.bus import Bus, Topics
from duologue.app.faces.faces import FaceBoard
from duologue.app.models import (
    HouseView,
    KeyView,
    PartEvent,
    PartState,
    PartView,
    PlacesView,
    SetupStep,
    SetupView,
    StateEvent,
    StateView,
    TalkCharacter,
    TalkLearning,
    TalkView,
    UpgradeView,
    VoicesView,
    WorkerEvent,
    WorkerView,
)
from duologue.app.show.output_models import OutputView
from duologue.app.spending.models import UsageView
from duologue.app.talk.connection import TalkSocket
from duologue.audio.encoding import encoder
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.settings import load_settings
from duologue.store.values import UsageBy
from duologue.telemetry.ledger import RequestRecord
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


def _outputs(topic: str) -> tuple[OutputView, ...]:
    """A stream that was broken once, and a recording that is."""
    stream = OutputView(
        of=topic, kind="hls", where="/stream/index.m3u8", state="up", reconnects=1, bits_per_second=2.5e6,
        frames_per_second=30.0, last_failure="the process was killed by signal 9",
    )  # fmt: skip
    trouble = "the recording stopped: No space left on device. Free some space: it goes on by itself, as the show does."
    recording = OutputView(
        of=topic, kind="recording", where="evening.mp4", state="down", megabytes=1240, lost=34, waiting=0,
        last_failure=trouble,
    )  # fmt: skip
    return stream, recording


TALKS = PartView(name="talk", topic="talk", state=PartState.UP, restarts=1, reasons=("none of its ears has come up",))
PLACES = (
    PlacesView(kind="listener", places=2, taken=1, refused=3, waited=1),
    PlacesView(kind="voice", places=4, taken=1),
    PlacesView(kind="thought", places=None, taken=1),
)
ADA = TalkView(id="t1", character="virgin", title="Virgin", started=SYSTEM_CLOCK.wall() / MILLISECOND)


SETUP = SetupView(
    keys=(
        KeyView(engine="openai", variable="OPENAI_API_KEY", present=True, chosen=True),
        KeyView(engine="elevenlabs", variable="ELEVENLABS_API_KEY", present=False, chosen=False),
    ),
    upgrades=(
        UpgradeView(
            name="kokoro", kind="voice", title="Kokoro", what="54 natural voices that run on this machine.",
            steps=(
                SetupStep(words="Fetch it.", command="duologue models get kokoro"),
                SetupStep(
                    words="Start with it; espeak stands in.",
                    command="DUOLOGUE_ENGINES__TTS=kokoro,espeak duologue serve",
                ),
            ),
            state="missing", told="Its files are not here.",
        ),
        UpgradeView(
            name="ollama", kind="mind", title="Ollama", what="A language model on this machine.",
            steps=(
                SetupStep(
                    words="Start with it; the improviser stands in.",
                    command="DUOLOGUE_ENGINES__LLM=openai,improv DUOLOGUE_ENGINES__OPENAI__BASE_URL="
                    "http://127.0.0.1:11434/v1 DUOLOGUE_ENGINES__OPENAI__MODEL=llama3.2:latest duologue serve",
                ),
            ),
            state="ready", told="Ollama answers, and has llama3.2:latest.",
        ),
    ),
)  # fmt: skip


class ScriptedRoom:
    """Engines to be tried: half a second of a tone is what each voice says."""

    voices = (
        VoicesView(engine="espeak", voices=("en-us+m3", "en-us+f5", "en-gb")),
        VoicesView(engine="kokoro", voices=()),
    )

    async def say(self, name: str, voice: str, text: str) -> bytes:
        if not any(voice in each.voices for each in self.voices if each.engine == name):
            raise InputError(f"{name} has no voice {voice!r}", where="voice")
        wav = encoder("wav")
        return wav.feed(np.sin(np.arange(24_000) / 20).astype(np.float32) * np.float32(0.1)) + wav.finish()

    async def warm_up(self, kind: str, name: str) -> None:
        """It is."""


class ScriptedTalks:
    """Two characters who may be talked to, if not now: nobody is behind the socket."""

    @property
    def sessions(self) -> ScriptedTalks:
        return self

    def ready(self) -> Sequence[str]:
        return TALKS.reasons

    async def characters(self) -> tuple[TalkCharacter, ...]:
        return (
            TalkCharacter(name="virgin", title="Virgin", tagline="Means well.", colour="#7aa2f7", language="en"),
            TalkCharacter(name="robin", title="Robin", tagline="Answers the phone.", colour="", language="en"),
        )

    async def learning(self, person: str = "", realm: str = "") -> TalkLearning:
        return TalkLearning(level="A1")

    async def enter(self, socket: TalkSocket, realm: str = "") -> None:
        await socket.close(1000, "nobody is here")

    async def leave(self) -> None:
        """Nobody is there."""


class ScriptedHouse:
    """The shows, and the bus on which all of them tell what happens."""

    def __init__(
        self, shows: Sequence[Scripted], runs: Path, line: str = "", *, talks: bool = False, told: bool = False,
        steal: float = 0.0,
    ) -> None:  # fmt: skip
        self.shows = shows
        self.scripted = ScriptedEvidence(runs, [show.topic for show in shows], steal, told=told, talks=talks)
        self.evidence, self.reports = self.scripted.board, self.scripted.reports
        self.endpoints = self.twilio = self.accounts = self.people = None
        self.talk = ScriptedTalks() if talks else None
        self.bus = Bus(self._state, unique_id(SYSTEM_CLOCK.wall()))
        self.line = ScriptedLine(line, self.bus.topic("line")) if line else None
        since = SYSTEM_CLOCK.wall() / MILLISECOND
        self._workers = {name: _worker(name, purpose, since) for name, purpose in WORKERS.items()}
        self._workers["kokoro"] = _failing(since)
        self.room = ScriptedRoom()
        self.faces = FaceBoard(SYSTEM_CLOCK)
        self._talks = TALKS
        for show in shows:
            show.studio.bus = self.bus.topic(show.topic)
            show.studio.evidence = self.scripted.shows[show.topic]

    def answered(self, record: RequestRecord) -> None:
        """Nobody follows its requests."""

    def _state(self, topics: Topics) -> StateEvent:
        found = next((show for show in self.shows if show.topic in topics), None)
        event = found.studio.state(self.view()) if found is not None else StateEvent(state=StateView(house=self.view()))
        if self.line is None or "line" not in topics:
            return event
        return StateEvent(state=event.state.model_copy(update={"line": self.line.view()}))

    def view(self) -> HouseView:
        shows = tuple(PartView(name=show.name, topic=show.topic, state=show.state) for show in self.shows)
        return HouseView(
            parts=(*shows, self._talks), engines=ENGINES, places=PLACES, talks=(ADA,), workers=self.workers(),
            outputs=tuple(each for show in self.shows for each in _outputs(show.topic)),
        )  # fmt: skip

    def direct_part(self, topic: str, order: str) -> PartView:
        """Only the talks obey."""
        if topic != self._talks.topic:
            raise InputError(f"{topic} is scripted and goes on", where="topic")
        stopped = order == "stop"
        state, reasons = (PartState.STOPPED, ("it was stopped",)) if stopped else (PartState.UP, ())
        self._talks = self._talks.model_copy(update={"state": state, "reasons": reasons})
        self.bus.publish(PartEvent(part=self._talks), topic)
        return self._talks

    async def usage(self, by: UsageBy, since: str) -> UsageView:
        return used(by, since)

    async def setup(self) -> SetupView:
        return SETUP

    def healthy(self) -> tuple[bool, Sequence[str]]:
        return True, ()

    def metrics(self, *, openmetrics: bool = False) -> bytes:
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


async def serve(
    shows: Sequence[Scripted], port: int, options: WebOptions, runs: Path, line: str = "", *, talks: bool = False,
    told: bool = False, steal: float = 0.0,
) -> None:  # fmt: skip
    """Serve the shows on loopback until the process is told to stop; ``runs`` is where they are kept."""
    rows = tuple(load_settings({"show.turns": 6, "web.port": port}).rows())
    house = ScriptedHouse(shows, runs, line, talks=talks, told=told, steal=steal)
    app = create_app(house, replace(options, settings=rows))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    async with asyncio.TaskGroup() as group:
        scripts = [group.create_task(show.studio.run()) for show in shows]
        scripts.append(group.create_task(house.scripted.run()))
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
    parser.add_argument("--called", default="", help="another name of this server, as a proxy's")
    parser.add_argument("--token", default="", help="ask for this one")
    parser.add_argument("--evidence", action="store_true", help="frames and the machine are told, and runs are kept")
    parser.add_argument("--talk", action="store_true", help="somebody may be talked to")
    options = parser.parse_args()
    if options.shows:
        make_media(options.media)
    asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    names = [name for name in options.shows.split(",") if name]
    shows = [Scripted(name, ScriptedStudio(options.media, steal=options.steal)) for name in names]
    plain = WebOptions(token=options.token, hosts=tuple(filter(None, (options.called,))))
    runs = options.media / f"runs-{options.port}-{unique_id(SYSTEM_CLOCK.wall())}"
    guard = GUARDED if options.guarded else plain
    told = options.evidence
    await serve(shows, options.port, guard, runs, options.line, talks=options.talk, told=told, steal=options.steal)


if __name__ == "__main__":
    main()
