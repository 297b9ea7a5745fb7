"""A far end that plays somewhere else, in virtual time: what is believed heard is what its recording has."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import replace

import numpy as np
import pytest
from far_end_doubles import (
    BROWSER,
    MARKS,
    SILENT,
    WORD,
    Stage,
    heard_words,
    interrupted,
    numbered,
    words_in,
)
from session_doubles import ADA, Says, Talk, loud_utterance

from duologue.dialogue.far_end.remote_sink import FarEndMessage, Manners, RemoteSink
from duologue.dialogue.ports import PlayEnded, Voiced
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import Session, SessionEngines
from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.errors import PeerError
from duologue.language.fake import ScriptedReply
from duologue.language.moderation import Moderator
from duologue.simulation.far_player import FarHabits, FarPlayer
from duologue.simulation.virtual_time import simulate
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

NEAR = FarHabits(quick_ms=20, slow_ms=80)


@pytest.mark.parametrize(
    ("manners", "habits", "off"),
    [
        (BROWSER, FarHabits(), 0),
        (BROWSER, FarHabits(pace=1.03), 0),
        (BROWSER, FarHabits(pace=0.97, every_ms=250), 0),
        (MARKS, FarHabits(positions=False, marks=True, tells_stop=False), 1),
        (SILENT, FarHabits(positions=False, tells_stop=False), 1),
        (BROWSER, FarHabits(positions=False, tells_stop=False), 1),
    ],
)
def test_interrupted_at_any_moment_heard_is_what_the_recording_has(
    manners: Manners, habits: FarHabits, off: int
) -> None:
    """Thirty interruptions each, with words that come 20 to 200 ms late."""
    chance = random.Random(7)
    for seed in range(30):
        stage = Stage(manners, habits, seed, round_trip_ms=0 if manners.acknowledges else 220)
        utterances = simulate(interrupted(stage, chance.uniform(0.0, 5.5)))
        assert abs(stage.heard(utterances) - heard_words(stage.recording)) <= off, seed
        assert all(each.estimated == (off > 0) or not each.played_samples for each in stage.reports
                   if isinstance(each, PlayEnded)) or manners is MARKS  # fmt: skip


@pytest.mark.parametrize("manners", [BROWSER, MARKS, SILENT])
def test_all_of_it_is_heard_when_nobody_interrupts(manners: Manners) -> None:
    marks = manners is MARKS
    stage = Stage(manners, FarHabits(positions=manners is BROWSER, marks=marks), round_trip_ms=220)

    async def main() -> list[Utterance]:
        utterances = [numbered(f"u{number}", 10 * number, 3) for number in range(2)]
        async with asyncio.TaskGroup() as group:
            tasks = stage.begin(group)
            await stage.sink.play(replace(utterances[0], samples=utterances[0].samples[:5_000], open=True), 0)
            await asyncio.sleep(0.05)
            await stage.sink.extend(utterances[0])
            await stage.sink.play(utterances[1], 120)
            await asyncio.sleep(4.0)
            for task in tasks:
                task.cancel()
        return utterances

    utterances = simulate(main())
    assert stage.heard(utterances) == 6
    assert set(words_in(stage.recording).values()) == {WORD}
    assert not any(stage.sink.far.counts[name] for name in ("future", "past", "unknown", "late", "silent"))


def test_a_pause_and_a_transport_that_breaks_lose_nothing_and_say_nothing_twice() -> None:
    """The far end's page is loaded anew in the middle of a word, and had said how far it was."""
    stage = Stage(BROWSER, NEAR)
    utterances = [numbered("u0", 0, 4), numbered("u1", 10, 4)]
    broken = asyncio.Event()

    async def write(message: FarEndMessage) -> None:
        if broken.is_set():
            raise PeerError("the socket is closed")
        await stage.player.write(message)

    async def main() -> FarPlayer:
        second = FarPlayer(stage.sink, NEAR, stage.clock, 1)
        async with asyncio.TaskGroup() as group:
            run, playing = group.create_task(stage.sink.run()), group.create_task(stage.player.run())
            link = group.create_task(expecting(stage.sink.connect(write)))
            for utterance in utterances:
                await stage.sink.play(utterance, 0)
            await asyncio.sleep(0.45)
            await stage.sink.pause()
            await asyncio.sleep(0.5)  # its position has come
            broken.set()
            await stage.sink.resume()  # nobody takes it
            await link
            playing.cancel()
            await asyncio.sleep(3.0)
            again = group.create_task(second.run()), group.create_task(stage.sink.connect(second.write))
            await asyncio.sleep(4.0)
            for task in (run, *again):
                task.cancel()
        return second

    second = simulate(main())
    assert words_in(np.concatenate([stage.recording, second.recording])) == dict.fromkeys(
        [0, 1, 2, 3, 10, 11, 12, 13], WORD
    )
    assert stage.heard(utterances) == 8


async def expecting(work: Awaitable[object]) -> None:
    with pytest.raises(PeerError, match="socket is closed"):
        await work


def test_a_newer_transport_takes_the_place_of_the_older_one() -> None:
    stage = Stage(BROWSER, NEAR)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = stage.begin(group)
            await stage.sink.play(numbered("u0", 0, 4), 0)
            await asyncio.sleep(0.01)
            newer = FarPlayer(stage.sink, NEAR, stage.clock, 1)
            link = group.create_task(stage.sink.connect(newer.write))
            await asyncio.sleep(0.01)
            assert tasks[-1].done() and not link.done()
            for task in (*tasks, link):
                task.cancel()

    simulate(main())


# A session


class RemoteTalk(Talk):
    """The same conversation on a far end that plays somewhere else."""

    def on(self, manners: Manners, habits: FarHabits, seed: int = 0) -> RemoteTalk:
        self.manners, self.habits, self.seed = manners, habits, seed
        self.records: dict[str, TurnRecord] = {}
        return self

    async def hold(self) -> RemoteTalk:
        await self.ears.warm_up()
        recorder = SessionRecorder("t", "ada", "person", lambda record: self.records.update({record.id: record}))

        def observe(item: Event | Effect, now: int) -> None:
            self.log.append((now, item))
            recorder.take(item, now)

        self.far = RemoteSink(self.manners, lambda report: self.session.notify(report), self.clock)
        self.far.round_trip(0 if self.manners.acknowledges else 220)
        player = FarPlayer(self.far, self.habits, self.clock, self.seed)
        self.session = Session(
            ADA, SessionEngines(self.activity, self.ears, self.model, self.voice, Moderator()), self.far, self.options,
            clock=self.clock, observe=observe,
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            beside = [self.far.run(), player.run(), self.far.connect(player.write)]
            tasks = [group.create_task(each) for each in beside]
            await self.session.run(self.source())
            for task in tasks:
                task.cancel()
        self.recorded = player.recording
        return self


class NumberedVoice:
    """Says numbered words where a reply is voiced, and nothing else that a recording could be mistaken in."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        words = [int(word[1:].rstrip(".")) for word in text.split() if word[1:].rstrip(".").isdecimal()]
        if not words:
            return Voiced(replace(loud_utterance(text, speaker, utterance_id), samples=np.zeros(WORD, np.float32)))
        return Voiced(replace(numbered(utterance_id, words[0], len(words)), text=text))


REPLY = "So w10 w11 w12 w13 w14 w15 w16 w17 w18 w19.".removeprefix("So ")


@pytest.mark.parametrize(("manners", "off"), [(BROWSER, 0), (SILENT, 1)])
def test_the_context_is_cut_to_what_the_far_end_played(manners: Manners, off: int) -> None:
    chance = random.Random(3)
    habits = FarHabits() if manners.acknowledges else FarHabits(positions=False, tells_stop=False)
    for seed in range(12):
        script = [Says(1.0, "what time is it please Ada"), Says(chance.uniform(4.2, 6.0), "wait a moment please")]
        talk = RemoteTalk(script, [ScriptedReply(REPLY), ScriptedReply("w40.")], seconds=12.0).on(manners, habits, seed)
        talk.voice = NumberedVoice()  # type: ignore[assignment]
        simulate(talk.hold())
        heard = talk.context()[1][1].split()
        whole = [word for word, count in words_in(talk.recorded).items() if count >= WORD and 10 <= word < 20]
        assert talk.context()[1][0] == "ada" and abs(len(heard) - len(whole)) <= off, (seed, heard, whole)
        answer = next(record for record in talk.records.values() if record.kind == "answer" and record.heard)
        assert answer.interrupted and answer.estimated == (not manners.acknowledges)


def test_a_far_end_that_never_says_anything_is_answered_all_the_same() -> None:
    """It was to acknowledge, and does not: the conversation goes on, and its record says what that rests on."""
    talk = RemoteTalk([Says(1.0, "what time is it please Ada")], [ScriptedReply(REPLY)], seconds=10.0)
    talk.on(BROWSER, FarHabits(positions=False, tells_stop=False))
    talk.voice = NumberedVoice()  # type: ignore[assignment]
    simulate(talk.hold())
    assert talk.context()[1] == ("ada", REPLY)
    (answer,) = [record for record in talk.records.values() if record.kind == "answer"]
    assert answer.estimated and answer.state == "ended" and talk.far.far.counts["silent"] == 1
