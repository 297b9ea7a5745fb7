"""The director on virtual time, among scripted doubles."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from doubles import CHAD, VIRGIN, WORD_SECONDS, FloorDouble, Show

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.on_air.conversation import Brief, Crew, OnAir
from duologue.dialogue.on_air.director import ConversationOutcome
from duologue.dialogue.on_air.plan import MAX_WAITING
from duologue.dialogue.on_air.writing import Limits
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayStarted
from duologue.errors import InputError, InternalError, PeerError
from duologue.language.engine import MAX_HISTORY, Line, Moment
from duologue.language.fake import ScriptedReply
from duologue.language.improv import Improv
from duologue.language.persona import load_persona
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.utterance import Utterance

PACKS = Path(__file__).parents[2] / "packs" / "characters"
LINE = "This line has exactly eight words in it."
USUAL = ScriptedReply(LINE, first=0.2, between=0.01)
LINE_SECONDS = 8 * WORD_SECONDS


def test_turns_alternate_and_the_conversation_ends():
    show = simulate(Show(turns=5).run())
    assert show.outcome is ConversationOutcome.ENDED
    assert [record.speaker for record in show.on_air()] == ["chad", "virgin", "chad", "virgin", "chad"]
    assert [record.number for record in show.on_air()] == [0, 1, 2, 3, 4]
    assert {record.state for record in show.records.values()} == {"ended"}
    assert [prompt.moment for prompt in show.model.prompts] == ["opening", "middle", "middle", "middle", "ending"]
    assert [prompt.model for prompt in show.model.prompts] == ["big", "small", "big", "small", "big"]
    assert show.model.prompts[1].temperature == 0.3


def test_the_silence_between_turns_is_the_chosen_one():
    show = simulate(Show(turns=12).run())
    chosen = [record.gap_ms for record in show.on_air()][1:]
    assert show.silences_ms() == chosen
    assert all(150 <= gap <= 450 for gap in chosen)
    assert len(set(chosen)) > 6
    assert [record.waited_ms for record in show.on_air()] == [0.0] * 12
    assert show.fillers() == []


def test_the_next_turn_is_asked_for_while_this_one_plays():
    show = simulate(Show(turns=4, usual=USUAL).run())
    turns = show.on_air()
    for before, after in itertools.pairwise(turns):
        assert before.on_air <= after.asked < after.first_token < after.text_complete < after.voiced < before.ended


def test_each_prompt_holds_all_that_was_said_before():
    show = simulate(Show(turns=4).run())
    said = [(record.speaker, record.text) for record in show.on_air()]
    for number, prompt in enumerate(show.model.prompts):
        assert [(line.speaker, line.text) for line in prompt.lines] == said[:number]


class Refusing(FloorDouble):
    """Never says one of the utterances that it is given, and reports that after ``seconds``."""

    def __init__(self, clock: LoopClock, number: int, seconds: float) -> None:
        super().__init__(clock)
        self.number, self.seconds = number, seconds

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        self.number -= 1
        if self.number:
            await super().play(utterance, gap_ms)
        else:
            asyncio.get_running_loop().call_later(
                self.seconds, lambda: self.notify(PlayEnded(utterance.id, self.clock.now(), 0, failure="no lips"))
            )


@pytest.mark.parametrize("seconds", [0.0, LINE_SECONDS])
def test_a_line_that_the_floor_never_says_takes_none_of_those_that_it_said(seconds: float):
    """It is refused while the line before it is heard, or when that is over."""
    show = Show(turns=4)
    show.floor = Refusing(show.clock, 2, seconds)
    show.use(show.model)
    simulate(show.run())
    said = [(record.speaker, record.text) for record in show.on_air()]
    assert [speaker for speaker, _ in said] == ["chad", "chad", "virgin"]
    assert [(line.speaker, line.text) for line in show.model.prompts[3].lines] == said[:2]
    assert show.on_air()[1].waited_ms == 0.0 or seconds
    refused = [record for record in show.records.values() if record not in show.on_air() and record.kind != "filler"]
    assert [(record.speaker, record.state, record.failure, record.heard) for record in refused] == [
        ("virgin", "failed", "stage: no lips", "")
    ]
    assert {record.state for record in show.on_air()} == {"ended"}


class Dying(FloorDouble):
    """Begins the first line, is gone for two seconds, and says it from its start."""

    gone = False

    async def _play(self, what: Utterance, start: int) -> int:
        if not self.gone:
            self.gone = True
            self.notify(PlayStarted(what.id, start))
            await asyncio.sleep(2.0)
            start = self.clock.now()
        return await super()._play(what, start)


def test_a_line_that_a_new_stage_says_again_was_said_once():
    show = Show(turns=3)
    show.floor = Dying(show.clock)
    show.use(show.model)
    simulate(show.run())
    said = [(record.speaker, record.text) for record in show.on_air()]
    assert [(line.speaker, line.text) for line in show.model.prompts[2].lines] == said[:2]
    first = show.on_air()[0]
    assert first.heard == first.text and first.ended - first.on_air == round(9 * WORD_SECONDS * SECOND)


def test_every_change_is_told_in_order():
    show = simulate(Show(turns=2).run())
    first = [record.state for record in show.history if record.number == 0]
    assert first == ["writing", "voicing", "queued", "on_air", "ended"]
    assert [what.id for what in show.voiced] == [record.id for record in show.on_air()]


def test_a_late_engine_gets_a_filler_and_the_wait_is_counted():
    script = [ScriptedReply(LINE), ScriptedReply(LINE, first=LINE_SECONDS + 4.0)]
    show = simulate(Show(script, turns=3).run())
    fillers = show.fillers()
    assert [record.speaker for record in fillers] == ["virgin", "virgin"]
    assert {record.text for record in fillers} == {"Um."}
    gap = show.on_air()[1].gap_ms
    assert show.silences_ms()[0] == pytest.approx(gap, abs=1)  # the filler comes where the turn should have come
    starts = [start for what, start, _ in show.floor.played if what.text == "Um."]
    assert starts[1] - starts[0] >= 3 * SECOND
    waits = [record.waited_ms for record in show.on_air()]
    assert waits[0] == 0.0 and 3_500 < waits[1] < 5_500 and waits[2] == 0.0


def test_offline_nobody_is_late():
    script = [ScriptedReply(LINE), ScriptedReply(LINE, first=30.0)]
    show = simulate(Show(script, turns=3, patient=True, limits=Limits(write_seconds=60)).run())
    assert show.fillers() == []
    assert len(show.on_air()) == 3


def test_equal_seeds_give_equal_shows_offline():
    def outline(seed: int) -> list[tuple[str, str, int]]:
        show = simulate(Show(turns=8, seed=seed, patient=True).run())
        return [(record.speaker, record.text, record.gap_ms) for record in show.on_air()]

    assert outline(1) == outline(1)
    assert [gap for *_, gap in outline(1)] != [gap for *_, gap in outline(2)]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (ScriptedReply(hang=True), "no answer in 20 s"),
        (ScriptedReply(""), "nothing that can be spoken"),
        (ScriptedReply("*laughs* 🎉"), "nothing that can be spoken"),
        (ScriptedReply("Half a sentence that", failure="the connection was cut", pieces=3), "the connection was cut"),
    ],
)
def test_an_engine_that_fails_once_is_asked_again(bad: ScriptedReply, why: str):
    show = simulate(
        Show([ScriptedReply(LINE), bad, ScriptedReply("Second attempt went well.")], turns=3, usual=USUAL).run()
    )
    turn = show.on_air()[1]
    assert turn.text == "Second attempt went well."
    assert why in turn.failure
    assert show.outcome is ConversationOutcome.ENDED and len(show.on_air()) == 3


def test_an_engine_that_fails_twice_is_replaced_in_character():
    script = [ScriptedReply(LINE), ScriptedReply(failure="it refused", pieces=0), ScriptedReply(hang=True)]
    show = simulate(Show(script, turns=3, usual=USUAL).run())
    turn = show.on_air()[1]
    assert turn.text in VIRGIN.deflections
    assert "it refused" in turn.failure and "no answer in 20 s" in turn.failure
    assert turn.waited_ms > 15_000
    assert show.model.cancelled == 1


def test_a_refused_line_is_replaced_in_character_and_counted():
    show = simulate(Show([ScriptedReply("Well, that is bullshit, my friend.")], turns=2, usual=USUAL).run())
    turn = show.on_air()[0]
    assert turn.text in CHAD.deflections and turn.refused == 1 and turn.failure == ""
    assert all("bullshit" not in text for text in show.voice.texts)
    assert all("bullshit" not in line.text for line in show.model.prompts[1].lines)


def test_a_refused_topic_starts_nothing():
    with pytest.raises(InputError, match="may not go on air"):
        simulate(Show(topic="fuck this").director.run(Show(topic="f.u.c.k this").brief))


def test_long_replies_are_capped_and_the_rest_is_not_awaited():
    show = simulate(Show([ScriptedReply("One two three four five. " * 200, between=0.001)], turns=1).run())
    assert show.on_air()[0].text == " ".join(["One two three four five."] * 6)
    assert show.model.cancelled == 1


def test_a_voice_that_fails_once_is_asked_again():
    async def main() -> Show:
        show = Show(turns=2)
        show.voice.failures = 1
        return await show.run()

    show = simulate(main())
    assert len(show.on_air()) == 2 and "the voice broke" in show.on_air()[0].failure


def test_a_turn_that_cannot_be_voiced_is_left_out():
    async def main() -> Show:
        show = Show(turns=3)
        show.voice.failures = 2
        return await show.run()

    show = simulate(main())
    assert [record.number for record in show.on_air()] == [1, 2]
    assert [record.state for record in show.records.values() if record.number == 0] == ["failed"]


def test_a_dead_voice_ends_the_conversation():
    async def main() -> Show:
        show = Show(turns=12)
        show.voice.failures = 100
        with pytest.raises(PeerError, match="3 turns in a row"):
            await show.run()
        return show

    show = simulate(main())
    assert not show.director.running
    assert {record.state for record in show.records.values()} == {"failed"}


def test_a_floor_that_loses_a_turn_does_not_hold_the_show():
    async def main() -> Show:
        show = Show(turns=3)
        show.floor.mute_reports = {"c-0"}
        return await show.run()

    show = simulate(main())
    assert show.records["c-0"].state == "failed" and "never reported" in show.records["c-0"].failure
    assert [record.number for record in show.on_air()] == [0, 1, 2]


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.35, 1.0, 3.55, 3.7, 5.0])
def test_stop_is_immediate_in_every_state(seconds: float):
    usual = ScriptedReply(LINE, first=0.3)
    stopped = 0

    async def stop(show: Show) -> None:
        nonlocal stopped
        await asyncio.sleep(seconds)
        await show.director.stop()
        stopped = show.clock.now()

    show = simulate(Show(turns=12, usual=usual).run(stop))
    assert show.outcome is ConversationOutcome.STOPPED
    assert stopped - round(seconds * SECOND) <= 50 * MILLISECOND
    assert show.floor.queue == [] and not show.director.running
    assert {record.state for record in show.records.values()} <= {"ended", "withdrawn"}
    playing = [record for record in show.records.values() if record.interrupted]
    assert all(record.text.startswith(record.heard) and record.heard != record.text for record in playing)


def test_what_was_heard_of_a_stopped_turn_is_kept():
    async def stop(show: Show) -> None:
        await asyncio.sleep(0.4 + 3.5 * WORD_SECONDS)
        await show.director.stop()

    show = simulate(Show([ScriptedReply(LINE)], turns=3).run(stop))
    first = show.records["c-0"]
    assert first.interrupted and first.heard in ("This line has", "This line")


def chat(at: float, *messages: tuple[str, str, str]):
    """Say things at a time; the answers' ids are kept in ``answers``."""
    answers: list[str] = []

    async def say(show: Show) -> None:
        await asyncio.sleep(at)
        for message in messages:
            answers.append(await show.director.say(*message))

    return say, answers


@pytest.mark.parametrize("at", [0.05, 0.2, 0.6, 1.5, 3.2, 3.55, 3.9, 6.0])
def test_a_message_is_answered_by_the_very_next_turn_to_begin(at: float):
    say, answers = chat(at, ("Ada", "Why so serious?", "Virgin"))
    show = simulate(Show(turns=6, usual=USUAL).run(say))
    answer = show.records[answers[0]]
    assert answer.kind == "answer" and answer.speaker == "virgin" and answer.state == "ended"
    begun_after = [record for record in show.on_air() if record.on_air > at * SECOND + 10 * MILLISECOND]
    assert begun_after[0].id == answer.id
    assert len([record for record in show.on_air() if record.kind == "turn"]) == 6
    prompt = next(prompt for prompt in show.model.prompts if prompt.moment is Moment.ANSWER)
    assert (prompt.lines[-1].speaker, prompt.lines[-1].text) == ("Ada", "Why so serious?")
    person = [record for record in show.records.values() if record.kind == "person"]
    assert [(record.speaker, record.text, record.state) for record in person] == [("Ada", "Why so serious?", "ended")]


def test_an_answer_comes_within_three_seconds_of_the_turn_in_progress():
    say, answers = chat(1.5, ("Ada", "Why so serious?", "chad"))
    show = simulate(Show(turns=6, usual=USUAL).run(say))
    answer = show.records[answers[0]]
    before = show.on_air()[show.on_air().index(answer) - 1]
    assert answer.on_air - before.ended <= 3 * SECOND
    assert answer.waited_ms == 0.0


def test_a_withdrawn_turn_is_planned_anew_with_the_answer_in_its_context():
    say, _ = chat(1.5, ("Ada", "Hello there!", "chad"))
    show = simulate(Show(turns=4, usual=USUAL).run(say))
    withdrawn = [record for record in show.records.values() if record.state == "withdrawn"]
    assert [(record.number, record.kind) for record in withdrawn] == [(1, "turn")]
    assert [(record.number, record.kind, record.speaker) for record in show.on_air()] == [
        (0, "turn", "chad"), (1, "answer", "chad"), (1, "turn", "virgin"), (2, "turn", "chad"), (3, "turn", "virgin"),
    ]  # fmt: skip
    again = [prompt for prompt in show.model.prompts if prompt.turn == 1 and prompt.moment is Moment.MIDDLE][-1]
    assert [line.speaker for line in again.lines] == ["chad", "Ada", "chad"]


def test_several_messages_are_answered_in_turn():
    messages = [
        (f"guest {number}", f"Question number {number}?", ("chad", "virgin")[number % 2]) for number in range(4)
    ]
    say, answers = chat(1.5, *messages)
    show = simulate(Show(turns=4, usual=USUAL).run(say))
    kinds = [record.kind for record in show.on_air()]
    assert kinds == ["turn", *["answer"] * 4, "turn", "turn", "turn"]
    assert [record.id for record in show.on_air()[1:5]] == answers


def test_a_message_during_the_last_turn_is_still_answered():
    say, answers = chat(1.0, ("Ada", "One more?", "chad"))
    show = simulate(Show(turns=1, usual=USUAL).run(say))
    assert [record.id for record in show.on_air()] == ["c-0", answers[0]]


def test_a_message_that_comes_with_the_last_word_is_answered(monkeypatch: pytest.MonkeyPatch):
    answers: list[str] = []
    on_air: list[OnAir] = []

    class Kept(OnAir):
        def __init__(self, crew: Crew, brief: Brief) -> None:
            super().__init__(crew, brief)
            on_air.append(self)

    monkeypatch.setattr("duologue.dialogue.on_air.director.OnAir", Kept)

    async def say(show: Show) -> None:
        notify = show.floor.notify

        def with_the_last_word(event: PlayEvent) -> None:
            notify(event)
            if isinstance(event, PlayEnded) and not answers:
                answers.append(on_air[0].ask("Ada", "One more?", "chad"))

        show.floor.notify = with_the_last_word

    show = simulate(Show(turns=1, usual=USUAL).run(say))
    assert [record.id for record in show.on_air()] == ["c-0", answers[0]]


def test_too_many_messages_are_refused():
    async def flood(show: Show) -> None:
        await asyncio.sleep(1.0)
        for number in range(MAX_WAITING):
            await show.director.say("Ada", f"Message {number}.", "chad")
        with pytest.raises(InputError, match="20 messages wait"):
            await show.director.say("Ada", "One too many.", "chad")
        await show.director.stop()

    assert simulate(Show(usual=USUAL).run(flood)).outcome is ConversationOutcome.STOPPED


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (("Ada", "Hi.", "nobody"), "there is no 'nobody' on stage"),
        (("Ada", "You bastard!", "chad"), "may not go on air"),
        (("f u c k", "Hi.", "chad"), "the name holds a word"),
        (("Ada", "   ", "chad"), "the chat is empty"),
        (("Ada", "a" * 401, "chad"), "at most 400"),
    ],
)
def test_bad_messages_are_refused_with_a_reason(message: tuple[str, str, str], what: str):
    async def say(show: Show) -> None:
        await asyncio.sleep(1.0)
        with pytest.raises(InputError, match=what):
            await show.director.say(*message)

    show = simulate(Show(turns=2, usual=USUAL).run(say))
    assert len(show.on_air()) == 2


def test_without_a_conversation_nobody_answers():
    with pytest.raises(InputError, match="no conversation is on air"):
        simulate(Show().director.say("Ada", "Hi.", "chad"))


def test_one_conversation_at_a_time():
    async def second(show: Show) -> None:
        await asyncio.sleep(1.0)
        with pytest.raises(InternalError, match="already"):
            await show.director.run(show.brief)

    assert simulate(Show(turns=2).run(second)).outcome is ConversationOutcome.ENDED


def test_one_character_may_talk_alone():
    show = simulate(Show(turns=3, cast=(CHAD,)).run())
    assert [record.speaker for record in show.on_air()] == ["chad"] * 3


def test_a_filler_that_cannot_be_voiced_is_told_and_missed_by_nobody():
    async def main() -> Show:
        show = Show([ScriptedReply(LINE), ScriptedReply(LINE, first=LINE_SECONDS + 2.0)], turns=2)
        show.voice.mute_fillers = True
        return await show.run()

    show = simulate(main())
    assert [(record.state, record.text) for record in show.fillers()] == [
        ("failed", "Hm."), ("failed", "Right."), ("failed", "Um."),
    ]  # fmt: skip
    assert show.on_air()[1].waited_ms > 1000


@pytest.mark.slow
def test_an_endless_conversation_remembers_a_bounded_past():
    async def stop(show: Show) -> None:
        await asyncio.sleep(1.5 * MAX_HISTORY / Line("chad", LINE).size * 5.0)
        await show.director.stop()

    show = simulate(Show(turns=0).run(stop), limit=36_000)
    sizes = [sum(line.size for line in prompt.lines) for prompt in show.model.prompts]
    assert MAX_HISTORY - 200 < sizes[-1] <= max(sizes) <= MAX_HISTORY
    assert show.outcome is ConversationOutcome.STOPPED


@pytest.mark.parametrize("patient", [True, False])
def test_the_shipped_double_act_holds_a_show(patient: bool):
    def hold() -> Show:
        cast = (load_persona(PACKS / "chad"), load_persona(PACKS / "virgin"))
        show = Show(turns=12, seed=3, topic="my cat", patient=patient, cast=cast)
        show.use(Improv())
        return simulate(show.run())

    show = hold()
    turns = show.on_air()
    assert len({turn.text for turn in turns}) == 12
    assert all(turn.failure == "" and turn.refused == 0 and turn.waited_ms == 0.0 for turn in turns)
    assert "good night" in turns[-1].text.lower()
    assert [turn.text for turn in hold().on_air()] == [turn.text for turn in turns]


def test_later_turns_see_of_an_interrupted_one_what_was_heard():
    async def interrupt(show: Show) -> None:
        await asyncio.sleep(0.4 + 3.5 * WORD_SECONDS)
        await show.floor.clear()

    show = simulate(
        Show([ScriptedReply(LINE)], turns=4, usual=ScriptedReply("Another one of these lines.")).run(interrupt)
    )
    first = show.records["c-0"]
    assert first.interrupted and len(first.heard) < len(LINE) and LINE.startswith(first.heard)
    assert show.model.prompts[-1].lines[0].text == first.heard
