"""What a GGUF has read, kept for several conversations at once. Imported by the worker of the engine `llama` only.

A *seat* is a context of llama.cpp's on the weights that all share: tokens that were read into it need not be read
again. An answer has a seat to itself while it is written; afterwards what was read stays there, for the next prompt
that begins alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from itertools import count
from typing import Any

LITTLE = 64
"""Tokens that are quickly read again."""


class Seat:
    """``llama`` is as the library's own object, with a context of its own. ``held``: an answer is written with it."""

    def __init__(self, llama: Any) -> None:
        self.llama = llama
        self.held = False
        self.used = 0

    def alike(self, tokens: Sequence[int]) -> int:
        """With how many of ``tokens`` begins what was read."""
        read = self.llama.input_ids[: self.llama.n_tokens]
        found = 0
        for one, other in zip(read, tokens, strict=False):
            if one != other:
                break
            found += 1
        return found

    def worth(self, tokens: Sequence[int]) -> int:
        """What is gained by taking it for ``tokens``, less what is forgotten by that, beyond :data:`LITTLE`."""
        alike = self.alike(tokens)
        return alike - max(0, int(self.llama.n_tokens) - alike - LITTLE)


class Seats:
    """At most ``limit``, made when they are needed; more only while more answers than that are under way."""

    def __init__(self, llama: Any, limit: int) -> None:
        self._limit = limit
        self._clock = count(1)
        self._seats = [Seat(llama)]

    def __len__(self) -> int:
        return len(self._seats)

    def take(self, tokens: Sequence[int]) -> Seat:
        """One for ``tokens``: that which has read most of them, a new one where much would be forgotten for little, or
        that which was not used for longest.
        """
        free = [seat for seat in self._seats if not seat.held]
        best = max(free, key=lambda seat: (seat.worth(tokens), -seat.used), default=None)
        if best is None or best.worth(tokens) < 0:
            if len(self._seats) < self._limit or best is None:
                best = Seat(_twin(self._seats[0].llama))
                self._seats.append(best)
            else:
                best = min(free, key=lambda seat: seat.used)
        best.held, best.used = True, next(self._clock)
        return best

    def give_back(self, seat: Seat) -> None:
        """What was read stays."""
        seat.held = False
        if len(self._seats) > self._limit and seat is not self._seats[0]:
            self._seats.remove(seat)
            seat.llama._ctx.close()


def _twin(llama: Any) -> Any:
    """``llama`` with a context of its own on the same weights; the library's constructor would load them again."""
    internals: Any = import_module("llama_cpp._internals")
    twin: Any = object.__new__(llama.__class__)
    twin.__dict__.update(llama.__dict__)
    twin._ctx = internals.LlamaContext(model=llama._model, params=llama.context_params, verbose=False)
    twin.input_ids = llama.input_ids.copy()
    twin.n_tokens, twin._requires_eval, twin._sampler = 0, True, None
    return twin
