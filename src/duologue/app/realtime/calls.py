"""What a client of the Realtime API was asked to run, and what it says came of it."""

from __future__ import annotations

from collections.abc import Mapping

from duologue.strict_json import read_json


class ClientCalls:
    """The calls of one reply, which waits for their results."""

    def __init__(self) -> None:
        self._outputs: dict[str, str | None] = {}
        self._reply = ""

    def __bool__(self) -> bool:
        return bool(self._outputs)

    def ask(self, call: str, reply: str) -> None:
        """The client is to run ``call`` for ``reply``."""
        self._outputs[call], self._reply = None, reply

    def answer(self, call: str, output: str) -> bool:
        """What came of it; whether anybody waits for that."""
        if call not in self._outputs:
            return False
        self._outputs[call] = output
        return True

    def give_up(self, call: str) -> None:
        """Nobody waits for it any more."""
        self._outputs.pop(call, None)

    def take(self) -> tuple[str, Mapping[str, str | None]]:
        """The reply, and each call with its output (None: there is none). Then nothing is waited for."""
        taken = self._reply, self._outputs
        self._reply, self._outputs = "", {}
        return taken


def result_of(output: str) -> object:
    """What a client says came of a call: JSON, or words."""
    try:
        return read_json(output)
    except ValueError:
        return output
