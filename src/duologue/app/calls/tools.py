"""What a model may do to the call that it is on: hand it over, hang up, press keys. Only where it was asked for in
earnest (never on a speculation), and only to where the settings say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, cast

from duologue.errors import InputError
from duologue.language.engine import Line
from duologue.language.tools import Tool, Toolbox
from duologue.settings_phone import TransferSettings

SAID_CHARACTERS = 600
"""Of what was said, for whoever the call is handed over to; a header has little room."""


class OnCall(Protocol):
    """The call, as its tools need it."""

    def leave(self, transfer: str) -> None:
        """Hand the call over after this sentence (empty: hang up)."""
        ...

    async def press(self, keys: str) -> None:
        """Press keys. Raises :class:`~duologue.errors.DuologueError`."""
        ...


class CallTools:
    """The tools of all calls of a line, described once. Without a transfer that is set there is none to hand over
    with.
    """

    def __init__(self, transfers: Mapping[str, TransferSettings]) -> None:
        self._transfers = transfers
        nobody = cast("OnCall", None)  # a description calls nothing
        self._described = [Tool(function) for function in _functions(nobody, transfers)]

    def of(self, call: OnCall) -> Toolbox:
        """Those of one call."""
        own = _functions(call, self._transfers)
        return Toolbox([tool.calling(function) for tool, function in zip(self._described, own, strict=True)])


def _functions(call: OnCall, transfers: Mapping[str, TransferSettings]) -> list[Callable[..., Awaitable[str]]]:
    async def hang_up() -> str:
        """End the call, when the caller has said goodbye or asks you to hang up."""
        call.leave("")
        return "The call ends after your next sentence. Say goodbye in one short sentence."

    async def press_digits(keys: str) -> str:
        """Press keys of the telephone, for a machine at the other end that asks for them.

        :param keys: One after another: 0 to 9, * and #.
        """
        await call.press(keys)
        return "They are pressed."

    async def transfer(to: str) -> str:
        if to not in transfers:
            raise InputError(f"there is no {to!r}", where="transfer", remedy=f"Choose of {', '.join(transfers)}.")
        call.leave(to)
        return "The call is handed over after your next sentence. Tell the caller so in one short sentence."

    if not transfers:
        return [hang_up, press_digits]
    known = "; ".join(f"{name} ({each.about})" if each.about else name for name, each in transfers.items())
    transfer.__doc__ = f"Hand the call over to somebody else.\n\n:param to: One of: {known}."
    return [hang_up, press_digits, transfer]


def said_so_far(lines: tuple[Line, ...], persona: str) -> str:
    """The newest of what was said, in a line, for whoever takes the call over."""
    told: list[str] = []
    room = SAID_CHARACTERS
    for line in reversed(lines):
        text = f"{'We' if line.speaker == persona else 'Caller'}: {' '.join(line.text.split())}"
        room -= len(text) + 3
        if room < 0:
            break
        told.append(text)
    return " | ".join(reversed(told))
