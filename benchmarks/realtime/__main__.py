"""OpenAI's realtime client against a house with the engines that are set: ``python -m benchmarks realtime``.

The client (:mod:`benchmarks.realtime.caller`) is a process of its own and says what natural callers say
(:mod:`benchmarks.natural.callers`; ``duologue models get kokoro``). Of each turn two things are measured: from the last
sample that was said to the first delta of sound at the client; and from the moment in which the conversation handed its
first sound to the far end, in the house's own ledger, to that delta. ``TURNS`` says how many (40).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import uvloop

from benchmarks.machine import say
from benchmarks.natural.callers import Half, Renderings, Turn, callers
from benchmarks.natural.turns import TIMES
from benchmarks.table import Row, row
from duologue.app.house.house import House
from duologue.audio.pcm import to_int16
from duologue.audio.resample import resample
from duologue.settings import load_settings
from duologue.speech.hearing import EAR_RATE
from duologue.telemetry.ledger import EffectRecord, Entry
from duologue.web.listener import make_listener
from duologue.web.server import bind

TURNS = int(os.environ.get("TURNS", "40"))
RATE = 24_000


def rows(small: bool = False) -> list[Row]:
    """Both waits."""
    with tempfile.TemporaryDirectory() as folder:
        _render(Path(folder), 4 if small else TURNS)
        turns, played = uvloop.run(_measure(Path(folder)))
    answered = [(turn["last_word"], turn["first_delta"]) for turn in turns if turn["first_delta"]]
    waits = [(first - last) / 1e6 for last, first in answered]
    late = [(first - max(at for at in played if at <= first)) / 1e6 for _, first in answered]
    return [
        row("realtime client: turns answered", len(answered), f"of {len(turns)}"),
        row("realtime client: last word to first delta, p50", float(np.percentile(waits, 50)), "ms", "at most 650"),
        row("realtime client: last word to first delta, p95", float(np.percentile(waits, 95)), "ms"),
        row("its first delta less the session's first audio, p50", float(np.percentile(late, 50)), "ms"),
        row("its first delta less the session's first audio, p95", float(np.percentile(late, 95)), "ms", "at most 15"),
    ]


def _said() -> Iterator[tuple[str, Turn]]:
    """Of the turns of the page's ``spoken`` (:func:`benchmarks.page.spoken.said`) those without a pause inside, which a
    client that waits for its answer cannot say if it is cut in.
    """
    for voice, turns in callers(Half.ASIDE, TIMES).items():
        yield from ((voice, turn) for turn in turns if len(turn.phrases) == 1)


def _render(folder: Path, turns: int) -> None:
    chosen = list(itertools.islice(_said(), turns))
    sounds = Renderings()
    sounds.make((voice, text) for voice, turn in chosen for text in turn.rendered)
    for number, (voice, turn) in enumerate(chosen):
        (phrase, _), *_ = sounds.phrases(voice, turn)
        np.save(folder / f"{number:03}.npy", to_int16(resample(phrase, EAR_RATE, RATE)))


async def _measure(folder: Path) -> tuple[list[dict[str, int]], list[int]]:
    """The client's lines, and when the conversation handed over the first sound of each reply (ns)."""
    played: list[int] = []

    def watch(entry: Entry) -> None:
        record = entry.record
        if isinstance(record, EffectRecord) and record.name == "Play":
            utterance = cast("Mapping[str, object]", record.told["utterance"])
            if str(utterance["id"]).endswith("/0"):
                played.append(entry.at)

    async with _house() as (house, port):
        house.ledger.watch(watch)
        say(f"the turns go to a house on port {port}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.realtime.caller", f"http://127.0.0.1:{port}/v1", str(folder),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        turns = [json.loads(line) async for line in process.stdout]
        if await process.wait():
            raise SystemExit("the caller failed")
    return turns, played


@contextlib.asynccontextmanager
async def _house() -> AsyncGenerator[tuple[House, int]]:
    settings = load_settings({"serve.show": False, "serve.api": True})
    house = House(settings)
    listener = make_listener(house, settings)
    with bind("127.0.0.1", 0) as sock:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(house.run())
            serving = group.create_task(listener.serve([sock]))
            while not listener.started or house.endpoints is None or house.endpoints.ready():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            try:
                yield house, sock.getsockname()[1]
            finally:
                listener.should_exit = True
                await serving
                running.cancel()
