"""A conversation with a person, built from settings: who speaks, on which engines.

One way for the terminal, the simulation with sound and the benchmarks::

    async with open_partner(settings, "chad") as partner:
        session = partner.session(sink)
        await session.run(source)
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from duologue.app.cast import CastMember, load_member
from duologue.app.engines import create_activity, open_engines
from duologue.app.languages import refuse_strangers
from duologue.app.spare_voices import known_voices
from duologue.app.stage_set import house_moderator
from duologue.app.talking_text import Deaf, WrittenVoice
from duologue.app.voices import CastVoices
from duologue.chains import Listener
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.floor_state import Policy
from duologue.dialogue.ports import Sink
from duologue.dialogue.session import Engines as TalkEngines
from duologue.dialogue.session import Observe, Session, SessionOptions
from duologue.errors import InputError
from duologue.language.persona import Persona, load_persona
from duologue.places import packs_folder
from duologue.settings import Settings
from duologue.speech.shared_activity import SharedActivity

HOUSE_VOICE = "chad"
"""The character whose voice a persona without a pack of its own is given."""


def _unobserved(item: object, now: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Partner:
    """A character that is ready to talk. The engines are warm and belong to :func:`open_partner`; several
    conversations may use them at once.
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
        return Session(self.persona, self.engines, sink, options, clock=clock, observe=observe)


def find_partner(name: str, settings: Settings) -> CastMember:
    """Who is to be talked to: a character or a persona that ships, by name; a pack's folder, or a persona's file.

    A persona without a pack speaks with the voice of :data:`HOUSE_VOICE`. Raises :class:`InputError` with a guess.
    """
    engines, known = settings.engines.tts, known_voices(settings)
    file = _persona_file(name)
    if file is not None:
        persona = load_persona(file)
        lender = load_member(HOUSE_VOICE, engines, known)
        return replace(lender, name=persona.name, title=persona.title, tagline="", persona=persona)
    names = _names()
    if name not in names and not (name and Path(name).is_dir()):
        close = difflib.get_close_matches(name, names, 1)
        raise InputError(
            f"there is nobody called {name!r}",
            where="character",
            remedy=(f"Did you mean {close[0]!r}? " if close else "")
            + f"Name one of {', '.join(names)}, a pack's folder or a persona's file.",
        )
    return load_member(name, engines, known)


def _persona_file(name: str) -> Path | None:
    shipped = packs_folder() / "personas" / f"{name}.toml"
    if Path(name).name == name and shipped.is_file():
        return shipped
    return Path(name) if name.endswith(".toml") else None


def _names() -> tuple[str, ...]:
    """All who ship."""
    packs = packs_folder()
    characters = (folder.name for folder in (packs / "characters").iterdir() if folder.is_dir())
    return tuple(sorted((*characters, *(file.stem for file in (packs / "personas").glob("*.toml")))))


def policy_changes(settings: Settings) -> dict[str, bool | int]:
    """What the settings say of taking turns, as fields of a :class:`Policy`."""
    part = settings.dialogue
    changes: dict[str, bool | int] = {
        "speculate": part.speculate,
        "wait_least_ms": part.wait_least_ms,
        "wait_most_ms": part.wait_most_ms,
        "filler_ms": round(part.filler_seconds * 1000),
        "reply_ms": round(part.reply_seconds * 1000),
        "silence_ms": round(part.silence_seconds * 1000),
        "asks": part.silence_asks,
        "doubt_ms": part.doubt_ms,
        "barge_ms": part.barge_ms,
        "filler_every_ms": round(part.filler_every_seconds * 1000),
        "turn_ms": round(part.turn_seconds * 1000),
    }
    return changes if part.half_duplex is None else {**changes, "half_duplex": part.half_duplex}


def talk_policy(settings: Settings, *, half_duplex: bool = False, tail_ms: int | None = None) -> Policy:
    """How turns are taken, as set; ``half_duplex`` is how this way to talk needs it, where the settings are silent."""
    changes: dict[str, Any] = {"half_duplex": half_duplex, **policy_changes(settings)}
    policy = replace(Policy(), **changes)
    return policy if tail_ms is None else replace(policy, tail_ms=tail_ms)


@contextlib.asynccontextmanager
async def open_partner(
    settings: Settings,
    character: str | CastMember = HOUSE_VOICE,
    *,
    hears: bool = True,
    speaks: bool = True,
    activity: SharedActivity | None = None,
    listener: Listener | None = None,
) -> AsyncGenerator[Partner]:
    """A character with warm engines as the settings say; they are closed at the end.

    ``character`` is as :func:`find_partner` takes it, or a member of a cast. One that does not hear or does not speak
    (a conversation in writing) needs no engine for that. Give several partners of one loop one ``activity``
    (:func:`load_activity`); the conversations of one partner share theirs anyway. ``listener`` is told when an engine
    of a chain fails.

    Raises :class:`InputError` for an unknown name or setting, and what an engine raises that does not come up.
    """
    member = find_partner(character, settings) if isinstance(character, str) else character
    async with open_engines(settings, hears=hears, speaks=speaks) as engines:
        refuse_strangers((member.persona,), engines.llm, engines.ears)
        if listener is not None:
            engines.listeners.append(listener)
        async with asyncio.TaskGroup() as group:
            group.create_task(engines.warm_up())
            loading = group.create_task(load_activity(settings)) if hears and activity is None else None
        voice = CastVoices(engines.voicing, (member,), streams=True) if engines.voicing else WrittenVoice()
        noticing = loading.result() if loading else activity
        yield Partner(
            member.persona,
            TalkEngines(
                noticing or Deaf(), engines.ears or Deaf(), engines.llm, voice, house_moderator(settings), engines.turn
            ),
        )


async def load_activity(settings: Settings) -> SharedActivity:
    """Voice activity for all conversations of one event loop, by the engine that is set."""
    return SharedActivity(await asyncio.to_thread(create_activity, settings))
