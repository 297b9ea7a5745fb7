"""What a better voice or mind would take here, and how far it is: the keys that are there, and three common ways.

A key is only said to be there or not. What is checked is checked now: a model's files, a key (by whose server takes
it), a server that answers. Nothing is changed: what runs was set when the house started.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import cast

import httpx

from duologue.app.engines.engines import LLM_GROUP, STT_GROUP, TTS_GROUP, engine_names
from duologue.app.models import KeyView, SetupStep, SetupView, UpgradeView
from duologue.errors import DuologueError
from duologue.models import entries
from duologue.models.catalogue import Model
from duologue.models.choosing import installed
from duologue.models.shelf import ModelShelf
from duologue.settings import Settings, installed_model
from duologue.speech.elevenlabs import ElevenLabs, ElevenLabsSettings

OLLAMA = "http://127.0.0.1:11434/v1"
"""Where Ollama answers unless told otherwise, as OpenAI's API."""
OLLAMA_MODEL = "llama3.2"
PATIENCE = 1.5
"""Seconds for a server on this machine to answer."""
KEY_PATIENCE = 5.0
"""The same of one that is far away."""
_STAND_IN = "Start with it; espeak stands in."
_VOICE, _MIND = "DUOLOGUE_ENGINES__TTS", "DUOLOGUE_ENGINES__LLM"


async def look(settings: Settings, ollama: str = OLLAMA) -> SetupView:
    """How it is now. Takes :data:`KEY_PATIENCE` at most."""
    hosted, mind = await asyncio.gather(_elevenlabs(settings), _ollama(settings, ollama))
    return await asyncio.to_thread(
        lambda: SetupView(keys=tuple(_keys(settings)), upgrades=(_kokoro(settings), hosted, mind))
    )


def _keys(settings: Settings) -> Iterator[KeyView]:
    """Of each engine on somebody else's server that is installed."""
    for kind, group in (("llm", LLM_GROUP), ("tts", TTS_GROUP), ("stt", STT_GROUP)):
        for name in engine_names(group):
            variable = _variable(settings, name, group)
            if variable:
                chosen = name in cast("tuple[str, ...]", getattr(settings.engines, kind))
                yield KeyView(engine=name, variable=variable, present=_present(variable), chosen=chosen)


def _variable(settings: Settings, name: str, group: str) -> str:
    """The environment variable that holds an engine's key; empty for one without."""
    part = settings.engine(name)
    if part is not None:
        return str(getattr(part, "key_variable", ""))
    model = installed_model(name, group)
    field = model.model_fields.get("key_variable") if model is not None else None
    return str(field.default) if field is not None and isinstance(field.default, str) else ""


def _present(variable: str) -> bool:
    return bool(os.environ.get(variable, "").strip())


def _kokoro(settings: Settings) -> UpgradeView:
    model: Model = next(each for each in entries.MODELS if each.name == "kokoro")
    chosen, left = "kokoro" in settings.engines.tts, list[SetupStep]()
    if not ModelShelf(settings.models_folder).has(model):
        state, told = "missing", "Its files are not here."
        left.append(SetupStep(words="Fetch it.", command="duologue models get kokoro"))
    elif model.needs is not None and not installed(model):
        state, told = "missing", "Its files are here; what runs it is not."
        left.append(SetupStep(words="Install what runs it.", command=model.needs[1]))
    elif chosen:
        state, told = "used", "It speaks here."
    else:
        state, told = "ready", "Its files are here: start the house with it."
    if not chosen:
        left.append(SetupStep(words=_STAND_IN, command=f"{_VOICE}=kokoro,espeak duologue serve"))
    what = "54 natural voices that run on this machine, under Apache-2.0. English."
    return _upgrade("kokoro", "voice", "Kokoro", what, state, told, left)


async def _elevenlabs(settings: Settings) -> UpgradeView:
    variable = _variable(settings, "elevenlabs", TTS_GROUP)
    chosen, left = "elevenlabs" in settings.engines.tts, list[SetupStep]()
    trouble = await _key_trouble(settings) if _present(variable) else f"The environment variable {variable} is not set."
    if trouble:
        state, told = "missing", trouble
        words = "Give your key to the shell; it belongs in no file."
        left.append(SetupStep(words=words, command=f"export {variable}=…"))
    elif chosen:
        state, told = "used", "It speaks here, and its server takes the key."
    else:
        state, told = "ready", "The key is there, and its server takes it: start the house with it."
    if not chosen:
        left.append(SetupStep(words=_STAND_IN, command=f"{_VOICE}=elevenlabs,espeak duologue serve"))
    what = "Voices on a server of theirs, paid by the character. A character names its own under [voice]."
    return _upgrade("elevenlabs", "voice", "ElevenLabs", what, state, told, left)


async def _key_trouble(settings: Settings) -> str:
    """Why ElevenLabs' server would not speak with the key that is there; empty: it would."""
    engine = ElevenLabs(cast("ElevenLabsSettings | None", settings.engine("elevenlabs")))
    try:
        async with asyncio.timeout(KEY_PATIENCE):
            await engine.warm_up()
    except TimeoutError:
        return f"The key is there, but no answer came within {KEY_PATIENCE:g} s."
    except DuologueError as error:
        return f"The key is there, but {error.what}. {error.remedy}".strip()
    finally:
        await engine.close()
    return ""


async def _ollama(settings: Settings, address: str) -> UpgradeView:
    models, trouble = await _listed(address)
    part, left = settings.engine("openai"), list[SetupStep]()
    chosen = "openai" in settings.engines.llm and str(getattr(part, "base_url", "")).rstrip("/") == address
    if not models:
        state, told = "missing", trouble or "Ollama answers, and has no model yet."
        words = "Install it (ollama.com), then fetch a model." if trouble else "Fetch a model."
        left.append(SetupStep(words=words, command=f"ollama pull {OLLAMA_MODEL}"))
    else:
        state, told = ("used" if chosen else "ready"), f"Ollama answers, and has {', '.join(models[:5])}."
    if not chosen:
        command = (
            f"{_MIND}=openai,improv DUOLOGUE_ENGINES__OPENAI__BASE_URL={address} "
            f"DUOLOGUE_ENGINES__OPENAI__MODEL={models[0] if models else OLLAMA_MODEL} duologue serve"
        )
        left.append(SetupStep(words="Start with it; the improviser stands in.", command=command))
    what = "A language model on this machine: characters think instead of improvising from a script."
    return _upgrade("ollama", "mind", "Ollama", what, state, told, left)


def _upgrade(name: str, kind: str, title: str, what: str, state: str, told: str, left: list[SetupStep]) -> UpgradeView:
    return UpgradeView.model_validate(
        dict(name=name, kind=kind, title=title, what=what, state=state, told=told, steps=left)
    )


async def _listed(address: str) -> tuple[list[str], str]:
    """The models of a server of OpenAI's API, or why there are none to tell of."""
    try:
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
            answer = await client.get(f"{address}/models")
        found: list[object] = answer.json()["data"] or []
        return [str(cast("dict[str, object]", each)["id"]) for each in found], ""
    except httpx.HTTPError:
        return [], f"Nothing answers at {address}."
    except (ValueError, KeyError, TypeError):
        return [], f"What answers at {address} is no Ollama."
