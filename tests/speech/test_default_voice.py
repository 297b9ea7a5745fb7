"""The default voice itself, where it is (``DUOLOGUE_MODELS``, or where models lie): its pieces are the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tts_conformance import check_marks, hear

from duologue.models.entries import PIPER_JOE
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder
from duologue.speech.piper import engine as piper
from duologue.speech.piper import vits
from duologue.speech.piper.config import read_config
from duologue.speech.piper.vits import EQUAL_DB, PiecewiseVits, Speaking
from duologue.speech.utterance import MarkKind

FOLDER = ModelShelf(load_models_folder(None)).path(PIPER_JOE)  # before the tests' own surroundings hide it
pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.skipif(
        not ModelShelf(FOLDER.parent).has(PIPER_JOE), reason="the voice is not here: duologue models get natural"
    ),
]
NAME = PIPER_JOE.voices[0]
TEXT = "Dr. Jones paid $3.50 at 5:30, and nobody asked him why."


def test_its_pieces_are_the_whole_also_around_each_border() -> None:
    config = read_config(FOLDER, NAME)
    letters = [each[0] for symbol, each in config.phoneme_id_map.items() if symbol.isalpha()]
    scales = (config.inference.noise_scale, config.inference.length_scale, config.inference.noise_w)

    def speaking(count: int) -> Speaking:
        chosen = np.random.default_rng(count).choice(np.array(letters), count)
        return Speaking([1, 0, *(int(each) for letter in chosen for each in (letter, 0)), 2], 0, scales, count)

    model, why = vits.load((FOLDER / f"{NAME}.onnx").read_bytes(), 256, speaking(24), config.audio.sample_rate)
    assert isinstance(model, PiecewiseVits) and not why
    assert min(model.difference_db(speaking(count), config.audio.sample_rate) for count in (12, 90)) >= EQUAL_DB


async def test_it_speaks_a_line_with_the_words_as_written(tmp_path: Path) -> None:
    engine = piper.engine(piper.PiperSettings(folder=FOLDER))
    await engine.warm_up()
    assert engine.notes == ()
    once, again = [await hear(engine, TEXT, f"{NAME}?pitch=0.86") for _ in range(2)]
    assert np.array_equal(once.samples, again.samples)
    check_marks(once, TEXT)
    words = [mark.text for mark in once.of(MarkKind.WORD)]
    assert words == ["Dr", "Jones", "paid", "3.50", "at", "5:30", "and", "nobody", "asked", "him", "why"]
    await engine.close()
