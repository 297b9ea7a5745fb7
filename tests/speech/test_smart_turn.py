"""smart-turn's spectrogram against faster-whisper's, and a tiny model with the real names in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from spoken_phrases import flite, noise, silence

from duologue.errors import ClosedError, InputError, PeerError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.smart_turn import SmartTurn, log_mel


def tiny_model(path: Path, name: str = "input_features", gain: float = 1.0) -> Path:
    """Finished as far as the newest 0.2 s are quiet: sigmoid of the mean of the last 20 columns, turned round."""
    ints = {"starts": [780], "ends": [800], "axes": [2]}
    nodes = [
        helper.make_node("Slice", [name, "starts", "ends", "axes"], ["newest"]),
        helper.make_node("ReduceMean", ["newest"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["mean", "gain"], ["scaled"]),
        helper.make_node("Sigmoid", ["scaled"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "axes_1"], ["logits"]),
    ]
    constants = [helper.make_tensor(key, TensorProto.INT64, [1], value) for key, value in ints.items()]
    constants += [
        helper.make_tensor("axes_1", TensorProto.INT64, [1], [1]),
        helper.make_tensor("gain", TensorProto.FLOAT, [1], [-8.0 * gain]),
    ]
    shape: Any = ["batch", 80, 800]
    graph = helper.make_graph(
        nodes,
        "smart-turn",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
async def judge(tmp_path: Path) -> AsyncIterator[SmartTurn]:
    smart = SmartTurn(tiny_model(tmp_path / "smart-turn.onnx"))
    await smart.warm_up()
    yield smart
    await smart.close()


def test_the_spectrogram_is_whispers() -> None:
    extractor: Any = import_module("faster_whisper.feature_extractor").FeatureExtractor(chunk_length=8)
    for sound in (flite("please turn on the light"), noise(8.0), noise(11.0)):
        whole = np.concatenate([silence(8.0), sound])[-8 * EAR_RATE :]
        whole = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
        theirs: Any = extractor(whole, padding=0)
        assert log_mel(sound).shape == (80, 800)
        assert np.abs(log_mel(sound) - np.asarray(theirs)).max() < 2e-3
    assert np.isfinite(log_mel(np.zeros(0, np.float32))).all()


async def test_it_hears_whether_the_sound_ended(judge: SmartTurn) -> None:
    speech = flite("please turn on the light")
    assert await judge.ended(np.concatenate([speech, silence(0.3)])) > 0.5
    assert await judge.ended(speech[: len(speech) // 2]) < 0.5


async def test_sound_that_is_no_number_is_judged_like_silence(judge: SmartTurn) -> None:
    assert 0.0 <= await judge.ended(np.full(EAR_RATE, np.nan, np.float32)) <= 1.0


async def test_judging_does_not_hold_the_loop(judge: SmartTurn, loop_guard: None) -> None:
    await judge.ended(noise(8.0))


async def test_a_file_that_is_no_such_model_is_named(tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    other = tiny_model(tmp_path / "other.onnx", name="something_else")
    for file in (text, other, tmp_path / "none.onnx"):
        smart = SmartTurn(file)
        with pytest.raises(InputError, match="no smart-turn model") as refused:
            await smart.warm_up()
        assert str(file) in str(refused.value)
        await smart.close()


async def test_nonsense_is_a_failure_and_closed_is_closed(tmp_path: Path) -> None:
    smart = SmartTurn(tiny_model(tmp_path / "nan.onnx", gain=float("nan")))
    with pytest.raises((PeerError, InputError), match="nan"):
        await smart.ended(noise(1.0))
    await smart.close()
    await smart.close()
    with pytest.raises(ClosedError):
        await smart.ended(noise(1.0))
