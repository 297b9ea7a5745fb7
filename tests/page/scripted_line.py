"""A phone line whose calls are a script: one rings, one is talked on, one is being handed over, and some are over.

What happens on it is told by whispers that begin with ``do:``, so that a test says when.
"""

from __future__ import annotations

import asyncio
import math
from itertools import count
from typing import Any

from duologue.app.bus import BusTopic
from duologue.app.calls.line_models import (
    CallLevels,
    CallState,
    CallTurn,
    CallView,
    LineView,
    RegistrationView,
    StageTime,
    TransferView,
)
from duologue.app.models import CallEvent, CallTurnEvent, LevelsEvent, LineEvent, Notice
from duologue.app.talk.connection import TalkSocket
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import InputError

STAGES = ("endpointing", "transcript", "first_token", "first_sentence", "voice", "playout")
COLOUR = "#e8b04a"
SAID = (
    "Good morning, this is Robin of the library. What can I do for you?",
    "Hello, can you hear me? I have a book here that was due on the third of May.",
    "I can hear you well. Do you have the number on its back?",
    "It is four four one, nine oh two.",
    "Thank you. “Salt and Weather”, by Ingrid Vale. Nobody waits for it, so I can give you another three weeks.",
    "That would be lovely. And is the reading room open on Saturday?",
    "From ten until four, and there is coffee from eleven. Is there anything else?",
)
HANDED = (SAID[0], "I would rather talk to a person.", "One moment please, I will put you through.")
WAITS = ((310, 40, 120, 90, 70, 20), (290, 35, 160, 210, 75, 20), (640, 45, 140, 100, 80, 22))
"""Before each answer of Robin's, ms by stage."""
TRANSFERS = (
    TransferView(name="human", to="200", digit="0", about="somebody of the team"),
    TransferView(name="night-desk", to="sip:201@pbx.example", about="after six"),
)
REGISTRATIONS = (
    RegistrationView(account="1000", display="Library", character="Robin", state="registered", registrar="pbx.example"),
    RegistrationView(
        account="1001", character="Chad", state="trying", registrar="pbx2.example",
        why="the registrar did not answer (408); it is tried again in 30 s",
    ),
    RegistrationView(
        account="1002", character="Virgin", state="failed", registrar="pbx.example",
        why="the password was refused (403 Forbidden)",
    ),
    RegistrationView(account="1003", character="Robin", state="off"),
)  # fmt: skip


def now_ms() -> float:
    """Unix time in ms."""
    return SYSTEM_CLOCK.wall() / MILLISECOND


def _turns(call: str, begun: float, said: tuple[str, ...]) -> tuple[CallTurn, ...]:
    """The character begins; from then on the two take turns."""
    found: list[CallTurn] = []
    for number, text in enumerate(said):
        at = begun + 6_000.0 * number
        waits = WAITS[number // 2 - 1] if number and not number % 2 else ()
        stages = tuple(StageTime(name=name, ms=ms) for name, ms in zip(STAGES, waits, strict=bool(waits)))
        name, person = f"{call}-{number}", bool(number % 2)
        found.append(CallTurn(id=name, call=call, person=person, text=text, state="ended", at=at, stages=stages))
    return tuple(found)


def _calls(now: float) -> dict[str, CallView]:
    def call(name: str, caller: str, ago: float, **more: Any) -> CallView:
        given: dict[str, Any] = {"called": "1000", "character": "robin", "title": "Robin", "colour": COLOUR, **more}
        return CallView(id=name, caller=caller, offered=now - 1000 * ago, **given)

    ada = call(
        "ada", "16", 52.0, display="Ada Lovelace", account="1000", codec="opus/48000", state=CallState.TALKING,
        answered=now - 50_000.0, recorded=True, loss=0.004, jitter_ms=3.2, round_trip_ms=41.0, answers=3, wait_ms=650.0,
        said=SAID[-1], turns=_turns("ada", now - 50_000.0, SAID),
    )  # fmt: skip
    eve = call(
        "eve", "+49 30 901820", 131.0, account="1000", codec="PCMU/8000", state=CallState.TRANSFERRING,
        answered=now - 130_000.0, transfer="200", half_duplex=True, digits="0", loss=0.061, jitter_ms=38.0,
        answers=1, wait_ms=780.0, said=HANDED[-1], turns=_turns("eve", now - 130_000.0, HANDED),
    )  # fmt: skip
    bob = call("bob", "17", 2.0, display="Bob", called="1001", character="chad", title="Chad", state=CallState.RINGING)
    over: dict[str, Any] = {"state": CallState.ENDED}
    past = (
        call("kim", "16", 400.0, display="Kim", answered=now - 399_000.0, ended=now - 310_000.0, answers=2,
             wait_ms=720.0, reason="they hung up", turns=_turns("kim", now - 399_000.0, SAID[:5]), **over),
        call("lee", "22", 900.0, answered=now - 899_000.0, ended=now - 870_000.0, answers=2, wait_ms=700.0,
             reason="handed over to 200", transfer="200", **over),
        call("out", "", 1200.0, called="17", account="1000", outgoing=True, ended=now - 1_190_000.0, failed=True,
             reason="Busy Here (486)", **over),
        call("max", "18", 1500.0, display="Max", answered=now - 1_499_000.0, ended=now - 1_420_000.0, answers=4,
             wait_ms=590.0, failed=True, reason="the line process died", **over),
    )  # fmt: skip
    return {each.id: each for each in (ada, eve, bob, *past)}


class ScriptedLine:
    """See the module. ``kind`` is ``calls``, ``quiet`` (nobody is on it), ``deaf`` or ``full`` (a hundred calls)."""

    def __init__(self, kind: str, topic: BusTopic) -> None:
        self.bus = topic
        self._kind = kind
        self._calls = _calls(now_ms()) if kind in ("calls", "full") else {}
        if kind == "full":
            for number in range(97):
                self._calls[f"n{number}"] = self._calls["ada"].model_copy(
                    update={"id": f"n{number}", "display": "", "caller": f"+49 30 {number:04}", "turns": ()}
                )
        self._answered, self._refused, self._numbers = 41, 2, count(1)

    # What the web asks

    def view(self) -> LineView:
        live = [call for call in self._calls.values() if call.ended is None]
        over = [call for call in self._calls.values() if call.ended is not None]
        over.sort(key=lambda call: -(call.ended or 0))
        return self._summary().model_copy(
            update={"calls": tuple(call.model_copy(update={"turns": ()}) for call in (*live, *over))}
        )

    def call(self, call: str) -> CallView | None:
        return self._calls.get(call)

    async def attend(self, call: str, socket: TalkSocket, name: str = "") -> None:
        raise InputError(f"nobody speaks in {call!r}", where="call", remedy="Call the house itself.")

    def live(self) -> frozenset[str]:
        return frozenset(call.id for call in self._calls.values() if call.ended is None)

    async def dial(self, to: str, account: str = "") -> str:
        if "@" not in to and not account:
            raise InputError(
                f"{to!r} is an extension, and nobody says of which PBX",
                where="to",
                remedy="Name an account, or write sip:USER@HOST.",
            )
        name = f"ours{next(self._numbers)}"
        self._put(
            CallView(
                id=name, caller="", called=to, account=account, outgoing=True, character="robin", title="Robin",
                state=CallState.RINGING, offered=now_ms(),
            )
        )  # fmt: skip
        return name

    async def hang_up(self, call: str) -> None:
        self._end(call, "hung up from the page")

    def transfer(self, call: str, to: str) -> None:
        if " " in to:
            raise InputError(
                f"{to!r} is nobody to hand over to", where="to", remedy="An address, or: human, night-desk."
            )
        self._change(call, state=CallState.TRANSFERRING, transfer=to)

    def whisper(self, call: str, text: str) -> None:
        if not text.startswith("do:"):
            return
        what, _, words = text.removeprefix("do:").partition(" ")
        match what:
            case "answer":
                self._change(call, state=CallState.TALKING, answered=now_ms(), codec="G722/8000")
            case "hold":
                self._change(call, state=CallState.HELD)
            case "caller":
                self._say(call, words, person=True)
            case "back":
                self._change(call, state=CallState.TALKING, transfer="")
                text = "+49 30 901820 was not handed over to 200: nobody answered within 30 s."
                self.bus.notice(Notice(level="warning", text=text, remedy="The call goes on."))
            case "die":
                for each in self.live():
                    self._end(each, "the line process died", failed=True)
            case _:
                raise InputError(f"{what!r} is not in the script", where="text")

    # What happens

    async def run(self) -> None:
        """How loud the calls are, until cancelled."""
        for tick in count():
            loud = -18.0 + 6 * math.sin(tick)
            levels = tuple(
                CallLevels(
                    call=call.id, caller_db=round(loud, 1) if call.id == "ada" else -90.0,
                    character_db=-22.0 if call.id == "eve" else -90.0,
                    hearing="No, that was all, I only wanted" if call.id == "ada" else "",
                )
                for call in self._calls.values() if call.answered and call.ended is None
            )  # fmt: skip
            if levels:
                self.bus.publish(LevelsEvent(levels=levels))
            await asyncio.sleep(0.5)

    def _summary(self) -> LineView:
        if self._kind == "deaf":
            why = "no ears that take dictation over a telephone are set. Run: duologue models get natural"
            off = {"state": "off", "registrar": "", "why": ""}
            return LineView(
                listens=("sip:127.0.0.1:5060;transport=udp",), places=10, reasons=(why,),
                registrations=tuple(each.model_copy(update=off) for each in REGISTRATIONS[:2]),
            )  # fmt: skip
        return LineView(
            listens=("sip:127.0.0.1:5060;transport=udp", "sips:127.0.0.1:5061;transport=tls"), takes_calls=True,
            places=100 if self._kind == "full" else 10, registrations=REGISTRATIONS if self._calls else (),
            transfers=TRANSFERS, answered=self._answered, refused=self._refused,
            refusals={"busy": 1, "scanner": 1},
        )  # fmt: skip

    def _change(self, call: str, **values: Any) -> None:
        self._put(self._calls[call].model_copy(update=values))

    def _end(self, call: str, reason: str, *, failed: bool = False) -> None:
        self._answered += 1
        self._change(call, state=CallState.ENDED, ended=now_ms(), reason=reason, failed=failed)

    def _say(self, call: str, text: str, *, person: bool) -> None:
        known = self._calls[call]
        turn = CallTurn(
            id=f"{call}-{len(known.turns)}", call=call, person=person, text=text, state="ended", at=now_ms()
        )
        said = {"turns": (*known.turns, turn), "said": text, "said_by_caller": person}
        self._calls[call] = known.model_copy(update=said)
        self.bus.publish(CallTurnEvent(turn=turn))

    def _put(self, call: CallView) -> None:
        self._calls[call.id] = call
        self.bus.publish(CallEvent(call=call.model_copy(update={"turns": ()})))
        self.bus.publish(LineEvent(line=self._summary()))
