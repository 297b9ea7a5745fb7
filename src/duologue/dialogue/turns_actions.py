"""What the rows of the turn-taking table do: change the registers, and give effects."""
# ruff: noqa: D103 - the names are the documentation, and the diagram shows them

from __future__ import annotations

from duologue.clock import MILLISECOND
from duologue.dialogue.floor_state import normalise
from duologue.dialogue.turns_guards import Situation
from duologue.dialogue.turns_vocabulary import (
    Abandon,
    Adopt,
    Apologise,
    Clear,
    Commit,
    Effect,
    EndStretch,
    Filler,
    Note,
    Pause,
    Report,
    Resume,
    SpeechStarted,
    Stage,
    StopHearing,
)


def nothing(s: Situation) -> list[Effect]:
    return []


def listen(s: Situation) -> list[Effect]:
    return s.floor.begin_stretch(s.floor.onset)


def tell_of_silence(s: Situation) -> list[Effect]:
    passed = (s.now - s.floor.since) / MILLISECOND
    s.floor.since = s.now
    return [Report(Note.SILENCE, ms=passed)]


def ask_into_silence(s: Situation) -> list[Effect]:
    """The character speaks without having been spoken to."""
    s.floor.asked += 1
    return [*tell_of_silence(s), *s.floor.think(s.now)]


def ask_for_final(s: Situation) -> list[Effect]:
    floor = s.floor
    if not floor.stretch:
        return []
    effects: list[Effect] = [EndStretch(floor.stretch)]
    floor.stretch, floor.stretch_ended = 0, s.now
    return effects


def end_turn(s: Situation) -> list[Effect]:
    silence = (s.now - s.floor.offset) / MILLISECOND
    wait = s.patience.wait(s.floor.person)
    s.floor.stretch_ended = s.now
    return [Report(Note.TURN_ENDED, wait.why, silence, wait_ms=s.floor.wait_ms(wait)), *ask_for_final(s)]


def end_overlong_turn(s: Situation) -> list[Effect]:
    spoken = (s.now - s.floor.turn_began) / MILLISECOND
    s.floor.stretch_ended = s.floor.onset = s.now  # the voice that goes on belongs to the next turn
    s.floor.overlong = True
    return [Report(Note.OVERLONG, "turn", spoken, Stage.HEARING), *ask_for_final(s)]


def begin_next_stretch(s: Situation) -> list[Effect]:
    return [*ask_for_final(s), *s.floor.begin_stretch(s.now)]


def reconsider(s: Situation) -> list[Effect]:
    """A reply that is thought already for the same words stays."""
    return [] if s.floor.agrees else s.floor.abandon_speculation(s.now)


def speculate(s: Situation) -> list[Effect]:
    floor = s.floor
    floor.tries += 1
    floor.tried = normalise(floor.person)
    return floor.think(s.now, speculative=True)


def go_on_listening(s: Situation) -> list[Effect]:
    onset = s.event.at if isinstance(s.event, SpeechStarted) else s.now
    pause = (onset - s.floor.offset) / MILLISECOND
    s.patience.resumed(pause)
    s.floor.tried = ""
    effects: list[Effect] = [Report(Note.RESUMED, ms=pause), *s.floor.abandon_speculation(s.now)]
    if not s.floor.stretch:
        effects += s.floor.begin_stretch(onset)
    return effects


def take_back_decision(s: Situation) -> list[Effect]:
    """The turn was not over after all; its reply goes unheard, and its words are open again."""
    pause = (s.floor.onset - s.floor.offset) / MILLISECOND
    s.patience.resumed(pause)
    return [Report(Note.RESUMED, ms=pause), *withdraw(s), *listen(s)]


def flow(s: Situation) -> list[Effect]:
    return s.floor.flow(s.now)


def wait_for_more(s: Situation) -> list[Effect]:
    """The floor has fallen silent in the middle of the reply."""
    floor = s.floor
    floor.thinking_since = s.now
    floor.filler_at = s.now + floor.policy.filler_ms * MILLISECOND
    return floor.flow(s.now)


def adopt(s: Situation) -> list[Effect]:
    reply = s.floor.reply
    assert reply is not None
    saved = (s.now - reply.since) / MILLISECOND
    notes = s.floor.adopt(s.now)
    hit = Report(Note.SPECULATION_HIT, ms=saved, stage=Stage.THINKING)
    return [Adopt(reply.id), hit, *notes, *listen_on(s), *s.floor.flow(s.now)]


def think(s: Situation) -> list[Effect]:
    return [*s.floor.abandon_speculation(s.now), *s.floor.think(s.now)]


def forget_turn(s: Situation) -> list[Effect]:
    s.floor.since = s.now
    return [*s.floor.abandon_speculation(s.now), *s.floor.drop_turn()]


def answer_typed(s: Situation) -> list[Effect]:
    return [*yield_to_typed(s), *think_and_listen_on(s)]


def yield_to_typed(s: Situation) -> list[Effect]:
    effects = [*withdraw(s), *drop_open_stretches(s)]
    if s.floor.voice_on:
        s.floor.onset = s.now  # what is said from here on is no part of what was typed
    return effects


def think_and_listen_on(s: Situation) -> list[Effect]:
    """A voice that goes on while we answer may yet say something, and then takes the floor."""
    return [*think(s), *listen_on(s)]


def listen_on(s: Situation) -> list[Effect]:
    floor = s.floor
    return floor.begin_stretch(floor.onset) if floor.voice_on and not floor.policy.half_duplex else []


def apologise_for_ears(s: Situation) -> list[Effect]:
    effects = [*s.floor.abandon_speculation(s.now), *s.floor.drop_turn()]
    s.floor.new_apology(s.now)
    return [*effects, *say_sorry(s, Stage.HEARING)]


def apologise_for_missing_it(s: Situation) -> list[Effect]:
    s.floor.uncaught += 1
    voice = s.floor.longest / MILLISECOND
    return [Report(Note.FAILED, "a clear voice, and no words", voice, Stage.HEARING), *apologise_for_ears(s)]


def apologise_for_failure(s: Situation) -> list[Effect]:
    reply = s.floor.reply
    return say_sorry(s, Stage.VOICING if reply and reply.sentences else Stage.THINKING)


def apologise_for_delay(s: Situation) -> list[Effect]:
    reply = s.floor.reply
    assert reply is not None
    stage = Stage.VOICING if reply.playing < len(reply.sentences) else Stage.THINKING
    waited = (s.now - s.floor.thinking_since) / MILLISECOND
    stalled: list[Effect] = [Report(Note.STALLED, "late" if reply.begun else "silent", waited, stage)]
    for index in range(reply.playing, len(reply.sentences)):
        reply.voiced[index] = None  # should it be voiced after all: too late
    return [*stalled, Abandon(reply.id), *say_sorry(s, stage)]


def say_sorry(s: Situation, stage: Stage) -> list[Effect]:
    reply = s.floor.reply
    assert reply is not None
    index = len(reply.sentences)
    reply.sentences.append("")
    reply.voicing = index + 1  # no VoiceSentence: the session has the words, and most often the sound as well
    reply.finished = reply.apologised = True
    s.floor.thinking_since = s.now
    s.floor.filler_at = 0
    return [Apologise(reply.id, index, stage)]


def mutter(s: Situation) -> list[Effect]:
    floor = s.floor
    assert floor.reply is not None
    floor.filler_at = s.now + floor.policy.filler_every_ms * MILLISECOND
    if floor.reply.sounding:
        return []
    return [*floor.close_ears(), Filler(floor.add_filler(floor.reply))]


def conclude(s: Situation) -> list[Effect]:
    """The reply is over and was heard out."""
    floor = s.floor
    reply, floor.reply = floor.reply, None
    assert reply is not None
    floor.since = s.now
    return [*floor.settle(reply, interrupted=False), *floor.open_ears()]


def give_up(s: Situation) -> list[Effect]:
    """Not even the apology came: the person's words stay in the context, unanswered."""
    reply = s.floor.reply
    assert reply is not None
    waited = (s.now - s.floor.thinking_since) / MILLISECOND
    stalled: list[Effect] = [Report(Note.STALLED, "no sound at all", waited, Stage.VOICING), Abandon(reply.id)]
    clear: list[Effect] = [Clear()] if reply.sounding else []
    return [*stalled, *clear, *conclude(s)]


def give_up_floor(s: Situation) -> list[Effect]:
    """The floor gives no sign: what it had told us was heard, and nothing more is expected of it."""
    reply = s.floor.reply
    assert reply is not None
    silent = (s.now - s.floor.sign_at) / MILLISECOND
    stalled: list[Effect] = [Report(Note.STALLED, "no sign of the floor", silent, Stage.PLAYING), Abandon(reply.id)]
    return [*stalled, Clear(), *conclude(s)]


def hold(s: Situation) -> list[Effect]:
    s.floor.held = True
    return [Pause()]


def hold_and_listen(s: Situation) -> list[Effect]:
    return [*hold(s), *listen(s)]


def hold_and_ask_for_final(s: Situation) -> list[Effect]:
    return [*hold(s), *ask_for_final(s)]


def resume(s: Situation) -> list[Effect]:
    """A false alarm: on with the reply from where it stopped."""
    floor = s.floor
    note = Note.ECHO if floor.only_echo else Note.FALSE_ALARM
    heard = floor.person
    dropped = floor.drop_turn()
    floor.held, floor.sign_at = False, s.now
    return [Report(note, heard, s.since_onset_ms), *dropped, Resume(), *floor.flow(s.now)]


def resume_over_echo(s: Situation) -> list[Effect]:
    """On with the reply, but the stretch stays open: somebody may yet speak into it."""
    floor = s.floor
    floor.held, floor.sign_at = False, s.now
    return [Report(Note.ECHO, ms=s.since_onset_ms), Resume(), *floor.flow(s.now)]


def go_on_over_echo(s: Situation) -> list[Effect]:
    """Nobody but us is heard: not even a pause. The stretch stays open."""
    return [Report(Note.ECHO, ms=s.since_onset_ms)]


def drop_stretch(s: Situation) -> list[Effect]:
    return s.floor.drop_turn()


def give_floor(s: Situation) -> list[Effect]:
    """The person takes the floor."""
    return [Report(Note.INTERRUPTED, s.floor.person, s.since_onset_ms), *withdraw(s)]


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
        floor.leaving, floor.leaving_until = reply, s.now + floor.policy.clear_ms * MILLISECOND
    else:
        effects += floor.settle(reply, interrupted=True)
    return [*effects, *floor.open_ears()]


def drop_open_stretches(s: Situation) -> list[Effect]:
    """What was understood of them so far stays a part of the turn."""
    floor = s.floor
    dropped: list[Effect] = []
    for number, part in floor.parts.items():
        if not part.final:
            part.final = True
            dropped.append(StopHearing(number))
    floor.stretch = 0
    return dropped


def close(s: Situation) -> list[Effect]:
    """Nobody is there any more: what the far end had told us was heard."""
    floor = s.floor
    effects: list[Effect] = []
    if floor.leaving:
        effects += floor.settle(floor.leaving, interrupted=True)
    effects += withdraw(s)
    if floor.leaving:
        effects += floor.settle(floor.leaving, interrupted=True)
    rest = floor.person
    effects += floor.drop_turn()
    return [*effects, Commit(rest, "", "", False)] if rest else effects
