"""A conversation with a person, built from settings: who speaks, on which engines.

:class:`Talk` opens conversations on the engines that a house shares; the terminal, the simulation with sound and the
benchmarks go the same way on engines of their own::

    async with open_partner(settings, "chad") as partner:
        session = partner.session(sink)
        await session.run(source)
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from duologue.app.admission import Admission, Kind, Needs
from duologue.app.cast import CastMember, find_pack, load_member
from duologue.app.engines import EnginePool
from duologue.app.languages import refuse_strangers
from duologue.app.models import TalkView
from duologue.app.spare_voices import known_voices, named_voice
from duologue.app.stage_set import house_moderator
from duologue.app.talking_text import Deaf, WrittenVoice
from duologue.app.vitals import unserved, vitals
from duologue.app.voices import CastVoices
from duologue.chains import Listener
from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.policy import Policy
from duologue.dialogue.ports import Sink
from duologue.dialogue.session import Engines as TalkEngines
from duologue.dialogue.session import Observe, Session, SessionOptions
from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.language.persona import Persona, load_persona
from duologue.places import packs_folder
from duologue.settings import Settings
from duologue.settings_parts import DialogueSettings
from duologue.validation import problems

HOUSE_VOICE = "chad"
"""The character whose voice a persona without a pack of its own is given."""


def _unobserved(item: object, now: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Partner:
    """A character that is ready to talk, on engines that are warm and somebody else's. Made by :meth:`Talk.open`, for
    one conversation at a time: it has places for no more.
    """

    persona: Persona
    engines: TalkEngines

    def session(
        self,
        sink: Sink,
        options: SessionOptions | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observe: Observe = _unobserved,
    ) -> Session:
        """A conversation that speaks through ``sink``; run it with any source."""
        options = options or SessionOptions()
        if not options.id:
            options = replace(options, id=unique_id(clock.wall()))
        return Session(self.persona, self.engines, sink, options, clock=clock, observe=observe)


def find_partner(name: str, settings: Settings) -> CastMember:
    """Who is to be talked to: a character or a persona that ships, by name; a pack's folder, or a persona's file.

    A persona without a pack speaks with the voice that it names for an engine, else with that of :data:`HOUSE_VOICE`.
    Raises :class:`InputError` with a guess.
    """
    engines, known = settings.engines.tts, known_voices(settings)
    file = _persona_file(name)
    if file is not None:
        persona = load_persona(file)
        lender = load_member(HOUSE_VOICE, engines, known)
        own = {engine: voice for engine in engines if (voice := named_voice(persona.voice, engine, known))}
        voices = {**lender.voices, **own}
        return replace(
            lender, name=persona.name, title=persona.title, tagline="", persona=persona, voices=voices
        )  # fmt: skip
    _check_name(name)
    return load_member(name, engines, known)


def find_persona(name: str) -> Persona:
    """How somebody speaks whom :func:`find_partner` finds: what can be known before the settings. Raises as that."""
    file = _persona_file(name)
    if file is None:
        _check_name(name)
        file = find_pack("characters", name) / "persona.toml"
    return load_persona(file)


def _check_name(name: str) -> None:
    names = partner_names()
    if name not in names and not (name and Path(name).is_dir()):
        close = difflib.get_close_matches(name, names, 1)
        raise InputError(
            f"there is nobody called {name!r}",
            where="character",
            remedy=(f"Did you mean {close[0]!r}? " if close else "")
            + f"Name one of {', '.join(names)}, a pack's folder or a persona's file.",
        )


def _persona_file(name: str) -> Path | None:
    shipped = packs_folder() / "personas" / f"{name}.toml"
    if Path(name).name == name and shipped.is_file():
        return shipped
    return Path(name) if name.endswith(".toml") else None


def partner_names() -> tuple[str, ...]:
    """All who ship."""
    packs = packs_folder()
    characters = (folder.name for folder in (packs / "characters").iterdir() if folder.is_dir())
    return tuple(sorted((*characters, *(file.stem for file in (packs / "personas").glob("*.toml")))))


def policy_changes(settings: Settings, persona: Persona | None = None) -> dict[str, Any]:
    """How turns are taken, as fields of a :class:`Policy`: as the settings say, then as the ``persona`` does, then as
    the flags of this very start do. Raises :class:`InputError` for values that do not go together.
    """
    part = settings.dialogue
    values = {name: getattr(part, name) for name in DialogueSettings.model_fields}
    own = dict(persona.dialogue) if persona else {}
    values |= {name: value for name, value in own.items() if not settings.given(f"dialogue.{name}")}
    try:
        DialogueSettings.model_validate(values)
    except ValidationError as error:
        problem = problems(error, DialogueSettings)[0]
        name = persona.name if persona else ""
        where = f"persona {name}: dialogue{f'.{problem.key}' if problem.key else ''}"
        raise InputError(problem.what, where=where, remedy=problem.remedy) from None
    known = {each.name for each in fields(Policy)}  # the others are of the sound
    found = ((_field(name), _value(name, value)) for name, value in values.items() if value is not None)
    return {name: value for name, value in found if name in known}


def _field(name: str) -> str:
    """The policy's name of a setting."""
    return {"silence_asks": "asks"}.get(name, name.replace("_seconds", "_ms"))


def _value(name: str, value: Any) -> Any:
    if name == "backchannels":
        return frozenset(word.casefold() for word in value)
    return round(value * 1000) if name.endswith("_seconds") else value


def talk_policy(settings: Settings, persona: Persona | None = None, **line: Any) -> Policy:
    """The same as a policy. ``line`` is how this way to talk needs it, for what may be unset (``half_duplex``,
    ``tail_ms``).
    """
    return replace(Policy(), **{**line, **policy_changes(settings, persona)})


class Talk:
    """Conversations with people, as a part of the house: on warm engines while it runs."""

    name = topic = "talk"

    def __init__(
        self,
        settings: Settings,
        engines: EnginePool,
        admission: Admission,
        clock: Clock = SYSTEM_CLOCK,
        told: Callable[[TalkView], None] = lambda view: None,
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._admission = admission
        self._clock = clock
        self._told = told
        self._warm = False
        self._open: dict[str, TalkView] = {}

    @property
    def open_now(self) -> tuple[TalkView, ...]:
        """The conversations that go on, the oldest first."""
        return tuple(self._open.values())

    def ready(self) -> Sequence[str]:
        """Why nobody could begin a conversation now."""
        if not self._warm:
            return ("the engines are being warmed up",)
        wanting = self._admission.places.wanting(_needs(hears=True, speaks=True))
        full = () if wanting is None else (f"every place of a {wanting} is taken",)
        llm, tts, ears = self._engines.chains
        return (*unserved(vitals(llm, tts, self._clock.now(), ears)), *full)

    async def run(self) -> None:
        """Keep the engines warm until cancelled."""
        async with self.warm():
            await asyncio.Event().wait()

    @asynccontextmanager
    async def warm(self) -> AsyncGenerator[None]:
        """The engines are up, and stay so between conversations."""
        async with self._engines.lend(hears=True) as engines:
            try:
                await engines.warm_up()
                self._warm = True
                yield
            finally:
                self._warm = False

    @asynccontextmanager
    async def open(
        self,
        character: str | CastMember = HOUSE_VOICE,
        *,
        hears: bool = True,
        speaks: bool = True,
        patience: float | None = 0.0,
        waits: Callable[[int], None] = lambda before: None,
    ) -> AsyncGenerator[Partner]:
        """A character for one conversation, which has its places while the context lasts.

        ``character`` is as :func:`find_partner` takes it, or a member of a cast. One that does not hear or does not
        speak (a conversation in writing) needs no engine for that. ``patience`` and ``waits`` are as
        :meth:`~duologue.app.admission.Admission.place` has them.

        Raises :class:`~duologue.app.admission.PlaceTaken`, :class:`InputError` for an unknown name or setting, and what
        an engine raises that does not come up.
        """
        settings = self._settings
        member = find_partner(character, settings) if isinstance(character, str) else character
        async with self._engines.lend(hears=hears, speaks=speaks) as engines:
            refuse_strangers((member.persona,), engines.llm, engines.ears)
            await engines.warm_up()
            async with self._admission.place(_needs(hears=hears, speaks=speaks), patience, waits):
                voice = CastVoices(engines.voicing, (member,), streams=True) if engines.voicing else WrittenVoice()
                activity = engines.noticing.activity if engines.noticing else Deaf()
                fitted = TalkEngines(
                    activity, engines.ears or Deaf(), engines.llm, voice, house_moderator(settings), engines.turn
                )
                with self._listed(member):
                    yield Partner(member.persona, fitted)

    @contextmanager
    def _listed(self, member: CastMember) -> Generator[None]:
        wall = self._clock.wall()
        view = TalkView(
            id=unique_id(wall), character=member.name, title=member.persona.title, started=wall / MILLISECOND
        )
        self._open[view.id] = view
        self._told(view)
        try:
            yield
        finally:
            del self._open[view.id]
            self._told(view.model_copy(update={"ended": self._clock.wall() / MILLISECOND}))


def _needs(*, hears: bool, speaks: bool) -> Needs:
    wanted = {Kind.LISTENER: hears, Kind.VOICE: speaks, Kind.THOUGHT: True}
    return frozenset(kind for kind, needed in wanted.items() if needed)


@asynccontextmanager
async def open_talk(settings: Settings, listener: Listener | None = None) -> AsyncGenerator[Talk]:
    """Conversations on engines of their own, without a house; ``listener`` is told when an engine of a chain fails."""
    pool = EnginePool(settings)
    async with pool.open():
        if listener is not None:
            pool.listeners.append(listener)
        yield Talk(settings, pool, Admission(pool.at_once))


@asynccontextmanager
async def open_partner(
    settings: Settings,
    character: str | CastMember = HOUSE_VOICE,
    *,
    hears: bool = True,
    speaks: bool = True,
    listener: Listener | None = None,
) -> AsyncGenerator[Partner]:
    """A character with warm engines of its own: :meth:`Talk.open`, for a program that holds one conversation."""
    async with open_talk(settings, listener) as talk, talk.open(character, hears=hears, speaks=speaks) as partner:
        yield partner
