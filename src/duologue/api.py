"""The lines that a Python user needs: own characters, a show with them to a file or on air, a conversation with one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from duologue.app.engines.languages import languages_of
from duologue.app.engines.spare_voices import KnownVoices, known_voices, named_voice, owner, spare_voice
from duologue.app.show.cast import CastMember, find_pack, load_member
from duologue.app.show.clips import read_clip
from duologue.app.show.render import Film, RenderProgress, render
from duologue.app.talking.chat import Chat, open_chat
from duologue.app.talking.partners import find_persona
from duologue.app.talking.sound import open_recording, talk_over
from duologue.app.talking.talking import open_partner
from duologue.app.talking.turn_policy import talk_policy
from duologue.dialogue.session.control import SessionControl
from duologue.dialogue.session.session import SessionOptions
from duologue.dialogue.turns.vocabulary import Annotate, Commit, Effect, Event, ToolRan
from duologue.errors import ClosedError, InputError
from duologue.language.engine import Line
from duologue.language.persona import Persona, load_persona
from duologue.language.structured import ReplyChunk, notes_schema
from duologue.language.tools import Tool, Toolbox, ToolOutcome
from duologue.models.automatic import Use
from duologue.places import refuse_same
from duologue.settings import Settings, load_settings
from duologue.stage.packs.manifest import CHARACTER_FILE, read_character
from duologue.stage.packs.new import new_character
from duologue.web.server import bind, serve


@dataclass(frozen=True, slots=True)
class Character:
    """A character of one's own.

    ``looks`` is a pack's folder, or a folder with pictures in the PNGtuber style (``idle.png``, ``talking.png``,
    ``blink.png``), which becomes a pack at first use. ``persona`` says in words who it is and how it speaks (a language
    model's instruction; the improviser then plays with its stock material), or is a :class:`Persona`, or empty for the
    pack's own. ``voice`` is a voice of any engine that is here, and goes to the one that knows it; empty for the pack's
    own.
    """

    name: str
    looks: str | Path
    persona: str | Persona = ""
    voice: str = ""

    def member(
        self,
        engines: Sequence[str],
        known: KnownVoices | None = None,
        taken: Mapping[str, Collection[str]] | None = None,
    ) -> CastMember:
        """The character ready to be engaged, with the speech engines named. For an engine without a voice it gets one
        of those ``known``, apart from those ``taken`` (by engine). Raises :class:`InputError`.
        """
        folder = self._pack()
        manifest = read_character(folder)
        voices = {engine: voice for engine in engines if (voice := named_voice(manifest.voice, engine, known or {}))}
        if self.voice:
            voices[owner(self.voice, engines, known or {})] = self.voice
        for engine in engines:
            spare = voices.get(engine)
            spare = spare or spare_voice(self.name, (known or {}).get(engine, ()), (taken or {}).get(engine, ()))
            if not spare:
                raise InputError(f"{self.name} has no voice for {engine}", where="voice", remedy='Give voice="…".')
            voices[engine] = spare
        title = self.name.title()
        return CastMember(self.name, title, manifest.tagline, manifest.colour, folder, self.speaks(), voices)

    def _pack(self) -> Path:
        folder = Path(self.looks)
        if folder.is_dir() and not (folder / CHARACTER_FILE).exists():
            new_character(folder)
        return find_pack("characters", str(self.looks))

    def speaks(self) -> Persona:
        """How it speaks. Raises :class:`InputError`."""
        if isinstance(self.persona, Persona):
            return replace(self.persona, name=self.name)
        own = load_persona(self._pack() / "persona.toml")
        description = self.persona or own.description
        return replace(own, name=self.name, title=self.name.title(), description=description)


def _knowing(flags: Mapping[str, object], cast: Sequence[str | Character], talks: bool = False) -> Settings:
    """The settings, with the engines that know the characters' languages, and the voices that they name, where they are
    left to us.
    """
    personas = [each.speaks() if isinstance(each, Character) else find_persona(each) for each in cast]
    spoken = languages_of(personas)

    def use(settings: Settings) -> Use:
        return Use(spoken, shows=False, talks=True) if talks else replace(settings.use(), languages=spoken)

    settings = load_settings(flags, use=use)
    if "tts" not in settings.picks:
        return settings
    engines, known = settings.engines.tts, known_voices(settings)
    named = [owner(each.voice, engines, known) for each in cast if isinstance(each, Character) and each.voice]
    wanted = tuple(dict.fromkeys((*named, *engines)))
    return settings if set(wanted) == set(engines) else load_settings({**flags, "engines.tts": wanted}, use=use)


class Show:
    """Two characters about a topic: ``Show("tea", cast=["chad", mine]).render("tea.mp4")``.

    ``settings`` are those of ``duologue settings`` by their last name (``turns=6``, ``seed=1``, ``size="1280x720"``).
    Raises :class:`InputError` for whatever cannot be.
    """

    def __init__(
        self, topic: str | None = None, cast: Sequence[str | Character] = ("chad", "virgin"), **settings: object
    ) -> None:
        self._flags = {"show.topic": topic, **{f"show.{key}": value for key, value in settings.items()}}
        self._cast = cast

    def render(self, path: str | Path, on_progress: Callable[[RenderProgress], None] | None = None) -> Film:
        """Write the show to an MP4 file, as fast as the machine can."""
        settings = _knowing(self._flags, self._cast)
        work = render(settings, Path(path), on_progress=on_progress or _quietly, cast=self._members(settings))
        return asyncio.run(work)

    def serve(self, host: str = "127.0.0.1", port: int = 8081) -> None:
        """Put the show on air with its page at ``http://host:port``; returns when it is over or interrupted."""
        flags = {**self._flags, "serve.show": True, "web.host": host, "web.port": port}
        settings = _knowing(flags, self._cast)
        asyncio.run(serve(settings, bind(host, port), self._members(settings)))

    def _members(self, settings: Settings) -> tuple[CastMember, ...]:
        engines, known = settings.engines.tts, known_voices(settings)
        members: list[CastMember] = []
        for each in self._cast:
            taken = {engine: {member.voices[engine] for member in members} for engine in engines}
            if isinstance(each, Character):
                members.append(each.member(engines, known, taken))
            else:
                members.append(load_member(each, engines, known, taken))
        return tuple(members)


class Conversation:
    """A person and a character, in writing or with a sound file::

        async with Conversation("chad", topic="tea") as talk:
            print(await talk.say("Why do people drink it?"))

        Conversation("phone").answer("question.wav", "answer.wav")

    ``tools`` are functions that the character may call (docs/tools.md), plain ones or as :class:`Tool` with a limit and
    a filler; ``notes`` names what is wanted beside an answer ("correction", "translation", "hint"): both need an engine
    that can. ``dialogue`` are settings of that part by their last name (``{"speculate": False}``); ``engines`` are
    ``llm``, ``tts`` and ``stt``, as in the settings. Raises :class:`InputError` for whatever cannot be.
    """

    def __init__(
        self, character: str | Character = "chad", *, topic: str = "", me: str = "friend", greet: bool = False,
        seed: int = 0, tools: Sequence[Callable[..., object] | Tool] = (), notes: Sequence[str] = (),
        dialogue: Mapping[str, object] | None = None, **engines: str | Sequence[str],
    ) -> None:  # fmt: skip
        flags: dict[str, object] = {f"engines.{kind}": names for kind, names in engines.items()}
        flags |= {f"dialogue.{key}": value for key, value in (dialogue or {}).items()}
        self._settings = _knowing(flags, (character,), talks=True)
        self._character = character
        box = Toolbox([tool if isinstance(tool, Tool) else Tool(tool) for tool in tools]) if tools else None
        self._options = SessionOptions(
            person=me, topic=topic, greet=greet, seed=seed,
            schema=notes_schema(notes), toolbox=box,
        )  # fmt: skip
        self._calls: list[ToolOutcome] = []
        self._chunks: list[ReplyChunk] = []
        self._open = AsyncExitStack()
        self._chat: Chat | None = None

    async def __aenter__(self) -> Self:
        """Begin in writing; with ``greet`` the character has spoken when this returns."""
        async with AsyncExitStack() as stack:
            opened = open_partner(self._settings, self._member(), hears=False, speaks=False)
            partner = await stack.enter_async_context(opened)
            chat = open_chat(partner, self._taking_turns(partner.persona), observe=self._see)
            self._chat = await stack.enter_async_context(chat)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool | None:
        """End it, and release the engines."""
        self._chat = None
        return await self._open.__aexit__(kind, error, at)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What was said so far, oldest first: ``line.speaker`` and ``line.text``."""
        return self._begun.lines

    async def say(self, text: str) -> str:
        """Write ``text``; gives the whole answer."""
        self._calls.clear()
        self._chunks.clear()
        return await self._begun.ask(text)

    @property
    def calls(self) -> tuple[ToolOutcome, ...]:
        """The tools that were called for the newest answer, in order, with what came of each."""
        return tuple(self._calls)

    @property
    def chunks(self) -> tuple[ReplyChunk, ...]:
        """The newest answer in its parts, each with its notes (``chunk.hint``); empty where none were asked for."""
        return tuple(self._chunks)

    def _see(self, item: Event | Effect, now: int) -> None:
        match item:
            case ToolRan(outcome=outcome):
                self._calls.append(outcome)
            case Annotate(chunk=chunk):
                self._chunks.append(chunk)
            case _:
                pass

    def answer(self, question: str | Path, answer: str | Path) -> tuple[Line, ...]:
        """Ask with a sound file, at the pace of its sound, and write the character's voice to a WAV file; gives what
        was understood and what was answered. Without an answer no file is written.
        """
        refuse_same({"the question": Path(question), "the answer": Path(answer)})
        return asyncio.run(self._answer(Path(question), Path(answer)))

    async def _answer(self, question: Path, answer: Path) -> tuple[Line, ...]:
        self._calls.clear()
        self._chunks.clear()
        sound = read_clip(question)
        said: list[Line] = []

        def note(item: Event | Effect, now: int) -> None:
            self._see(item, now)
            if isinstance(item, Commit):
                lines = (Line(self._options.person, item.person), Line(partner.persona.name, item.heard))
                said.extend(line for line in lines if line.text)

        with open_recording(answer, None) as recording:
            async with open_partner(self._settings, self._member()) as partner:
                await talk_over(partner, sound, recording, self._taking_turns(partner.persona), observe=note)
        return tuple(said)

    def _taking_turns(self, persona: Persona) -> SessionOptions:
        """As the settings say, the persona, and who made this."""
        return replace(self._options, policy=talk_policy(self._settings, persona))

    @property
    def control(self) -> SessionControl:
        """What steers it while it goes on: words of one's own, a stop, another persona."""
        return self._begun.control

    @property
    def _begun(self) -> Chat:
        if self._chat is None:
            raise ClosedError("the conversation is not open", remedy="Use it as: async with Conversation(…) as talk.")
        return self._chat

    def _member(self) -> CastMember | str:
        member = self._character
        return (
            member.member(self._settings.engines.tts, known_voices(self._settings))
            if isinstance(member, Character)
            else member
        )


def _quietly(progress: RenderProgress) -> None:
    pass
