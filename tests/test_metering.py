"""What a call of an engine amounts to, for whom, and what of a server's word is believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.clock import SECOND, VirtualClock
from duologue.errors import PeerError
from duologue.metering import (
    MOST_TOKENS,
    NOTHING,
    UNMETERED,
    Amount,
    Customer,
    EngineCall,
    EngineRequest,
    RequestOutcome,
    Service,
    SpentError,
    charged,
    charged_to,
    current_call,
    current_customer,
    metered,
    usage_told,
)
from duologue.tracing import TraceContext, exporting, traced

ADA = Customer("talk:1", "ada")
FIVE = Amount(characters=5)


class Desk:
    """Takes down what calls report."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.requests: list[EngineRequest] = []
        self.over = 0

    def call(self, expected: Amount = NOTHING) -> EngineCall:
        def over(call: EngineCall) -> None:
            self.over += 1

        return EngineCall(
            Service.SPEAKS, "fake", expected, told=self.requests.append, over=over, clock=self.clock
        )  # fmt: skip


def five(outcome: RequestOutcome) -> tuple[Amount, bool]:
    return FIVE, False


async def words(*given: str, error: Exception | None = None, report: Amount | None = None) -> AsyncIterator[str]:
    call = current_call()
    for word in given:
        yield word
    if call is not None and report is not None:
        call.report(report, model="m")
    if error is not None:
        raise error


async def test_an_engine_that_says_nothing_is_counted_once_with_its_customer_and_time() -> None:
    desk = Desk()
    with charged_to(ADA):
        call = desk.call()
    desk.clock.advance(3 * SECOND)
    assert [word async for word in metered(call, words("a", "b"), five)] == ["a", "b"]
    (request,) = desk.requests
    assert (request.customer, request.amount, request.estimated, request.outcome) == (ADA, FIVE, False, "done")
    assert (request.began, request.ended, desk.over) == (0, 3 * SECOND, 1)


async def test_a_request_says_in_which_span_it_was_asked_while_traces_are_exported() -> None:
    desk, turn = Desk(), TraceContext(bytes(range(1, 17)), bytes(range(8, 16)))
    for exported in (False, True):
        with traced(turn), exporting() if exported else nullcontext():
            call = desk.call()
        assert [word async for word in metered(call, words("a"), five)] == ["a"]
    assert [each.span for each in desk.requests] == ["", turn.header]


async def test_what_an_engine_reports_counts_and_nothing_besides() -> None:
    desk = Desk()
    call = desk.call(Amount(characters=9))
    assert call.outstanding == Amount(characters=9)
    async for _ in metered(call, words("a", report=Amount(characters=7)), five):
        pass
    assert [(each.amount.characters, each.model) for each in desk.requests] == [(7, "m")]
    assert call.outstanding == Amount(characters=2) and desk.over == 1


async def test_what_is_cut_counts_and_what_failed_at_once_does_not() -> None:
    desk = Desk()
    cut = metered(desk.call(), words("a", "b"), five)
    assert await anext(cut) == "a"
    await cut.aclose()
    for given_ in ((), ("a",)):
        with pytest.raises(PeerError):
            async for _ in metered(desk.call(), words(*given_, error=PeerError("it broke")), five):
                pass
    assert [(each.amount, each.outcome.value) for each in desk.requests] == [
        (FIVE, "cut"), (NOTHING, "failed"), (FIVE, "failed"),
    ]  # fmt: skip
    assert desk.over == 3


async def test_nobody_who_counts_costs_nothing() -> None:
    def never(outcome: RequestOutcome) -> tuple[Amount, bool]:
        raise AssertionError("nobody wants to know")

    assert [word async for word in metered(UNMETERED.begin(Service.THINKS, "fake"), words("a"), never)] == ["a"]


async def test_a_call_is_the_engines_own_while_it_works_and_nobodys_between() -> None:
    desk = Desk()
    seen: list[EngineCall | None] = []

    async def engine() -> AsyncIterator[int]:
        async with asyncio.TaskGroup() as group:
            group.create_task(beside())
        yield 1

    async def beside() -> None:
        seen.append(current_call())

    call = desk.call()
    async for _ in metered(call, engine(), five):
        seen.append(current_call())
    assert seen == [call, None]


async def test_a_stream_is_charged_to_its_customer_wherever_it_is_read() -> None:
    async def asks() -> AsyncIterator[Customer]:
        yield current_customer()
        yield current_customer()

    found: list[Customer] = []
    async for each in charged(ADA, asks()):
        found += [each, current_customer()]
    assert found == [ADA, Customer(), ADA, Customer()]


def test_a_cap_tells_until_when_it_holds_and_crosses_a_process_as_an_error_of_its_kind() -> None:
    error = SpentError.until_then(7, "the cap is reached", where="spending.money", remedy="Wait.")
    assert error.until == 7 and "spending.money" in str(error)
    kind, arguments = error.__reduce__()
    assert callable(kind) and isinstance(kind(*arguments), SpentError)  # pyright: ignore[reportGeneralTypeIssues]


def test_a_server_is_believed_what_can_be() -> None:
    assert usage_told(
        {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
    ) == Amount(12, 3, 8)
    assert usage_told({"type": "tokens", "input_tokens": 5, "output_tokens": 2, "total_tokens": 7}) == Amount(5, 2)
    assert usage_told(
        {"prompt_tokens": 4, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 900}}
    ) == Amount(4, 1, 4)


@pytest.mark.parametrize(
    "told",
    [
        None, [], "12", {}, {"prompt_tokens": 1}, {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": MOST_TOKENS + 1}, {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1}, {"prompt_tokens": "1", "completion_tokens": 1},
        {"type": "duration", "seconds": 3},
    ],
)  # fmt: skip
def test_and_nothing_else(told: object) -> None:
    assert usage_told(told) is None


NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))


@given(NUMBERS, NUMBERS, st.one_of(NUMBERS, st.dictionaries(st.just("cached_tokens"), NUMBERS)))
def test_whatever_a_server_says_is_an_amount_that_can_be_or_none(prompt: object, completion: object, kept: object):
    told = usage_told({"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": kept})
    assert told is None or (
        0 <= told.cached <= told.prompt <= MOST_TOKENS and 0 <= told.completion <= MOST_TOKENS and told.characters == 0
    )
