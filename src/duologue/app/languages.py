"""Whether what is set hears and thinks in the languages that characters speak."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duologue.errors import InputError
from duologue.language.engine import LanguageModel
from duologue.language.languages import knows
from duologue.language.persona import Persona
from duologue.speech.hearing import SpeechToText

_HEARS = "Set engines.stt to one that does, for example whisper with a model for many languages (base, not base.en)."
_THINKS = "Set engines.llm to a language model, for example openai or llama: improv plays English material only."


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
