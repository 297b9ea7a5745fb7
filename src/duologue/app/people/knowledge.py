"""What characters know from files of their own: read when they are new, searched with each question.

Files lie in the folder ``knowledge`` of a character's pack, and in ``store.knowledge``/NAME. A question is searched for
by the words that carry it (those that only join others are the language's to name); the best passages go to the model
behind the question, and to whoever shows the answer.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from duologue.app.people.documents import digest_of, files_in, plain, read_document
from duologue.clock import Clock
from duologue.errors import DuologueError, in_words
from duologue.language.engine import LanguageCapabilities, LanguageModel, Line, Prompt, ReadsAhead
from duologue.language.languages import Language
from duologue.places import packs_folder
from duologue.settings import Settings
from duologue.store.knowledge import documents, drop, keep, search
from duologue.store.store import Store
from duologue.store.values import FoundPassage, KnownDocument
from duologue.streams import closing
from duologue.telemetry.log import get_logger

FOLDER = "knowledge"
SEARCH_SECONDS = 0.25
"""An answer does not wait longer for what stands in files."""
KEPT_QUESTIONS = 50
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_log = get_logger("duologue.knowledge")


class Knowledge:
    """Of all characters. :meth:`refresh` it at the start, and whenever files may have changed."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, characters: Sequence[str]) -> None:
        self._characters = characters
        self._store = store
        self._settings = settings
        self._clock = clock
        self._knowing: frozenset[str] = frozenset()

    def knows(self, character: str) -> bool:
        """It has files in which something can be found."""
        return character in self._knowing and self._settings.store.passages > 0

    async def refresh(self) -> None:
        """Read the files that are new or have changed, and forget those that are gone. A file that cannot be read is
        told of in the log, and tried again when it has changed. Raises what the store raises.
        """
        files = await asyncio.to_thread(self._files)
        known = {(each.character, each.name): each for each in await self._store.ask(documents)}
        for character, name in known.keys() - files.keys():
            await self._store.ask(lambda session, of=character, name=name: drop(session, of, name))
        failed: set[tuple[str, str]] = set()
        for key, file in files.items():
            if not await self._read(key, file, known.get(key)):
                failed.add(key)
        self._knowing = frozenset(character for character, _ in files.keys() - failed)

    async def find(self, character: str, question: str, language: Language) -> tuple[FoundPassage, ...]:
        """The best passages for a question, within :data:`SEARCH_SECONDS`; none while the store fails."""
        words = content_words(question, language)
        if not words or not self.knows(character):
            return ()
        most = self._settings.store.passages
        try:
            async with asyncio.timeout(SEARCH_SECONDS):
                return tuple(await self._store.ask(lambda session: search(session, character, words, most)))
        except (DuologueError, TimeoutError) as error:
            _log.warning("knowledge.not_searched", character=character, cause=in_words(error))
            return ()

    async def _read(self, key: tuple[str, str], file: Path, known: KnownDocument | None) -> bool:
        character, name = key
        digest, failure, passages = "", "", []
        try:
            digest = await asyncio.to_thread(digest_of, file)
            if known is not None and known.digest == digest:
                return not known.failure
            passages = [(each.place, each.text) for each in await read_document(file)]
        except DuologueError as error:
            failure = in_words(error)
            _log.error("knowledge.not_read", character=character, file=str(file), cause=failure)
        document, now = KnownDocument(character, name, digest, failure), self._clock.wall()
        await self._store.ask(lambda session: keep(session, document, passages, now))
        if not failure:
            _log.info("knowledge.read", character=character, file=name, passages=len(passages))
        return not failure

    def _files(self) -> dict[tuple[str, str], Path]:
        found: dict[tuple[str, str], Path] = {}
        for character in self._characters:
            for name, file in files_in(self._folders(character)).items():
                found[character, name] = file
        return found

    def _folders(self, character: str) -> list[Path]:
        packs, own = packs_folder(), self._settings.store.knowledge
        shipped = [packs / kind / character / FOLDER for kind in ("characters", "personas")]
        return [*shipped, *([own / character] if own is not None else [])]


def content_words(question: str, language: Language) -> list[str]:
    """The words of a question that carry it, each once: not those that only join, point or ask."""
    known = language.turns
    idle = (
        known.open | known.leaning | known.joining | known.standing | known.asking | known.wh | known.pronouns
        | known.auxiliaries | known.backchannels | known.before_that | known.that | known.determiners
    )  # fmt: skip
    words = [match[0] for match in _WORD.finditer(plain(question))]
    return list(dict.fromkeys(word.casefold() for word in words if len(word) > 1 and word.casefold() not in idle))


class Sources:
    """What was found for the newest questions of a conversation."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[FoundPassage, ...]] = OrderedDict()

    def tell(self, question: str, found: tuple[FoundPassage, ...]) -> None:
        """Of a question."""
        self._found[question] = found
        self._found.move_to_end(question)
        while len(self._found) > KEPT_QUESTIONS:
            self._found.popitem(last=False)

    def of(self, question: str) -> tuple[FoundPassage, ...]:
        """What the answer to ``question`` was told."""
        return self._found.get(question, ())


Find = Callable[[str], Awaitable[Sequence[FoundPassage]]]
ToldSources = Callable[[str, tuple[FoundPassage, ...]], None]


class KnowingModel:
    """A language model that is shown, with each question, what stands about it in the character's files. ``told`` is
    given the question and what was found, before the answer is written.
    """

    def __init__(self, model: LanguageModel, find: Find, told: ToldSources) -> None:
        self._model = model
        self._find = find
        self._told = told

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def capabilities(self) -> LanguageCapabilities:
        """The model's."""
        return self._model.capabilities

    async def warm_up(self) -> None:
        """The model's."""
        await self._model.warm_up()

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """See :class:`~duologue.language.engine.LanguageModel`."""
        question = prompt.lines[-1].text if prompt.lines and prompt.lines[-1].speaker != prompt.speaker.name else ""
        found = tuple(await self._find(question)) if question else ()
        if found:
            self._told(question, found)
            prompt = replace(prompt, lines=(*prompt.lines[:-1], _shown(prompt, found)))
        async with closing(self._model.write(prompt)) as pieces:
            async for piece in pieces:
                yield piece

    async def read_ahead(self, prompt: Prompt) -> None:
        """Read what the next prompt begins with, if the model does so."""
        if isinstance(self._model, ReadsAhead):
            await self._model.read_ahead(prompt)

    async def close(self) -> None:
        """The model's."""
        await self._model.close()


def _shown(prompt: Prompt, found: Sequence[FoundPassage]) -> Line:
    line = prompt.lines[-1]
    told = " ".join(f"[{each.name}{f', {each.place}' if each.place else ''}] {each.text}" for each in found)
    words = prompt.speaker.language.memory.sources.format(passages=told)
    return replace(line, text=f"{line.text}\n{words}")
