"""The HTTP connections of an engine that asks a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from duologue.errors import ClosedError

if TYPE_CHECKING:
    import httpx


class Connection:
    """A client that ``make`` makes when it is first asked for. ``name`` is the engine's. Use it on one event loop."""

    def __init__(self, name: str, make: Callable[[], httpx.AsyncClient]) -> None:
        self._name = name
        self._make = make
        self._client: httpx.AsyncClient | None = None
        self.closed = False

    @property
    def made(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    def client(self) -> httpx.AsyncClient:
        """The client. Raises :class:`ClosedError` after :meth:`close`."""
        if self.closed:
            raise ClosedError(f"{self._name} is closed")
        if self._client is None:
            self._client = self._make()
        return self._client

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        self.closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
