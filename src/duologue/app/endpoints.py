"""What programs of others ask of our engines: a voice, a transcript, a character's answer. A part of the house.

No conversation stands behind a request: it brings all that it needs and takes a place of its kind for as long as it
lasts. The engines are those that shows and conversations use, kept warm between requests.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from duologue.app.admission import PlaceKind
from duologue.app.engines.engines import LentEngines
from duologue.app.engines.languages import members, refuse_deaf
from duologue.app.engines.spare_voices import KnownVoices, known_voices, spare_voice
from duologue.app.engines.vitals import unserved, vitals
from duologue.app.house.shared import UNHEARD, Shared, TalkListener
from duologue.app.realtime.session import RealtimeHouse
from duologue.app.realtime.sessions import RealtimeSessions
from duologue.app.talking.partners import HOUSE_VOICE, find_partner, find_persona, partner_names
from duologue.app.talking.talking import Talk
from duologue.audio.pcm import Samples
from duologue.errors import ClosedError, InputError, PeerError
from duologue.ids import unique_id
from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.language.languages import ENGLISH, bare, knows
from duologue.metering import Customer, charged
from duologue.settings import Settings
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText
from duologue.speech.stretches import HeardStretch, stretches

FOREIGN_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
"""What clients of OpenAI's speech API call for when nobody has told them of ours: each gets one of ours, always the
same."""
WHOEVER = Customer("api")
"""Who asks by request."""
_LANGUAGE = re.compile("[a-z]{2,3}")
PATIENCE = 10.0
"""Seconds for which a request waits for its place."""


class Endpoints:
    """Engines for whoever asks by request."""

    name = topic = "api"

    def __init__(self, settings: Settings, shared: Shared, listener: TalkListener = UNHEARD) -> None:
        self._settings = settings
        self._pool = shared.engines
        self._admission = shared.admission
        self._clock = shared.clock
        self._engines: LentEngines | None = None
        self._known: KnownVoices = {}
        self.talk = Talk(settings, shared, listener)
        """The conversations of :attr:`realtime`, as the house sees them."""
        house = RealtimeHouse(settings, shared.ledger, shared.clock, self.named)
        self.realtime = RealtimeSessions(self.talk, house)

    async def run(self) -> None:
        """Keep the engines warm until cancelled."""
        self._known = await asyncio.to_thread(known_voices, self._settings)
        async with self._pool.lend(hears=True) as engines:
            await engines.warm_up()
            self._engines = engines
            try:
                await asyncio.Event().wait()
            finally:
                self._engines = None

    def ready(self) -> Sequence[str]:
        """Why a request would be turned away now."""
        if self._engines is None:
            return ("the engines are being warmed up",)
        llm, tts, ears = self._pool.chains
        return tuple(unserved(vitals(llm, tts, self._clock.now(), ears)))

    # What there is

    @property
    def characters(self) -> tuple[str, ...]:
        """Who can be asked for an answer, by name."""
        return partner_names()

    @property
    def voices(self) -> tuple[str, ...]:
        """What a voice may be called: a character's name, or an engine's own voice."""
        own = (voice for voices in self._told.values() for voice in voices)
        return tuple(dict.fromkeys((*self.characters, *own)))

    @property
    def _told(self) -> KnownVoices:
        """The voices of each engine: of one on somebody else's server those that it has told since it came up."""
        if self._engines is None:
            return self._known
        chain = self._engines.tts
        warm = {each.name for each in chain.health(self._clock.now()) if each.warm}
        return {**{each.name: each.capabilities.voices for each in chain.engines if each.name in warm}, **self._known}

    @property
    def speakers(self) -> tuple[str, ...]:
        """The engines that speak."""
        return self._settings.engines.tts

    @property
    def listeners(self) -> tuple[str, ...]:
        """The engines that hear."""
        return self._settings.engines.stt

    # What is asked

    async def speak(self, text: str, voice: str) -> AsyncGenerator[Samples]:
        """``text`` in a voice (see :attr:`voices`), as it is made: mono, at :data:`~duologue.audio.pcm.RATE`.

        Raises :class:`InputError` for a voice that is not there, :class:`~duologue.app.admission.PlaceTaken`, and what
        the engines raise.
        """
        voices = self.named(voice)
        async with self._place(PlaceKind.VOICE) as engines:
            told = 0
            spoken = engines.tts.stream(text, voices, speaker=voice, utterance_id=unique_id(self._clock.wall()))
            async with aclosing(charged(WHOEVER, spoken)) as growing:
                async for each in growing:
                    yield each.utterance.samples[told:]
                    told = len(each.utterance.samples)

    @property
    def thinking(self) -> LanguageCapabilities:
        """What the engines that think can do, one of them at least."""
        return self._engines.llm.capabilities if self._engines is not None else LanguageCapabilities()

    @property
    def thinkers(self) -> tuple[str, ...]:
        """Those engines."""
        return self._settings.engines.llm

    @property
    def translates(self) -> bool:
        """An engine that hears can give what is said in English."""
        ears = self._engines.ears if self._engines is not None else None
        return ears is not None and ears.capabilities.translates

    async def transcribe(
        self, read: Callable[[], Samples], *, language: str = "", prompt: str = "", translated: bool = False
    ) -> AsyncGenerator[HeardStretch]:
        """What is said in a recording, stretch by stretch, in order. ``read`` gives its sound (mono at
        :data:`~duologue.speech.hearing.EAR_RATE`), in a thread, once there is a place: a file that waits is small, its
        sound is not.

        ``language`` may be empty: the first engine that hears finds it out, if it knows more than English. ``prompt``
        are words that are likely to be said; ``translated``: in English, where an engine :attr:`translates`. Raises as
        :meth:`speak`, :class:`InputError` for a language that none hears, and what ``read`` does.
        """
        phrases = tuple(filter(None, (prompt.strip(),)))
        async with self._place(PlaceKind.LISTENER) as engines:
            if engines.ears is None or engines.noticing is None:
                raise ClosedError("no engine hears here", where="engines.stt", remedy="Set one.")
            spoken = language if translated else _spoken(language, engines.ears)
            expected = Expected(phrases, language=spoken, translated=translated)
            heard = await asyncio.to_thread(read)
            for start, end in await stretches(engines.noticing.activity, heard):
                piece, final = _blocks(heard[start:end]), None
                async with aclosing(charged(WHOEVER, engines.ears.listen(piece, expected))) as transcripts:
                    async for transcript in transcripts:
                        final = transcript
                if final is None or not final.final:
                    raise PeerError("the engine gave no final transcript", where=engines.ears.name)
                if final.text.strip():
                    yield HeardStretch(start, end, replace(final, language=final.language or spoken))

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """An answer, as it is written. Raises as :meth:`speak`."""
        async with (
            self._place(PlaceKind.THOUGHT) as engines,
            aclosing(charged(WHOEVER, engines.llm.write(prompt))) as writing,
        ):
            async for piece in writing:
                yield piece

    def prompt(self, character: str) -> Prompt:
        """The beginning of a request to ``character``: nothing said yet. Raises :class:`InputError` for a stranger."""
        if character not in self.characters:
            raise InputError(
                f"there is no model {character!r}", where="model",
                remedy=f"Ask one of the characters: {', '.join(self.characters)}.",
            )  # fmt: skip
        return Prompt.by(find_persona(character))

    def named(self, voice: str) -> Mapping[str, str]:
        """The voice of each engine that is meant by a name: that very one, else always the same of those that it tells;
        of one that tells none, as :data:`HOUSE_VOICE` has it. Raises :class:`InputError` for one that is not there.
        """
        if voice in self.characters:
            return find_partner(voice, self._settings).voices
        told, plain = self._told, voice.partition("?")[0]
        having = {engine for engine in self.speakers if plain in told.get(engine, ())}
        if not having and voice not in FOREIGN_VOICES:
            raise InputError(
                f"there is no voice {voice!r}", where="voice", remedy=f"Name one of {', '.join(self.voices[:20])}."
            )
        usual = find_partner(HOUSE_VOICE, self._settings).voices
        return {
            engine: voice if engine in having else spare_voice(voice, told.get(engine, ()), ()) or usual[engine]
            for engine in self.speakers
        }

    @asynccontextmanager
    async def _place(self, kind: PlaceKind) -> AsyncGenerator[LentEngines]:
        engines = self._engines
        if engines is None:
            raise ClosedError("the engines are being warmed up", where="api", remedy="Try again in a moment.")
        async with self._admission.place(frozenset({kind}), PATIENCE):
            yield engines


def _spoken(language: str, ears: SpeechToText) -> str:
    """The language that is expected; empty: it is to be found out. Raises :class:`InputError` for one that nobody of
    the ``ears`` hears.
    """
    if not language:
        return "" if knows(members(ears)[0], "") else ENGLISH.tag
    tag = bare(language)
    if not _LANGUAGE.fullmatch(tag):
        raise InputError(f"{language[:40]!r} is no language", where="language", remedy="Write its code: en, de, haw.")
    try:
        refuse_deaf(tag, ears)
    except InputError as error:
        raise InputError(error.what, where="language", remedy=error.remedy) from error
    return tag


async def _blocks(sound: Samples) -> AsyncIterator[Samples]:
    for at in range(0, len(sound), EAR_RATE):
        yield sound[at : at + EAR_RATE]
