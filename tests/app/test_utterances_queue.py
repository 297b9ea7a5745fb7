"""The queue of clips, on a stage that does only what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager

import pytest
from guest_doubles import StageDouble, tone, wav

from duologue.app.idempotency import IdempotentAnswers, KeyReused
from duologue.app.models import UtteranceRequest, UtteranceState
from duologue.app.show.guests import MAX_CLIPS, Guests, QueueFull
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.dialogue.on_air.director import Interlude
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.language.moderation import Moderator
from duologue.speech.utterance import Mark, MarkKind

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


CLIP = wav(tone(1.0))
HELLO = UtteranceRequest(character="chad", text="hello there")


class Room:
    def __init__(self) -> None:
        self.clock = VirtualClock(start=5 * SECOND)
        self.stage = StageDouble()
        self.told: list[Interlude] = []
        self.marks: tuple[Mark, ...] | Exception = ()
        self.guests = Guests(
            ["chad", "virgin"], self.stage, Moderator(["gadzooks"]), self.clock, self.told.append, self.align
        )
        self.stage.started, self.stage.ended = self.guests.started, self.guests.ended

    async def align(self, samples: Samples, rate: int, text: str) -> tuple[Mark, ...]:
        if isinstance(self.marks, Exception):
            raise self.marks
        return self.marks

    async def say(self, text: str = "hello there", audio: bytes = CLIP, key: str = "") -> str:
        view = await self.guests.accept(HELLO.model_copy(update={"text": text}), audio, key)
        await settle()
        return view.id

    def state(self, name: str) -> UtteranceState:
        view = self.guests.find(name)
        assert view is not None
        return view.state


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def room() -> AsyncGenerator[Room]:
    made = Room()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.guests.run())
        yield made
        running.cancel()


async def test_a_clip_is_received_decoded_queued_heard_and_over() -> None:
    async with room() as r:
        accepted = await r.guests.accept(HELLO, CLIP)
        assert (accepted.state, accepted.place, accepted.lips) == (UtteranceState.WAITING, 0, "sound")
        assert accepted.duration_ms == pytest.approx(1000, abs=20)
        r.clock.advance(SECOND)
        await settle()
        r.clock.advance(SECOND)
        name = r.stage.begin(at=8 * SECOND)
        await settle()
        assert r.state(name) is UtteranceState.ON_AIR
        r.stage.end(at=9 * SECOND)
        view = r.guests.find(name)
        assert view is not None and view.state is UtteranceState.ENDED and view.place is None
        origin = view.received - 5000
        times = [view.received, view.decoded, view.queued, view.on_air, view.ended]
        assert [time - origin for time in times if time is not None] == [5000, 5000, 6000, 8000, 9000]
        assert view.played_ms == pytest.approx(view.duration_ms, abs=0.1)
        assert r.guests.queue() == ()
        assert r.told == [Interlude(8 * SECOND, round(view.duration_ms * MILLISECOND)), Interlude(9 * SECOND, 0)]


async def test_the_next_clip_goes_to_the_floor_when_the_one_before_has_begun() -> None:
    async with room() as r:
        names = [await r.say(f"line {number}") for number in range(3)]
        assert [view.id for view in r.guests.queue()] == names
        assert [view.place for view in r.guests.queue()] == [0, 1, 2]
        assert [utterance.id for utterance in r.stage.line] == names[:1]
        r.stage.begin()
        await settle()
        assert [utterance.id for utterance in r.stage.line] == names[1:2]
        assert [view.place for view in r.guests.queue()] == [0, 1, 2]
        r.stage.end()
        assert [view.place for view in r.guests.queue()] == [0, 1]
        assert r.stage.guests == 2


async def test_skipping_in_every_state() -> None:
    async with room() as r:
        names = [await r.say(f"line {number}") for number in range(4)]
        r.stage.begin()
        await settle()
        assert (await r.guests.skip(names[2])).state is UtteranceState.SKIPPED  # waits
        assert (await r.guests.skip(names[1])).state is UtteranceState.SKIPPED  # queued on the stage
        on_air = await r.guests.skip(names[0])
        assert (on_air.state, on_air.played_ms) == (UtteranceState.SKIPPED, 10.0)
        assert await r.guests.skip(names[0]) == on_air
        await settle()
        assert r.stage.begin() == names[3]
        with pytest.raises(InputError, match="no clip 'u99'"):
            await r.guests.skip("u99")


async def test_two_skips_at_once_are_one() -> None:
    async with room() as r:
        name = await r.say()
        first, second = await asyncio.gather(r.guests.skip(name), r.guests.skip(name))
        assert first == second and first.state is UtteranceState.SKIPPED


async def test_clearing_takes_all_and_says_so_in_order() -> None:
    async with room() as r:
        names = [await r.say(f"line {number}") for number in range(3)]
        r.stage.begin()
        await settle()
        cleared = await r.guests.clear()
        assert [view.id for view in cleared] == names
        assert {view.state for view in cleared} == {UtteranceState.SKIPPED}
        assert (r.guests.queue(), r.stage.line, r.stage.speaking) == ((), [], None)
        assert await r.guests.clear() == ()


async def test_a_clip_that_a_dead_stage_cut_off_is_queued_again_and_may_be_skipped() -> None:
    async with room() as r:
        name = await r.say()
        r.stage.begin(at=7 * SECOND)
        r.guests.stage_died()
        view = r.guests.find(name)
        assert view is not None and (view.state, view.on_air) == (UtteranceState.QUEUED, None)
        r.guests.started(name, 20 * SECOND)
        again = r.guests.find(name)
        assert again is not None and again.state is UtteranceState.ON_AIR and again.on_air is not None
        assert again.on_air - again.received == pytest.approx(15_000)


async def test_a_clip_that_the_stage_cannot_say_has_a_note_that_says_why() -> None:
    async with room() as r:
        name = await r.say()
        assert r.guests.ended(name, 6 * SECOND, 0, "ValueError: no lips")
        view = r.guests.find(name)
        assert view is not None and view.state is UtteranceState.SKIPPED
        assert view.note == "It could not be said: ValueError: no lips."


async def test_what_others_said_is_not_ours() -> None:
    async with room() as r:
        assert r.guests.started("c1-4", 0) is False
        assert r.guests.ended("c1-4", 0, 9) is False
        assert r.told == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"character": "bob"}, "character"),
        ({"text": "x" * 1_000_000}, "text"),
        ({"text": "x" * 3000}, "line"),
        ({"text": "oh gadzooks"}, "line"),
        ({"marks": [{"text": "gadzooks", "start": 0, "end": 10}]}, "line"),
    ],
)
async def test_what_may_not_be_said_is_refused_before_it_is_decoded(changes: dict[str, object], where: str) -> None:
    async with room() as r:
        request = UtteranceRequest.model_validate({**HELLO.model_dump(), **changes})
        with pytest.raises(InputError) as raised:
            await r.guests.accept(request, b"never looked at")
        assert raised.value.where == where and raised.value.remedy
        assert r.guests.queue() == ()


async def test_without_a_text_the_marks_words_are_the_text() -> None:
    async with room() as r:
        marks = [{"text": "day", "start": 400, "end": 900}, {"text": "good", "start": 0, "end": 400}]  # in any order
        view = await r.guests.accept(UtteranceRequest.model_validate({"character": "chad", "marks": marks}), CLIP)
        assert (view.text, view.lips) == ("good day", "words")


async def test_a_text_without_marks_is_aligned_on_its_way_to_the_floor() -> None:
    async with room() as r:
        r.marks = (Mark(MarkKind.WORD, "hello", 0, 900, 0), Mark(MarkKind.PHONEME, "HH", 0, 100))
        name = await r.say()
        view = r.guests.find(name)
        assert view is not None and (view.state, view.lips, view.note) == (UtteranceState.QUEUED, "phonemes", "")
        assert (r.stage.line[0].marks, r.stage.line[0].alphabet) == (r.marks, "arpabet")


@pytest.mark.parametrize("error", [InputError("the sound does not hold the text"), PeerError("it died")])
async def test_what_cannot_be_aligned_is_said_and_noted(error: DuologueError) -> None:
    async with room() as r:
        r.marks = error
        view = r.guests.find(await r.say())
        assert view is not None and (view.state, view.lips) == (UtteranceState.QUEUED, "sound")
        assert error.what in view.note
        r.marks = AssertionError("not asked")
        await r.guests.clear()
        given = [{"text": "hello", "start": 0, "end": 400}]
        await r.guests.accept(UtteranceRequest.model_validate({"character": "chad", "marks": given}), CLIP)
        await r.say(text="")
        assert len(r.stage.line) == 1


async def test_what_nobody_foresaw_in_a_text_ends_no_queue() -> None:
    async with room() as r:
        r.marks = ValueError("Exceeds the limit (4300 digits) for integer string conversion")
        view = r.guests.find(await r.say())
        assert view is not None and (view.state, view.lips) == (UtteranceState.QUEUED, "sound")
        assert "4300 digits" in view.note
        r.marks = ()
        await r.guests.clear()
        assert r.state(await r.say()) is UtteranceState.QUEUED


async def test_no_stage_no_clip() -> None:
    async with room() as r:
        r.stage.ready.clear()
        with pytest.raises(ClosedError, match="being set up"):
            await r.guests.accept(HELLO, CLIP)


async def test_the_queue_is_bounded_in_clips_and_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async with room() as r:
        for _ in range(MAX_CLIPS):
            await r.say()
        with pytest.raises(QueueFull, match="16 clips"):
            await r.say()
        await r.guests.clear()
        monkeypatch.setattr(
            "duologue.app.show.guests.MAX_SECONDS", 6.0
        )  # as with five minutes, which take long to decode
        long = wav(tone(2.2))
        await r.say(audio=long)
        await r.say(audio=long)
        with pytest.raises(QueueFull, match="7 s would wait, and at most 6 s may"):
            await r.say(audio=long)
        assert len(r.guests.queue()) == 2


async def test_only_so_many_old_clips_are_known() -> None:
    async with room() as r:
        first = await r.say()
        await r.guests.skip(first)
        short = wav(tone(0.1))
        for _ in range(99):
            await r.guests.skip(await r.say(audio=short))
        assert r.guests.find(first) is not None
        await r.guests.skip(await r.say(audio=short))
        assert r.guests.find(first) is None


async def test_at_the_end_of_the_show_what_was_accepted_is_still_said() -> None:
    async with room() as r:
        await r.say()
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(r.guests.finish())
            await settle()
            with pytest.raises(ClosedError, match="the show is ending"):
                await r.guests.accept(HELLO, CLIP)
            assert not ending.done()
            r.stage.begin()
            r.stage.end()


async def test_the_same_key_says_it_once() -> None:
    async with room() as r:
        one, other = await asyncio.gather(r.guests.accept(HELLO, CLIP, "k"), r.guests.accept(HELLO, CLIP, "k"))
        assert one == other and len(r.guests.queue()) == 1
        await r.guests.skip(one.id)
        assert await r.guests.accept(HELLO, CLIP, "k") == one  # the answer that was given, not the state now
        for request, audio in ((HELLO, wav(tone(0.5))), (HELLO.model_copy(update={"text": "hi"}), CLIP)):
            with pytest.raises(KeyReused, match="belongs to another request"):
                await r.guests.accept(request, audio, "k")
        assert r.guests.queue() == ()


async def test_a_refused_request_leaves_its_key_free() -> None:
    async with room() as r:
        with pytest.raises(InputError, match="empty"):
            await r.guests.accept(HELLO, b"", "k")
        assert (await r.guests.accept(HELLO, CLIP, "k")).state is UtteranceState.WAITING
        with pytest.raises(InputError, match="300 characters"):
            await r.guests.accept(HELLO, CLIP, "k" * 300)


async def test_whoever_waits_for_the_first_is_told_of_its_failure() -> None:
    answers, gate = IdempotentAnswers[int](), asyncio.Event()

    async def fail() -> int:
        await gate.wait()
        raise InputError("no")

    async def never() -> int:
        raise AssertionError("done twice")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(failure(answers.once("k", b"", fail)))
        await settle()
        second = group.create_task(failure(answers.once("k", b"", never)))
        await settle()
        gate.set()
    assert [str(first.result()), str(second.result())] == ["no.", "no."]


async def test_whoever_waits_for_a_first_that_is_cancelled_may_try_again() -> None:
    answers = IdempotentAnswers[bool]()

    async def never() -> bool:
        raise AssertionError("done twice")

    async with asyncio.TaskGroup() as group:
        first = group.create_task(answers.once("k", b"", asyncio.Event().wait))
        await settle()
        second = group.create_task(failure(answers.once("k", b"", never)))
        await settle()
        first.cancel()
    assert isinstance(second.result(), ClosedError)


async def failure(asked: Awaitable[object]) -> Exception:
    with pytest.raises(DuologueError) as raised:
        await asked
    return raised.value


async def test_only_so_many_keys_are_remembered() -> None:
    answers, done = IdempotentAnswers[int](most=2), list[int]()

    async def work() -> int:
        done.append(len(done))
        return len(done)

    assert [await answers.once(key, b"", work) for key in ("a", "b", "c", "a")] == [1, 2, 3, 4]
    assert await answers.once("c", b"", work) == 3
