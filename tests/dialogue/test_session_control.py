"""What the owner and the line do to a conversation while it goes on: each in a whole one, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import pytest
from session_doubles import ADA, LoudVoice, Says, Talk

from duologue.audio.pcm import Samples
from duologue.dialogue.ports import PlayProgress, PlayStarted
from duologue.dialogue.session.control import SessionControl
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    BeginStretch,
    CallTool,
    Commit,
    Event,
    GiveResult,
    HandOver,
    Note,
    Play,
    Say,
    Sounds,
    ToolRan,
    When,
    Withdraw,
)
from duologue.errors import InputError
from duologue.language.engine import Line, Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.languages import load_language
from duologue.language.tools import RemoteTool, Toolbox, ToolCall
from duologue.simulation.virtual_time import simulate

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

ASKS = Says(1.0, "what time is it please Ada")
TWO = ScriptedReply("It is nearly noon in this town. The clock on the tower says so.", 0.2)
Step = tuple[float, Callable[[SessionControl], object]]


def held(talk: Talk, *steps: Step) -> Talk:
    """``talk`` with what the owner does at each time (seconds)."""

    async def source() -> AsyncGenerator[Samples, None]:
        waiting = sorted(steps, key=lambda step: step[0])
        number = 0
        async for block in talk.source():
            while waiting and number * 0.02 >= waiting[0][0]:
                waiting.pop(0)[1](talk.session.control)
            number += 1
            yield block

    return simulate(talk.run(source))


def heard(talk: Talk) -> list[str]:
    return [item.heard for _, item in talk.log if isinstance(item, Commit)]


def test_the_owner_speaks_in_the_place_of_the_reply() -> None:
    talk = held(Talk([ASKS], [TWO]), (4.5, lambda control: control.speak("One moment please. I am called away.")))
    first, second = heard(talk)
    assert first and "It is nearly noon in this town.".startswith(first)
    assert second == "One moment please. I am called away."
    assert talk.context()[-1] == ("ada", second)


def test_the_owner_speaks_after_the_sentence_and_the_next_one_is_taken_back() -> None:
    talk = held(Talk([ASKS], [TWO]), (4.5, lambda control: control.speak("One moment.", When.SENTENCE)))
    assert heard(talk) == ["It is nearly noon in this town.", "One moment."]
    assert any(isinstance(item, Withdraw) for _, item in talk.log)


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to say"):
        SessionControl(lambda event: None).speak(" … ")


def test_what_the_owner_wants_said_is_cut_as_the_character_speaks() -> None:
    events: list[Event] = []
    control = SessionControl(events.append, language=load_language("de"))
    control.speak("Am 3. Mai sind es 20 °C & Sonne. Bis bald!")
    control.change(language=load_language("en"))
    control.speak("It is 20 °C.")
    control.change(persona=replace(ADA, language=load_language("de")))
    control.speak("Es sind 20 °C.")
    assert [event.sentences for event in events if isinstance(event, Say)] == [
        ("Am 3. Mai sind es 20 °C & Sonne.", "Bis bald!"), ("It is 20 °C.",), ("Es sind 20 °C.",),
    ]  # fmt: skip


def test_the_owner_interrupts_and_the_floor_is_silent_at_once() -> None:
    talk = held(Talk([ASKS], [TWO]), (4.5, SessionControl.interrupt))
    (only,) = talk.sounding()
    assert only[1] <= 4.56 and Note.STOPPED in talk.notes() and len(heard(talk)) == 1


def test_push_to_talk_waits_for_the_commit_however_long_the_pause() -> None:
    script = [Says(1.0, "what time is it"), Says(5.0, "please Ada")]
    policy = Policy(manual=True, speculate=False)
    talk = held(Talk(script, [TWO], policy=policy), (7.0, SessionControl.commit_turn))
    assert sum(isinstance(item, BeginStretch) for _, item in talk.log) == len(heard(talk)) == 1
    assert talk.sounding()[0][0] > 7.0


def test_a_turn_that_is_cancelled_is_never_answered() -> None:
    policy = Policy(manual=True, speculate=False)
    talk = held(
        Talk([ASKS], [TWO], policy=policy), (4.0, SessionControl.cancel_turn), (5.0, SessionControl.commit_turn)
    )
    assert talk.context() == [] and talk.sounding() == []


def test_digits_go_to_whoever_registered_last_and_a_broken_menu_ends_nothing() -> None:
    pressed: list[str] = []

    def breaks(digit: str) -> None:
        raise ValueError(digit)

    talk = held(
        Talk([ASKS], [TWO]),
        (0.1, lambda control: control.press("1")),
        (0.2, lambda control: control.on_digit(pressed.append)),
        (0.3, lambda control: control.press("#")),
        (0.4, lambda control: control.on_digit(breaks)),
        (0.5, lambda control: control.press("2")),
    )
    assert pressed == ["#"] and len(heard(talk)) == 1


@pytest.mark.parametrize("digit", ["", "10", "E", "a"])
def test_what_is_no_key_is_refused(digit: str) -> None:
    with pytest.raises(InputError, match="no key"):
        SessionControl(lambda event: None).press(digit)


@pytest.mark.parametrize("to", ["", "sales"])
def test_the_line_is_left_after_the_sentence(to: str) -> None:
    talk = held(Talk([ASKS], [TWO]), (4.5, lambda control: control.leave(to)))
    assert heard(talk) == ["It is nearly noon in this town."]
    assert talk.session.control.handed_to == to
    assert [item.to for _, item in talk.log if isinstance(item, HandOver)] == ([to] if to else [])


def test_another_persona_and_voice_answer_the_next_question() -> None:
    talk = Talk([ASKS, Says(9.0, "and who are you")], [TWO, ScriptedReply("I am Ben.")])
    ben = replace(ADA, name="ben", title="Ben", fillers=())
    other = LoudVoice(talk.clock)
    held(talk, (7.9, lambda control: control.change(persona=ben, voice=other)))
    assert talk.model.prompts[0].speaker.name == "ada"
    assert talk.model.prompts[-1].speaker.name == "ben" and talk.context()[-1] == ("ben", "I am Ben.")
    said = [item.utterance.speaker for _, item in talk.log if isinstance(item, Sounds)]
    assert said[0] == "ada" and said[-1] == "ben"


def test_who_hangs_up_does_not_wait_for_what_a_new_voice_prepares() -> None:
    talk = Talk([], seconds=3.0)
    slow = LoudVoice(talk.clock, seconds=4.0)
    held(talk, (2.0, lambda control: control.change(voice=slow)))
    assert talk.ended == pytest.approx(3.0, abs=0.1)


def test_what_is_being_prepared_for_who_spoke_before_is_not_said_by_the_next() -> None:
    """The second apology is in the making, in English, when the language changes; in German it cannot be prepared."""
    german = load_language("de")
    talk = Talk([ASKS], [ScriptedReply(failure="broken", pieces=0)] * 9)
    talk.voice = LoudVoice(talk.clock, seconds=1.0)
    other = LoudVoice(talk.clock, fails=lambda utterance_id: utterance_id.startswith("apology"))
    held(talk, (1.5, lambda control: control.change(language=german, voice=other)))
    assert heard(talk) == [german.apologies.thinking]


def test_another_policy_holds_from_the_next_turn_on() -> None:
    talk = Talk([ASKS], [TWO], policy=Policy(speculate=False))
    held(talk, (0.5, lambda control: control.change(policy=Policy(speculate=False, manual=True))))
    assert talk.sounding() == []


def test_another_language_is_listened_to_and_waited_for() -> None:
    talk = Talk([ASKS], [TWO])
    held(talk, (0.5, lambda control: control.change(language=load_language("de"))))
    assert talk.ears.calls[-1].language == "de"


def test_history_is_there_from_the_start() -> None:
    talk = Talk([ASKS], [TWO])
    talk.options = replace(talk.options, history=(Line("person", "I am Bo."), Line("ada", "Hello Bo.")))
    held(talk)
    assert [line.text for line in talk.model.prompts[0].lines][:2] == ["I am Bo.", "Hello Bo."]
    assert len(talk.context()) == 4


def test_ids_begin_with_the_sessions_own() -> None:
    talk = Talk([ASKS], [TWO])
    talk.options = replace(talk.options, id="c7")
    held(talk)
    played = [item.utterance.id for _, item in talk.log if isinstance(item, Play)]
    assert played and all(name.startswith("c7-r") for name in played)


def test_what_was_not_heard_is_played_on_the_sink_that_is_attached() -> None:
    talk = Talk([ASKS], [TWO])
    second: list[Samples] = []
    tasks: list[asyncio.Task[None]] = []

    def attach(control: SessionControl) -> None:
        sink = PacedSink(second.append, lambda report: talk.session.notify(report), talk.clock)
        tasks.append(asyncio.get_running_loop().create_task(sink.run()))
        control.attach(sink)

    def leave_first(control: SessionControl) -> None:
        talk.deaf = True

    held(talk, (4.0, leave_first), (4.5, attach))
    tasks[0].cancel()
    assert heard(talk) == ["It is nearly noon in this town. The clock on the tower says so."]
    assert any(float(abs(block).max()) > 0.01 for block in second)


def test_what_the_sink_before_would_have_said_is_no_echo_any_more() -> None:
    """The new sink is silent yet when the person says those very words."""
    theirs = Says(4.4, "noon in this town")
    talk = Talk([ASKS, theirs], [TWO, ScriptedReply("Yes.", 0.2)], seconds=9.0)
    silent = PacedSink(lambda block: None, lambda report: None, talk.clock)
    played: list[str] = []

    def attach(control: SessionControl) -> None:
        (name,) = played[:1]
        control.attach(silent)
        reports = (PlayProgress(name, talk.clock.now(), 30_000), PlayStarted(name, talk.clock.now()))
        for report in reports:  # of the old one, on their way still
            talk.session.notify(report)

    def note(control: SessionControl) -> None:
        played.extend(item.utterance.id for _, item in talk.log if isinstance(item, Play))

    held(talk, (3.85, note), (3.9, attach))
    assert [line for line in talk.context() if line[0] == "person"] == [("person", ASKS.text), ("person", theirs.text)]
    assert Note.ECHO not in talk.notes()


class Asks(FakeLanguage):
    """Has its tool called, and says what came of it."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        self.prompts.append(prompt)
        assert prompt.tools is not None
        async for filler in prompt.tools.run([ToolCall("x", "door", '{"open": true}')]):
            yield filler
        told = prompt.tools.outcomes[-1]
        yield f"It says {told.failure or told.shown}. "


DOOR = RemoteTool("door", "Open the door.", {"type": "object"}, limit_seconds=2.0)


def called(*answers: tuple[float, str, object], failure: str = "") -> Talk:
    """A conversation whose far end gives these answers: seconds after the call, to which id (empty: its own), what."""
    talk = Talk([ASKS], policy=Policy(speculate=False))
    talk.model = Asks(clock=talk.clock)
    talk.options = replace(talk.options, toolbox=Toolbox([DOOR]))

    async def source() -> AsyncGenerator[Samples, None]:
        sent = False
        async for block in talk.source():
            for _, item in talk.log:
                if isinstance(item, CallTool) and not sent:
                    sent = True
                    for seconds, name, result in answers:
                        asyncio.get_running_loop().call_later(
                            seconds,
                            lambda name=name or item.call.id, result=result: talk.session.control.answer(
                                name, result, failure=failure
                            ),
                        )
            yield block

    return simulate(talk.run(source))


def outcome(talk: Talk) -> str:
    (ran,) = [item.outcome for _, item in talk.log if isinstance(item, ToolRan)]
    return ran.failure or ran.shown


def test_the_far_end_runs_a_tool_and_its_answer_is_said() -> None:
    talk = called((0.5, "", "open"))
    assert outcome(talk) == '"open"' and talk.context()[-1][1] == 'It says "open".'


def test_a_tool_that_the_far_end_could_not_run_failed() -> None:
    assert "it is stuck" in outcome(called((0.5, "", None), failure="it is stuck"))


def test_a_tool_that_the_far_end_never_answers_is_given_up() -> None:
    assert outcome(called()) == "no result in 2 s"


def test_an_answer_that_comes_too_late_is_named_and_changes_nothing() -> None:
    talk = called((3.0, "", "open"))
    assert outcome(talk) == "no result in 2 s" and Note.FAILED in talk.notes()


def test_a_second_answer_is_named_and_changes_nothing() -> None:
    talk = called((0.5, "", "open"), (0.6, "", "shut"))
    assert outcome(talk) == '"open"' and sum(isinstance(item, GiveResult) for _, item in talk.log) == 1
    assert Note.FAILED in talk.notes()


def test_an_answer_to_no_call_is_named() -> None:
    talk = called((0.4, "c99", "open"), (0.5, "", "open"))
    assert outcome(talk) == '"open"' and Note.FAILED in talk.notes()


def test_a_call_without_anybody_to_run_it_fails_in_words() -> None:
    async def ask() -> None:
        await DOOR.ask(ToolCall("x", "door", "{}"), None)

    with pytest.raises(InputError, match="nobody"):
        asyncio.run(ask())
