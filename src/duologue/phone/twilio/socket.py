"""A socket that brings a Twilio media stream, as whoever listens has it."""

from __future__ import annotations

from typing import Protocol


class GoneError(Exception):
    """The other end of a socket is no more."""


class StreamSocket(Protocol):
    """A WebSocket that was accepted, as the web server has it."""

    @property
    def peer(self) -> str:
        """The address that it comes from."""
        ...

    async def receive(self) -> str:
        """The next text. Raises :class:`GoneError`."""
        ...

    async def send(self, text: str) -> None:
        """Waits while the other end takes nothing. Raises :class:`GoneError`."""
        ...

    async def close(self, why: str) -> None:
        """Within a moment, and without an error, whatever became of the other end."""
        ...
