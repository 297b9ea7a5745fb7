"""Words of ours that come back through the person's microphone: recognised by what was played, and when. Pure.

What is played is written down word by word with the time at which it ends. Of a stretch of the person's, a run of words
is echo if it is also a run in what was played *during* that stretch, or just before it: three words or more, or fewer
when they are all that was understood. Who repeats our words after us ("say after me") begins a stretch of their own, to
which nothing that was played before belongs. Our sound is known before any word of it
(:mod:`duologue.dialogue.listening.echo_sound`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from duologue.dialogue.listening.echo_sound import EchoReference

DELAY_NS = 350_000_000
"""How long after it was played a word can come back: the way to the far end and the room."""
RUN = 3
"""Words in a row that cannot be chance."""
_TOKEN = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


class EchoFilter:
    """Knows what was played lately; at most ``most`` words of it."""

    def __init__(self, delay_ns: int = DELAY_NS, most: int = 400) -> None:
        self._delay = delay_ns
        self._played: deque[tuple[int, str]] = deque(maxlen=most)
        self.dropped = 0
        """Words that were recognised as echo."""
        self.sound = EchoReference()
        """The same as sound."""

    def play(self, words: Iterable[tuple[str, int]], since: int | None = None) -> None:
        """Words that will be played, each with the time at which it ends (ns), in order; instead of all that was to be
        played after ``since``.
        """
        while since is not None and self._played and self._played[-1][0] > since:
            self._played.pop()
        for text, end in words:
            self._played.extend((end, token) for token in _TOKEN.findall(text.casefold()))

    def silence(self, now: int) -> None:
        """Nothing more is played from ``now`` on: only the word that was under way can still come back."""
        while self._played and self._played[-1][0] > now + self._delay:
            self._played.pop()

    def strip(self, text: str, since: int, now: int) -> tuple[str, bool]:
        """The transcript of a stretch that began at ``since``, without what is echo, and whether there was any."""
        recent = [word for end, word in self._played if since - self._delay <= end <= now + self._delay]
        if not recent:
            return text, False
        tokens = list(_TOKEN.finditer(text))
        words = [token.group().casefold() for token in tokens]
        echo = _runs(words, recent)
        if not any(echo):
            return text, False
        self.dropped += sum(echo)
        kept = "".join(_keep(text, tokens, echo))
        return " ".join(kept.split()).strip(" ,;:.!?"), True


def _runs(words: list[str], played: list[str]) -> list[bool]:
    """Which words lie in a run that was played. A whole transcript shorter than a run must match from end to end."""
    size = min(RUN, len(words))
    known = {tuple(played[at : at + size]) for at in range(len(played) - size + 1)}
    found = [False] * len(words)
    if size == 0:
        return found
    for at in range(len(words) - size + 1):
        if tuple(words[at : at + size]) in known:
            found[at : at + size] = [True] * size
    return found


def _keep(text: str, tokens: list[re.Match[str]], echo: list[bool]) -> Iterable[str]:
    """The text with the words of ``echo`` cut out, each with the space and marks after it."""
    at = 0
    for number, token in enumerate(tokens):
        end = tokens[number + 1].start() if number + 1 < len(tokens) else len(text)
        if not echo[number]:
            yield text[at if number == 0 else token.start() : end]
        at = end
