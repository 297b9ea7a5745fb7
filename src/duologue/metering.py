"""What is asked of engines, for whom, and how much of it: counted where the requests are made.

Whoever asks an engine (a chain) opens a call with a meter first, which may refuse it, and the next engine is asked::

    call = meter.begin(Service.SPEAKS, engine.name, Amount(characters=len(text)))  # raises SpentError
    async with aclosing(metered(call, engine.speak(text, voice), settle)) as chunks: ...

An engine that knows better what its requests take says so, each time that it has made one
(``current_call().report(...)``); for one that says nothing, ``settle`` tells what the call amounts to. For whom it all
is, whoever converses says::

    with charged_to(Customer("talk:…", person)):  # also of tasks that are begun inside
        ...
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import PeerError
from duologue.streams import closing
from duologue.strict_json import members
from duologue.tracing import current_trace

T = TypeVar("T")

MOST_TOKENS = 10_000_000
"""Of one request. A server that counts more has miscounted: the largest contexts are a tenth of that."""


class Service(StrEnum):
    """What an engine is asked to do."""

    THINKS = "llm"
    SPEAKS = "tts"
    HEARS = "stt"


class RequestOutcome(StrEnum):
    """How a request ended."""

    DONE = "done"
    CUT = "cut"
    """Nobody wanted the rest of the answer."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much: tokens of the prompt and of the answer, how many of the prompt's the server had kept, characters that
    were voiced, and seconds of sound, heard or made.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    characters: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Both ways."""
        return self.prompt + self.completion

    @property
    def minutes(self) -> float:
        """Of sound."""
        return self.seconds / 60

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.prompt + other.prompt, self.completion + other.completion, self.cached + other.cached,
            self.characters + other.characters, self.seconds + other.seconds,
        )  # fmt: skip

    def without(self, other: Amount) -> Amount:
        """What is left of it after ``other``: nothing is less than none."""
        return Amount(
            max(0, self.prompt - other.prompt), max(0, self.completion - other.completion),
            max(0, self.cached - other.cached), max(0, self.characters - other.characters),
            max(0.0, self.seconds - other.seconds),
        )  # fmt: skip


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Customer:
    """For whom something is asked: a part of the house as the ledger calls it (``show:main``, ``talk:ID``, ``house``),
    and the person's id in the store (empty: nobody's, or it is not known).
    """

    of: str = "house"
    person: str = ""


NOBODY = Customer()
_customer: ContextVar[Customer] = ContextVar("customer", default=NOBODY)


@contextmanager
def charged_to(customer: Customer) -> Generator[None]:
    """What is asked of engines inside, also in tasks that are begun inside, is for ``customer``."""
    token = _customer.set(customer)
    try:
        yield
    finally:
        _customer.reset(token)


async def charged(customer: Customer, stream: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same of a stream, wherever it is read: each piece is made for ``customer``. It closes the stream."""
    async with closing(stream) as pieces:
        while True:
            with charged_to(customer):
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield piece


def current_customer() -> Customer:
    """For whom the caller asks."""
    return _customer.get()


class SpentError(PeerError):
    """A cap that the settings set is reached: the engine was not asked. It is nobody's failure.

    ``until`` is when it may be asked again (monotonic ns; 0: as soon as what goes on is over).
    """

    until: int = 0

    @classmethod
    def until_then(cls, until: int, what: str, *, where: str, remedy: str) -> SpentError:
        """One that holds until then."""
        error = cls(what, where=where, remedy=remedy)
        error.until = until
        return error


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One request that an engine was made, when it is over. Times are monotonic ns."""

    service: Service
    engine: str
    model: str
    """As the engine names it; empty: that of the settings."""
    customer: Customer
    amount: Amount
    estimated: bool
    """The engine does not say; it is reckoned."""
    outcome: RequestOutcome
    began: int
    ended: int
    span: str = ""
    """In which it was asked, as a ``traceparent`` has it; empty: nobody exports traces."""


class EngineCall:
    """Something that an engine is asked to do for a customer. Made by :meth:`Meter.begin`; :meth:`close` it.

    ``told`` is given each request that was made for it (None: nobody wants to know), ``over`` is called once at its
    end.
    """

    def __init__(
        self,
        service: Service,
        engine: str,
        expected: Amount = NOTHING,
        *,
        told: Callable[[EngineRequest], None] | None = None,
        over: Callable[[EngineCall], None] = lambda call: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.service = service
        self.engine = engine
        self.customer = current_customer()
        asked = current_trace()
        self._span = asked.header if asked is not None else ""
        self.reported = NOTHING
        """By all its requests so far."""
        self.requests = 0
        self.counted = told is not None
        """Somebody wants to know what it comes to."""
        self._expected = expected
        self._told = told
        self._over = over
        self._clock = clock
        self._since = clock.now()
        self._open = True

    @property
    def outstanding(self) -> Amount:
        """What is expected of it yet."""
        return self._expected.without(self.reported)

    def expect(self, amount: Amount) -> None:
        """It will come to ``amount`` in all, as far as is known by now."""
        self._expected = amount

    def report(
        self, amount: Amount, *, model: str = "", estimated: bool = False,
        outcome: RequestOutcome = RequestOutcome.DONE,
    ) -> None:  # fmt: skip
        """A request was made for it, and took so much."""
        began, self._since = self._since, self._clock.now()
        self.requests += 1
        self.reported += amount
        if self._told is not None:
            self._told(
                EngineRequest(
                    self.service,
                    self.engine,
                    model,
                    self.customer,
                    amount,
                    estimated,
                    outcome,
                    began,
                    self._since,
                    self._span,
                )
            )

    @contextmanager
    def current(self) -> Generator[None]:
        """Engines inside report to it."""
        token = _call.set(self)
        try:
            yield
        finally:
            _call.reset(token)

    def close(self) -> None:
        """It is over. Idempotent."""
        if self._open:
            self._open = False
            self._over(self)


_call: ContextVar[EngineCall | None] = ContextVar("call", default=None)


def current_call() -> EngineCall | None:
    """What the caller, an engine, was asked to do; None: nobody counts."""
    return _call.get()


class Meter(Protocol):
    """Who counts, and says whether an engine may be asked."""

    def begin(self, service: Service, engine: str, expected: Amount = NOTHING) -> EngineCall:
        """A call, of which about so much is expected. Raises :class:`SpentError`."""
        ...


class Unmetered:
    """Nobody counts."""

    def begin(self, service: Service, engine: str, expected: Amount = NOTHING) -> EngineCall:
        """See :class:`Meter`."""
        return EngineCall(service, engine, expected)


UNMETERED = Unmetered()
Settle = Callable[[RequestOutcome], tuple[Amount, bool]]
"""What a call amounts to by how it ended, and whether that is an estimate."""


async def metered(call: EngineCall, stream: AsyncIterator[T], settle: Settle) -> AsyncGenerator[T, None]:
    """``stream`` as ``call``, which is closed with it. Where the engine reported no request, ``settle`` tells of one;
    not of one that failed before it gave anything.
    """
    outcome, given = RequestOutcome.CUT, False
    try:
        async with closing(stream) as pieces:
            while True:
                with call.current():
                    try:
                        piece = await anext(pieces)
                    except StopAsyncIteration:
                        outcome = RequestOutcome.DONE
                        return
                given = True
                yield piece
    except Exception:
        outcome = RequestOutcome.FAILED
        raise
    finally:
        if call.counted and not call.requests:
            in_vain = outcome is RequestOutcome.FAILED and not given
            amount, estimated = (NOTHING, False) if in_vain else settle(outcome)
            call.report(amount, estimated=estimated, outcome=outcome)
        call.close()


def tokens_told(value: object) -> int | None:
    """A server's count of tokens; None for what is none: negative, huge, or no whole number at all."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        return None
    return value


def usage_told(value: object) -> Amount | None:
    """A server's ``usage`` object, as OpenAI's APIs have it: ``prompt_tokens`` and ``completion_tokens`` (of chats) or
    ``input_tokens`` and ``output_tokens`` (of transcripts), and how many of the prompt's were cached. None where it
    counts no tokens, or some that cannot be.
    """
    usage = members(value)
    prompt = tokens_told(usage.get("prompt_tokens", usage.get("input_tokens")))
    completion = tokens_told(usage.get("completion_tokens", usage.get("output_tokens")))
    if prompt is None or completion is None:
        return None
    details = members(usage.get("prompt_tokens_details", usage.get("input_tokens_details")))
    cached = tokens_told(details.get("cached_tokens"))
    return Amount(prompt, completion, min(prompt, cached or 0))
