"""How long a text is to a model, where no engine says: its words and marks, of which a token is at most one."""

from __future__ import annotations

import re

TOKENS = re.compile(r"\w+|[^\w\s]")


def count_tokens(text: str) -> int:
    """Words and marks."""
    return len(TOKENS.findall(text))
