"""Tiny random ONNX models with the real names of inputs: nonsense, through the real code."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

_HOP = 600
_VITS_HOP = 256
_FRAMES = 3
_SYMBOLS = 178
_PIPER = (
    "_^$ !'(),-.:;?abcdefhijklmnopqrstuvwxyzæçðøħŋœǀǁǂǃɐɑɒɓɔɕɖɗɘəɚɛɜɞɟ"
    "ɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘʙʛʜʝʟʡʢʲ"
    'ˈˌːˑ˞βθχᵻⱱ0123456789\u0327\u0303\u032a\u032f\u0329ʰˤε↓#"↑\u033a\u033bgʦX\u031d\u030aɝʷ'
)
SYMBOLS = {symbol: [number] for number, symbol in enumerate(_PIPER)}
"""The ids of Piper's usual voices."""


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


def piper(folder: Path, name: str, *, rate: int, alignments: bool, speakers: int = 1, language: str = "en-us") -> None:
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
    _config(folder, name, rate=rate, hop=hop, speakers=speakers, language=language)


def _config(folder: Path, name: str, *, rate: int, hop: int, speakers: int, language: str = "en-us") -> None:
    config = {
        "audio": {"sample_rate": rate}, "espeak": {"voice": language}, "phoneme_type": "espeak", "num_symbols": 256,
        "num_speakers": speakers, "speaker_id_map": {f"s{n}": n for n in range(speakers)} if speakers > 1 else {},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8}, "hop_length": hop,
        "phoneme_id_map": SYMBOLS,
    }  # fmt: skip
    (folder / f"{name}.onnx.json").write_text(json.dumps(config), "utf-8")


def _lengths() -> list[Any]:
    """How long each id lasts: 1 to 3 frames, by noise."""
    helper: Any = import_module("onnx").helper
    kind: Any = import_module("onnx").TensorProto
    return [
        helper.make_node("Cast", ["input"], ["float"], to=kind.FLOAT),
        helper.make_node("Unsqueeze", ["float", "one"], ["row"]),
        helper.make_node("Concat", ["row", "row"], ["rows"], axis=1),
        helper.make_node("RandomNormalLike", ["rows"], ["duration_noise"], dtype=kind.FLOAT),
        helper.make_node("ReduceMean", ["duration_noise"], ["spread"], axes=[1], keepdims=1),
        helper.make_node("Gather", ["scales", "two"], ["noise_w"], axis=0),
        helper.make_node("Mul", ["spread", "noise_w"], ["spread_w"]),
        helper.make_node("Clip", ["spread_w", "low", "high"], ["bounded"]),
        helper.make_node("Add", ["bounded", "base"], ["longer"]),
        helper.make_node("Gather", ["scales", "first"], ["length"], axis=0),
        helper.make_node("Mul", ["longer", "length"], ["lengths"]),
        helper.make_node("Ceil", ["lengths"], ["durations"]),
    ]


def _frames() -> list[Any]:
    """Which id each frame belongs to, and what the frame is, with noise."""
    helper: Any = import_module("onnx").helper
    kind: Any = import_module("onnx").TensorProto
    return [
        helper.make_node("Reshape", ["durations", "line"], ["each"]),
        helper.make_node("CumSum", ["each", "axis"], ["until"]),
        helper.make_node("ReduceSum", ["each"], ["count"], keepdims=0),
        helper.make_node("Range", ["nought", "count", "step"], ["times"]),
        helper.make_node("Unsqueeze", ["times", "one"], ["times_column"]),
        helper.make_node("GreaterOrEqual", ["times_column", "until"], ["after"]),
        helper.make_node("Cast", ["after"], ["after_number"], to=kind.INT64),
        helper.make_node("ReduceSum", ["after_number", "one"], ["index"], keepdims=0),
        helper.make_node("Squeeze", ["input", "axis_row"], ["flat"]),
        helper.make_node("Gather", ["symbols", "flat"], ["told"]),
        helper.make_node("Gather", ["told", "index"], ["frames"]),
        helper.make_node("Unsqueeze", ["frames", "axis_row"], ["frames_row"]),
        helper.make_node("Transpose", ["frames_row"], ["mean"], perm=[0, 2, 1]),
        # What each frame is, with noise.
        helper.make_node("RandomNormalLike", ["mean"], ["noise"], dtype=kind.FLOAT),
        helper.make_node("Gather", ["scales", "start"], ["noise_scale"], axis=0),
        helper.make_node("Mul", ["noise", "noise_scale"], ["scaled"]),
        helper.make_node("Mul", ["scaled", "quiet"], ["quiet_noise"]),
        helper.make_node("Add", ["mean", "quiet_noise"], ["latent"]),
        helper.make_node("GreaterOrEqual", ["times", "nought"], ["present"]),
        helper.make_node("Cast", ["present"], ["present_number"], to=kind.FLOAT),
        helper.make_node("Unsqueeze", ["present_number", "axes"], ["mask"]),
        helper.make_node("Mul", ["latent", "mask"], ["masked"]),
    ]


def _decoder(speakers: int, *, whole: bool) -> list[Any]:
    """Sound of frames."""
    helper: Any = import_module("onnx").helper
    nodes: list[Any] = []
    at = "masked"
    if speakers > 1:
        nodes += [
            helper.make_node("Gather", ["people", "sid"], ["who"]),
            helper.make_node("Unsqueeze", ["who", "last"], ["speaker"]),
            helper.make_node("Add", [at, "speaker"], ["as_speaker"]),
        ]
        at = "as_speaker"
    if whole:
        nodes += [
            helper.make_node("ReduceMean", [at], ["everywhere"], axes=[2], keepdims=1),
            helper.make_node("Sub", [at, "everywhere"], ["centred"]),
        ]
        at = "centred"
    return [
        *nodes,
        helper.make_node("Conv", [at, "kernel"], ["near"], pads=[4, 4]),
        helper.make_node("Tanh", ["near"], ["bent"]),
        helper.make_node("Conv", ["bent", "wave"], ["waves"], pads=[1, 1]),
        helper.make_node("Tanh", ["waves"], ["waves_bent"]),
        helper.make_node("Transpose", ["waves_bent"], ["waves_in_time"], perm=[0, 2, 1]),
        helper.make_node("Reshape", ["waves_in_time", "shape"], ["output"]),
    ]


def _vits_weights(speakers: int) -> dict[str, Any]:
    hop, wide = _VITS_HOP, 8
    random = np.random.default_rng(2)
    return {
        "one": np.array([1]), "two": np.array(2), "first": np.array(1), "start": np.array(0), "line": np.array([-1]),
        "axis": np.array(0), "axis_row": np.array([0]), "axes": np.array([0, 1]), "last": np.array([2]),
        "low": np.array(-1, np.float32), "high": np.array(1, np.float32), "base": np.array(1.6, np.float32),
        "nought": np.array(0, np.float32), "step": np.array(1, np.float32), "quiet": np.array(0.2, np.float32),
        "symbols": random.uniform(-1, 1, (256, wide)).astype(np.float32),
        "kernel": random.uniform(-0.5, 0.5, (wide, wide, 9)).astype(np.float32),
        "wave": random.uniform(-0.1, 0.1, (hop, wide, 3)).astype(np.float32), "shape": np.array([1, 1, 1, -1]),
        "people": random.uniform(-1, 1, (max(2, speakers), wide)).astype(np.float32),
    }  # fmt: skip


def vits(folder: Path, name: str, *, rate: int = 22_050, speakers: int = 1, whole: bool = False) -> None:
    """A voice built as Piper's are: durations with noise, frames with noise, a decoder of convolutions.

    ``whole``: its decoder looks at all frames at once.
    """
    helper: Any = import_module("onnx").helper
    kind: Any = import_module("onnx").TensorProto
    nodes = [*_lengths(), *_frames(), *_decoder(speakers, whole=whole)]
    inputs = [
        helper.make_tensor_value_info("input", kind.INT64, [1, None]),
        helper.make_tensor_value_info("input_lengths", kind.INT64, [1]),
        helper.make_tensor_value_info("scales", kind.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", kind.INT64, [1]))
    outputs = [helper.make_tensor_value_info("output", kind.FLOAT, [None, None, None, None])]
    _save(folder / f"{name}.onnx", nodes, inputs, outputs, _vits_weights(speakers))
    _config(folder, name, rate=rate, hop=_VITS_HOP, speakers=speakers)
