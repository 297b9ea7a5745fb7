"""Tiny random ONNX models with the real names of inputs: nonsense, through the real code."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

_HOP = 600
_FRAMES = 3
_SYMBOLS = 178


def _save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any]) -> None:
    onnx: Any = import_module("onnx")
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = onnx.helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, str(path))


def _table(symbols: int, length: int) -> Any:
    """A row of noise for each symbol: what it sounds like."""
    return np.random.default_rng(1).uniform(-0.3, 0.3, (symbols, length)).astype(np.float32)


def kokoro(folder: Path, *, durations: bool) -> tuple[Path, Path]:
    """The model and the voices' file. 75 ms for each token at 24 kHz."""
    helper: Any = import_module("onnx").helper
    kind: Any = import_module("onnx").TensorProto
    nodes = [
        helper.make_node("Squeeze", ["tokens", "axis"], ["flat"]),
        helper.make_node("Gather", ["table", "flat"], ["rows"]),
        helper.make_node("Reshape", ["rows", "line"], ["loud"]),
        helper.make_node("ReduceMax", ["style"], ["level"], keepdims=0),
        helper.make_node("Mul", ["loud", "level"], ["level_sound"]),
        helper.make_node("Mul", ["level_sound", "speed"], ["audio"]),
    ]
    outputs = [helper.make_tensor_value_info("audio", kind.FLOAT, [None])]
    weights = {"axis": np.array([0]), "line": np.array([-1]), "table": _table(_SYMBOLS, _FRAMES * _HOP)}
    if durations:
        nodes += [
            helper.make_node("Mul", ["flat", "none"], ["zeros"]),
            helper.make_node("Add", ["zeros", "frames"], ["duration"]),
        ]
        weights |= {"none": np.array([0]), "frames": np.array([_FRAMES])}
        outputs.append(helper.make_tensor_value_info("duration", kind.INT64, [None]))
    inputs = [
        helper.make_tensor_value_info("tokens", kind.INT64, [1, None]),
        helper.make_tensor_value_info("style", kind.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", kind.FLOAT, [1]),
    ]
    model, voices = folder / "kokoro.onnx", folder / "voices.bin"
    _save(model, nodes, inputs, outputs, weights)
    with voices.open("wb") as file:
        np.savez(file, af_tiny=np.ones((510, 1, 256), np.float32), am_tiny=np.full((510, 1, 256), 0.5, np.float32))
    return model, voices


def piper(folder: Path, name: str, *, rate: int, alignments: bool, speakers: int = 1) -> None:
    """A voice: 50 ms for each id."""
    helper: Any = import_module("onnx").helper
    kind: Any = import_module("onnx").TensorProto
    hop = rate // 40
    nodes = [
        helper.make_node("Squeeze", ["input", "axis"], ["flat"]),
        helper.make_node("Gather", ["table", "flat"], ["rows"]),
        helper.make_node("Reshape", ["rows", "line"], ["output"]),
    ]
    outputs = [helper.make_tensor_value_info("output", kind.FLOAT, [None, None, None, None])]
    weights = {"axis": np.array([0]), "line": np.array([1, 1, 1, -1]), "table": _table(256, 2 * hop)}
    if alignments:
        nodes += [
            helper.make_node("Cast", ["input"], ["float"], to=kind.FLOAT),
            helper.make_node("Mul", ["float", "none"], ["zeros"]),
            helper.make_node("Add", ["zeros", "frames"], ["durations"]),
        ]
        weights |= {"none": np.zeros(1, np.float32), "frames": np.full(1, 2, np.float32)}
        outputs.append(helper.make_tensor_value_info("durations", kind.FLOAT, [None, None]))
    inputs = [
        helper.make_tensor_value_info("input", kind.INT64, [1, None]),
        helper.make_tensor_value_info("input_lengths", kind.INT64, [1]),
        helper.make_tensor_value_info("scales", kind.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", kind.INT64, [1]))
    _save(folder / f"{name}.onnx", nodes, inputs, outputs, weights)
    ids: Any = import_module("piper.phoneme_ids")
    config = {
        "audio": {"sample_rate": rate}, "espeak": {"voice": "en-us"}, "phoneme_type": "espeak", "num_symbols": 256,
        "num_speakers": speakers, "speaker_id_map": {f"s{n}": n for n in range(speakers)} if speakers > 1 else {},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8}, "hop_length": hop,
        "phoneme_id_map": ids.DEFAULT_PHONEME_ID_MAP,
    }  # fmt: skip
    (folder / f"{name}.onnx.json").write_text(json.dumps(config), "utf-8")
