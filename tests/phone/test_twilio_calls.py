"""A Twilio that behaves, and one that does not, in virtual time: what is believed heard is what its caller heard."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from leg_doubles import WORD, Person, silent, spoken, words_in

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import silence
from duologue.errors import InputError, PeerError
from duologue.phone.leg import CallLeg, LegAnswered, LegTransferred, UnsupportedError
from duologue.phone.twilio.calls import TwilioCalls
from duologue.phone.twilio.stream import MANNERS
from duologue.phone.twilio.voice import Invitation, TwilioDoor
from duologue.simulation.twilio_peer import TwilioPeer
from duologue.simulation.virtual_time import LoopClock, simulate

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

CALL = Invitation("CA01", "+4930123", "+4940456", "Jane")
Does = Callable[[TwilioPeer], Coroutine[Any, Any, None]]


class Api:
    """Twilio's, as a leg knows it."""

    def __init__(self, refuses: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._refuses = refuses

    async def redirect(self, call: str, instructions: str) -> None:
        self.asked.append((call, instructions))
        if self._refuses:
            raise PeerError(self._refuses)


def call(
    says: Callable[[Person, CallLeg], Coroutine[Any, Any, None]], does: Does, api: Api | None = None, seed: int = 0
) -> tuple[Person, TwilioPeer, str]:
    """One call, until it is over: who took it, Twilio, and why it ended."""

    async def main() -> tuple[Person, TwilioPeer, str]:
        clock = LoopClock(start=10**9)
        person, peer = Person(clock, says), TwilioPeer(clock, seed=seed)
        calls = TwilioCalls(TwilioDoor("token", "https://a.example"), person.take, api, clock=clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(peer.run())
            doing = group.create_task(does(peer))
            why = await calls.hold(CALL, peer)
            await asyncio.sleep(0.5)
            running.cancel()
            doing.cancel()
        assert calls.open_now == 0
        return person, peer, why

    return simulate(main(), 300)


async def begins(peer: TwilioPeer) -> None:
    peer.begin(Line="two")


def test_a_whole_call() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 3), 0)
        await person.sink.play(spoken("b", 5, 3), 120)
        await asyncio.sleep(4)
        await leg.hang_up("said all")

    async def does(peer: TwilioPeer) -> None:
        peer.caller.extend([bytes([0x80]) * 160] * 10)
        peer.begin(Line="two")
        await asyncio.sleep(1)
        peer.press("5")
        peer.press("#")

    person, peer, why = call(says, does)
    info = person.legs[0].info
    assert (info.carrier, info.caller, info.called, info.display, info.peer) == (
        "twilio", "+4930123", "+4940456", "Jane", "192.0.2.7",
    )  # fmt: skip
    assert info.headers == {"line": "two", "twilio-call": "CA01"} and info.codec == "PCMU/8000"
    assert LegAnswered("PCMU/8000") in person.events
    assert (why, person.end.reason, person.end.ours) == ("said all", "said all", True)
    assert person.played == {"a": 3 * WORD, "b": 3 * WORD} and person.sent == ["a", "b"]
    assert {word: round(much, 1) for word, much in words_in(peer.heard, 8000).items()} == dict.fromkeys(
        (0, 1, 2, 5, 6, 7), 1.0
    )
    assert person.keys == "5#"
    assert not any(person.sink.far.counts[name] for name in ("future", "past", "unknown", "late", "silent"))
    sound = person.sound
    assert all(a.at + len(a.samples) == b.at for a, b in pairwise(sound))


def interrupted(at: float, seed: int) -> tuple[int, int, Person]:
    """Words believed heard, and words heard, when three utterances are cleared after so many seconds."""
    utterances = [spoken(f"u{n}", 5 * n, 5) for n in range(3)]

    async def says(person: Person, leg: CallLeg) -> None:
        for utterance in utterances:
            await person.sink.play(utterance, 100)
        await asyncio.sleep(at)
        await person.sink.clear()
        await asyncio.sleep(1.0)
        await leg.hang_up("over")

    person, peer, _ = call(says, begins, seed=seed)
    heard = sum(much > 0.97 for much in words_in(peer.heard, 8000).values())
    return sum(played // WORD for played in person.played.values()), heard, person


def test_interrupted_at_any_moment_heard_is_what_the_caller_heard() -> None:
    chance = random.Random(3)
    for seed in range(8):
        believed, heard, person = interrupted(chance.uniform(0.1, 4.2), seed)
        assert abs(believed - heard) <= 1, seed
        assert sorted(person.played) == ["u0", "u1", "u2"]


def test_what_is_withdrawn_is_not_heard_and_what_plays_goes_on() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 6), 0)
        await person.sink.play(spoken("b", 8, 4), 0)
        await asyncio.sleep(0.6)
        assert await person.sink.withdraw("b")
        await asyncio.sleep(2)
        await leg.hang_up("over")

    _, peer, _ = call(says, begins)
    words = words_in(peer.heard, 8000)
    assert set(words) == set(range(6))
    assert all(0.95 < much < 1.6 for much in words.values())  # one of them is said again in part


def test_a_pause_is_a_clear_and_what_was_not_heard_is_said_again() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 6), 0)
        await asyncio.sleep(0.7)
        await person.sink.pause()
        await asyncio.sleep(1)
        await person.sink.resume()
        await asyncio.sleep(2)
        await leg.hang_up("over")

    person, peer, _ = call(says, begins)
    assert person.played == {"a": 6 * WORD}
    assert [each["event"] for each in peer.sent].count("clear") == 1
    assert all(0.9 < much < 1.6 for much in words_in(peer.heard, 8000).values())


def test_marks_of_the_future_of_the_past_and_of_nobody_move_nothing() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 4), 0)
        await asyncio.sleep(3)
        await leg.hang_up("over")

    async def does(peer: TwilioPeer) -> None:
        peer.begin()
        await asyncio.sleep(0.6)
        for name in (f"1:{10**12}:a", "7:100:a", "1:100:zzz", "no mark", "", "1:0:a", "x" * 5000):
            peer.say("mark", mark={"name": name})

    person, _, _ = call(says, does)
    assert person.played == {"a": 4 * WORD}
    counts = person.sink.far.counts
    assert counts["future"] >= 1 and counts["unknown"] >= 3


@pytest.mark.parametrize(
    ("leaves", "reason", "failed"),
    [(TwilioPeer.stop, "the caller hung up", False), (TwilioPeer.leave, "the connection broke", True)],
)
def test_the_caller_goes_in_mid_sentence(leaves: Callable[[TwilioPeer], None], reason: str, failed: bool) -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 10), 0)
        await asyncio.Event().wait()

    async def does(peer: TwilioPeer) -> None:
        peer.begin()
        await asyncio.sleep(1)
        leaves(peer)

    person, _, why = call(says, does)
    assert (why, person.end.failed, person.end.ours) == (reason, failed, False)
    leg = person.legs[0]

    async def afterwards() -> None:  # a caller may hang up at any moment: orders do nothing
        await leg.hang_up("too late")
        await leg.refuse(486)

    asyncio.run(afterwards())


def test_who_reads_nothing_is_dropped_with_a_word() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 10), 0)
        await asyncio.Event().wait()

    async def does(peer: TwilioPeer) -> None:
        peer.begin()
        peer.reads.clear()

    person, _, why = call(says, does)
    assert why == "Twilio has read nothing for 5 s" and person.end.failed


def test_who_reads_slowly_is_sent_all_of_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """An utterance that waited for the one before is sent in one go: ten seconds took longer than five on a narrow way,
    and the caller was hung up on.
    """

    async def says(person: Person, leg: CallLeg) -> None:
        monkeypatch.setattr(TwilioPeer, "send", slowly)
        samples = spoken("a", 0, 1).samples
        long = np.concatenate([spoken("b", 0, 10).samples] * 3)
        await leg.write(FarEndMessage(1, MessageKind.PLAY, "a", 0, samples, more=True))
        await leg.write(FarEndMessage(2, MessageKind.PLAY, "b", 0, long))
        await leg.write(FarEndMessage(3, MessageKind.EXTEND, "a", len(samples), silence(0)))
        await leg.hang_up("said all")

    async def slowly(self: TwilioPeer, text: str) -> None:
        await asyncio.sleep(1)
        await send(self, text)

    send = TwilioPeer.send
    _, _, why = call(says, begins)
    assert why == "said all"


def test_a_call_that_nobody_lets_go_of_does_not_keep_the_house_from_ending() -> None:
    async def take(leg: CallLeg) -> None:
        await asyncio.Event().wait()

    async def drain() -> None:
        pass  # it has had its time

    async def main() -> None:
        clock = LoopClock(start=10**9)
        door = TwilioDoor("token", "https://a.example")
        calls, peer = TwilioCalls(door, take, drain=drain, clock=clock), TwilioPeer(clock)
        peer.begin()
        async with asyncio.TaskGroup() as group:
            held = group.create_task(calls.hold(CALL, peer))
            await asyncio.sleep(1)
            async with asyncio.timeout(30):
                await calls.leave()
            held.cancel()

    simulate(main())


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (["no json"], "never says"),
        (["[" * 60_000], "never says"),
        (['{"event": "start", "streamSid": "MZ9", "start": {"callSid": "CA9"}}'], "never says"),
        ([], "did not start"),
    ],
)
def test_a_stream_that_is_none_never_becomes_a_call(texts: list[str], word: str) -> None:
    async def does(peer: TwilioPeer) -> None:
        for text in texts:
            peer.raw(text)

    async def main() -> str:
        clock = LoopClock()
        person, peer = Person(clock, silent), TwilioPeer(clock)
        await does(peer)
        why = await TwilioCalls(TwilioDoor("token", "https://a.example"), person.take, clock=clock).hold(CALL, peer)
        assert person.legs == []
        return why

    assert word in simulate(main())


def test_a_flood_ends_the_call() -> None:
    async def does(peer: TwilioPeer) -> None:
        peer.begin()
        await asyncio.sleep(0.5)
        for _ in range(3000):
            peer.press("1")

    person, _, why = call(silent, does)
    assert "more messages" in why or "nobody takes" in why
    assert len(person.keys) <= 1100


def test_two_streams_of_one_call() -> None:
    async def main() -> tuple[str, str]:
        clock = LoopClock(start=10**9)
        person = Person(clock, silent)
        calls = TwilioCalls(TwilioDoor("token", "https://a.example"), person.take, clock=clock)
        first, second = TwilioPeer(clock), TwilioPeer(clock)
        async with asyncio.TaskGroup() as group:
            first.begin()
            held = group.create_task(calls.hold(CALL, first))
            await asyncio.sleep(1)
            second.begin()
            why = await calls.hold(CALL, second)
            assert len(person.legs) == 1
            first.stop()
        return why, held.result()

    assert simulate(main()) == ("this call has a stream already", "the caller hung up")


def test_a_transfer_goes_by_the_account() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        with pytest.raises(InputError, match="no number"):
            await leg.refer("nobody at home", {})
        await leg.refer("sip:200@pbx.example", {"X-Said": "a b&c", "Reason": "no"})

    async def does(peer: TwilioPeer) -> None:
        peer.begin()
        await asyncio.sleep(2)
        peer.stop()

    api = Api()
    person, _, _ = call(says, does, api)
    assert LegTransferred(True) in person.events
    [(who, instructions)] = api.asked
    assert who == "CA01" and "<Sip>sip:200@pbx.example?X-Said=a%20b%26c</Sip>" in instructions
    refused = Api("Twilio knows no such call (any more)")
    person, _, _ = call(says, does, refused)
    assert LegTransferred(False, "Twilio knows no such call (any more)") in person.events


def test_what_it_cannot_do_is_named() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        with pytest.raises(UnsupportedError, match="without its account"):
            await leg.refer("+4930", {})
        with pytest.raises(UnsupportedError, match="presses no keys"):
            await leg.digits("1")
        await leg.ring()
        await leg.refuse(486)

    person, _, _ = call(says, begins)
    assert (person.end.ours, person.end.status) == (True, 486)
    assert person.legs[0].manners == MANNERS


def test_a_scripted_packet_of_silence_is_what_twilio_sends() -> None:
    """The double is faithful: 160 bytes of µ-law silence each 20 ms, stamped from the start."""

    async def main() -> list[dict[str, object]]:
        clock = LoopClock()
        peer = TwilioPeer(clock)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(peer.run())
            found = [json.loads(await peer.receive())["media"] for _ in range(3)]
            running.cancel()
        return found

    stamps = simulate(main())
    assert [each["timestamp"] for each in stamps] == ["0", "20", "40"]
    assert g711.SILENCE["mu"] == 0xFF
