"""A Whisper model of random weights, with the real names and shapes: nonsense words through the real code."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH, HEADS, MELS, POSITIONS = 32, 2, 80, 1500
LETTERS = [" a", " b", " c", "d", "e", "f", " good", " night", "ing", " moon", ".", ","]
COMPUTE = "float32"
"""Random weights decide by a hair: rounded otherwise (in int8 without AVX-512), they heard nothing at all."""
SPECIALS = [
    "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
    "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", *(f"<|{n * 0.02:.2f}|>" for n in range(1501)),
]  # fmt: skip
TOKENS = [*(letter.replace(" ", "Ġ") for letter in LETTERS), *SPECIALS]


def make(folder: Path, seed: int = 61) -> Path:
    """Write the model into ``folder``. With most seeds it writes on and on, and what is squeezed into no time counts as
    not said; with this one it says something.
    """
    spec: Any = import_module("ctranslate2.specs.whisper_spec").WhisperSpec(1, HEADS, 1, HEADS)
    generator = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        return (generator.standard_normal(shape) * 0.3).astype(np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def linear(layer: Any, out: int, into: int) -> None:
        layer.weight, layer.bias = weights(out, into), weights(out)

    def attention(layer: Any, *rows: int) -> None:
        norm(layer.layer_norm)
        for part, out in zip(layer.linear, rows, strict=True):
            linear(part, out, WIDTH)

    for convolution, into in ((spec.encoder.conv1, MELS), (spec.encoder.conv2, WIDTH)):
        convolution.weight, convolution.bias = weights(WIDTH, into, 3), weights(WIDTH)
    spec.encoder.position_encodings.encodings = weights(POSITIONS, WIDTH)
    spec.decoder.position_encodings.encodings = weights(448, WIDTH)
    spec.decoder.embeddings.weight = weights(len(TOKENS), WIDTH)
    linear(spec.decoder.projection, len(TOKENS), WIDTH)
    norm(spec.encoder.layer_norm)
    norm(spec.decoder.layer_norm)
    for layer in (*spec.encoder.layer, *spec.decoder.layer):
        attention(layer.self_attention, 3 * WIDTH, WIDTH)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
        linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
    for layer in spec.decoder.layer:
        attention(layer.attention, WIDTH, 2 * WIDTH, WIDTH)
    spec.config.alignment_heads = [(0, 0), (0, 1)]
    spec.config.lang_ids = [TOKENS.index("<|en|>")]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.register_vocabulary(TOKENS)
    spec.validate()
    folder.mkdir()
    spec.save(str(folder))
    _write_tokenizer(folder / "tokenizer.json")
    return folder


def _write_tokenizer(path: Path) -> None:
    tokenizers: Any = import_module("tokenizers")
    vocabulary = {token: number for number, token in enumerate(TOKENS)}
    made: Any = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, [], unk_token=TOKENS[0]))
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(SPECIALS)
    path.write_text(json.dumps(json.loads(made.to_str())))
