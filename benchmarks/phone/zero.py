"""A line whose engines take no time, a process of its own: ``python -m benchmarks.phone.zero``.

All else is the house's own: SIP and media in the line process, turn-taking, chunker, moderation, voicing and far ends
in this one, Silero for voice activity. It says by a line of JSON on standard output when it takes calls, and for each
line on standard input how it is: ``vad`` is the CPU time (s) of voice activity alone, ``live`` the calls that main
holds, ``tasks`` those of its loop, ``restarts`` how often the line was replaced, the rest what the line process counts.
A line ``trim`` has what was freed returned first, as each minute does. At the end of the input it ends. Arguments are
the first and the last port of sound.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import uvloop

from benchmarks.voice.zero import ZeroSpeech
from duologue.app.admission import Admission
from duologue.app.bus import Bus
from duologue.app.calls.line import LinePart, News
from duologue.app.engines.engines import EnginePool
from duologue.app.house.shared import Shared
from duologue.app.models import StateEvent, StateView
from duologue.audio.pcm import Samples
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.language.engine import Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.memory import collect_and_trim, freeze, keep_trimmed, settle
from duologue.phone.leg import TakeCall
from duologue.phone.line.client import LineClient
from duologue.phone.line.messages import LineSetup
from duologue.phone.sip.screening import Rate
from duologue.settings import Settings, load_settings
from duologue.speech.hearing import Expected, HearingCapabilities, Transcript, VoiceActivity, VoicePresence
from duologue.speech.silero import Silero
from duologue.telemetry.log import configure
from duologue.telemetry.stream import Ledger

SETTINGS = """
[phone]
listen = "127.0.0.1:0"
greeting = "Hello."
places = 1000
codecs = ["pcmu"]
media_ports = [{first}, {last}]
silence_seconds = 600

"""
SAID = "Tell me about the sea."
ANSWER = "It is wide and deep and full of fish."


class ZeroEars:
    """Understand the same sentence, at once."""

    name = "pocketsphinx"

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=False, punctuation=True)

    async def warm_up(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        async for _ in sound:
            pass
        yield Transcript(SAID, final=True, stable=len(SAID))

    async def close(self) -> None:
        pass


def zero_voice() -> ZeroSpeech:
    """Some seconds for the answer, a little for all else."""
    return ZeroSpeech(ANSWER, "interrupt", "espeak")


class _Unread(list[Prompt]):
    """Prompts that nobody looks at."""

    def append(self, item: Prompt, /) -> None:
        """Not kept: with its tools a prompt holds its whole call."""


def zero_mind() -> FakeLanguage:
    """The same answer, without remembering who asked."""
    mind = FakeLanguage(usual=ScriptedReply(ANSWER))
    mind.prompts = _Unread()
    return mind


class MeteredActivity:
    """Voice activity, and what it costs."""

    def __init__(self, engine: VoiceActivity) -> None:
        self.seconds = 0.0
        self._engine = engine

    def open(self) -> int:
        return self._engine.open()

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        begin = time.thread_time()
        found = self._engine.step(frames)
        self.seconds += time.thread_time() - begin
        return found

    def forget(self, stream: int) -> None:
        self._engine.forget(stream)


@contextmanager
def engines(makes: Mapping[str, object]) -> Generator[None]:
    """Have the engines of a pool be these, by what they do (``tts``, ``llm``, ``stt``, ``vad``)."""

    def create(group: str, name: str, settings: Settings) -> object:
        return makes[group.removeprefix("duologue.")]

    with patch("duologue.app.engines.engines._create", create):
        yield


def settings_of(text: str) -> Settings:
    """Settings from a text, with the names of engines that :func:`engines` stands in for."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "duologue.toml"
        file.write_text(text)
        return load_settings({"engines.stt": "pocketsphinx", "engines.tts": "espeak"}, config=file)


async def _serve(first: int, last: int) -> None:
    activity = MeteredActivity(Silero())
    makes = {
        "tts": zero_voice(), "stt": ZeroEars(), "vad": activity, "llm": zero_mind(),
    }  # fmt: skip
    settings = settings_of(SETTINGS.format(first=first, last=last))
    carriers: list[LineClient] = []

    def make(plan: LineSetup, take: TakeCall, tell: Callable[[News], None], clock: Clock) -> LineClient:
        often = replace(plan.options, rates={"INVITE": Rate(1000, 1000)})  # all callers come from one address
        carriers.append(LineClient(replace(plan, options=often), take, tell, clock))
        return carriers[-1]

    with engines(makes):
        pool = EnginePool(settings)
        bus = Bus(lambda topics: StateEvent(state=StateView()), "bus").topic("line")
        line = LinePart(settings, Shared(pool, Admission(pool.at_once), Ledger(SYSTEM_CLOCK)), bus, carrier=make)
        async with pool.open(), asyncio.TaskGroup() as group:
            running = group.create_task(line.run())
            while line.ready():  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.05)
            small = group.create_task(keep_trimmed(SYSTEM_CLOCK))
            freeze()  # both as the program that serves does
            print(json.dumps({"port": carriers[0].ports["UDP"], "line": carriers[0].worker.pid}), flush=True)
            async for asked in _asked():
                if asked.strip() == "trim":
                    await asyncio.to_thread(collect_and_trim)
                told = {**line.counts, "vad": activity.seconds, "live": len(line.live())}
                told["tasks"] = len(asyncio.all_tasks())
                told["restarts"] = carriers[0].worker.restarts
                print(json.dumps(told), flush=True)
            small.cancel()
            running.cancel()


async def _asked() -> AsyncIterator[str]:
    """Lines of the standard input, read beside the loop."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    while line := await lines.get():
        yield line


if __name__ == "__main__":
    settle()
    configure("json", "warning")
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
