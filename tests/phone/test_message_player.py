"""Messages are played 20 ms at a time, and what is told of them is what left."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.phone.leg import LegEvent, Played, Sent, Stopped
from duologue.phone.media.message_player import MessagePlayer

MS = MILLISECOND
COUNT = 960


def play(
    number: int, utterance: str, milliseconds: int, *, gap: int = 0, more: bool = False, start: int = 0
) -> FarEndMessage:
    samples = np.full(milliseconds * 48, 0.5, np.float32)
    return FarEndMessage(number, MessageKind.PLAY, utterance, start, samples, gap * 48, more)


def extend(number: int, utterance: str, start: int, milliseconds: int, *, more: bool = False) -> FarEndMessage:
    return FarEndMessage(
        number, MessageKind.EXTEND, utterance, start, np.full(milliseconds * 48, 0.5, np.float32), 0, more
    )


class Player(MessagePlayer):
    """Keeps what it wrote and told."""

    def __init__(self) -> None:
        self.blocks: list[tuple[int, Samples]] = []
        self.told: list[LegEvent] = []
        super().__init__(lambda samples: self.blocks.append((self.at, samples)), self.told.append, 0)

    def run(self, until: int) -> tuple[list[int], Samples, list[LegEvent]]:
        """When blocks left, what they were, and what was told, since the last time and up to a moment (ns)."""
        while (due := self.deadline) is not None and due < until:
            self.tick(due)
        blocks, told = self.blocks[:], self.told[:]
        self.blocks.clear()
        self.told.clear()
        assert all(len(samples) == COUNT for _, samples in blocks)
        return [at for at, _ in blocks], np.concatenate([np.zeros(0, np.float32), *(each for _, each in blocks)]), told


def test_a_talk_spurt_begins_at_once_and_has_a_grid_of_its_own() -> None:
    player = Player()
    assert not player.sounding
    player.take(play(1, "a", 50), 1_003 * MS)
    times, sound, told = player.run(5_000 * MS)
    assert [time // MS for time in times] == [1_003, 1_023, 1_043]
    assert (sound > 0.4).sum() == 50 * 48
    assert told[0] == Sent("a", 1_003 * MS) and told[-1] == Played("a", 2400, 1_053 * MS)
    player.take(play(2, "b", 20), 2_011 * MS)
    assert player.run(2_030 * MS)[0] == [2_011 * MS]


def test_after_a_standstill_it_goes_on_where_it_stopped() -> None:
    """A little late, all of it follows at once; what stood still for seconds was thrown away where it arrived."""
    player = Player()
    player.take(play(1, "a", 1000), 0)
    player.run(300 * MS)
    player.tick(480 * MS)
    assert len(player.run(0)[0]) == 10
    player.tick(5_493 * MS)
    times, _, told = player.run(10_000 * MS)
    assert [time // MS for time in times[:3]] == [5_493, 5_513, 5_533] and len(times) == 25
    assert told[-1] == Played("a", 1000 * 48, 5_993 * MS)


def test_a_gap_counts_the_silence_that_has_passed() -> None:
    for said, expected in ((1_020, 1_120), (1_080, 1_120), (1_500, 1_500)):
        player = Player()
        player.take(play(1, "a", 20), 1_000 * MS)
        player.run(said * MS)
        player.take(play(2, "b", 20, gap=100), said * MS)
        _, _, told = player.run(5_000 * MS)
        assert [event.at // MS for event in told if isinstance(event, Sent) and event.id == "b"] == [expected]


def test_a_clear_fades_within_a_block_and_is_answered_with_where() -> None:
    player = Player()
    for number, name in enumerate("ab"):
        player.take(play(number, name, 200), 0)
    player.run(90 * MS)
    player.take(FarEndMessage(9, MessageKind.CLEAR), 90 * MS)
    times, sound, told = player.run(900 * MS)
    assert len(times) == 1 and sound[0] > 0.4 and sound[-1] < 0.01
    assert told == [Stopped("a", 6 * COUNT, 120 * MS)]
    player.take(FarEndMessage(10, MessageKind.CLEAR), 300 * MS)
    assert player.told == [Stopped("", 0)]


def test_an_utterance_that_was_cleared_may_come_again_while_it_fades() -> None:
    player = Player()
    player.take(play(1, "a", 200), 0)
    player.run(50 * MS)
    player.take(FarEndMessage(2, MessageKind.CLEAR), 50 * MS)
    player.take(play(3, "a", 100, start=2880), 50 * MS)
    _, _, told = player.run(900 * MS)
    assert [event for event in told if isinstance(event, Stopped)] == [Stopped("a", 4 * COUNT, 80 * MS)]
    assert [event.samples for event in told if isinstance(event, Played)][-1] == 2880 + 4800


def test_a_pause_fades_and_goes_on_where_it_was() -> None:
    player = Player()
    player.take(play(1, "a", 100), 0)
    player.run(50 * MS)
    player.take(FarEndMessage(2, MessageKind.PAUSE), 50 * MS)
    times, sound, told = player.run(500 * MS)
    assert len(times) == 1 and (sound > 0).sum() == 240 and told == []
    player.take(FarEndMessage(3, MessageKind.RESUME), 500 * MS)
    times, sound, told = player.run(900 * MS)
    assert times[0] == 500 * MS and len(times) == 2 and sound[0] < 0.01
    assert told[-1] == Played("a", 4800, 540 * MS)


def test_a_clear_in_a_pause_tells_where_it_stood() -> None:
    player = Player()
    player.take(play(1, "a", 100), 0)
    player.run(50 * MS)
    player.take(FarEndMessage(2, MessageKind.PAUSE), 50 * MS)
    player.run(200 * MS)
    player.take(FarEndMessage(3, MessageKind.CLEAR), 200 * MS)
    [told] = player.told
    assert isinstance(told, Stopped) and (told.id, told.samples) == ("a", 3 * COUNT)
    assert not player.sounding


def test_what_is_withdrawn_never_plays_and_what_is_over_does_not_grow() -> None:
    player = Player()
    player.take(play(1, "a", 40), 0)
    player.take(play(2, "b", 40), 0)
    player.take(FarEndMessage(3, MessageKind.WITHDRAW, "b"), 0)
    player.take(FarEndMessage(4, MessageKind.WITHDRAW, "nobody"), 0)
    times, _, _ = player.run(900 * MS)
    assert len(times) == 2
    player.take(extend(5, "a", 1920, 40), 900 * MS)
    assert not player.sounding


STEP = st.tuples(
    st.sampled_from(["play", "more", "extend", "close", "pause", "resume", "clear", "withdraw", "wait"]),
    st.integers(0, 3),
    st.integers(0, 120),
)


@given(st.lists(STEP, max_size=40))
def test_whatever_is_ordered_positions_are_what_left(steps: list[tuple[str, int, int]]) -> None:
    player, now, number = Player(), 0, 0
    given_: dict[str, int] = {}
    told: list[LegEvent] = []
    for kind, who, much in steps:
        name, number = f"u{number if kind in ('play', 'more') else who}", number + 1
        match kind:
            case "play" | "more":
                player.take(play(number, name, much, gap=much % 50, more=kind == "more"), now)
                given_[name] = much * 48
            case "extend" | "close":
                if name in given_:
                    player.take(extend(number, name, given_[name], much, more=kind == "extend"), now)
                    given_[name] += much * 48
            case "wait":
                now += much * MS
                told += player.run(now)[2]
            case _:
                player.take(FarEndMessage(number, MessageKind(kind), name), now)
    player.take(FarEndMessage(number + 1, MessageKind.CLEAR), now)
    told += player.run(now + 60_000 * MS)[2]
    assert not player.sounding
    heard: dict[str, int] = {}
    for event in told:
        if isinstance(event, Played | Stopped) and event.id:
            assert heard.get(event.id, 0) <= event.samples <= given_[event.id]
            heard[event.id] = event.samples
    assert len([event for event in told if isinstance(event, Sent)]) == len({e.id for e in told if isinstance(e, Sent)})
