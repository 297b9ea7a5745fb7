"""A socket that brings a Twilio media stream, as whoever listens has it."""

from __future__ import annotations

from typing import Protocol


class GoneError(Exception):
    """The other end of a socket is no more."""


class StreamSocket(Protocol):
    """A WebSocket that was accepted, as the web server has it. Both methods raise :class:`GoneError`."""

    @property
    def peer(self) -> str:
        """The address that it comes from."""
        ...

    async def receive(self) -> str:
        """The next text."""
        ...

    async def send(self, text: str) -> None:
        """Waits while the other end takes nothing."""
        ...
