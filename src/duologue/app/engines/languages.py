"""Whether what is set hears and thinks in the languages that characters speak."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from duologue.app.show.cast import find_pack
from duologue.app.talking.partners import find_persona
from duologue.errors import InputError
from duologue.language.engine import LanguageModel
from duologue.language.languages import bare, knows
from duologue.language.persona import Persona, load_persona
from duologue.models.automatic import Use
from duologue.settings import Settings
from duologue.speech.hearing import SpeechToText

_HEARS = "Set engines.stt to one that does: duologue models get whisper-base brings one for 99 languages."
_THINKS = "Set engines.llm to a language model, for example openai or llama: improv plays English material only."


def languages_of(personas: Iterable[Persona]) -> frozenset[str]:
    """What they speak, without regions: ``en``."""
    return frozenset(persona.language.name for persona in personas)


def use_of(settings: Settings) -> Use:
    """What a house asks of engines that are left to us: its shows in their casts' languages, its phone line in those
    that it answers in. Whom guests will talk with nobody knows: in a house with neither that is taken to be in English.
    """
    use = settings.use()
    names = [name for each in settings.each_show().values() for name in each.show.cast] if use.shows else []
    return _speaking(use, names, _telephoned(settings) if settings.serve.line else frozenset())


def use_by(characters: Sequence[str], use: Use | None = None) -> Callable[[Settings], Use]:
    """What is asked where ``characters`` speak outside a show, those of the cast where none is named: ``use``, by
    default what ``serve`` asks.
    """
    return lambda settings: _speaking(use or settings.use(), characters or settings.show.cast)


def _telephoned(settings: Settings) -> frozenset[str]:
    """In which languages the phone line answers."""
    phone = settings.phone
    answers = (*phone.accounts, *phone.extensions.values())
    names = {phone.persona if each.persona is None else each.persona for each in answers if each.language is None}
    found = {bare(each.language) for each in answers if each.language is not None}
    for name in names or ({phone.persona} if not answers else set[str]()):
        try:
            found.add(find_persona(name).language.name)
        except InputError:
            continue  # the line says so
    return frozenset(found)


def _speaking(use: Use, characters: Iterable[str], more: frozenset[str] = frozenset()) -> Use:
    spoken = languages_of(_personas(characters)) | more
    return replace(use, languages=spoken) if spoken else use


def _personas(characters: Iterable[str]) -> Iterator[Persona]:
    for name in characters:
        try:
            yield load_persona(find_pack("characters", name) / "persona.toml")
        except InputError:
            continue  # whoever wants that one says so, and it does not keep the others from theirs


def refuse_strangers(personas: Iterable[Persona], llm: LanguageModel, ears: SpeechToText | None = None) -> None:
    """Raises :class:`InputError` for the first persona in whose language no engine thinks, or none hears; of a chain
    one is enough, and the others are passed over for it.
    """
    for persona in personas:
        tag, who = persona.language.tag, f"{persona.title} speaks"
        if not any(knows(engine, tag) for engine in members(llm)):
            raise _refusal(who, tag, "thinks", members(llm), "engines.llm", _THINKS)
        if ears is not None:
            refuse_deaf(tag, ears, who)


def refuse_deaf(tag: str, ears: SpeechToText, who: str = "you ask for") -> None:
    """Raises :class:`InputError` when none of ``ears`` hears the language ``tag``, which ``who`` says by whom it is
    wanted.
    """
    if not any(knows(engine, tag) for engine in members(ears)):
        raise _refusal(who, tag, "hears", members(ears), "engines.stt", _HEARS)


def members(engine: LanguageModel | SpeechToText) -> Sequence[LanguageModel | SpeechToText]:
    """The engines of a chain; one alone is its own."""
    return getattr(engine, "engines", (engine,))


def _refusal(
    who: str, tag: str, does: str, engines: Sequence[LanguageModel | SpeechToText], where: str, remedy: str
) -> InputError:
    names = ", ".join(engine.name for engine in engines)
    what = f"{who} {tag!r}, in which no engine that is set ({names}) {does}"
    return InputError(what, where=where, remedy=remedy)
