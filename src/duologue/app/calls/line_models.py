"""The telephone line and its calls, as the API has them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from duologue.app.api_model import ApiModel


class RegistrationView(ApiModel):
    """An extension of ours at a PBX."""

    account: str = Field(description="The extension.")
    display: str = ""
    character: str = Field(description="Who answers it.")
    state: Literal["registered", "trying", "failed", "off"] = Field(
        description="trying: not yet, or again; failed: it is not tried any more; off: the line takes no calls."
    )
    registrar: str = Field(default="", description="The one in use.")
    why: str = Field(default="", description="Why it cannot be called, or will not be for much longer.")


class CallState(StrEnum):
    """The life of a call."""

    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    TRANSFERRING = "transferring"
    ENDED = "ended"


class StageTime(ApiModel):
    """A stage of the silence before an answer, by the ledger's name of it."""

    name: str
    ms: float


class CallTurn(ApiModel):
    """What one of the two said on a call. Times are Unix ms, null while unknown."""

    id: str
    call: str
    person: bool = Field(description="The caller said it.")
    operator: Literal["", "spoken", "written"] = Field(
        default="", description="An operator who had taken the call over said it, or wrote it for the character to say."
    )
    text: str
    state: str = Field(description="writing, voicing, queued, on_air, ended, withdrawn or failed.")
    at: float | None = Field(description="When the silence before it began; of a caller's turn, when it was over.")
    stages: tuple[StageTime, ...] = Field(default=(), description="Of that silence, one after another.")
    points: dict[str, float] = Field(
        default={}, description="Timing points of an answer, ms after the caller's last word: t1, t2, t3 and others."
    )
    interrupted: bool = False
    failure: str = ""
    handovers: tuple[str, ...] = ()


class CallView(ApiModel):
    """A call. Times are Unix ms, null while unknown."""

    id: str
    caller: str
    called: str
    display: str = Field(default="", description="What the caller calls itself; nobody has checked it.")
    account: str = ""
    carrier: Literal["sip", "twilio", "audiosocket"] = "sip"
    codec: str = ""
    outgoing: bool = Field(default=False, description="We called.")
    character: str
    title: str
    colour: str = Field(default="", description="Of the character, as CSS has it; empty: it has none of its own.")
    state: CallState
    offered: float
    answered: float | None = None
    ended: float | None = None
    reason: str = Field(default="", description="Why it is over.")
    failed: bool = Field(default=False, description="It ended by a fault.")
    half_duplex: bool = False
    recorded: bool = False
    transfer: str = Field(default="", description="To whom it is handed over.")
    digits: str = Field(default="", description="The newest keys that the caller pressed.")
    loss: float | None = Field(default=None, description="Share of packets that are missing, newest.")
    jitter_ms: float | None = None
    round_trip_ms: float | None = None
    answers: int = Field(default=0, description="Of the character, to what it was told.")
    wait_ms: float | None = Field(default=None, description="The middle of the silences before them.")
    said: str = Field(default="", description="The newest words on it, cut short.")
    operator: str = Field(default="", description="Who has taken it over, by name; empty: the character speaks.")
    listeners: int = Field(default=0, description="Who attends it: docs/phone.md, *Listening to a call*.")
    said_by_caller: bool = Field(default=False, description="The words of `said` are the caller's.")
    turns: tuple[CallTurn, ...] = Field(
        default=(), description="The newest 100, oldest first, where this call alone is asked for; else left out."
    )


class CallLevels(ApiModel):
    """How loud a call is now: RMS, dB below full scale (-90: silence)."""

    call: str
    caller_db: float
    character_db: float
    hearing: str = Field(default="", description="What is being understood of the caller.")


class TransferView(ApiModel):
    """Where a call may be handed over."""

    name: str
    to: str
    digit: str = ""
    about: str = ""


class LineView(ApiModel):
    """The phone line."""

    listens: tuple[str, ...] = Field(default=(), description="Where, as sip addresses; empty: it does not.")
    takes_calls: bool = False
    reasons: tuple[str, ...] = Field(default=(), description="Why it would take no call now.")
    places: int
    registrations: tuple[RegistrationView, ...] = ()
    transfers: tuple[TransferView, ...] = ()
    calls: tuple[CallView, ...] = Field(
        default=(), description="Those that go on, then the newest that are over; all without their turns."
    )
    answered: int = Field(default=0, description="Since the start.")
    refused: int = Field(default=0, description="Those that were sent away since the start.")
    refusals: dict[str, int] = Field(
        default={},
        description="Those by reason: source (an address that may not call), scanner, rate (a stranger came too fast),"
        " peer_rate (a PBX that is known did, and was told when to try again), password (or signature), extension,"
        " media (no sound that both can), request (not understood), places, busy (the engines carry no"
        " more), overload (the machine is short of CPU for the calls that go on), closing, unready, fault.",
    )


class DialRequest(ApiModel):
    """Call somebody."""

    to: str = Field(min_length=1, max_length=200, description="An address as sip:17@pbx.example, or an extension.")
    account: str = Field(default="", max_length=80, description="As which account of ours; empty: as nobody's.")


class DialReceipt(ApiModel):
    """The call that was placed."""

    call: str


class TransferRequest(ApiModel):
    """Hand a call over."""

    to: str = Field(min_length=1, max_length=200, description="The name of a transfer that is set, or an address.")


class WhisperRequest(ApiModel):
    """A word to the character that the caller does not hear."""

    text: str = Field(min_length=1, max_length=400)
