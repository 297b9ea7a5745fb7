"""A call that is listened to and taken over by clients of the Talk protocol: scripted callers in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from call_doubles import Does, Exchange, Says, ScriptedLeg
from talk_doubles import Played, Wire

from duologue.app.admission import PlaceKind
from duologue.app.calls.attendance import AWAY_SECONDS, MOST_ATTENDANTS
from duologue.app.calls.operator_voice import OPERATOR
from duologue.app.calls.takeover import YIELD_SECONDS
from duologue.app.calls.tap import BEGINS_MS, BOTH_MS, CALLER_MS
from duologue.app.models import NoticeEvent
from duologue.app.talk import messages as say
from duologue.audio.live_voice import MARGIN_MS
from duologue.audio.pcm import RATE, Samples
from duologue.client import Link, TalkClient, TalkWish
from duologue.clock import MILLISECOND, SECOND
from duologue.language.fake import ScriptedReply
from duologue.phone import leg as far
from duologue.simulation.virtual_time import simulate
from duologue.telemetry.ledger import TakeoverRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

GREETED = '[phone]\ngreeting = "Hello there."\ndialogue = { silence_asks = 0 }\n'
ANNOUNCED = GREETED + 'announce_operator = "A colleague takes over."\n'
BLOCK = 320
LOUD = 0.31
"""How loud an operator is: nobody else is so."""
BACK = "I am with you again. What else can I do for you?"


class Desk:
    """A call that goes on, and those who attend it."""

    def __init__(self, exchange: Exchange, leg: ScriptedLeg, group: asyncio.TaskGroup) -> None:
        self.exchange, self.leg = exchange, leg
        self.wires: list[Wire] = []
        self.reached = True
        self.notices: list[tuple[str, str]] = []
        """Whom something was told, and what."""
        self._group = group

    @property
    def call(self) -> str:
        return self.leg.info.id

    async def at(self, seconds: float) -> None:
        """Until so long after the answer."""
        await self.exchange.clock.wait_until(self.leg.answered + round(seconds * SECOND))

    async def attend(self, name: str = "Anna") -> tuple[TalkClient, Played]:
        """A client that attends, and what it plays."""
        played, clock = Played(), self.exchange.clock

        async def dial() -> Link:
            await asyncio.sleep(0.02)
            if not self.reached:
                raise ConnectionError("nobody is there")
            wire = Wire()
            self.wires.append(wire)
            self._group.create_task(self.exchange.calls.call(self.call).attend(wire, name))
            return wire.link

        def play(samples: Samples) -> None:
            played.blocks.append(((clock.now() - self.leg.answered) / SECOND, samples))

        def told(message: say.FromServer) -> None:
            if isinstance(message, say.TalkNotice):
                self.notices.append((name, message.text))

        client = TalkClient(dial, TalkWish(), play=play, told=told, clock=clock)
        self._group.create_task(self._run(client))
        await client.until(lambda: client.attended is not None)
        return client, played

    async def _run(self, client: TalkClient) -> None:
        try:
            await client.run()
        except Exception:  # the house has ended under it
            assert not self.reached or client.bye is not None

    async def take(self, client: TalkClient) -> None:
        client.take(True)
        await client.until(lambda: bool(client.attended and client.attended.speaks and client.attended.yours))

    async def give_back(self, client: TalkClient) -> None:
        client.take(False)
        await client.until(lambda: bool(client.attended and not client.attended.operator))

    async def speak(self, client: TalkClient, seconds: float, *, loud: float = LOUD) -> None:
        """The operator's microphone, for so long, on the clock."""
        begin = self.exchange.clock.now()
        for number in range(round(seconds * 50)):
            await self.exchange.clock.wait_until(begin + (number + 1) * 20 * MILLISECOND)
            at = round((self.exchange.clock.now() - self.leg.answered) * 16_000 / SECOND)
            client.hear(at, np.full(BLOCK, loud, np.float32))

    def heard(self, since: float = 0.0) -> list[float]:
        """When (s after the answer) the caller heard an operator."""
        found = [(at, samples) for at, samples in self.leg.heard if abs(float(np.median(samples)) - LOUD) < 0.02]
        return [at for at, _ in ((((at - self.leg.answered) / SECOND), each) for at, each in found) if at >= since]


Story = Callable[[Desk], Awaitable[None]]


def held(
    monkeypatch: pytest.MonkeyPatch, folder: Path, story: Story, settings: str = GREETED, *,
    script: Sequence[Says | Does] = (), understood: Sequence[Says] | None = None,
    replies: Sequence[str | ScriptedReply] = (), seconds: float = 30.0,
) -> Exchange:  # fmt: skip
    """``understood`` is what the ears hear, call by call: the caller's by the script, or an operator's as well."""
    says = understood or [each for each in script if isinstance(each, Says)]
    scripted = [ScriptedReply(each) if isinstance(each, str) else each for each in replies]
    exchange = Exchange(monkeypatch, settings, says=says, replies=scripted, folder=folder)
    leg = replace(ScriptedLeg(exchange.clock), script=script, seconds=seconds)

    async def main() -> None:
        async with exchange.pool.open(), exchange.talk.warm(), asyncio.TaskGroup() as group:
            telling = group.create_task(exchange.calls.run())
            living, taken = group.create_task(leg.live()), group.create_task(exchange.calls.take(leg))
            desk = Desk(exchange, leg, group)
            while not leg.answered or not exchange.calls.live:  # noqa: ASYNC110 (virtual time)
                await asyncio.sleep(0.01)
            await story(desk)
            await asyncio.wait([living, taken])
            desk.reached = False
            telling.cancel()

    simulate(main(), limit=600)
    return exchange


def takeovers(exchange: Exchange) -> list[TakeoverRecord]:
    return [entry.record for entry in exchange.entries if isinstance(entry.record, TakeoverRecord)]


def test_an_operator_takes_a_call_over_and_the_character_knows_what_was_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caller = (Says(3.0, "what is new"), Says(12.0, "good to hear you"), Says(18.0, "goodbye then"))
    desks: list[Desk] = []

    async def story(desk: Desk) -> None:
        desks.append(desk)
        anna, _ = await desk.attend()
        await desk.at(8.0)
        await desk.take(anna)
        await desk.at(9.0)
        await desk.speak(anna, 2.0)
        await desk.speak(anna, 0.5, loud=0.0)
        await desk.at(16.0)
        await desk.give_back(anna)

    exchange = held(
        monkeypatch, tmp_path, story, script=caller, replies=("Not very much.", "I am back.", "Goodbye."),
        seconds=24.0,
        understood=(caller[0], Says(0, "here is Anna speaking now"), *caller[1:]),
    )  # fmt: skip
    (desk,) = desks
    heard = desk.heard()
    assert 9.0 < heard[0] <= 9.0 + (MARGIN_MS + 100) / 1000
    assert 10.9 < heard[-1] <= 11.0 + (MARGIN_MS + 100) / 1000
    gaps = np.diff([at for at in heard])
    assert float(gaps.max()) < 0.03, "without a gap"
    assert exchange.said() == ["Hello there.", "Not very much.", "I am back.", "Goodbye."]
    assert [(line.speaker, line.text) for line in exchange.model.prompts[1].lines] == [
        ("phone", "Hello there."), ("caller", "what is new"), ("phone", "Not very much."),
        (OPERATOR, "here is Anna speaking now"), ("caller", "good to hear you"),
    ]  # fmt: skip


def test_the_ledger_and_the_page_know_who_spoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    views: list[str] = []

    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await desk.at(4.0)
        await desk.take(anna)
        view = desk.exchange.calls.view(desk.call)
        assert view is not None
        views.append(f"{view.operator} {view.listeners}")
        await desk.speak(anna, 1.5)
        await desk.speak(anna, 1.0, loud=0.0)
        anna.say("It is on its way.")
        await desk.at(14.0)
        await desk.give_back(anna)
        spoken = [turn for turn in anna.turns if turn.operator == "spoken"]
        written = [turn for turn in anna.turns if turn.operator == "written"]
        assert [(turn.person, turn.text) for turn in spoken] == [(False, "one moment please")]
        assert [(turn.person, turn.text) for turn in written] == [(False, "It is on its way.")]
        view = desk.exchange.calls.view(desk.call)
        assert view is not None and view.operator == ""
        assert [turn.operator for turn in view.turns] == ["", "spoken", "written"]

    exchange = held(monkeypatch, tmp_path, story, understood=(Says(0, "one moment please"),))
    assert views == ["Anna 1"]
    (taken,) = takeovers(exchange)
    assert (taken.operator, taken.why, taken.spoke) == ("Anna", "handed back", True)
    assert taken.began < taken.ended
    theirs = [(turn.speaker, turn.kind, turn.text) for turn in exchange.turns() if turn.operator]
    assert theirs == [(OPERATOR, "person", "one moment please"), ("phone", "answer", "It is on its way.")]
    assert exchange.said() == ["Hello there.", "It is on its way."]


def test_the_character_ends_its_sentence_and_says_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = "one two three four five six seven eight nine ten. eleven twelve thirteen. fourteen fifteen sixteen."

    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await anna.until(lambda: any(turn.text.startswith("one two") for turn in anna.turns) and
                         anna.standing == "speaking")  # fmt: skip
        await desk.take(anna)
        assert anna.standing != "speaking"
        await desk.speak(anna, 0.5)
        await desk.at(28.0)

    exchange = held(monkeypatch, tmp_path, story, script=(Says(3.0, "tell me"),), replies=(long,))
    assert exchange.said()[1] == "one two three four five six seven eight nine ten."


def test_a_thought_that_was_not_said_yet_is_not_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await anna.until(lambda: anna.standing == "thinking")
        before = desk.exchange.clock.now()
        await desk.take(anna)
        assert desk.exchange.clock.now() - before < SECOND
        await desk.at(28.0)

    slow = ScriptedReply("It took a while.", first=4.0)
    exchange = held(monkeypatch, tmp_path, story, script=(Says(3.0, "tell me"),), replies=(slow,))
    assert "".join(exchange.said()) == "Hello there."


def test_the_caller_is_told_where_that_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        assert anna.attended is not None and anna.attended.announced
        await desk.at(4.0)
        await desk.take(anna)
        assert desk.exchange.said() == ["Hello there.", "A colleague takes over."]
        await desk.speak(anna, 0.5)
        assert desk.heard()

    held(monkeypatch, tmp_path, story, ANNOUNCED)


def test_words_that_nobody_has_answered_are_answered_when_the_call_is_given_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await desk.at(3.0)
        await desk.take(anna)
        await desk.at(9.0)
        assert desk.exchange.said() == ["Hello there."]
        await desk.give_back(anna)

    exchange = held(
        monkeypatch, tmp_path, story, script=(Says(5.0, "is anybody there"),), replies=("I am here.",), seconds=18.0
    )  # fmt: skip
    assert exchange.said() == ["Hello there.", "I am here."]


def test_an_operator_whose_browser_is_gone_gives_the_call_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone: list[float] = []

    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await desk.at(4.0)
        await desk.take(anna)
        await desk.speak(anna, 0.5)
        desk.reached = False
        for wire in desk.wires:
            wire.break_off()
        gone.append(desk.exchange.clock.now() / SECOND)
        await desk.at(25.0)

    exchange = held(monkeypatch, tmp_path, story)
    (taken,) = takeovers(exchange)
    assert taken.why == f"Anna did not come back within {AWAY_SECONDS:g} s"
    assert AWAY_SECONDS - 1 <= taken.ended / SECOND - gone[0] <= AWAY_SECONDS + 3
    assert exchange.said() == ["Hello there.", BACK], "and says so"
    notices = [event.notice.text for event in exchange.told if isinstance(event, NoticeEvent)]
    assert [text for text in notices if "Anna did not come back" in text]


def test_a_socket_that_breaks_is_replaced_and_the_call_is_still_theirs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await desk.at(4.0)
        await desk.take(anna)
        anna.say("One moment.")
        await asyncio.sleep(2.0)
        anna.say("It is on its way.")
        desk.wires[-1].break_off(lost=True)
        await anna.until(lambda: anna.sockets == 2 and anna.connected)
        await anna.until(lambda: bool(anna.attended and anna.attended.yours))
        await desk.at(12.0)
        before = desk.exchange.clock.now()
        await desk.speak(anna, 0.5)
        assert desk.heard((before - desk.leg.answered) / SECOND)
        await desk.at(28.0)
        await desk.give_back(anna)

    exchange = held(monkeypatch, tmp_path, story)
    assert [taken.why for taken in takeovers(exchange)] == ["handed back"]
    assert exchange.said() == ["Hello there.", "One moment.", "It is on its way."]


def test_one_of_two_has_the_call_and_the_other_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend("Anna")
        bert, heard = await desk.attend("Bert")
        await desk.at(4.0)
        await desk.take(anna)
        bert.take(True)
        await bert.until(lambda: bool(desk.notices))
        assert bert.attended is not None
        assert (bert.attended.operator, bert.attended.yours, bert.attended.listeners) == ("Anna", False, 2)
        await desk.speak(bert, 0.5)
        assert not desk.heard()
        bert.say("Hello.")
        await bert.until(lambda: len(desk.notices) > 1)
        assert desk.notices == [("Bert", "Anna has this call."), ("Bert", "The caller does not hear you.")]
        since = (desk.exchange.clock.now() - desk.leg.answered) / SECOND
        await desk.speak(anna, 1.0)
        await desk.at(since + 3)
        sound = np.concatenate([samples for at, samples in heard.blocks if at > since])
        assert float((np.abs(sound - LOUD) < 0.03).mean() * len(sound)) > 0.7 * RATE, "Bert hears Anna"
        await desk.give_back(anna)
        await desk.take(bert)
        bert.leave()
        await bert.until(lambda: bert.bye is not None)

    exchange = held(monkeypatch, tmp_path, story)
    assert [(taken.operator, taken.why) for taken in takeovers(exchange)] == [
        ("Anna", "handed back"), ("Bert", "handed back"),
    ]  # fmt: skip
    assert exchange.said() == ["Hello there."]


@pytest.mark.parametrize(("taken", "delay_ms"), [(False, BOTH_MS), (True, CALLER_MS)])
def test_the_caller_is_heard_without_a_gap_a_bounded_while_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, taken: bool, delay_ms: int
) -> None:
    says = Says(8.0, "one two three four five")

    async def story(desk: Desk) -> None:
        anna, played = await desk.attend()
        if taken:
            await desk.take(anna)
        await desk.at(20.0)
        loud = [(at, samples) for at, samples in played.blocks if float(np.abs(samples).max()) > 0.3]
        late_ms = 1000 * (loud[0][0] - says.at)
        assert 0 < late_ms <= delay_ms + BEGINS_MS + 150, "with the ways of the sockets"
        begun = [at for at, _ in played.blocks]
        assert float(np.diff(begun).max()) < 0.0201, "it plays without a break"
        sound = np.concatenate([samples for _, samples in loud])
        assert abs(len(sound) / RATE - (says.end - says.at)) < 0.05
        assert float((np.abs(sound) > 0.4).sum()) > 0.98 * (says.end - says.at) * RATE, "and nothing of it is missing"

    held(monkeypatch, tmp_path, story, script=(says,), replies=("Six.",))


def test_both_sides_are_heard_and_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        anna, played = await desk.attend()
        await desk.at(12.0)
        assert [(turn.person, turn.text) for turn in anna.turns] == [
            (False, "Hello there."), (True, "what is new"), (False, "Not very much."),
        ]  # fmt: skip
        loud = sum(float((np.abs(samples) > 0.01).sum()) for _, samples in played.blocks) / RATE
        ours = sum(len(samples) for _, samples in desk.leg.heard) / RATE
        assert loud > 0.9 + 0.5 * ours
        assert anna.attended is not None and anna.attended.caller == "16"

    held(monkeypatch, tmp_path, story, script=(Says(3.0, "what is new"),), replies=("Not very much.",))


def test_a_listener_is_told_when_the_call_is_over_and_of_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clients: list[TalkClient] = []

    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        clients.append(anna)
        await desk.take(anna)

    exchange = held(monkeypatch, tmp_path, story, script=(Does(6.0, far.LegEnded("the caller hung up")),))
    (anna,) = clients
    assert anna.bye is not None
    assert (anna.bye.code, anna.bye.text) == ("ended", "The call is over: the caller hung up.")
    assert [taken.why for taken in takeovers(exchange)] == ["the call went on without them"]


def test_without_a_place_for_their_ears_an_operator_is_heard_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        places = desk.exchange.admission.places

        def capacity(kind: PlaceKind) -> int | None:
            return 1 if kind is PlaceKind.LISTENER else None

        monkeypatch.setattr(places, "capacity", capacity)
        await desk.at(4.0)
        await desk.take(anna)
        await desk.speak(anna, 1.0)
        assert desk.heard()
        ((_, text),) = desk.notices
        assert text.startswith("What you say is not written down")
        await desk.give_back(anna)

    held(monkeypatch, tmp_path, story)


def test_a_caller_on_hold_hears_nobody_and_the_microphone_goes_on_after_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await desk.at(4.0)
        await desk.take(anna)
        await desk.at(5.0)
        await desk.speak(anna, 6.0)
        heard = desk.heard()
        assert not [at for at in heard if 7.1 < at < 9.0]
        assert [at for at in heard if at > 9.2]

    held(monkeypatch, tmp_path, story, script=(Does(7.0, far.Held(True)), Does(9.0, far.Held(False))))


def test_no_more_attend_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for number in range(MOST_ATTENDANTS):
            await desk.attend(f"Nr. {number}")
        wire = Wire()
        wire.put({"type": "hello", "version": 1})
        await desk.exchange.calls.call(desk.call).attend(wire, "one more")
        assert (await wire.take_until("bye"))["code"] == "full"

    held(monkeypatch, tmp_path, story, seconds=8.0)


def test_a_caller_who_waits_for_the_operator_is_not_said_goodbye_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await desk.take(anna)
        await desk.at(28.0)
        assert not desk.leg.hung_up
        await desk.give_back(anna)

    held(monkeypatch, tmp_path, story, GREETED + "silence_seconds = 10\n")


def test_a_sentence_that_does_not_end_is_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    endless = " ".join(["on and on"] * 60) + "."

    async def story(desk: Desk) -> None:
        anna, _ = await desk.attend()
        await anna.until(lambda: anna.standing == "speaking" and any("on and on" in turn.text for turn in anna.turns))
        before = desk.exchange.clock.now()
        await desk.take(anna)
        assert (desk.exchange.clock.now() - before) / SECOND <= YIELD_SECONDS + 1
        await desk.speak(anna, 0.5)
        assert desk.heard()

    held(monkeypatch, tmp_path, story, script=(Says(3.0, "tell me"),), replies=(endless,), seconds=40.0)
