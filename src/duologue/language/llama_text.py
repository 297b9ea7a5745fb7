"""The bytes of a model's tokens as text that can be spoken at once. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Iterable

STOPS = ("<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|end|>", "<|endoftext|>", "<end_of_turn>")
"""Ends of a turn. A model that has no such token, but was asked in this form, spells them out."""


class TokenText:
    """Bytes in, text out, up to the first of ``stops``.

    A character whose bytes are not all there is held back, and so is what may become a stop. Bytes that are no UTF-8
    are left out: one stray byte must not hold the stream.
    """

    def __init__(self, stops: Iterable[str] = STOPS) -> None:
        self._stops = tuple(stop for stop in stops if stop.strip())
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._held = ""
        self._begun = False
        self.stopped = False
        """A stop was written: there is no more."""

    def feed(self, raw: bytes) -> str:
        """What of the text may be given now; the spaces that it begins with are not part of it."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(raw)
        if not self._begun:
            self._held = self._held.lstrip()
            self._begun = bool(self._held)
        places = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        self.stopped = bool(places)
        end = min(places) if places else len(self._held) - self._undecided()
        given, self._held = self._held[:end], self._held[end:]
        return given

    def finish(self) -> str:
        """What was held back and is no stop after all. Half a character is left out."""
        given, self._held = ("" if self.stopped else self._held), ""
        return given

    def _undecided(self) -> int:
        """The length of the longest end of the text that a stop begins with."""
        longest = max(map(len, self._stops), default=0)
        for length in range(min(longest - 1, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0
