"""A lesson in a conversation with a person: the drill stands in the place of what thinks, and of what the ears expect.

The session is the one that every conversation has; so a drill is interrupted, recorded, timed and gone on with like any
other. What it says is told to the session as a reply; what it shows goes to ``tell``. A step whose words nobody heard
(the person went on speaking) is taken back: the drill stands where it stood, and what they say is judged as a whole.
An answer in writing is whole, and counts at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

import numpy as np

from duologue.app.lessons.learners import english_name
from duologue.app.lessons.messages import LessonPage
from duologue.app.talk.messages import FromServer
from duologue.app.talking.talking import Partner
from duologue.audio.pcm import Samples
from duologue.clock import Clock
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import Annotate, Commit, Effect, Event, Think, Typed, Withdrawn
from duologue.errors import DuologueError, InputError
from duologue.language.engine import LanguageCapabilities, LanguageModel, Moment, Prompt, WholeText
from duologue.language.structured import NOTES, ReplyChunk
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, SpeechToText, Transcript, VoicePresence
from duologue.speech.pronunciation import goodness
from duologue.speech.pronunciation.scorer import PronunciationScorer
from duologue.telemetry.log import get_logger
from duologue.tutor import drill
from duologue.tutor.grammar import grammar_of
from duologue.tutor.lesson import REVIEW, Lesson, shipped_lessons
from duologue.tutor.plan import plan_of
from duologue.tutor.progress import Correction, LearnerProgress, LessonDone, WordCard
from duologue.tutor.review import due, new_card, rated, review_of
from duologue.tutor.teaching import believed, briefing, word_noted
from duologue.tutor.words import words_of

SCORE_SECONDS = 2.0
"""For the score of an answer; without one it is told what was understood alone."""
MOST_SAMPLES = 30 * EAR_RATE
"""Of an answer that is scored; of a longer one the newest."""
REST_SECONDS = 2.0
"""At the end, for what waits to be kept."""
MOST_WAITING = 200
"""Things to be kept that wait for the store; more are dropped, and said to be."""
MOST_NEW = 12
"""Words that a language model adds to the vocabulary in one conversation: as many as a review has."""

_log = get_logger("duologue.lesson")


class LessonDesk:
    """See the module. Call :meth:`load`, and :meth:`open` for a lesson, hold the session with a partner that is
    :func:`taught`, and call :meth:`run` beside it. ``model`` talks with the learner when no lesson goes on; None: there
    is none. ``ears`` keep to grammars.
    """

    def __init__(
        self,
        progress: LearnerProgress,
        clock: Clock,
        *,
        model: LanguageModel | None = None,
        ears: SpeechToText | None = None,
        scorer: PronunciationScorer | None = None,
        language: str = "",
        kept: bool = False,
    ) -> None:
        self._progress = progress
        self._clock = clock
        self._model = model
        self._scorer = scorer
        self._language = language
        self.tell: Callable[[FromServer, str], None] = lambda message, about: None
        """Told what is shown, and what each is about."""
        scored = scorer is not None and goodness.TRUSTED
        self._page = LessonPage(lambda message, about: self.tell(message, about), language, kept=kept, scored=scored)
        self._standing: drill.Standing | None = None
        self._wanted: Lesson | None = None
        self._before: tuple[drill.Standing | None, Lesson | None] | None = None
        self._unsettled: tuple[drill.DrillEffect, ...] = ()
        self._reply = self._person = ""
        self._words = self._judged = ""
        self._typed = False
        self._sounds: list[list[Samples]] = []
        self._noted = set[tuple[str, ...]]()
        self._new = 0
        self._cards: dict[str, WordCard] = {}
        self._done: Sequence[LessonDone] = ()
        self._to_keep: asyncio.Queue[WordCard | Correction | LessonDone] = asyncio.Queue(MOST_WAITING)
        self.conversation = ""
        """Begins the ids of turns, as the ledger has them."""
        self.mind = LessonMind(self)
        """To be asked in the place of an engine that thinks."""
        self._drilling = ears

    @property
    def talks(self) -> bool:
        """There is a language model to talk freely with."""
        return self._model is not None and self._model.capabilities.instructed

    def listening(self, usual: SpeechToText) -> SpeechToText:
        """To listen in the place of ``usual``, which is asked while no lesson goes on."""
        return LessonEars(self, self._drilling, usual) if self._drilling is not None else usual

    @property
    def shown(self) -> tuple[tuple[FromServer, str], ...]:
        """What a client that comes (back) is told, each with what it is about."""
        return self._page.shown

    @property
    def briefing(self) -> str:
        """What a language model should know of the learner."""
        cards = sorted(self._cards.values(), key=lambda card: (card.due, card.word))
        return briefing(plan_of(shipped_lessons(), self._done), cards)

    @property
    def grammar(self) -> str:
        """What may be said now; empty: anything."""
        standing = self._standing
        exercise = standing.exercise if standing is not None else None
        return grammar_of(exercise, standing.lesson) if standing is not None and exercise is not None else ""

    async def load(self) -> None:
        """Know what was learnt before."""
        self._cards = {card.word: card for card in await self._cards_kept()}
        await self._show_vocabulary()

    async def open(self, lesson: str | Lesson) -> None:
        """Have a lesson begin with the next word of the character. Raises :class:`InputError` for one that there is
        not, or for a review without a word that is due.
        """
        self._wanted = self._find(lesson) if isinstance(lesson, str) else lesson

    async def run(self) -> None:
        """Keep what is learnt, until cancelled."""
        while True:
            item = await self._to_keep.get()
            try:
                match item:
                    case WordCard():
                        await self._progress.learn((item,))
                    case Correction():
                        await self._progress.correct(item)
                    case LessonDone():
                        await self._progress.finish(item)
            except DuologueError as error:  # the lesson goes on
                _log.warning("lesson.not_kept", cause=str(error))
                self._page.notice("What you learn is not kept now.", "The lesson goes on.")
            finally:
                self._to_keep.task_done()
            if self._to_keep.empty():
                await self._show_vocabulary()

    async def rest(self) -> None:
        """Wait, for a moment, until all that was learnt is kept."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                await self._to_keep.join()

    async def _cards_kept(self) -> Sequence[WordCard]:
        try:
            return await self._progress.cards()
        except DuologueError as error:
            _log.warning("lesson.no_progress", cause=str(error))
            return ()

    def help(self, wish: drill.Help) -> str:
        """Show help; what is to be said in the learner's name where it is to be spoken instead (empty: nothing)."""
        if self._standing is None:
            return ""
        if wish is drill.Help.AGAIN:
            return "say it again please"
        if wish is drill.Help.SKIP:
            return "skip this one"
        step = drill.help_with(self._standing, wish, self._clock.now())
        self._standing = step.standing
        self._page.take(step, written=False)
        return ""

    # What the session does

    def see(self, item: Event | Effect) -> None:
        """What its observer sees."""
        match item:
            case Typed():
                self._typed = True
                self._sounds.clear()
            case Think(reply=reply, person=person):
                self._reply, self._person = reply, person
            case PlayStarted(utterance_id=name) if self._reply and name.startswith(f"{self._reply}/"):
                self._settle()
            case Commit():
                self._settle()
            case Withdrawn():
                if not self._take_back():
                    self._judged = self._words  # the turn is open again: what was judged of it is no answer any more
            case Annotate(reply, chunk):
                self._annotate(f"{self.conversation}/{reply}", chunk)
            case _:
                pass

    def heard(self, sound: list[Samples]) -> None:
        """Words are understood of a stretch of the person's, whose blocks these are, and will be."""
        self._typed = False
        if not any(known is sound for known in self._sounds):
            self._sounds.append(sound)

    async def reply(self, prompt: Prompt) -> str | None:
        """What the tutor says; None: nothing of the lesson's, somebody else may."""
        words = prompt.lines[-1].text if prompt.moment is Moment.ANSWER and prompt.lines else ""
        self._take_back()  # a thought of before, of which nothing was heard
        said = words.removeprefix(self._judged).strip() if self._judged else words
        self._words, self._judged = words, ""
        before = self._standing, self._wanted
        if self._wanted is not None:
            step = drill.begin(self._wanted, self._clock.now(), self._language)
            self._wanted = None
        elif self._standing is None or (self._standing.exercise is None and self.talks):
            return None
        elif not said:
            step = drill.help_with(self._standing, drill.Help.AGAIN, self._clock.now(), aloud=True)
        else:
            step = drill.answer(self._standing, await self._answer(said), self._clock.now())
        self._before, self._unsettled = before, step.effects
        self._standing = step.standing
        self._page.take(step, written=self._typed)
        if self._typed or not said:
            self._settle()  # who writes has finished, and sees at once what came of it
        return step.spoken

    async def talk(self, prompt: Prompt) -> AsyncGenerator[str]:
        """What is said when no lesson goes on."""
        if self._model is not None:
            async for piece in self._model.write(prompt):
                yield piece

    def _annotate(self, turn: str, chunk: ReplyChunk) -> None:
        """What a language model noted beside what it says, as far as it can be so."""
        chunk = self._fresh(turn, believed(chunk, self._person, english_name(self._language)))
        now = self._clock.wall()
        vocable = word_noted(chunk)
        if vocable is not None and not self._learns(vocable.word):
            chunk, vocable = replace(chunk, vocabulary=""), None
        self._page.annotate(turn, chunk, self._person)
        if chunk.correction:
            self._keep(Correction(self._person, chunk.correction, "", "", now))
        if vocable is not None:
            self._new += 1
            self._cards[vocable.word] = new_card(vocable, "", now)
            self._keep(self._cards[vocable.word])

    def _fresh(self, turn: str, chunk: ReplyChunk) -> ReplyChunk:
        """Without the notes that this turn has already: a model repeats them from chunk to chunk."""
        self._noted = {each for each in self._noted if each[0] == turn}
        for kind in NOTES:
            known = (turn, kind, *words_of(getattr(chunk, kind)))
            if known in self._noted:
                chunk = replace(chunk, **{kind: ""})
            self._noted.add(known)
        return chunk

    def _learns(self, word: str) -> bool:
        """Whether there is room for it, and it is not learnt already."""
        return self._new < MOST_NEW and word.casefold() not in {known.casefold() for known in self._cards}

    async def _answer(self, said: str) -> drill.Answer:
        assert self._standing is not None
        wanted = drill.expected(self._standing, said)
        if self._typed or self._scorer is None or not self._sounds or not wanted or not goodness.TRUSTED:
            return drill.Answer(said, written=self._typed)
        try:
            async with asyncio.timeout(SCORE_SECONDS):
                blocks = [block for sound in self._sounds for block in sound]
                found = await self._scorer.score(np.concatenate(blocks)[-MOST_SAMPLES:], EAR_RATE, wanted)
        except (DuologueError, TimeoutError) as error:
            _log.warning("lesson.not_scored", cause=str(error) or "it took too long")
            return drill.Answer(said)
        words = tuple(
            drill.SpokenWord(word.text, word.evidence >= goodness.CLEAR_FROM, goodness.percent(word.evidence))
            for word in found
        )
        return drill.Answer(said, sound=words)

    # What becomes of it

    def _settle(self) -> None:
        """Somebody heard it: it counts."""
        effects, self._unsettled, self._before = self._unsettled, (), None
        if effects:
            self._sounds.clear()
        for effect in effects:
            self._note(effect)

    def _take_back(self) -> bool:
        """Nobody heard it; False: it counts already."""
        if self._before is None:
            return False
        (self._standing, self._wanted), self._before, self._unsettled = self._before, None, ()
        self._page.take_back()
        return True

    def _note(self, effect: drill.DrillEffect) -> None:
        now = self._clock.wall()
        lesson = self._standing.lesson if self._standing is not None else None
        match effect:
            case drill.RateWord(word, rating) if lesson is not None:
                card = self._cards.get(word)
                vocable = lesson.vocable(word)
                if card is None and vocable is not None:
                    card = new_card(vocable, lesson.name, now)
                if card is not None:
                    self._cards[word] = rated(card, rating, now)
                    self._keep(self._cards[word])
            case drill.Judge(said=said, correction=correction, because=because) if correction and lesson is not None:
                self._keep(Correction(said, correction, because, lesson.name, now))
            case drill.Finish() if lesson is not None and lesson.name != REVIEW:
                done = LessonDone(lesson.name, effect.right, effect.first, effect.count, effect.seconds, now)
                self._keep(done)
            case _:
                pass

    def _keep(self, item: WordCard | Correction | LessonDone) -> None:
        try:
            self._to_keep.put_nowait(item)
        except asyncio.QueueFull:
            self._page.notice("Something that you learnt was not kept.", "The lesson goes on.")

    def _find(self, name: str) -> Lesson:
        lessons = shipped_lessons()
        if name == REVIEW:
            found = review_of(due(self._cards.values(), self._clock.wall()), lessons)
            if found is None:
                raise InputError("no word is due", where="lesson", remedy="Learn some in a lesson, or come back later.")
            return found
        for lesson in lessons:  # by name only: what else names a lesson names files of this machine
            if lesson.name == name:
                return lesson
        names = ", ".join(lesson.name for lesson in lessons)
        raise InputError(f"there is no lesson {name!r}", where="lesson", remedy=f"Name one of {names}, or {REVIEW}.")

    async def _show_vocabulary(self) -> None:
        try:
            done = await self._progress.lessons()
        except DuologueError as error:
            _log.warning("lesson.no_progress", cause=str(error))
            done = ()
        self._done = done
        self._page.vocabulary(tuple(self._cards.values()), done, self._clock.wall())


class LessonMind:
    """Fills :class:`~duologue.language.engine.LanguageModel` for a session that drills."""

    name = "lesson"
    capabilities = LanguageCapabilities(streaming=False, deterministic=True, instructed=False)

    def __init__(self, desk: LessonDesk) -> None:
        self._desk = desk

    async def warm_up(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to release."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """The next step of the drill, in words."""
        text = await self._desk.reply(prompt)
        if text is not None:
            yield WholeText(text)
            return
        async with aclosing(self._desk.talk(prompt)) as pieces:
            async for piece in pieces:
                yield piece


class LessonEars:
    """Fills :class:`~duologue.speech.hearing.SpeechToText`: what may be said to the exercise is all that is heard."""

    name = "lesson"

    def __init__(self, desk: LessonDesk, engine: SpeechToText, usual: SpeechToText) -> None:
        self._desk = desk
        self._engine = engine
        self._usual = usual

    @property
    def capabilities(self) -> HearingCapabilities:
        """Of the engine."""
        return self._engine.capabilities

    async def warm_up(self) -> None:
        """The engine is warm."""

    async def close(self) -> None:
        """The engine is somebody else's."""

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript]:
        """With the grammar of the exercise; its own judge says what a word is worth, so what it heard is believed."""
        if not (grammar := self._desk.grammar):
            async with aclosing(self._usual.listen(sound, expected, voice)) as transcripts:
                async for transcript in transcripts:
                    yield transcript
            return
        kept: list[Samples] = []

        async def keeping() -> AsyncGenerator[Samples]:
            async for block in sound:
                kept.append(block)
                yield block

        wanted = replace(expected or Expected(), grammar=grammar, phrases=())
        async with aclosing(self._engine.listen(keeping(), wanted, voice)) as transcripts:
            async for transcript in transcripts:
                if transcript.text:
                    self._desk.heard(kept)
                yield replace(transcript, confidence=1.0) if transcript.final and transcript.text else transcript


def taught(partner: Partner, desk: LessonDesk) -> Partner:
    """The partner for a conversation with lessons: what a lesson says is not cut, and nothing is muttered before it. A
    language model that teaches knows the learner's level, what comes next, and their words.
    """
    teaches = desk.talks and bool(partner.persona.notes)
    style = (*partner.persona.style, desk.briefing) if teaches else partner.persona.style
    persona = replace(partner.persona, style=style, fillers=())
    engines = replace(partner.engines, model=desk.mind, ears=desk.listening(partner.engines.ears), turn=None)

    def follow(item: Event | Effect, now: int) -> None:
        partner.followed(item, now)
        desk.see(item)

    return replace(partner, persona=persona, engines=engines, followed=follow)
