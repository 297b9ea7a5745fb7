"""What the rows of the turn-taking table do: change the registers, and give effects."""
# ruff: noqa: D103 - the names are the documentation, and the diagram shows them

from __future__ import annotations

from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.guards import Situation
from duologue.dialogue.turns.moments import PLAIN_FILLERS
from duologue.dialogue.turns.person import normalise
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Adopt,
    Annotate,
    Apologise,
    Apply,
    Attach,
    AudioGrew,
    CallTool,
    Change,
    ChunkWritten,
    Clear,
    Commit,
    DigitPressed,
    Effect,
    EndStretch,
    EngineFailed,
    Extend,
    Filler,
    GiveDigit,
    GiveResult,
    HandOver,
    Leave,
    Note,
    Pause,
    Play,
    ReplyFinished,
    Report,
    Resume,
    Say,
    Sounds,
    SpeechStarted,
    Stage,
    State,
    ToolAnswered,
    ToolCalled,
    TurnAnswered,
    TurnKept,
    Typed,
    When,
    Withdraw,
)
from duologue.telemetry.ledger import EndingOutcome

GOES_ON_MS = 1_000
"""From the decision that a turn is over to a voice that most likely goes on with it."""


def nothing(s: Situation) -> list[Effect]:
    return []


# Beside whatever the state does


def report_failure(s: Situation) -> list[Effect]:
    assert isinstance(s.event, EngineFailed)
    return [Report(Note.FAILED, s.event.what, stage=s.event.stage)]


def forget_speculation(s: Situation) -> list[Effect]:
    reply, s.floor.reply = s.reply, None
    return [Abandon(reply.id)]


def report_cut(s: Situation) -> list[Effect]:
    assert isinstance(s.event, ReplyFinished)
    return [Report(Note.OVERLONG, f"reply cut: {s.event.cut}", stage=Stage.THINKING)]


def report_typed_length(s: Situation) -> list[Effect]:
    assert isinstance(s.event, Typed)
    most = s.policy.person_chars
    return [Report(Note.OVERLONG, f"{len(s.event.text)} characters typed, the first {most} taken")]


def show_notes(s: Situation) -> list[Effect]:
    assert isinstance(s.event, ChunkWritten)
    return [Annotate(s.reply.id, s.event.chunk)]


def extend(s: Situation) -> list[Effect]:
    assert isinstance(s.event, AudioGrew)
    piece = s.reply.piece_of(s.event.utterance.id)
    return [Extend(piece.utterance)] if piece and piece.utterance else []


def tell_what_sounds(s: Situation) -> list[Effect]:
    assert isinstance(s.event, PlayStarted)
    utterance = s.reply.pieces[s.event.utterance_id].utterance
    return [Sounds(s.reply.id, utterance, s.event.at_ns)] if utterance else []


def settle_what_was_cleared(s: Situation) -> list[Effect]:
    assert s.floor.leaving is not None
    return s.floor.settle(s.floor.leaving, interrupted=True)


def settle_without_last_word(s: Situation) -> list[Effect]:
    """The floor does not say how much it had played: what it had said before must do."""
    stalled = Report(Note.STALLED, "no end of what was cleared", s.policy.clear_ms, Stage.PLAYING)
    return [stalled, *settle_what_was_cleared(s)]


def give_up_finals(s: Situation) -> list[Effect]:
    """The ears do not say what they understood in the end: what they had understood before must do."""
    s.person.hearing_failed = True
    return [*tell_that_finals_are_late(s), *s.person.leave_stretches()]


def tell_that_finals_are_late(s: Situation) -> list[Effect]:
    waited = (s.now - s.person.stretch_ended) / MILLISECOND
    return [Report(Note.STALLED, "no final transcript", waited, Stage.HEARING)]


# The person's turn


def listen(s: Situation) -> list[Effect]:
    """A stretch that is open already goes on: nobody's words are told to two."""
    return [] if s.person.stretch else s.person.begin_stretch(s.person.onset)


def tell_of_silence(s: Situation) -> list[Effect]:
    passed = (s.now - s.floor.since) / MILLISECOND
    s.floor.since = s.now
    return [Report(Note.SILENCE, ms=passed)]


def ask_into_silence(s: Situation) -> list[Effect]:
    """The character speaks without having been spoken to."""
    s.floor.asked += 1
    return [*tell_of_silence(s), *s.floor.think(s.now)]


def ask_for_final(s: Situation) -> list[Effect]:
    return [EndStretch(s.person.close_stretch(s.now, aside=s.floor.goes_on))] if s.person.stretch else []


def end_turn(s: Situation) -> list[Effect]:
    silence = (s.now - s.person.offset) / MILLISECOND
    s.person.stretch_ended = s.now
    ended = Report(Note.TURN_ENDED, s.wait.why, silence, wait_ms=s.person.wait_ms(s.wait))
    s.patience.ended()
    return [ended, *ask_for_final(s)]


def end_overlong_turn(s: Situation) -> list[Effect]:
    spoken = (s.now - s.person.turn_began) / MILLISECOND
    return [Report(Note.OVERLONG, "turn", spoken, Stage.HEARING), *end_over_voice(s)]


def end_over_voice(s: Situation) -> list[Effect]:
    """The voice that goes on belongs to the next turn."""
    s.person.stretch_ended = s.person.onset = s.now
    s.person.outlived = s.person.voice_on
    return ask_for_final(s)


def hear_the_rest(s: Situation) -> list[Effect]:
    """Of a turn that was ended over their voice, which has gone since: it was not another turn."""
    return [*s.person.begin_stretch(s.person.onset), *ask_for_final(s)]


def begin_next_stretch(s: Situation) -> list[Effect]:
    return [*ask_for_final(s), *s.person.begin_stretch(s.now)]


def reconsider(s: Situation) -> list[Effect]:
    """A reply that is thought already for the same words stays."""
    return [] if s.floor.agrees else s.floor.abandon_speculation(s.now)


def speculate(s: Situation) -> list[Effect]:
    s.person.tries += 1
    s.person.tried = normalise(s.person.text)
    return s.floor.think(s.now, speculative=True)


def go_on_listening(s: Situation) -> list[Effect]:
    onset = s.event.at if isinstance(s.event, SpeechStarted) else s.now
    pause = (onset - s.person.offset) / MILLISECOND
    s.patience.resumed(pause)
    s.person.tried = ""
    effects: list[Effect] = [Report(Note.RESUMED, ms=pause), *s.floor.abandon_speculation(s.now), *s.floor.hush()]
    if not s.person.stretch:
        effects += s.person.begin_stretch(onset)
    return effects


def take_back_decision(s: Situation) -> list[Effect]:
    """The turn was not over after all; its reply goes unheard, and its words are open again."""
    pause = (s.person.onset - s.person.offset) / MILLISECOND
    s.patience.resumed(pause, ended=True)
    return [Report(Note.RESUMED, ms=pause), *withdraw(s), *listen(s)]


def forget_turn(s: Situation) -> list[Effect]:
    s.floor.since = s.now
    return [*s.floor.abandon_speculation(s.now), *s.floor.hush(), *s.person.drop_turn()]


def answer_typed(s: Situation) -> list[Effect]:
    return [*yield_to_typed(s), *think_and_listen_on(s)]


def keep_words(s: Situation) -> list[Effect]:
    """The turn is over, and waits for somebody to want an answer."""
    s.floor.since = s.now
    s.person.keep()
    return [*s.floor.abandon_speculation(s.now), *s.floor.hush(), TurnKept(s.person.turn, s.person.text)]


def yield_to_typed(s: Situation) -> list[Effect]:
    return [*add_typed(s), *leave_stretches(s)]


def add_typed_and_ask_for_final(s: Situation) -> list[Effect]:
    """Somebody spoke just now, and typed the rest: both are answered."""
    return [*add_typed(s), *ask_for_final(s)]


def add_typed(s: Situation) -> list[Effect]:
    assert isinstance(s.event, Typed)
    s.person.take_typed(s.event)
    opened = s.person.open_turn(s.now) if s.person.text else []  # else the character is invited to begin
    return [*opened, *withdraw(s)]


def leave_stretches(s: Situation) -> list[Effect]:
    """What is said from here on is no part of what is answered."""
    if s.person.voice_on:
        s.person.onset, s.person.left = s.now, True
    return s.person.leave_stretches()


# The reply


def flow(s: Situation) -> list[Effect]:
    return s.floor.flow(s.now)


def wait_for_more(s: Situation) -> list[Effect]:
    """The floor has fallen silent in the middle of the reply."""
    s.floor.fall_silent(s.now)
    return flow(s)


def adopt(s: Situation) -> list[Effect]:
    reply = s.reply
    saved = (s.now - reply.since) / MILLISECOND
    notes = s.floor.adopt(reply, s.now)
    hit = Report(Note.SPECULATION_HIT, ms=saved, stage=Stage.THINKING)
    return [Adopt(reply.id, reply.person), hit, *notes, *listen_on(s), *flow(s)]


def think(s: Situation) -> list[Effect]:
    return [*s.floor.abandon_speculation(s.now), *s.floor.think(s.now)]


def think_and_listen_on(s: Situation) -> list[Effect]:
    """A voice that goes on while we answer may yet say something, and then takes the floor."""
    return [*think(s), *listen_on(s)]


def listen_on(s: Situation) -> list[Effect]:
    """To a voice that goes on, and to one that was left to itself and has gone while the floor was cleared."""
    if s.policy.half_duplex:
        return []
    if s.person.voice_on:
        return listen(s)
    return [*listen(s), *ask_for_final(s)] if s.person.left else []


def apologise_for_ears(s: Situation, *, missed: bool = False) -> list[Effect]:
    effects = [*s.floor.abandon_speculation(s.now), *s.person.drop_stretches()]
    s.floor.new_apology(s.now)
    return [*effects, *say_sorry(s, Stage.HEARING, missed=missed)]


def apologise_for_missing_it(s: Situation) -> list[Effect]:
    s.person.uncaught += 1
    told = Report(Note.FAILED, "a clear voice, and no words", s.person.longest / MILLISECOND, Stage.HEARING)
    return [told, *apologise_for_ears(s, missed=True)]


def apologise_for_failure(s: Situation) -> list[Effect]:
    return say_sorry(s, Stage.VOICING if s.reply.sentences else Stage.THINKING)


def apologise_for_delay(s: Situation) -> list[Effect]:
    reply = s.reply
    stage = Stage.VOICING if reply.playing < len(reply.sentences) else Stage.THINKING
    waited = (s.now - s.floor.thinking_since) / MILLISECOND
    stalled: list[Effect] = [Report(Note.STALLED, "late" if reply.begun else "silent", waited, stage)]
    for index in range(reply.playing, len(reply.sentences)):
        reply.voiced[index] = None  # should it be voiced after all: too late
    return [*stalled, Abandon(reply.id), *say_sorry(s, stage)]


def say_sorry(s: Situation, stage: Stage, *, missed: bool = False) -> list[Effect]:
    reply = s.reply
    index = len(reply.sentences)
    reply.sentences.append("")
    reply.voicing = index + 1  # no VoiceSentence: the session has the words, and most often the sound as well
    reply.finished = reply.apologised = True
    s.floor.thinking_since = s.now
    s.floor.filler_at = 0
    return [Apologise(reply.id, index, stage, missed)]


def mutter(s: Situation) -> list[Effect]:
    s.floor.filler_at = s.now + s.policy.filler_every_ms * MILLISECOND
    if s.reply.sounding:
        return []
    return [*s.floor.close_ears(), Filler(s.floor.add_filler())]


def mutter_while_understanding(s: Situation) -> list[Effect]:
    s.person.muttered += 1
    moment = s.person.muttered > PLAIN_FILLERS
    return [*s.floor.close_ears(), Filler(s.floor.add_filler(), moment)]


def conclude(s: Situation) -> list[Effect]:
    """The reply is over and was heard out."""
    reply, s.floor.reply = s.reply, None
    s.floor.since = s.now
    return [*s.floor.settle(reply, interrupted=False), *s.floor.open_ears()]


def give_up(s: Situation) -> list[Effect]:
    """Not even the apology came: the person's words stay in the context, unanswered."""
    waited = (s.now - s.floor.thinking_since) / MILLISECOND
    stalled: list[Effect] = [Report(Note.STALLED, "no sound at all", waited, Stage.VOICING), Abandon(s.reply.id)]
    clear: list[Effect] = [Clear()] if s.reply.sounding else []
    return [*stalled, *clear, *conclude(s)]


def give_up_floor(s: Situation) -> list[Effect]:
    """The floor gives no sign: what it had told us was heard, and nothing more is expected of it."""
    silent = (s.now - s.floor.sign_at) / MILLISECOND
    stalled: list[Effect] = [Report(Note.STALLED, "no sign of the floor", silent, Stage.PLAYING), Abandon(s.reply.id)]
    return [*stalled, Clear(), *conclude(s)]


# Somebody sounds over it


def hold(s: Situation) -> list[Effect]:
    s.floor.held = True
    return [Pause()]


def hold_and_listen(s: Situation) -> list[Effect]:
    return [*hold(s), *listen(s)]


def hold_and_ask_for_final(s: Situation) -> list[Effect]:
    return [*hold(s), *ask_for_final(s)]


def resume(s: Situation) -> list[Effect]:
    """A false alarm: on with the reply from where it stopped."""
    note = Note.ECHO if s.person.only_echo else Note.FALSE_ALARM
    alarm = Report(note, s.person.text, s.since_onset_ms)
    return [alarm, *s.person.drop_voice(), *let_go_on(s)]


def resume_unjudged(s: Situation) -> list[Effect]:
    """Nobody knows yet what it was: on with the reply, and should it have been words, they take the floor late."""
    return [*tell_that_finals_are_late(s), *let_go_on(s)]


def give_floor_unjudged(s: Situation) -> list[Effect]:
    return [*tell_that_finals_are_late(s), *give_floor(s)]


def resume_over_echo(s: Situation) -> list[Effect]:
    """On with the reply, but the stretch stays open: somebody may yet speak into it."""
    return [Report(Note.ECHO, ms=s.since_onset_ms), *let_go_on(s)]


def let_go_on(s: Situation) -> list[Effect]:
    s.floor.held, s.floor.sign_at = False, s.now
    return [Resume(), *flow(s)]


def go_on_over_echo(s: Situation) -> list[Effect]:
    """Nobody but us is heard: not even a pause. The stretch stays open."""
    return [Report(Note.ECHO, ms=s.since_onset_ms)]


def drop_voice(s: Situation) -> list[Effect]:
    return [*s.person.drop_voice(), *flow(s)]


def give_floor(s: Situation) -> list[Effect]:
    """The person takes the floor. Who does so as soon as the turn was taken to be over had only paused."""
    reply = s.floor.reply
    if reply and 0 <= s.person.onset - reply.bound <= GOES_ON_MS * MILLISECOND:
        s.patience.resumed((s.person.onset - reply.after) / MILLISECOND, ended=True)
    return [Report(Note.INTERRUPTED, s.person.text, s.since_onset_ms), *withdraw(s)]


def give_floor_and_think(s: Situation) -> list[Effect]:
    return [*give_floor(s), *s.floor.think(s.now)]


def withdraw(s: Situation) -> list[Effect]:
    """Take back the reply; the floor is cleared if anything of ours is there or held."""
    floor = s.floor
    reply, floor.reply = floor.reply, None
    if reply is None:
        return []
    effects: list[Effect] = [Abandon(reply.id)]
    if floor.held or reply.sounding:
        effects.append(Clear())
    floor.held = False
    if reply.speculative:
        effects.append(Report(Note.SPECULATION_MISS, reply.person, (s.now - reply.since) / MILLISECOND, Stage.THINKING))
    elif reply.sounding:
        floor.leaving, floor.leaving_until = reply, s.now + s.policy.clear_ms * MILLISECOND
    else:
        effects += floor.settle(reply, interrupted=True)
    return [*effects, *floor.open_ears()]


def close(s: Situation) -> list[Effect]:
    """Nobody is there any more: what the far end had told us was heard."""
    floor = s.floor
    effects: list[Effect] = floor.hush()
    if floor.leaving:
        effects += floor.settle(floor.leaving, interrupted=True)
    effects += withdraw(s)
    if floor.leaving:
        effects += floor.settle(floor.leaving, interrupted=True)
    rest = s.person.text
    effects += s.person.drop_turn(EndingOutcome.HUNG_UP)
    return [*effects, Commit(rest, "", "", False)] if rest else effects


# What the owner wants


def queue_words(s: Situation) -> list[Effect]:
    assert isinstance(s.event, Say)
    if s.event.when is When.NOW:
        s.floor.to_say.clear()
    s.floor.to_say += s.event.sentences
    return []


def cut_reply_short(s: Situation) -> list[Effect]:
    return [*map(Withdraw, s.reply.cut_short()), *flow(s)]


def forget_words(s: Situation) -> list[Effect]:
    s.floor.to_say.clear()
    return []


def yield_to_owner(s: Situation) -> list[Effect]:
    """What was heard of the reply counts; what the person said so far is answered by the owner."""
    stopped = [*(stop(s) if s.floor.reply else []), *s.floor.hush()]
    return stopped if s.person.voice_on else [*stopped, *ask_for_final(s)]


def say(s: Situation) -> list[Effect]:
    """Of a voice that goes on the next words are heard over the owner's; of one that has gone the owner does not wait
    for those that are not understood yet, which are answered afterwards.
    """
    late = s.person.left or not s.person.settled
    left = leave_stretches(s) if s.person.stretch or s.state is State.QUIET else s.person.leave_stretches()
    said = [*left, *s.floor.say(s.now)]
    if s.person.voice_on:
        return [*said, *listen_on(s)]
    return [*said, *s.person.begin_late_stretch(s.now)] if late else said


def stop(s: Situation) -> list[Effect]:
    """The reply ends here, by the owner's will."""
    reply = s.reply
    reply.stopped = True
    note: list[Effect] = [] if reply.speculative else [Report(Note.STOPPED, reply.person)]
    return [*note, *withdraw(s)]


def commit_turn(s: Situation) -> list[Effect]:
    silence = 0.0 if s.person.voice_on else (s.now - s.person.offset) / MILLISECOND
    s.person.committed = True
    ended: list[Effect] = [Report(Note.TURN_ENDED, "committed", silence)]
    return [*ended, *end_over_voice(s)]


def give_floor_and_commit(s: Situation) -> list[Effect]:
    return [*give_floor(s), *commit_turn(s)]


def cancel_turn(s: Situation) -> list[Effect]:
    """What is said on in the same breath is not taken for a new turn."""
    s.person.voice_on = False
    speculation = s.floor.abandon_speculation(s.now) if s.floor.reply and s.floor.reply.speculative else []
    return [*speculation, *s.floor.hush(), *s.person.drop_turn()]


def cancel_turn_and_resume(s: Situation) -> list[Effect]:
    s.person.voice_on = False
    return resume(s)


def take_answer(s: Situation) -> list[Effect]:
    """Of somebody else, to the words that were kept."""
    assert isinstance(s.event, TurnAnswered)
    said = s.person.text if s.state is State.QUIET else ""
    if not (said or s.event.text):
        return []
    closed = s.person.drop_turn(EndingOutcome.ANSWERED) if said else []
    return [*closed, Commit(said, s.event.text, "", False, s.event.by)]


def give_digit(s: Situation) -> list[Effect]:
    """Somebody is there."""
    assert isinstance(s.event, DigitPressed)
    s.floor.asked = 0
    if s.state is State.QUIET:
        s.floor.since = s.now
    return [GiveDigit(s.event.digit)]


def put_on_hold(s: Situation) -> list[Effect]:
    """A voice ends with the line. What was said is understood meanwhile, over our reply too: a voice that has not taken
    the floor by now does so by its words, when the line is back.
    """
    person, reply = s.person, s.floor.reply
    if person.voice_on:
        person.voice_on, person.outlived, person.offset = False, False, s.now
    gone = s.floor.abandon_speculation(s.now) if reply and reply.speculative else []
    return [*gone, *ask_for_final(s), *s.floor.hush(), *s.floor.hold(s.now)]


def wait_on_hold(s: Situation) -> list[Effect]:
    """The reply that was cut is over: what was heard of it counts."""
    s.floor.wait_on_hold(s.now)
    return withdraw(s)


def take_off_hold(s: Situation) -> list[Effect]:
    """On with what was not heard; whoever was about to say something may go on, too."""
    if s.floor.reply is None:
        s.person.offset = s.now
    return s.floor.take_up(s.now)


def take_off_hold_and_give_floor(s: Situation) -> list[Effect]:
    """What they had said over our reply is answered instead."""
    given = give_floor(s)
    return [*given, *take_off_hold(s)]


def note_leaving(s: Situation) -> list[Effect]:
    assert isinstance(s.event, Leave)
    s.floor.leave = s.event.to
    return []


def leave(s: Situation) -> list[Effect]:
    to = s.floor.leave
    return [*close(s), *([HandOver(to)] if to else [])]


def apply_change(s: Situation) -> list[Effect]:
    """A speculation was thought out by who we were."""
    assert isinstance(s.event, Change)
    reply, s.person.tried = s.floor.reply, ""
    gone = s.floor.abandon_speculation(s.now) if reply and reply.speculative else []
    return [*gone, Apply(s.event)]


def play_again(s: Situation) -> list[Effect]:
    """What the sink before this one did not say that it had played was not heard."""
    floor = s.floor
    floor.muttered.clear()
    effects: list[Effect] = [Attach()]
    if floor.leaving:
        effects += settle_what_was_cleared(s)
    if floor.reply:
        gaps = (0, s.policy.sentence_gap_ms)
        effects += [Play(rest, gaps[not goes_on]) for rest, goes_on in floor.reply.play_again()]
    floor.sign_at = s.now
    return [*effects, Pause()] if floor.held else effects


def call_tool(s: Situation) -> list[Effect]:
    assert isinstance(s.event, ToolCalled)
    s.floor.calls[s.event.call.id] = s.event.reply
    return [CallTool(s.event.reply, s.event.call)]


def give_result(s: Situation) -> list[Effect]:
    assert isinstance(s.event, ToolAnswered)
    del s.floor.calls[s.event.id]
    return [GiveResult(s.event.id, s.event.result, s.event.failure)]


def report_stray_result(s: Situation) -> list[Effect]:
    """Too late, a second time, or of a call that never was."""
    assert isinstance(s.event, ToolAnswered)
    return [Report(Note.FAILED, f"a result of the call {s.event.id!r}, which nobody waits for", stage=Stage.THINKING)]
