"""What a session hears: voice activity, the sound before an onset, and one transcription for each stretch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue import nonsense
from duologue.dialogue.listening.echo import EchoFilter
from duologue.dialogue.listening.echo_sound import HOP, LEAST, OURS, SOFT, WINDOW, EchoTrack
from duologue.dialogue.listening.endpointing import FRAME_NS, MAX_WAIT_MS, PreRoll, SpeechGate, Trust, trust
from duologue.dialogue.listening.melody import SECONDS as MELODY_SECONDS
from duologue.dialogue.listening.melody import Contour, Melody
from duologue.dialogue.listening.source_clock import PlacedBlock, SourceClock
from duologue.dialogue.listening.unvoiced import VoiceTrack, text_without
from duologue.dialogue.listening.voice_end import LOUD_MS, voice_end_ms
from duologue.dialogue.session.stretch_sound import RestOfSound, StretchSound, StretchVoice
from duologue.dialogue.turns.vocabulary import EngineFailed, Event, SpeechStarted, SpeechStopped, Stage, Understood
from duologue.errors import InputError, PeerError, in_words
from duologue.language.languages import ENGLISH, Words, load_language
from duologue.precedence import errand_of
from duologue.speech.hearing import (
    EAR_RATE,
    VAD_FRAME,
    Expected,
    SpeechToText,
    Transcript,
    TurnEnd,
    VoiceActivity,
)
from duologue.speech.shared_activity import SharedActivity
from duologue.streams import cancelled, closing

PRE_ROLL_MS = 320
"""Sound before an onset that belongs to its stretch: Silero notices a voice that begins with an s up to 240 ms late."""
LOST_MS = 300
"""Of a voice that is not understood in the end, more than this is told of: a word."""
CUT_MS = 600
"""Longest wait for a gap between two words (ms), where a stretch is to be cut within speech."""
KEPT_SECONDS = MELODY_SECONDS + 0.4
"""Of the newest sound: the melody before a pause, and the time in which the pause becomes known."""
JUDGED_SECONDS = 8.0
"""Of a turn's newest sound, for who judges by it whether the turn is over."""
JUDGE_MS = 120
"""Longest wait for that (ms): the pause is known 100 ms after it began, and the shortest wait is 250."""
LOUD = 0.01
"""Mean amplitude that counts as speech while voice activity fails."""
OUTAGE_FRAMES = 30
"""So many good frames end an outage of voice activity; each outage is told once."""
MAX_TRANSCRIPTS = 3_000
"""Of one stretch; an engine that gives more has lost its mind."""
FALLEN_SILENT_MS = 200
"""After the next block was due: a voice that no sound follows has ended. The shortest wait is longer."""
NO_SOUND_MS = 10_000
"""Nothing for so long names the source."""
HELD_MS = 100
"""A timer of the ears that is so late was held up, and the sound with it."""
BEHIND_MS = 100
"""Sound that is older when it comes is late, and what was said after it may be here in a moment."""
CATCH_UP_MS = 200
"""For late sound to come; nobody's time is up before."""
RISING_MS = 70
"""After a frame that may be the beginning of a voice it is known whether it is one; nobody's time is up before…"""
RISING_MOST_MS = 200
"""… but what goes on like that for so long, as noise may, holds nobody up any longer."""
FILLED_SAMPLES = EAR_RATE
"""Of a gap in the source's sound, silence to be heard; the rest of it is passed over."""


@dataclass(frozen=True, slots=True)
class TurnJudge:
    """Who tells by its sound whether a turn is over, and who wants to know before the pause is told."""

    engine: TurnEnd
    tell: Callable[[float | None], None]


class SessionEars:
    """Takes blocks of any length at :data:`EAR_RATE` and posts what they mean.

    ``post`` takes the events, ``sounded`` the melody of a voice before its pause is told, where anybody judges by it.
    Sound of the wrong kind
    raises :class:`InputError`: nothing of it is heard. An ``activity`` that is shared with other sessions tells a
    little later; one of its own at once.
    """

    def __init__(
        self,
        activity: VoiceActivity | SharedActivity,
        engine: SpeechToText,
        expected: Expected,
        echo: EchoFilter,
        clock: Clock,
        post: Callable[[Event], None],
        judge: TurnJudge | None = None,
        words: Words | None = None,
        sounded: Callable[[Contour | None], None] | None = None,
    ) -> None:
        self._activity = activity if isinstance(activity, SharedActivity) else SharedActivity(activity, window_ms=0)
        self._engine = engine
        self._expected = expected
        self._words = words or ENGLISH.turns
        self._echo = echo
        self._clock = clock
        self._post = post
        self._stream = self._activity.open(self._tell)
        self._source = SourceClock()
        self._end = clock.now()  # where the newest sound ends (ns)
        self._due: int | None = None  # when the next block is, at the latest; None: nobody has been heard yet
        self._named = False
        self._came = 0  # the newest sound (ns)
        self._behind: int | None = None  # since when it has come late
        self._gate = SpeechGate()
        self._voice_until = self._given_until = 0  # the newest offset, and that of the newest stretch that was ended
        self._track = VoiceTrack()
        self._ours = EchoTrack()
        self._onset = self._compared = 0  # samples: of the newest voice, and up to where it was compared with ours
        self._rising = (0, 0)  # since when a voice may be beginning, and until when that is waited for (ns)
        self._taken = self._told = 0  # samples that came, and those of which voice activity has told
        self._rest: RestOfSound | None = None
        self._unheard = 0  # samples of a voice that were given up, and not told of yet
        self._ending: tuple[int, int] | None = None
        self._next: tuple[int, StretchSound] | None = None
        self._judge = judge
        self._judging: asyncio.Task[None] | None = None
        self._pause: SpeechStopped | None = None
        self._turn = (0, -60 * SECOND)  # its first and its newest onset or offset
        self._group: asyncio.TaskGroup | None = None
        self._roll = PreRoll(JUDGED_SECONDS if judge else KEPT_SECONDS)
        self._melody, self._sounded = Melody(), sounded
        self._frame = np.zeros(0, np.float32)
        self._open: dict[int, StretchSound] = {}
        self._sounds: dict[int, StretchSound] = {}  # of those that are open, and those whose final is awaited
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._deaf_until: int | None = 0
        self._outage = 0
        self._fault: Exception | None = None

    def hear(self, block: Samples, at: int | None = None) -> None:
        """Take the next block, whose first sample is number ``at`` of its source; None: it ends now. Raises also what
        went wrong since the last one.
        """
        _check(block)
        now = self._clock.now()
        placed = self._source.place(at, len(block), now)
        self._due = now + len(block) * SECOND // EAR_RATE
        self._named = False
        if placed.back:
            what = f"the source's clock was set back by {placed.back / EAR_RATE:.1f} s"
            self._post(EngineFailed(Stage.NOTICING, what))
        block = block[placed.skip :] if placed.skip else block
        if not len(block):
            return
        self._note_lateness(placed, now)
        if self._deaf_until is None or placed.end < self._deaf_until:
            self._end = placed.end
            return
        if placed.gap:
            self._pass_gap(placed.gap, placed.end - len(block) * SECOND // EAR_RATE)
        self._take(block, placed.end)
        if self._fault is not None:
            raise self._fault

    def _note_lateness(self, placed: PlacedBlock, now: int) -> None:
        stalled, self._came = now - self._came > BEHIND_MS * MILLISECOND, now
        if now - placed.end < BEHIND_MS * MILLISECOND:
            self._behind = None
        elif self._behind is None or (stalled and now - self._behind > CATCH_UP_MS * MILLISECOND):
            self._behind = now

    def _pass_gap(self, gap: int, end: int) -> None:
        """So many samples are missing before ``end``: they were silence."""
        filled = min(gap, FILLED_SAMPLES)
        rest = gap - filled
        self._take(np.zeros(filled, np.float32), end - rest * SECOND // EAR_RATE)
        self._taken += rest
        self._told += rest
        if rest:
            for sound in self._open.values():
                sound.skip(rest)

    def _take(self, block: Samples, end: int) -> None:
        """``block`` ends at ``end`` (ns)."""
        self._end = end
        self._roll.push(block)
        begin, self._taken = self._taken, self._taken + len(block)
        if self._rest and (self._gate.speaking or end - self._voice_until < MAX_WAIT_MS * MILLISECOND):
            self._lose(self._rest.push(begin, block))
        else:
            self._forget_rest()
        for number, sound in list(self._open.items()):
            if not sound.push(block):
                self._fail(number, f"{self._engine.name} does not keep up with the sound")
        self._notice(block, end)

    def expect(self, expected: Expected, words: Words) -> None:
        """What the next stretch is listened to for, and in which language."""
        self._expected, self._words = expected, words

    @property
    def deadline(self) -> int | None:
        """When :meth:`miss` wants to be called (ns), for what has not come by then; None: nothing is missed."""
        if self._due is None or self._deaf_until is None:
            return None
        if self._gate.speaking or self._ending:
            return self._due + FALLEN_SILENT_MS * MILLISECOND
        return None if self._named else self._due + NO_SOUND_MS * MILLISECOND

    @property
    def catching_up_until(self) -> int:
        """Before this nobody's time is up (ns): sound is late, or may be the beginning of a voice. Past: neither."""
        late = 0 if self._behind is None else self._behind + CATCH_UP_MS * MILLISECOND
        return max(late, self._rising[1])

    def miss(self, now: int) -> None:
        """The source gives nothing: whoever spoke is taken to have fallen silent. What still comes keeps its place."""
        deadline = self.deadline
        if deadline is None or now < deadline or self._due is None:
            return
        if now - deadline > HELD_MS * MILLISECOND:
            self._due = now  # nobody was let in meanwhile: what has come is about to
            return
        if self._gate.speaking or self._ending:
            self._cut()
            self._told_of(self._gate.end(), self._end, known=False)
        else:
            self._named = True
            self._forget_rest()
            what = f"the source has given no sound for {NO_SOUND_MS // 1000} s"
            self._post(EngineFailed(Stage.NOTICING, what))

    def begin(self, stretch: int, since: int, group: asyncio.TaskGroup) -> None:
        """Transcribe from ``since`` (ns) on, and a little before it, but not what belonged to the stretch before."""
        self._group = group
        sound = StretchSound(self._gate.voiced)
        if self._ending:
            self._next = (stretch, sound)
        else:
            sound.go_on_with(*self._before(since))
            self._open[stretch] = self._sounds[stretch] = sound
        with errand_of(sound.errand):
            self._tasks[stretch] = group.create_task(self._transcribe(stretch, since, sound))

    def _before(self, since: int) -> tuple[int, Iterable[tuple[int, Samples]]]:
        """The sound of the past that belongs to a stretch of a voice that is there since then, and where it begins."""
        rest, self._rest = self._rest or self._since(since), None
        return rest.begin, rest.pieces

    def _since(self, since: int) -> RestOfSound:
        """The newest sound since then, and a little before it, but not what belonged to the stretch before."""
        start = max(since - PRE_ROLL_MS * MILLISECOND, self._given_until)
        before = self._roll.newest((self._end - start) * EAR_RATE // SECOND)
        rest = RestOfSound(self._taken - len(before))
        rest.push(rest.begin, before)
        return rest

    def _keep(self, sound: StretchSound) -> None:
        """No stretch is open for what follows, and of the end of this one nothing was understood. Ears that are closed
        hear nothing that goes on with it.
        """
        if self._deaf_until is None:
            self._lose(sound.end_of_voice - sound.understood)
            return
        known, begin = self._rest, sound.place(sound.within(sound.understood))
        self._rest = RestOfSound(begin if known is None else min(begin, known.begin))
        pieces = sorted((*sound.rest, *(known.pieces if known else ())), key=itemgetter(0))
        self._lose(sum([self._rest.push(place, block) for place, block in pieces]))

    def _keep_or_lose(self, sound: StretchSound) -> None:
        """Its engine gave up; where the next stretch is open already, nobody will hear the end of this one."""
        if self._open:
            self._lose(sound.end_of_voice - sound.understood)
        else:
            self._keep(sound)

    def _forget_rest(self) -> None:
        """Nobody will hear it."""
        rest, self._rest = self._rest, None
        if rest:
            gone = self._end if self._gate.speaking else min(self._voice_until, self._end)
            self._lose(self._taken - (self._end - gone) * EAR_RATE // SECOND - rest.begin)

    def _lose(self, samples: int) -> None:
        """Of a voice so much is never understood: that is not passed over in silence."""
        self._unheard += max(0, samples)
        if self._unheard > LOST_MS * EAR_RATE // 1000:
            what = f"{self._unheard / EAR_RATE:.1f} s of a voice were never understood"
            self._unheard = 0
            self._post(EngineFailed(Stage.HEARING, what))

    def end(self, stretch: int) -> None:
        """Ask for the final transcript. Within speech the cut waits for the next gap, so that no word is cut in two; a
        stretch that is begun meanwhile goes on from there.
        """
        if self._next and self._next[0] == stretch:
            self._cut()
        if stretch in self._open:
            self._open[stretch].want()
        if stretch in self._open and self._gate.speaking and self._ending is None and self._deaf_until is not None:
            self._ending = (stretch, self._end + CUT_MS * MILLISECOND)
            return
        if sound := self._open.pop(stretch, None):
            self._given_until = self._voice_until
            sound.end(self._track.ended)

    def drop(self, stretch: int) -> None:
        """Forget it: no further word of it comes."""
        if self._next and self._next[0] == stretch:
            self._next = None
        if self._ending and self._ending[0] == stretch:
            self._cut()
        self._open.pop(stretch, None)
        self._sounds.pop(stretch, None)
        if task := self._tasks.pop(stretch, None):
            task.cancel()

    def leave(self, stretch: int) -> None:
        """As it stands: no further word of it comes. A stretch of the same voice goes on from what was understood, of
        all that were left with it.
        """
        if self._ending and self._ending[0] == stretch:
            self._cut()  # before its sound is kept: what follows a cut begins anew
        if sound := self._sounds.get(stretch):
            self._keep(sound)
        self.drop(stretch)

    def listen(self, tail_ms: int) -> None:
        """Open the ears again, after a tail of echo. What was heard before they closed is no part of a voice now."""
        self._deaf_until = self._clock.now() + tail_ms * MILLISECOND
        self._forget_rest()
        self._roll.forget()
        self._gate.reset()
        self._forget_frames()

    def ignore(self) -> None:
        """Close them."""
        self._cut()
        self._forget_rest()  # while it is known where its voice went: sound that is not taken moves that
        self._deaf_until = None
        self._forget_frames()

    def drop_all(self) -> None:
        """Forget all stretches."""
        self._pause = None
        if self._judging is not None:
            self._judging.cancel()
            self._judging = None
        for stretch in list(self._tasks):
            self.drop(stretch)

    def close(self) -> None:
        """Nothing more is heard. Idempotent.

        All sound of lately goes at once: who keeps a conversation that is over, for what was said, keeps none of it.
        """
        self._deaf_until = None
        self._pause = None
        self._echo.sound.forget()
        self._roll.forget()
        self._rest = None
        self._activity.forget(self._stream)

    def _cut(self) -> None:
        """End the stretch whose end was asked for within speech, and go on with the next."""
        ending, following = self._ending, self._next
        self._ending = self._next = None
        if ending and (sound := self._open.pop(ending[0], None)):
            sound.end(self._track.ended)
        if following and following[0] in self._tasks:
            rest, self._rest = self._rest or RestOfSound(self._taken), None  # of one that failed before it was cut
            following[1].go_on_with(rest.begin, rest.pieces)
            self._open[following[0]] = self._sounds[following[0]] = following[1]
        elif ending and self._rest is None:  # what was left before goes on with what follows
            self._rest = RestOfSound(self._taken)

    def _forget_frames(self) -> None:
        self._pause = None
        self._frame = self._frame[:0]
        self._activity.clear(self._stream)
        self._told = self._taken

    def _notice(self, block: Samples, end: int) -> None:
        """Cut into frames, each ending as long before ``end`` as samples follow it."""
        self._frame = np.concatenate([self._frame, block])
        while len(self._frame) >= VAD_FRAME:
            frame, self._frame = self._frame[:VAD_FRAME], self._frame[VAD_FRAME:]
            self._activity.push(self._stream, frame, end - len(self._frame) * SECOND // EAR_RATE)

    def _tell(self, found: object, frame: Samples, end: int) -> None:
        """What voice activity gave for a frame. It may call from the loop: a fault waits for who brings the sound."""
        try:
            before = self._gate.voiced
            event = self._gate.step(self._probability(found, frame), end)
            self._told += VAD_FRAME
            if self._ending and (self._gate.voiced == before or end >= self._ending[1]):
                self._cut()
            for sound in self._open.values():
                sound.voiced += max(0, self._gate.voiced - before)
            self._note_rising(end)
            self._compare(event, end)
            self._told_of(event, end)
        except Exception as error:
            self._fault = error

    def _told_of(self, event: SpeechStarted | SpeechStopped | None, end: int, *, known: bool = True) -> None:
        """An onset or offset, known when sound had been told of up to ``end`` (ns). Where it is not known but taken to
        be, a word may be cut in two: should the rest of it come, the next stretch has it whole.
        """
        if event is None:
            return
        if isinstance(event, SpeechStopped) and known:
            self._voice_until = event.at
            event = replace(event, level_ms=self._level_ms(event.at))
            if self._sounded is not None:
                self._sounded(self._contour(event.at))
        if isinstance(event, SpeechStarted) and not (self._open or self._rest):
            self._rest = self._since(event.at)  # until somebody listens
        if not self._outage:
            at = self._told - (end - event.at) * EAR_RATE // SECOND
            self._track.change(at, isinstance(event, SpeechStarted))
        if self._judge:
            self._tell_judged(event, self._judge)
        else:
            self._post(event)

    def _note_rising(self, end: int) -> None:
        since, until = self._rising
        if self._gate.rising and (end > until or end - since < RISING_MOST_MS * MILLISECOND):
            self._rising = (end if end > until else since, end + RISING_MS * MILLISECOND)

    def _compare(self, event: SpeechStarted | SpeechStopped | None, end: int) -> None:
        """The newest voice with what we play: it may be nobody's but ours. At its onset what lies before it belongs to
        it, since quick ears have a word of that at once. What is as good as silence is nobody's.
        """
        known = self._compared
        if isinstance(event, SpeechStarted):
            self._onset = self._compared = self._told - (end - event.at) * EAR_RATE // SECOND
        if not (self._gate.speaking or event) or not self._echo.sound.sounded(self._end):
            return
        if isinstance(event, SpeechStarted):
            ours = self._echo.sound.share(self._roll.newest(WINDOW), self._end) >= OURS
            self._ours.note(max(known, self._onset - PRE_ROLL_MS * EAR_RATE // 1000), self._taken, ours)
            return
        voiced, new = self._taken - self._onset, self._taken - self._compared
        if voiced < LEAST or (new < HOP and self._compared > self._onset and event is None):
            return
        heard, begin = self._roll.newest(min(voiced, WINDOW)), self._compared
        self._compared = self._taken
        if float(np.sqrt(np.mean(np.square(heard)))) < SOFT:
            return
        ours = self._echo.sound.share(heard, self._end) >= OURS
        self._ours.note(begin, self._taken, ours)
        for number, sound in self._open.items():
            if not ours:
                continue
            sound.voiced = max(0, sound.voiced - new // VAD_FRAME)
            if not sound.worded and not sound.echoed and self._ours.all_ours(sound.begin, self._taken):
                sound.echoed = True
                self._post(Understood(number, "", False, echo=True, sure=False))

    def _level_ms(self, offset: int) -> float:
        """How long after ``offset`` (ns) the voice could last be heard (ms)."""
        after = max(0, self._end - offset) * EAR_RATE // SECOND
        return voice_end_ms(self._roll.newest(after + LOUD_MS * EAR_RATE // 1000), after)

    def _contour(self, offset: int) -> Contour | None:
        """How the voice sounded that went at ``offset`` (ns)."""
        since = max(0, self._end - offset) * EAR_RATE // SECOND
        newest = self._roll.newest(since + round(MELODY_SECONDS * EAR_RATE))
        return self._melody.ended(newest[: len(newest) - since])

    def _tell_judged(self, event: SpeechStarted | SpeechStopped, judge: TurnJudge) -> None:
        """A pause is told once it has been judged, or when the voice comes back."""
        first, last = self._turn
        if isinstance(event, SpeechStarted):
            self._tell_pause(None)
            self._turn = (event.at if event.at - last > MAX_WAIT_MS * MILLISECOND else first, event.at)
            self._post(event)
            return
        self._turn, self._pause = (first, event.at), event
        if self._group is None:
            self._tell_pause(None)
        else:
            self._judging = self._group.create_task(self._ask(judge, first))

    async def _ask(self, judge: TurnJudge, since: int) -> None:
        found: float | None = None
        try:
            async with asyncio.timeout(JUDGE_MS / 1000):
                back = (self._end - since + PRE_ROLL_MS * MILLISECOND) * EAR_RATE // SECOND
                found = nonsense.probability(await judge.engine.ended(self._roll.newest(back)))
        except (Exception, asyncio.CancelledError) as error:  # as below
            if isinstance(error, asyncio.CancelledError) and cancelled():
                raise
            self._post(EngineFailed(Stage.NOTICING, f"end of turn: {in_words(error)}"))
        self._tell_pause(found)

    def _tell_pause(self, found: float | None) -> None:
        pause, self._pause = self._pause, None
        if pause is not None and self._judge is not None:
            self._judge.tell(found)
            self._post(pause)
        if self._judging is not None and self._judging is not asyncio.current_task():
            self._judging.cancel()
        self._judging = None

    def _probability(self, found: object, frame: Samples) -> float:
        """Of speech in a frame. Without voice activity loudness must do, so that nobody is left unheard."""
        try:
            if isinstance(found, Exception):
                raise found
            probability = nonsense.probability(found)
        except Exception as error:  # as below
            if not self._outage:
                self._post(EngineFailed(Stage.NOTICING, f"voice activity: {in_words(error)}"))
                self._track.forget()
            self._outage = OUTAGE_FRAMES
            return float(float(np.abs(frame).mean()) > LOUD)
        self._outage = max(0, self._outage - 1)
        return probability

    async def _transcribe(self, stretch: int, since: int, sound: StretchSound) -> None:
        final, count = False, 0
        expected, voice = self._expected, StretchVoice(self._track, sound)
        try:
            async with closing(self._engine.listen(sound.read(), expected, voice)) as transcripts:
                async for given in transcripts:
                    transcript = nonsense.transcript(given, self._engine.name)
                    if given.final and len(given.text) > len(transcript.text):
                        what = f"{self._engine.name} gave {len(given.text)} characters: the first are taken"
                        self._post(EngineFailed(Stage.HEARING, what))
                    said, ours = self._foreign(transcript, sound)
                    voiced_ms = sound.voiced * FRAME_NS / MILLISECOND
                    strange = nonsense.strange_language(transcript.language, expected.language)
                    words = load_language(strange).turns if strange else self._words
                    believed = trust(said, transcript.confidence, transcript.final, voiced_ms, words)
                    heard = "" if believed is Trust.NONE else said
                    if heard:
                        marks = transcript.words
                        sound.understood = sound.place(marks[-1].end) if marks else self._taken
                    text, echo = self._echo.strip(heard, since, self._clock.now())
                    echo, sound.worded = echo or ours, sound.worded or bool(text)
                    final = transcript.final
                    count += 1
                    if count > MAX_TRANSCRIPTS:
                        raise PeerError(f"{self._engine.name} gave {count} transcripts of one stretch")
                    queued_ms = sound.queued_ms if final else 0.0
                    nearly = transcript.alternatives if text == transcript.text else ()
                    sure = believed is Trust.FULL
                    self._post(Understood(stretch, text, final, echo, sure, strange, queued_ms, nearly))
                    if final:
                        break
                    await asyncio.sleep(0)  # an engine that never waits must not flood the inbox
        except asyncio.CancelledError as error:
            if cancelled():
                raise
            self._post(EngineFailed(Stage.HEARING, in_words(error), stretch=stretch))  # the engine cancelled itself
        except Exception as error:  # an engine may come from a stranger's package: it must not end the conversation
            self._post(EngineFailed(Stage.HEARING, in_words(error), stretch=stretch))
        else:
            if not final:
                what = f"{self._engine.name} gave no final transcript"
                self._post(EngineFailed(Stage.HEARING, what, stretch=stretch))
        finally:
            ended_it = self._open.pop(stretch, None) is not None
            if ended_it or (stretch in self._sounds and not final):  # it gave up, or ended it by itself
                self._keep_or_lose(sound)
            self._sounds.pop(stretch, None)
            self._tasks.pop(stretch, None)

    def _foreign(self, given: Transcript, sound: StretchSound) -> tuple[str, bool]:
        """The text without words that lie where nobody spoke, or only we did; and whether we did."""
        if given.text and not given.words and self._ours.all_ours(sound.begin, self._taken):
            return "", True
        ours = False

        def nobodys(start: int, end: int) -> bool:
            nonlocal ours
            start, end = sound.place(start), sound.place(max(end - 1, start)) + 1
            echo = self._ours.only_ours(start, end)
            ours = ours or echo
            return echo or self._track.silent(start, end)

        return text_without(given, nobodys), ours

    def _fail(self, stretch: int, what: str) -> None:
        self.leave(stretch)
        self._post(EngineFailed(Stage.HEARING, str(PeerError(what)), stretch=stretch))


def _check(block: Samples) -> None:
    if block.ndim != 1 or block.dtype != np.float32:
        raise InputError(
            f"a block of sound has shape {block.shape} and type {block.dtype}", where="source",
            remedy=f"Give mono float32 at {EAR_RATE} Hz.",
        )  # fmt: skip
    if not bool(np.isfinite(block).all()):
        raise InputError("a block of sound holds values that are no numbers", where="source", remedy="Mend the source.")
