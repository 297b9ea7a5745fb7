"""What a person writes and espeak-ng spells out letter by letter (“Hm.” becomes “aitch em”), written as it should
sound.

Only sounds that its English dictionary lacks. The text on screen stays as it was: positions in the respelled text lead
back to the written one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RESPELLED = (
    (r"m+[- ]?h+m+", "um-hum"),
    (r"h+m+", "hmm"),
    (r"m{2,}", "hmm"),
    (r"h[ru]*mph|h+m+ph", "humf"),
    (r"s+h+", "shush"),
    (r"pf+t?", "puff"),
    (r"br{2,}", "burr"),
    (r"gr{2,}", "gurr"),
    (r"z{2,}", "buzz"),
    (r"vs\.?", "versus"),
)
_ANY = re.compile("|".join(rf"(?<!\w)(?P<s{n}>{pattern})(?!\w)" for n, (pattern, _) in enumerate(_RESPELLED)), re.I)


@dataclass(frozen=True, slots=True)
class Spelling:
    """``spoken`` is what the engine reads; ``places[i]`` is where its character ``i`` is in the written text."""

    spoken: str
    places: tuple[int, ...]


def respell(text: str, base: str) -> Spelling:
    """Respell ``text`` for the voice ``base``; only English voices need it, others get the text as it is."""
    if not base.lower().startswith(("en", "gmw/en")):
        return Spelling(text, tuple(range(len(text))))
    spoken: list[str] = []
    places: list[int] = []
    reached = 0
    for match in _ANY.finditer(text):
        sound = next(_RESPELLED[int(name[1:])][1] for name, found in match.groupdict().items() if found is not None)
        spoken += (text[reached : match.start()], sound)
        places += range(reached, match.start())
        places += [match.start()] * len(sound)
        reached = match.end()
    return Spelling("".join((*spoken, text[reached:])), (*places, *range(reached, len(text))))
