"""Calls, whatever carries them: scripted callers in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from call_doubles import Does, Exchange, Gone, Says, ScriptedLeg
from engine_doubles import install
from structlog.testing import capture_logs

from duologue.app.calls.line_models import CallState
from duologue.app.calls.plan import sentences
from duologue.app.models import CallEvent, CallTurnEvent, LevelsEvent, NoticeEvent
from duologue.app.talking.talking import Partner
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import FrameResampler
from duologue.audio.tracks import Tracks
from duologue.clock import SECOND
from duologue.dialogue.listening.echo_sound import EchoReference
from duologue.dialogue.recording import ConversationRecorder
from duologue.errors import InputError, PeerError
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.languages import ENGLISH
from duologue.phone import leg as far
from duologue.phone.leg import CallInfo
from duologue.phone.turned_away import AwayReason
from duologue.simulation.virtual_time import simulate
from duologue.speech.fake import Behaviour, FakeSpeech
from duologue.speech.hearing_fake import Loudness
from duologue.telemetry.ledger import CallRecord, EndingRecord, OverRecord, QualityRecord
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.log import Redactor
from duologue.telemetry.run_shelf import RunShelf, RunState
from duologue.telemetry.runs import RunKeeping

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

GREETED = '[phone]\ngreeting = "Hello there."\n'
HUMAN = """
[phone.transfers.human]
to = "200"
digit = "0"
about = "a person of the team"
"""


def place(
    monkeypatch: pytest.MonkeyPatch, folder: Path, settings: str = GREETED, *, script: tuple[Says | Does, ...] = (),
    replies: tuple[ScriptedReply, ...] = (), seconds: float = 12.0, **options: object,
) -> tuple[Exchange, ScriptedLeg]:  # fmt: skip
    says = [each for each in script if isinstance(each, Says)]
    exchange = Exchange(monkeypatch, settings, says=says, replies=replies, folder=folder)
    leg = replace(ScriptedLeg(exchange.clock), script=script, seconds=seconds, **options)
    return exchange, leg


def test_a_call_is_answered_greeted_and_held_and_leaves_its_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange, leg = place(
        monkeypatch, tmp_path, script=(Says(3.0, "what is new"),), replies=(ScriptedReply("Not very much."),)
    )
    simulate(exchange.hold(leg))
    assert leg.rang
    assert leg.answered
    assert exchange.said() == ["Hello there.", "Not very much."]
    assert exchange.ears.calls[0].telephone
    answer = next(turn for turn in exchange.turns() if turn.text == "Not very much.")
    assert answer.spoken_to <= answer.decided <= answer.sent
    assert answer.first_sentence <= answer.first_audio <= answer.sent
    (record,) = exchange.records()
    assert (record.caller, record.called, record.character) == ("16", "1000", "phone")
    assert record.codec == "PCMU/8000"
    assert record.reason == "the caller hung up"
    assert not record.failed
    assert {entry.of for entry in exchange.entries} <= {f"line:{leg.info.id}", "house"}
    assert {talk.id for talk in exchange.talks} == {leg.info.id}
    assert exchange.calls.count == 0


def test_the_log_has_the_points_of_an_answer_and_blots_out_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``first_token`` ends as a secret does; and only what ends in ``_ms`` is a figure to who reads logs."""
    script, replies = (Says(3.0, "what is new"),), (ScriptedReply("Not very much."),)
    exchange, leg = place(monkeypatch, tmp_path, "", script=script, replies=replies)
    with capture_logs() as logs:
        simulate(exchange.hold(leg))
    told = next(each for each in logs if each["event"] == "call.turn")
    figures = {name: value for name, value in Redactor()(None, "info", told).items() if name.endswith("_ms")}
    assert set(figures) == {f"{name}_ms" for name in ("decided", "transcript", "first_token", "t1", "t2", "t3")}
    assert all(isinstance(value, float) for value in figures.values())


def test_a_call_keeps_a_run_with_all_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange, leg = place(
        monkeypatch, tmp_path, script=(Says(3.0, "what is new"), Does(4.0, far.Quality(0.02, 9.0, 31.0, 0.01))),
        replies=(ScriptedReply("Not very much."),),
    )  # fmt: skip
    recorder = exchange.ledger.keep_runs(RunKeeping(tmp_path / "runs"))
    simulate(exchange.hold(leg))
    recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert (run.digest.what, run.state, run.digest.title) == ("call", RunState.OVER, "16 → 1000, phone")
    assert run.digest.turns == 3, "the greeting, the question, the answer"
    kept = [entry.record for entry in LedgerReader(run.folder)]
    assert isinstance(kept[-2], CallRecord) and isinstance(kept[-1], OverRecord)
    assert QualityRecord(2.0, 9.0, 31.0, 1.0) in kept and any(isinstance(each, EndingRecord) for each in kept)


def test_the_greeting_was_voiced_before_and_sounds_when_the_call_is_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange, leg = place(monkeypatch, tmp_path, '[phone]\nannounce = "A machine."\ngreeting = "Hello there."\n')

    async def story() -> None:
        async with exchange.pool.open(), exchange.talk.warm():
            async with exchange.talk.open(exchange.calls.plans.usual.member) as partner:
                lines = exchange.calls.plans.usual.lines
                assert lines[:2] == ("A machine.", "Hello there.")
                usual = partner.persona.language.telephone
                assert {*sentences(usual.handing_over, ENGLISH), *sentences(usual.not_reached, ENGLISH)} <= {*lines}
                await exchange.lines.prepare(partner.engines.voice, "phone", lines)
            asked = len(exchange.voice.calls)
            async with asyncio.TaskGroup() as group:
                group.create_task(leg.live())
                group.create_task(exchange.calls.take(leg))
            greetings = [text for text, _ in exchange.voice.calls[asked:] if text in lines]
            assert greetings == []

    simulate(story())
    assert leg.words[0][0] <= 0.03
    assert exchange.said()[0] == "A machine. Hello there."


def test_a_caller_may_interrupt_and_on_a_half_duplex_line_is_not_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = "one two three four five six seven eight nine ten eleven twelve"
    script = (Says(2.0, "tell me"), Says(5.0, "stop it now please"))
    exchange, leg = place(monkeypatch, tmp_path, script=script, replies=(ScriptedReply(long), ScriptedReply("Fine.")))
    simulate(exchange.hold(leg))
    cut = next(turn for turn in exchange.turns() if turn.text.startswith("one two"))
    assert cut.interrupted
    assert 0 < len(cut.heard) < len(long)

    half = '[phone]\ngreeting = "Hello there."\nduplex = "half"\n'
    exchange, leg = place(
        monkeypatch, tmp_path, half, script=script, replies=(ScriptedReply(long), ScriptedReply("Fine."))
    )
    simulate(exchange.hold(leg))
    whole = next(turn for turn in exchange.turns() if turn.text.startswith("one two"))
    assert not whole.interrupted
    assert whole.heard == long


def test_zero_is_for_a_human_who_is_told_what_was_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = (Says(2.0, "what is new"), Does(6.0, far.Digit("0", 100)))
    exchange, leg = place(monkeypatch, tmp_path, GREETED + HUMAN, script=script, replies=(ScriptedReply("Not much."),))
    simulate(exchange.hold(leg))
    assert leg.referred is not None
    target, headers = leg.referred
    assert target == "200"
    assert "Caller: what is new | We: Not much." in headers["X-Duologue-Said"]
    assert exchange.said()[-1] == "One moment, please, I will put you through."
    (record,) = exchange.records()
    assert (record.transferred, record.digits, record.failed) == ("200", 1, False)


def test_who_presses_zero_again_and_again_is_told_once_that_they_are_put_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each press began the sentence anew ("One… One… One moment"). After a transfer that failed the key counts again;
    another key, meanwhile, counts as well.
    """
    handing = "One moment, please, I will put you through."
    keys = tuple(Does(at, far.Digit("0")) for at in (1.5, 1.8, 2.1, 9.0, 9.3))
    exchange, leg = place(
        monkeypatch, tmp_path, GREETED + HUMAN, script=keys, transfer=far.LegTransferred(False, "busy")
    )
    simulate(exchange.hold(leg))
    said = exchange.said()
    assert [each for each in said if each.startswith("One")] == [handing, handing]

    desk = '[phone.transfers.desk]\nto = "201"\ndigit = "1"\nsay = "I will ring the desk."\n'
    keys = (Does(1.5, far.Digit("0")), Does(1.8, far.Digit("1")))
    exchange, leg = place(monkeypatch, tmp_path, GREETED + HUMAN + desk, script=keys)
    simulate(exchange.hold(leg))
    assert exchange.said()[-1] == "I will ring the desk."
    assert leg.referred is not None
    assert leg.referred[0] == "201"


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ({"transfer": far.LegTransferred(False, "busy")}, 15.0),
        ({"transfer": None}, 50.0),
        ({"takes_transfers": False}, 15.0),
    ],
)
def test_when_nobody_is_there_the_character_goes_on_and_remembers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: dict[str, object], again: float
) -> None:
    """Also after a transfer that took as long as a silence may, with a voice that takes its time to say so."""
    script = (Says(3.0, "what is new"), Does(7.0, far.Digit("0")), Says(again, "then you"))
    replies = (ScriptedReply("Not much."), ScriptedReply("All right."))
    exchange, leg = place(
        monkeypatch, tmp_path, GREETED + HUMAN, script=script, replies=replies, seconds=again + 10, **options
    )
    exchange.voice = FakeSpeech(usual=Behaviour(latency=SECOND), clock=exchange.clock)
    simulate(exchange.hold(leg))
    said = exchange.said()
    assert "I am sorry, I could not reach anybody there." in said[3]
    assert said[-1] == "All right."
    lines = [line.text for line in exchange.model.prompts[-1].lines]
    assert "what is new" in lines
    assert exchange.records()[0].transferred == ""
    (told,) = [event.notice for event in exchange.told if isinstance(event, NoticeEvent)]
    assert told.text.startswith("The call was not handed over to 200: ")
    ids = [turn.id for turn in exchange.turns()]
    assert len(ids) == len(set(ids))


def test_who_was_put_through_while_they_held_may_be_silent_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody still speaks of a conversation that is over."""
    script = (
        Says(3.0, "one two three four five six"), Does(4.0, far.Held(True)), Does(6.0, far.Digit("0")),
        Does(8.0, far.Held(False)),
    )  # fmt: skip
    exchange, leg = place(monkeypatch, tmp_path, GREETED + HUMAN, script=script, seconds=120.0, transfer=None)
    simulate(exchange.hold(leg))
    assert leg.referred is not None
    assert leg.hung_up == "the caller was silent"


def test_who_is_hung_up_on_while_they_are_put_through_was_handed_over_to_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = (Does(3.0, far.Digit("0")),)
    exchange, leg = place(monkeypatch, tmp_path, GREETED + HUMAN, script=script, seconds=60, transfer=None)

    async def cut() -> None:
        await exchange.clock.wait_until(15 * SECOND)
        assert leg.referred is not None
        await exchange.calls.call(leg.info.id).cut("hung up from the page")

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(cut())
            group.create_task(exchange.hold(leg))

    simulate(story())
    (record,) = exchange.records()
    assert (record.transferred, record.reason, record.failed) == ("", "hung up from the page", False)
    assert not [event for event in exchange.told if isinstance(event, NoticeEvent)], "nothing goes on here"


def test_a_caller_who_is_silent_is_asked_then_said_goodbye_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange, leg = place(monkeypatch, tmp_path, seconds=90.0)
    simulate(exchange.hold(leg))
    assert exchange.said()[-1] == "I cannot hear you any more, so I will hang up now. Goodbye."
    assert leg.hung_up == "the caller was silent"
    (record,) = exchange.records()
    assert 30 < (record.ended - record.answered) / SECOND < 40


def test_nobody_who_waits_for_our_answer_is_taken_for_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine may be slow, or dead for a while: the silence is ours."""
    settings = GREETED + "silence_seconds = 5\n"
    replies = (ScriptedReply("Not much.", first=9.0),) * 9
    script = (Says(2.0, "what is new"),)
    exchange, leg = place(monkeypatch, tmp_path, settings, script=script, replies=replies, seconds=40.0)
    simulate(exchange.hold(leg))
    assert "Not much." in exchange.said()
    assert exchange.said()[-1].endswith("I will hang up now. Goodbye."), "then the silence was theirs"
    heard = next(record for record in exchange.turns() if record.heard == "Not much.")
    assert exchange.records()[0].ended - heard.sent > 5 * SECOND


def test_nobody_who_holds_is_taken_for_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = (Does(3.0, far.Held(True)), Does(70.0, far.Held(False)), Says(72.0, "here again"))
    exchange, leg = place(monkeypatch, tmp_path, script=script, replies=(ScriptedReply("Good."),), seconds=80.0)
    simulate(exchange.hold(leg))
    assert exchange.said() == ["Hello there.", "Good."]
    states = [event.call.state for event in exchange.told if isinstance(event, CallEvent)]
    assert CallState.HELD in states
    assert exchange.records()[0].reason == "the caller hung up"


@pytest.mark.parametrize("held", [1.0, 10.0, 25.0])
def test_a_reply_that_a_hold_has_cut_goes_on_from_its_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: float
) -> None:
    """And the music that is played meanwhile is nothing that the caller says."""
    reply = "I can tell you a long story about the lighthouse and its keeper."
    music = np.full(320, 0.5, np.float32)
    script = (
        Says(3.0, "what is new"), Does(6.5, far.Held(True)),
        *(Does(6.6 + number / 50, far.Sound(330 * 320 + number * 320, music)) for number in range(round(held * 40))),
        Does(6.5 + held, far.Held(False)),
    )  # fmt: skip
    exchange, leg = place(
        monkeypatch, tmp_path, script=script, replies=(ScriptedReply(reply),), seconds=6.5 + held + 12.0
    )
    simulate(exchange.hold(leg))
    assert exchange.said() == ["Hello there.", reply], "the whole of it, once"
    assert len(exchange.model.prompts) == 1, "nobody else spoke"
    began = [(at, name) for at, name in leg.words if "/0" in name]
    assert began[0][0] < 6.5 and began[-1][0] == pytest.approx(6.5 + held, abs=0.1) and began[-1][1].endswith("~")
    during = [at for at, _ in leg.heard if 6.55 < (at - leg.answered) / SECOND < 6.45 + held]
    assert not during


def recorded(file: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Both sides of a recording."""
    with av.open(str(file)) as opened:
        assert opened.streams.audio[0].rate == RATE
        resampler = FrameResampler(RATE, "flt", "stereo")
        frames = [part for frame in opened.decode(audio=0) for part in resampler.push(frame)]
    return np.concatenate([part.to_ndarray()[0] for part in frames]).reshape(-1, 2)


@pytest.mark.parametrize("kind", ["wav", "opus"])
def test_both_sides_are_recorded_and_only_if_that_is_set(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "calls"
    settings = f'[phone]\ngreeting = "Hello there."\nrecord = "{folder}"\nrecord_format = "{kind}"\n'
    script = (Says(3.0, "what is new"),)
    exchange, leg = place(monkeypatch, tmp_path, settings, script=script, replies=(ScriptedReply("Not much."),))
    simulate(exchange.hold(leg))
    (file,) = folder.iterdir()
    assert file.suffix == f".{kind}" and exchange.records()[0].recording == str(file)
    sound = recorded(file)
    loud = [np.flatnonzero(np.abs(sound[:, side]) > least) / RATE for side, least in ((0, 0.2), (1, 0.01))]
    assert 2.9 < loud[0][0] < 3.1, "Opus lets the step at its end ring, below a third of it"
    assert 3.8 < loud[0][-1] < 4.0
    (greeted, _), *_ = leg.words
    assert abs(loud[1][0] - greeted) < 0.05
    heard = sum(len(piece) for _, piece in leg.heard)
    assert abs(len(np.flatnonzero(np.abs(sound[:, 1]) > 1e-3)) - heard) < 0.2 * heard

    exchange, leg = place(monkeypatch, tmp_path, script=script, replies=(ScriptedReply("Not much."),))
    simulate(exchange.hold(leg))
    assert exchange.records()[0].recording == ""
    assert list(folder.iterdir()) == [file]


def test_the_recording_of_a_call_goes_on_while_it_is_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it waited for until somebody spoke again was an hour of silence at once: a gigabyte, ten seconds in which no
    other call was heard, and no recording in the end."""
    settings = f'{GREETED}record = "{tmp_path / "calls"}"\n'
    script = (Does(3.0, far.Held(True)), Does(603.0, far.Held(False)))
    exchange, leg = place(monkeypatch, tmp_path, settings, script=script, seconds=606.0)
    written = Counter[int]()

    @contextmanager
    def opened(answer: Path | None, both: Path | None, *, later: bool) -> Generator[ConversationRecorder]:
        recorder = ConversationRecorder(Tracks(lambda sides: written.update({exchange.clock.now(): len(sides)})))
        yield recorder
        recorder.close()

    monkeypatch.setattr("duologue.app.calls.call.open_recording", opened)
    simulate(exchange.hold(leg))
    assert max(written.values()) <= 7 * RATE and 605 * RATE < sum(written.values()) < 607 * RATE


def test_what_was_said_on_a_call_is_not_kept_when_it_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Main kept it for the echo, a megabyte a call, until the collector came."""
    references: list[EchoReference] = []
    played = EchoReference.play

    def play(self: EchoReference, samples: Samples, rate: int, at: int) -> None:
        references.append(self)
        played(self, samples, rate, at)

    monkeypatch.setattr(EchoReference, "play", play)
    exchange, leg = place(monkeypatch, tmp_path)
    simulate(exchange.hold(leg))
    assert exchange.said() == ["Hello there."] and references
    assert not any(each._played for each in references)  # pyright: ignore[reportPrivateUsage]


def test_more_calls_than_places_are_told_to_try_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange, first = place(monkeypatch, tmp_path, GREETED + "places = 2\nretry_seconds = 7\n")
    legs = [first, *(ScriptedLeg(exchange.clock, seconds=5.0) for _ in range(3))]
    simulate(exchange.hold(*legs))
    assert [leg.refused for leg in legs] == [None, None, (503, 7), (503, 7)]
    assert exchange.calls.refusals == {AwayReason.PLACES: 2}
    assert [record.status for record in exchange.records()].count(503) == 2


def test_who_is_not_here_is_not_found_and_each_extension_has_its_own_character(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = """
[phone]
greeting = "Hello there."
dialogue = { barge_ms = 700, sorry = 3 }
[phone.extensions.1000]
persona = "ada"
greeting = "Ada here."
[phone.extensions.1001]
language = "de"
dialogue = { barge_ms = 900, half_duplex = true }
"""
    exchange, first = place(monkeypatch, tmp_path, settings, seconds=3.0)
    second = ScriptedLeg(exchange.clock, info=CallInfo(id="b", caller="16", called="1001"), seconds=3.5)
    nobody = ScriptedLeg(exchange.clock, info=CallInfo(id="c", caller="16", called="1002"))
    simulate(exchange.hold(first, second, nobody))
    assert nobody.refused == (404, 0)
    assert [record.character for record in exchange.records()] == ["", "ada", "phone"]
    assert sorted(exchange.said()) == ["Ada here.", "Hello there."]
    assert exchange.calls.plans.extensions["1001"].member.persona.language.name == "de"
    turns = {name: plan.policy for name, plan in exchange.calls.plans.extensions.items()}
    assert [(each.barge_ms, each.sorry, each.half_duplex) for each in (turns["1000"], turns["1001"])] == [
        (700, 3, False), (900, 3, True),
    ]  # fmt: skip


def test_a_line_that_is_not_ready_takes_no_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange, leg = place(monkeypatch, tmp_path)
    exchange.unready = ("no ears",)
    simulate(exchange.hold(leg))
    assert leg.refused == (480, 0)
    assert exchange.records()[0].reason == "no ears"


def test_the_thinker_that_dies_in_mid_answer_is_apologised_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = (Says(2.0, "what is new"),)
    replies = (ScriptedReply("Not much", failure="killed", pieces=1),) * 6
    exchange, leg = place(monkeypatch, tmp_path, script=script, replies=replies)
    simulate(exchange.hold(leg))
    assert "Sorry, I lost my thread." in " ".join(exchange.said())
    assert exchange.records()[0].reason == "the caller hung up"


@pytest.mark.parametrize(
    ("killed", "heard"),
    [
        (ScriptedReply("Not much is new today", failure="it was killed", pieces=2), "The sea is calm today."),
        (ScriptedReply("Not much is new. There is one", failure="it was killed", pieces=5), "Not much is new."),
    ],
    ids=["in its first sentence", "in its second"],
)
def test_a_thinker_that_is_killed_in_mid_answer_is_followed_by_the_next_of_its_chain(
    killed: ScriptedReply, heard: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = f'{GREETED}[engines]\nllm = ["openai", "improv"]\n[engines.openai]\nmodel = "none"\n'
    script = (Says(2.0, "what is new"), Says(9.0, "tell me then"))
    exchange, leg = place(monkeypatch, tmp_path, settings, script=script, seconds=16.0)
    first = FakeLanguage([killed] * 9, exchange.clock)
    second = FakeLanguage(clock=exchange.clock, usual=ScriptedReply("The sea is calm today."))
    first.name, second.name = "openai", "improv"
    install(
        monkeypatch, llm=lambda name: first if name == "openai" else second, tts=lambda name: exchange.voice,
        stt=lambda name: exchange.ears, vad=lambda name: Loudness(),
    )  # fmt: skip
    simulate(exchange.hold(leg))
    assert exchange.said() == ["Hello there.", heard, "The sea is calm today."]
    assert len(first.prompts) == 1 and exchange.records()[0].reason == "the caller hung up"


def test_the_carrier_that_dies_ends_its_calls_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange, whole = place(monkeypatch, tmp_path, seconds=5.0)
    gone = Gone(exchange.clock, seconds=5.0)
    simulate(exchange.hold(gone, whole))
    records = {record.call: record for record in exchange.records()}
    assert records[gone.info.id].failed
    assert records[gone.info.id].reason == "the line process died"
    assert records[whole.info.id].reason == "the caller hung up"


def test_the_line_closes_with_a_goodbye_within_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange, leg = place(monkeypatch, tmp_path, GREETED + "drain_seconds = 6\n", seconds=60.0)
    late = ScriptedLeg(exchange.clock, info=CallInfo(id="late", caller="17", called="1000"))
    deaf = ScriptedLeg(exchange.clock, script=(Does(0.5, far.Held(True)),), seconds=60.0)

    async def close() -> float:
        await exchange.clock.wait_until(6 * SECOND)
        began = exchange.clock.now()
        await exchange.calls.drain()
        await exchange.calls.take(late)
        return (exchange.clock.now() - began) / SECOND

    async def story() -> float:
        async with asyncio.TaskGroup() as group:
            closing = group.create_task(close())
            group.create_task(exchange.hold(leg, deaf))
        return closing.result()

    assert simulate(story()) < 9
    assert "I am sorry, we have to end our call here. Goodbye." in exchange.said()
    assert leg.hung_up == deaf.hung_up == "the line closed"
    assert late.refused == (503, 10)
    assert exchange.calls.count == 0


def test_a_carrier_that_is_gone_while_the_line_closes_takes_no_goodbye_from_the_calls_of_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The line process died in the moment of Ctrl-C, with a telephone that we had made ring."""
    exchange, whole = place(monkeypatch, tmp_path, GREETED, seconds=60.0)

    class Lost(ScriptedLeg):
        """Nobody answers; whom one would tell to hang up is gone, and it is over a little later."""

        async def hang_up(self, reason: str) -> None:
            over = far.LegEnded("the line process died", failed=True)
            asyncio.get_running_loop().call_later(1.0, self._end, over)
            raise PeerError("there is no line", where="phone")

    lost = Lost(exchange.clock, info=CallInfo(id="lost", caller="", called="17", outgoing=True))

    async def close() -> None:
        await exchange.clock.wait_until(4 * SECOND)
        assert exchange.calls.count == 2
        await exchange.calls.drain()

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(close())
            group.create_task(exchange.hold(whole, lost))

    simulate(story())
    assert exchange.said()[-1] == "I am sorry, we have to end our call here. Goodbye."
    assert whole.hung_up == "the line closed"
    assert exchange.calls.count == 0


def test_who_waits_for_an_engine_while_the_line_closes_is_sent_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange, leg = place(monkeypatch, tmp_path, seconds=60.0)
    soon = exchange.talk.open

    @asynccontextmanager
    async def late(*args: Any, **options: Any) -> AsyncGenerator[Partner]:
        await exchange.clock.wait_until(exchange.clock.now() + 3 * SECOND)
        async with soon(*args, **options) as partner:
            yield partner

    monkeypatch.setattr(exchange.talk, "open", late)

    async def close() -> None:
        await exchange.clock.wait_until(2 * SECOND)
        assert exchange.calls.count == 1 and not exchange.calls.live
        await exchange.calls.drain()

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(close())
            group.create_task(exchange.hold(leg))

    simulate(story())
    assert leg.refused == (503, 10) and not leg.answered
    (record,) = exchange.records()
    assert (record.status, record.reason) == (503, "the line closes")
    assert exchange.calls.refusals == {AwayReason.CLOSING: 1}


def test_who_is_put_through_to_nobody_while_the_line_closes_is_said_goodbye_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = f"{GREETED}transfer_seconds = 5\ndrain_seconds = 14\n{HUMAN}"
    script = (Does(3.0, far.Digit("0")),)
    exchange, leg = place(monkeypatch, tmp_path, settings, script=script, seconds=60.0, transfer=None)

    async def close() -> float:
        await exchange.clock.wait_until(8 * SECOND)
        assert leg.referred is not None
        await exchange.calls.drain()
        return (exchange.clock.now() - leg.answered) / SECOND

    async def story() -> float:
        async with asyncio.TaskGroup() as group:
            closing = group.create_task(close())
            group.create_task(exchange.hold(leg))
        return closing.result()

    assert simulate(story()) < 20
    assert exchange.said()[-1] == "I am sorry, we have to end our call here. Goodbye."
    assert not [text for text in exchange.said() if "could not reach anybody" in text], "nobody is asked any more"
    assert leg.hung_up == "the line closed"


def test_what_a_page_may_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = (Says(4.0, "what is new"),)
    exchange, leg = place(monkeypatch, tmp_path, GREETED + HUMAN, script=script, replies=(ScriptedReply("Not much."),))

    async def steer() -> None:
        await exchange.clock.wait_until(3 * SECOND)
        call = exchange.calls.call(leg.info.id)
        call.whisper("They  like\nfrogs.")
        with pytest.raises(InputError, match="nobody to hand over to"):
            call.transfer("an other")
        await exchange.clock.wait_until(9 * SECOND)
        call.transfer("human")

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(steer())
            group.create_task(exchange.hold(leg))

    simulate(story())
    assert "They like frogs." in exchange.model.prompts[-1].speaker.description
    assert all("frogs" not in line for line in exchange.said())
    assert leg.referred is not None
    with pytest.raises(InputError, match="there is no call"):
        exchange.calls.call(leg.info.id)
    (listed,) = exchange.calls.views()
    assert (listed.turns, listed.answers, listed.said_by_caller) == ((), 1, False)
    assert listed.said == next(turn.text for turn in reversed(exchange.turns()) if turn.state != "withdrawn")
    view = exchange.calls.view(leg.info.id)
    assert view is not None
    assert view == listed.model_copy(update={"turns": view.turns})
    assert exchange.calls.view("nobody") is None
    assert view.state is CallState.ENDED
    assert [turn.text for turn in view.turns if turn.person] == ["what is new"]
    answer = next(turn for turn in view.turns if turn.text == "Not much.")
    assert {stage.name for stage in answer.stages} >= {"endpointing", "voice", "playout"}
    assert answer.points["t3"] >= answer.points["t2"] >= answer.points["t1"]
    levels = [each for event in exchange.told if isinstance(event, LevelsEvent) for each in event.levels]
    assert max(each.caller_db for each in levels) > -10
    assert max(each.character_db for each in levels) > -40
    assert any(each.hearing for each in levels)
    assert any(isinstance(event, CallTurnEvent) for event in exchange.told)


def test_a_caller_who_is_gone_before_the_answer_costs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange, leg = place(monkeypatch, tmp_path)

    class Fled(ScriptedLeg):
        async def answer(self) -> None:
            self._end(far.LegEnded("cancelled"))

    fled = Fled(exchange.clock)
    simulate(exchange.hold(fled))
    (record,) = exchange.records()
    assert (record.answered, record.reason, record.failed) == (0, "cancelled", False)
    assert exchange.calls.count == 0
    assert not leg.answered


def test_keys_are_heard_to_their_ends_before_we_hang_up_and_nobody_who_leaves_waits_for_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange, leg = place(monkeypatch, tmp_path)
    other = ScriptedLeg(exchange.clock, info=CallInfo(id="other", caller="17", called="1000"), seconds=6.1)

    async def story() -> int:
        async with asyncio.TaskGroup() as group:
            group.create_task(exchange.hold(leg, other))
            await asyncio.sleep(6.0)
            for each in (leg, other):
                call = exchange.calls.call(each.info.id)
                await call.press("42" if each is leg else "42#0 42#0 42#0")
                await call.press("#")
                call.hang_up("done")
            return exchange.clock.now()

    pressed = simulate(story())
    ended = {record.caller: (record.ended - pressed) / SECOND for record in exchange.records()}
    assert leg.pressed == "42#" and leg.hung_up == "done"
    assert 0.6 <= ended["16"] < 0.7, "each key is down for 100 ms, and up for 100 ms"
    assert not other.hung_up and ended["17"] < 0.3, "who has left waits for none"
