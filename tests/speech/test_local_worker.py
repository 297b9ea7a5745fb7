"""The worker of engines with a model of the user's own, on a model that does what its sentence says."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from tts_conformance import hear

from duologue.clock import VirtualClock
from duologue.errors import PeerError
from duologue.speech.local.engine import LocalSettings, LocalSpeech
from loading_worker import closed_while_loading

MODEL = """
import os, time
import numpy as np
class Model:
    rate, voices, marks, notes = 16_000, ("one",), False, ()
    def say(self, text, voice, skip):
        for number, part in enumerate(text.split("|")):
            if "poison" in part:
                os.kill(os.getpid(), 9)
            if "toil" in part:
                time.sleep(0.1)
            if number >= skip:
                yield np.full(1600, len(part) / 1000, np.float32), ()
def load(options):
    if options.get("slow"):
        time.sleep(60)
    return Model()
"""


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scripted_model.py").write_text(MODEL)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))


@pytest.fixture
async def speech() -> AsyncIterator[LocalSpeech]:
    made = LocalSpeech("scripted", "scripted_model:load", LocalSettings(), {}, VirtualClock())
    await made.warm_up()
    yield made
    await made.close()


async def test_a_sentence_that_kills_the_worker_twice_ends_its_line_and_no_other(speech: LocalSpeech):
    with pytest.raises(PeerError, match=r"2 times at “This is poison\.”, at last: .*SIGKILL") as caught:
        await hear(speech, "Hello. This is poison. The end.", "one")
    assert "memory" in caught.value.remedy
    assert speech.worker.restarts == 2
    assert len((await hear(speech, "Hello. The end.", "one")).samples) == 3200


@pytest.mark.realtime
async def test_what_was_heard_is_made_again_in_its_own_time(tmp_path: Path):
    """A worker died late in a sentence: the next one had the time of one piece for all that were heard, was taken for
    one that hangs, and the rest of the line was lost.
    """
    speech = LocalSpeech("scripted", "scripted_model:load", LocalSettings(sentence_seconds=0.3), {})
    await speech.warm_up()
    text = "|".join(["toil"] * 8) + "."
    heard = 0
    async with aclosing(speech.speak(text, "one")) as chunks:
        async for chunk in chunks:
            heard += len(chunk.samples)
            if heard == 6 * 1600:
                assert speech.worker.worker is not None
                speech.worker.worker.kill()
    assert (heard, speech.worker.restarts) == (8 * 1600, 1)
    await speech.close()


async def test_closing_while_the_model_loads_leaves_no_worker_behind():
    await closed_while_loading(
        LocalSpeech("scripted", "scripted_model:load", LocalSettings(), {"slow": True}), "local.worker"
    )
