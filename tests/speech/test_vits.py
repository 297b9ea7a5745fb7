"""A VITS model cut in two: equal to the whole, the same each time, and whole where it cannot be cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st

from duologue.speech.piper import onnx_graph, vits
from duologue.speech.piper.onnx_graph import BrokenError
from duologue.speech.piper.vits import FIRST, LATER, SECOND, PiecewiseVits, Speaking, WholeVits, find_cut, piece_borders

pytestmark = pytest.mark.slow

SCALES = (0.667, 1.0, 0.8)


def wanted(count: int = 200, seed: int = 7, speaker: int = 0) -> Speaking:
    return Speaking([number % 100 for number in range(count)], speaker, SCALES, seed)


def made(folder: Path, **options: Any) -> tuple[WholeVits | PiecewiseVits, str]:
    tiny_models.vits(folder, "tiny", **options)
    return vits.load((folder / "tiny.onnx").read_bytes(), 256, wanted(40), 22_050)


def sound(model: WholeVits | PiecewiseVits, speaking: Speaking) -> list[np.ndarray]:
    return list(model.begin(speaking).pieces)


def test_the_pieces_of_a_voice_are_the_whole_and_tell_how_long_each_phoneme_lasts(tmp_path: Path) -> None:
    model, why = made(tmp_path)
    assert isinstance(model, PiecewiseVits) and model.in_pieces and not why
    assert model.difference_db(wanted(), 22_050) > 90
    begun = model.begin(wanted())
    pieces = list(begun.pieces)
    assert [len(piece) // model.hop for piece in pieces[:3]] == [FIRST, SECOND, LATER]
    assert begun.frames is not None and len(begun.frames) == 200 and len(set(begun.frames)) > 1
    assert sum(begun.frames) * model.hop == sum(map(len, pieces))


def test_noise_comes_from_the_seed_alone(tmp_path: Path) -> None:
    first, _ = made(tmp_path)
    (tmp_path / "again").mkdir()
    second, _ = made(tmp_path / "again")
    sound(second, wanted(seed=1))  # what was said before makes no difference
    once, again = (np.concatenate(sound(model, wanted())) for model in (first, second))
    assert np.array_equal(once, again)
    other = np.concatenate(sound(first, wanted(seed=8)))
    assert len(other) != len(once) or not np.allclose(other, once)


def test_speakers_sound_apart(tmp_path: Path) -> None:
    model, why = made(tmp_path, speakers=2)
    assert not why
    one, two = (np.concatenate(sound(model, wanted(speaker=speaker))) for speaker in (0, 1))
    assert len(one) == len(two) and not np.allclose(one, two, atol=1e-3)


def test_a_decoder_that_looks_at_everything_decodes_at_once_and_says_so(tmp_path: Path) -> None:
    model, why = made(tmp_path, whole=True)
    assert isinstance(model, PiecewiseVits) and not model.in_pieces
    assert "its pieces differ from the whole by" in why
    assert len(sound(model, wanted())) == 1
    once, again = (sound(model, wanted())[0] for _ in range(2))
    assert np.array_equal(once, again)


def test_a_model_without_noise_is_run_as_it_is(tmp_path: Path) -> None:
    tiny_models.piper(tmp_path, "plain", rate=16_000, alignments=True)
    model, why = vits.load((tmp_path / "plain.onnx").read_bytes(), 400, wanted(10), 16_000)
    assert isinstance(model, WholeVits) and "not built as voices of Piper are" in why
    begun = model.begin(wanted(10))
    assert begun.frames == (2,) * 10 and [len(piece) for piece in begun.pieces] == [10 * 800]


def test_the_cut_lies_behind_the_noise_and_takes_what_the_decoder_needs(tmp_path: Path) -> None:
    tiny_models.vits(tmp_path, "many", speakers=2)
    cut = find_cut(onnx_graph.read((tmp_path / "many.onnx").read_bytes()))
    assert cut is not None
    assert set(cut.gives) == {"noise_scale", "mean", "mask", "speaker"}
    assert (cut.noises, cut.noise, cut.durations) == (("duration_noise",), "noise", "durations")
    assert set(cut.takes) == {"input", "scales", "sid"}


@given(st.integers(1, 5_000))
def test_pieces_are_all_of_the_frames_and_none_is_very_short(count: int) -> None:
    borders = piece_borders(count)
    sizes = np.diff(borders)
    assert borders[0] == 0 and borders[-1] == count and all(size > 0 for size in sizes)
    assert all(FIRST <= size < LATER + FIRST for size in sizes[1:])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(model: bytes) -> None:
    try:
        onnx_graph.read(model)
    except BrokenError:
        pass


def test_a_cut_model_is_refused(tmp_path: Path) -> None:
    tiny_models.vits(tmp_path, "tiny")
    model = (tmp_path / "tiny.onnx").read_bytes()
    for length in (0, 1, 100, len(model) // 2, len(model) - 1):
        with pytest.raises(BrokenError):
            onnx_graph.read(model[:length])


def test_a_part_that_needs_more_is_refused(tmp_path: Path) -> None:
    tiny_models.vits(tmp_path, "tiny")
    graph = onnx_graph.read((tmp_path / "tiny.onnx").read_bytes())
    with pytest.raises(BrokenError, match="scales too"):
        graph.cut(["input"], ["durations"])
