"""The worker of engines with a model of the user's own, on a model that does what its sentence says."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
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
        for part in text.split("|")[skip:]:
            if "poison" in part:
                os.kill(os.getpid(), 9)
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


async def test_closing_while_the_model_loads_leaves_no_worker_behind():
    await closed_while_loading(
        LocalSpeech("scripted", "scripted_model:load", LocalSettings(), {"slow": True}), "local.worker"
    )
