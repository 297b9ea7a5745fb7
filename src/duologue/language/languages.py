"""What we know of a language: data, one file each (docs/languages.md). English and German ship.

A character speaks one (:attr:`Persona.language <duologue.language.persona.Persona.language>`). Its file is looked for
beside the character's own, then among those that ship. A language without a file is spoken all the same: turns end by
pauses and by what marks the ears set, every word asks for the floor, nothing written for the eye is put in other words,
nobody mutters; prompts are English, and so is what is said in need. Whoever asks is told that
(:attr:`Language.known`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Protocol, Self, cast, runtime_checkable

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from duologue.errors import InputError
from duologue.text_files import read_table
from duologue.validation import problems

SHIPPED = Path(__file__).parent / "data"
FOLDER = "languages"
"""Where a character's folder keeps languages of its own."""
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def _placeholders(*names: str) -> AfterValidator:
    def check(text: str) -> str:
        unknown = {name for _, name, _, _ in Formatter().parse(text) if name is not None} - set(names)
        if unknown:
            known = ", ".join(f"{{{name}}}" for name in names) or "none"
            raise ValueError(f"{{{unknown.pop()}}} stands for nothing here | It may hold: {known}.")
        return text

    return AfterValidator(check)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"this is no regular expression: {error} | Mend it, or leave it empty.") from error
    return text


def _folded(value: object) -> object:
    """As words are compared: German writes ß for what it folds to ss."""
    return value.casefold().split() if isinstance(value, str) else value


_Words = Annotated[frozenset[str], BeforeValidator(_folded)]


def _phrases(value: object) -> object:
    """Told apart by commas, in words only."""
    return [" ".join(each.casefold().split()) for each in value.split(",")] if isinstance(value, str) else value


_Phrases = Annotated[frozenset[str], BeforeValidator(_phrases)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    """The words that turn-taking knows: what each group is for stands in the file of English. Lower case."""

    known: bool = True
    """Of this language words are known at all."""
    backchannels: _Words = frozenset()
    open: _Words = frozenset()
    leaning: _Words = frozenset()
    joining: _Words = frozenset()
    standing: _Words = frozenset()
    numbers: _Words = frozenset()
    spelling: _Words = frozenset()
    dictated: _Words = frozenset()
    ordinals: _Words = frozenset()
    letters_that_are_words: _Words = frozenset()
    letter_names: _Words = frozenset()
    asking: _Words = frozenset()
    wh: _Words = frozenset()
    stranded: _Words = frozenset()
    closing: _Words = frozenset()
    before_that: _Words = frozenset()
    that: _Words = frozenset()
    leading: _Words = frozenset()
    pronouns: _Words = frozenset()
    auxiliaries: _Words = frozenset()
    whole: _Words = frozenset()
    opening: _Words = frozenset()
    commands: _Words = frozenset()
    determiners: _Words = frozenset()
    indefinite: _Words = frozenset()
    describing: _Words = frozenset()
    owning: _Words = frozenset()
    before_year: _Words = frozenset()
    mistaken: _Phrases = frozenset()
    lead_ins: _Phrases = frozenset()
    requests: _Phrases = frozenset()
    clauses: _Words = frozenset()

    def only_joins(self, word: str) -> bool:
        """A short word that joins others, and says nothing alone."""
        return word not in self.standing and (word in self.open or word in self.leaning or word in self.joining)


class Sentences(_Part):
    """Where a full stop ends no sentence: abbreviations (with their stops) by what may follow them, the words with
    which sentences usually begin, and whether ``3.`` may be ``third``.
    """

    always: _Words = frozenset()
    before_number: _Words = frozenset()
    before_small: _Words = frozenset()
    before_name: _Words = frozenset()
    first_words: _Words = frozenset()
    ordinals: bool = False


def _rules(value: object) -> object:
    """Pairs of a pattern and what is said instead, compiled."""
    if not isinstance(value, list | tuple):
        return value
    made: list[tuple[re.Pattern[str], str]] = []
    for pair in cast("list[list[str]]", value):
        if len(pair) != 2:
            raise ValueError("a rule is a pattern and what is said instead | Write ['…', '…'].")
        try:
            pattern = re.compile(pair[0])
        except re.error as error:
            raise ValueError(f"{pair[0]!r} is no rule: {error} | Mend it.") from error
        if any(int(group) > pattern.groups for group in re.findall(r"\\(\d+)", pair[1])):
            raise ValueError(f"{pair[1]!r} names a group that {pair[0]!r} has not | Mend it.")
        made.append((pattern, pair[1]))
    return tuple(made)


def _searched(text: object) -> object:
    return re.compile(_pattern(text)) if isinstance(text, str) else text


class ReadingRules(_Part):
    """What a voice reads otherwise than it is written (:mod:`duologue.speech.reading`): pairs of what is written and
    what is said instead, tried in texts in which ``where`` is found.
    """

    where: Annotated[re.Pattern[str] | None, BeforeValidator(_searched)] = None
    rules: Annotated[tuple[tuple[re.Pattern[str], str], ...], BeforeValidator(_rules)] = ()


def _compiled(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"this is no regular expression: {error} | Mend it.") from error


class FactRule(_Part):
    """How a person tells something of themselves (:mod:`duologue.language.told`): ``fact`` is what is remembered, with
    ``{0}``, ``{1}`` … for the groups of ``pattern``. Of a ``slot`` there is one fact, the newest. ``names``: what the
    groups hold begins with a capital.
    """

    slot: str = ""
    pattern: Annotated[re.Pattern[str], BeforeValidator(_compiled)]
    fact: str = Field(min_length=1)
    names: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        groups = self.pattern.groups
        named = {int(name) for _, name, _, _ in Formatter().parse(self.fact) if name and name.isdecimal()}
        if not groups or any(number >= groups for number in named):
            raise ValueError(f"{self.fact!r} names a group that the pattern has not | It has {groups}, from {{0}} on.")
        return self


class MemoryWords(_Part):
    """What a character is told of earlier conversations and of its own files, how people tell of themselves, and what a
    model is asked that writes down what to remember.
    """

    known: Annotated[str, _placeholders("facts")] = "What you know of them from earlier conversations: {facts}"
    sources: Annotated[str, _placeholders("passages")] = "(From your own files, where it helps: {passages})"
    jokes: Annotated[str, _placeholders("jokes")] = "Said before on this show, and known to its audience: {jokes}"
    clerk: str = (
        "You read a conversation and write down what is worth knowing when these two talk again: facts that the person"
        " told of themselves, what they learnt, and running jokes. Each is one short sentence about the person, in the"
        " language of the conversation. Write down only what was said. If there is nothing, write an empty list."
    )
    facts: tuple[FactRule, ...] = ()


_Asked = Annotated[str, _placeholders("others", "guest")]


class PromptWords(_Part):
    """What a language model is told in a show, or in a talk with a person: of the topic, of the form of an answer, and
    what is wanted at each moment; ``still`` after a silence of the person's.
    """

    topic: Annotated[str, _placeholders("topic")]
    form: Annotated[str, _placeholders("speaker", "words")]
    opening: _Asked
    middle: _Asked
    ending: _Asked
    answer: _Asked
    still: _Asked


class Prompts(_Part):
    """What a language model is told beside the persona."""

    and_: str = Field(alias="and")
    audience: str
    somebody: str
    begin: str
    opinions: Annotated[str, _placeholders("opinions")]
    next_opinion: str
    partners: Annotated[str, _placeholders("others")]
    avoid: Annotated[str, _placeholders("phrases")]
    schema_: Annotated[str, _placeholders("schema")] = Field(alias="schema")
    called: Annotated[str, _placeholders("name", "arguments", "result")]
    show: PromptWords
    talk: PromptWords


class Apologies(_Part):
    """Honest sentences, by the stage that failed, and for one whose engines may be asked no more today. Ears that work
    and found no words in a clear voice ``missed`` them; those that fail need a moment.
    """

    hearing: str = Field(min_length=1)
    thinking: str = Field(min_length=1)
    voicing: str = Field(min_length=1)
    missed: str = Field(default_factory=lambda known: known["hearing"], min_length=1)
    spent: str = Field(
        default="I am sorry, I have used up what I may say today. Please come back tomorrow.", min_length=1
    )
    """Every engine of that stage has reached a cap of the day. English, where a language's file has no words for it."""
    moment: str = Field(default="One moment, please, I am still with what you said.", min_length=1)
    """Ears that are slow are at it. English, where a language's file has no words for it."""


class Telephone(_Part):
    """What a character says of a call itself. English, where a language's file has no words for it."""

    handing_over: str = Field(default="One moment, please, I will put you through.", min_length=1)
    not_reached: str = Field(
        default="I am sorry, I could not reach anybody there. Is there something I can do for you?", min_length=1
    )
    silent: str = Field(default="I cannot hear you any more, so I will hang up now. Goodbye.", min_length=1)
    back: str = Field(default="I am with you again. What else can I do for you?", min_length=1)
    closing: str = Field(default="I am sorry, we have to end our call here. Goodbye.", min_length=1)
    menu: str = Field(default="For {word}, say {word}.", min_length=1)
    menu_key: str = Field(default="For {word}, say {word} or press {key}.", min_length=1)
    not_in_menu: str = Field(default="I am sorry, I did not understand that.", min_length=1)


class Language(_Part):
    """See the module. ``tag`` is as the persona has it (``en``, ``en-GB``); ``directions`` is a regular expression that
    stage directions begin with.
    """

    tag: str
    fillers: tuple[str, ...] = ()
    deflections: Annotated[tuple[str, ...], Field(min_length=1)]
    directions: Annotated[str, AfterValidator(_pattern)] = ""
    some_code: str = ""
    apologies: Apologies
    telephone: Telephone = Telephone()
    turns: Words = Words()
    sentences: Sentences = Sentences()
    reading: tuple[ReadingRules, ...] = ()
    prompts: Prompts
    memory: MemoryWords = MemoryWords()

    @property
    def known(self) -> bool:
        """There is a file for it."""
        return self.turns.known

    @property
    def name(self) -> str:
        """``tag`` without its region: ``en``."""
        return bare(self.tag)


@runtime_checkable
class OfLanguages(Protocol):
    """An engine that hears or thinks in some languages only says so; any other takes all."""

    @property
    def languages(self) -> frozenset[str]:
        """Tags without a region (``en``); empty: all. Valid before it is warm."""
        ...


def bare(tag: str) -> str:
    """A tag without its region."""
    return tag.partition("-")[0].casefold()


def knows(engine: object, tag: str) -> bool:
    """Whether ``engine`` hears or thinks in the language of ``tag``."""
    return not isinstance(engine, OfLanguages) or not engine.languages or bare(tag) in engine.languages


def load_language(tag: str, beside: Path | None = None) -> Language:
    """The language of ``tag``, by its file in ``beside``/languages or by the one that ships.

    Raises :class:`InputError` for a file that is wrong, and for what is no tag.
    """
    if not _TAG.fullmatch(tag):
        remedy = "Write for example en, de or pt-BR."
        raise InputError(f"{tag[:40]!r} is no language", where="language", remedy=remedy)
    own = beside / FOLDER / f"{bare(tag)}.toml" if beside else None
    if own is not None and own.is_file():
        return _read(tag, own)
    shipped = SHIPPED / f"{bare(tag)}.toml"
    return _shipped(tag, shipped if shipped.is_file() else None)


@cache
def _shipped(tag: str, file: Path | None) -> Language:
    if file is not None:
        return _read(tag, file)
    english = _shipped("en", SHIPPED / "en.toml")
    return english.model_copy(
        update={
            "tag": tag, "fillers": (), "directions": "",
            "turns": Words(known=False), "sentences": Sentences(), "some_code": "", "reading": (),
            "memory": english.memory.model_copy(update={"facts": ()}),
        }
    )  # fmt: skip


def _read(tag: str, file: Path) -> Language:
    data = read_table(file, "the language")
    if file != SHIPPED / "en.toml":
        english = tomllib.loads((SHIPPED / "en.toml").read_text("utf-8"))
        data["prompts"] = _over(english["prompts"], data.get("prompts", {}))
    try:
        return Language.model_validate({**data, "tag": tag})
    except ValidationError as error:
        first = problems(error, Language)[0]
        raise InputError(first.what, where=f"{file}: {first.key}", remedy=first.remedy) from error


def _over(below: Mapping[str, Any], above: object) -> object:
    """``above`` with what it has not from ``below``, table by table."""
    if not isinstance(above, dict):
        return above
    given = cast("dict[str, Any]", above)
    tables = {key: _over(below[key], value) for key, value in given.items() if isinstance(below.get(key), dict)}
    return {**below, **given, **tables}


ENGLISH = load_language("en")
