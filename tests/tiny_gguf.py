"""A tiny GGUF that knows one sentence, written by hand: what it says is scripted, the code that runs it is real.

The format is GGUF 3 (ggml's docs/gguf.md), the network a Llama of one layer whose attention and feed-forward weights
are zero. So the last token alone decides: embeddings are unit vectors, and the output's row of a token has a weight at
each token that it follows. Byte tokens are there, as in any SentencePiece vocabulary, and can be part of the script.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}: {{ message['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<go>{% endif %}"
)
MISSING = "llama-cpp-python is not installed: pip install 'duologue[llama]'"
"""Why a test that needs it is skipped."""
SENTENCE = ("▁Well,", "▁this", "▁is", "▁all", "▁that", "▁I", "▁know.")
"""What it says after the template's ``<go>``."""
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + TEMPLATE
"""As some models have it."""

_UNKNOWN, _BEGIN, _END, _GO = range(4)
_NORMAL, _CONTROL, _BYTE = 1, 3, 6
_U32, _F32, _STRING, _ARRAY, _I32 = 4, 6, 8, 9, 5
_ALIGNMENT = 32
_HEADS = 9
_CERTAIN = 3.0


def byte(value: int) -> str:
    """The name of the token that stands for one byte."""
    return f"<0x{value:02X}>"


def write(
    path: Path,
    script: Sequence[str] = SENTENCE,
    *,
    endless: bool = False,
    template: str = TEMPLATE,
    context: int = 2048,
) -> Path:
    """A model that says ``script`` and then ends, or begins again. It begins after ``<go>`` and after a line's end.

    Where a grammar forbids the next word it likes to begin a string with "Hm" and to close it, to open an object, and
    to close a list: that makes the shortest JSON with something in it.
    """
    words = list(dict.fromkeys(word for word in script if not word.startswith("<0x")))
    tokens = ["<unk>", "<s>", "</s>", "<go>", *map(byte, range(256)), "▁Hm", *words]
    kinds = [_NORMAL, _CONTROL, _CONTROL, _CONTROL] + [_BYTE] * 256 + [_NORMAL] * (1 + len(words))
    width = -(-len(tokens) // (32 * _HEADS)) * 32 * _HEADS
    follow = np.zeros((len(tokens), width), np.float32)
    for preference, sign in enumerate('"{]'):
        follow[tokens.index(byte(ord(sign)))] = _CERTAIN / (4 + 4 * preference)
    follow[tokens.index("▁Hm"), tokens.index(byte(ord('"')))] = _CERTAIN / 3
    follow[[_UNKNOWN, _BEGIN, _GO]] = -_CERTAIN
    path_of_words = [_GO, *(tokens.index(word) for word in script)]
    last = path_of_words[1] if endless else _END
    for before, after in zip(path_of_words, [*path_of_words[1:], last], strict=True):
        follow[after, before] = _CERTAIN
    follow[path_of_words[1] if script else _END, tokens.index(byte(ord("\n")))] = _CERTAIN
    _save(path, _fields(tokens, kinds, template, width), _tensors(follow, width))
    return path


def _fields(tokens: list[str], kinds: list[int], template: str, width: int) -> dict[str, bytes]:
    return {
        "general.architecture": _text("llama"),
        "general.name": _text("tiny"),
        "llama.context_length": _number(2048),
        "llama.embedding_length": _number(width),
        "llama.block_count": _number(1),
        "llama.feed_forward_length": _number(32),
        "llama.attention.head_count": _number(_HEADS),
        "llama.attention.layer_norm_rms_epsilon": struct.pack("<If", _F32, 1e-5),
        "tokenizer.ggml.model": _text("llama"),
        "tokenizer.ggml.tokens": struct.pack("<IIQ", _ARRAY, _STRING, len(tokens)) + b"".join(map(_string, tokens)),
        "tokenizer.ggml.scores": _array("<f4", _F32, [-float(number) for number in range(len(tokens))]),
        "tokenizer.ggml.token_type": _array("<i4", _I32, kinds),
        "tokenizer.ggml.bos_token_id": _number(_BEGIN),
        "tokenizer.ggml.eos_token_id": _number(_END),
        "tokenizer.ggml.unknown_token_id": _number(_UNKNOWN),
    } | ({"tokenizer.chat_template": _text(template)} if template else {})


def _tensors(follow: np.ndarray, width: int) -> dict[str, np.ndarray]:
    square, narrow = np.zeros((width, width), np.float32), np.zeros((32, width), np.float32)
    ones = np.ones(width, np.float32)
    block = {"attn_norm": ones, "ffn_norm": ones, "ffn_gate": narrow, "ffn_up": narrow, "ffn_down": narrow.T}
    block |= dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), square)
    return {
        "token_embd.weight": np.eye(len(follow), width, dtype=np.float32),
        "output_norm.weight": ones,
        "output.weight": follow,
    } | {f"blk.0.{name}.weight": value for name, value in block.items()}


def _save(path: Path, fields: Mapping[str, bytes], tensors: Mapping[str, np.ndarray]) -> None:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields))
    head += b"".join(_string(key) + value for key, value in fields.items())
    offset = 0
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += _string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)
        offset += _padded(tensor.nbytes)
    body = b"".join(
        np.ascontiguousarray(each).tobytes().ljust(_padded(each.nbytes), b"\0") for each in tensors.values()
    )
    path.write_bytes(head.ljust(_padded(len(head)), b"\0") + body)


def _padded(length: int) -> int:
    return -(-length // _ALIGNMENT) * _ALIGNMENT


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _text(text: str) -> bytes:
    return struct.pack("<I", _STRING) + _string(text)


def _number(value: int) -> bytes:
    return struct.pack("<II", _U32, value)


def _array(layout: str, kind: int, values: Sequence[float]) -> bytes:
    return struct.pack("<IIQ", _ARRAY, kind, len(values)) + np.array(values, layout).tobytes()
