"""The same request twice gives one effect and one answer: what an ``Idempotency-Key`` is for.

After the IETF's draft-ietf-httpapi-idempotency-key-header: a key belongs to the first request that brought it. The same
request again, also while the first is still at work, gets the first one's answer; another request with that key is
refused. What failed is not remembered: nothing was changed, so it may be tried again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from duologue.errors import ClosedError, DuologueError, InputError

Answer = TypeVar("Answer")

MAX_KEY = 255
"""Characters of a key."""


class KeyReused(InputError):
    """A key came with another request than the one it belongs to."""


@dataclass(slots=True)
class _Kept(Generic[Answer]):
    fingerprint: bytes
    answer: asyncio.Future[Answer]


class IdempotentAnswers(Generic[Answer]):
    """Remembers the answers of the newest ``most`` keys."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._kept: OrderedDict[str, _Kept[Answer]] = OrderedDict()

    async def once(self, key: str, fingerprint: bytes, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of ``work``, done once for ``key``; an empty key does it every time.

        Equal fingerprints mean equal requests. Raises :class:`KeyReused`, :class:`InputError` for a key that is too
        long, and what ``work`` raises.
        """
        if not key:
            return await work()
        if len(key) > MAX_KEY:
            raise InputError(
                f"the key has {len(key)} characters", where="Idempotency-Key", remedy=f"Give at most {MAX_KEY}."
            )
        kept = self._kept.get(key)
        if kept is None:
            return await self._first(key, fingerprint, work)
        if kept.fingerprint != fingerprint:
            raise KeyReused(
                f"the key {key!r} belongs to another request",
                where="Idempotency-Key",
                remedy="Give every new request a key of its own.",
            )
        return await asyncio.shield(kept.answer)

    async def _first(self, key: str, fingerprint: bytes, work: Callable[[], Awaitable[Answer]]) -> Answer:
        kept = _Kept[Answer](fingerprint, asyncio.get_running_loop().create_future())
        self._kept[key] = kept
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        try:
            answer = await work()
        except BaseException as error:
            if self._kept.get(key) is kept:
                del self._kept[key]
            cause = error if isinstance(error, DuologueError) else ClosedError("the first request did not end")
            kept.answer.set_exception(cause)
            kept.answer.exception()  # looked at: whoever waits gets it, and nobody need wait
            raise
        kept.answer.set_result(answer)
        return answer
