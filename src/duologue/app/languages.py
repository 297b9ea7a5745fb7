"""Whether what is set hears and thinks in the languages that characters speak."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from duologue.app.cast import find_pack
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
    spoken = languages_of(_cast(settings)) if use.shows else frozenset[str]()
    if settings.serve.line:
        spoken |= _telephoned(settings)
    return replace(use, languages=spoken) if spoken else use


def _telephoned(settings: Settings) -> frozenset[str]:
    """In which languages the phone line answers."""
    from duologue.app.talking import find_persona  # it needs this module

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


def _cast(settings: Settings) -> Iterator[Persona]:
    for each in settings.each_show().values():
        for name in each.show.cast:
            try:
                yield load_persona(find_pack("characters", name) / "persona.toml")
            except InputError:
                continue  # its show says so, and does not keep the others from theirs


def refuse_strangers(personas: Iterable[Persona], llm: LanguageModel, ears: SpeechToText | None = None) -> None:
    """Raises :class:`InputError` for the first persona in whose language no engine thinks, or none hears; of a chain
    one is enough, and the others are passed over for it.
    """
    for persona in personas:
        tag = persona.language.tag
        if not any(knows(engine, tag) for engine in members(llm)):
            raise _refusal(persona, "thinks", members(llm), "engines.llm", _THINKS)
        if ears is not None and not any(knows(engine, tag) for engine in members(ears)):
            raise _refusal(persona, "hears", members(ears), "engines.stt", _HEARS)


def members(engine: LanguageModel | SpeechToText) -> Sequence[LanguageModel | SpeechToText]:
    """The engines of a chain; one alone is its own."""
    return getattr(engine, "engines", (engine,))


def _refusal(
    persona: Persona, does: str, engines: Sequence[LanguageModel | SpeechToText], where: str, remedy: str
) -> InputError:
    names = ", ".join(engine.name for engine in engines)
    what = f"{persona.title} speaks {persona.language.tag!r}, in which no engine that is set ({names}) {does}"
    return InputError(what, where=where, remedy=remedy)
