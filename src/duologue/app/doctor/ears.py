"""Whether the ears work: every engine of the chain is told a sentence, voice activity is shown its sound.

The sentence is spoken by the embedded voice, so that nothing has to be fetched. An engine that hears anything at all in
it works; what it heard is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import numpy as np

from duologue.app.engines.engines import create_activity, create_stt, create_tts, create_turn_end
from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.errors import DuologueError, PeerError
from duologue.settings import Settings
from duologue.speech.hearing import EAR_RATE, VAD_FRAME, Expected, SpeechToText
from duologue.speech.voicing.voicing import Voicing

SENTENCE = "please turn on the light"
PATIENCE = 30.0
"""Seconds that an engine may take to hear the sentence; the judge of turns, to load as well."""
_PAUSE = np.zeros(EAR_RATE // 3, np.float32)


async def speak(settings: Settings) -> Samples | None:
    """The sentence at :data:`EAR_RATE`, a pause before and after it; None when the embedded voice cannot speak it."""
    try:
        engine = create_tts(settings, "espeak")
        try:
            await engine.warm_up()
            spoken = await Voicing(engine).voice(SENTENCE, "en-us+f5", speaker="doctor", utterance_id="doctor")
        finally:
            await engine.close()
    except DuologueError:
        return None  # told of with the voices
    utterance = spoken.utterance
    return np.concatenate([_PAUSE, resample(utterance.samples, utterance.rate, EAR_RATE), _PAUSE])


async def try_ear(settings: Settings, name: str, sound: Samples | None) -> tuple[bool, str]:
    """Whether the engine ``name`` hears the sentence (without one: comes up in the time that a house gives it), and
    what it heard or what is wrong.
    """
    limit = settings.chains.start_seconds
    try:
        engine = create_stt(settings, name)
        try:
            async with asyncio.timeout(limit):
                await engine.warm_up()
            limit = PATIENCE
            async with asyncio.timeout(limit):
                heard = await _heard(engine, sound) if sound is not None else ""
        finally:
            await engine.close()
    except (DuologueError, TimeoutError) as error:
        return False, str(error) if isinstance(error, DuologueError) else f"it took more than {limit:g} s"
    if sound is None:
        return True, "comes up; there was no sentence to try it with"
    return bool(heard), f"heard “{heard}”" if heard else "it heard nothing in a sentence"


async def try_activity(settings: Settings, sound: Samples | None) -> tuple[bool, str]:
    """Whether voice activity tells the sentence from the pauses around it (without one: comes up)."""
    try:
        probabilities = await asyncio.to_thread(_noticed, settings, _PAUSE if sound is None else sound)
    except DuologueError as error:
        return False, str(error)
    if sound is None:
        return True, "comes up; there was no sentence to try it with"
    works = max(probabilities) > 0.5 > probabilities[0]
    return works, "tells speech from silence" if works else "it does not tell speech from silence"


async def try_turn_end(settings: Settings, sound: Samples | None) -> tuple[bool, str] | None:
    """Whether the model that judges the end of a turn works; None: there is none."""
    try:
        engine = create_turn_end(settings)
        if engine is None:
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                await engine.warm_up()
                probability = await engine.ended(_PAUSE if sound is None else sound)
        finally:
            await engine.close()
    except (DuologueError, TimeoutError) as error:
        return False, str(error) if isinstance(error, DuologueError) else f"it took more than {PATIENCE:g} s"
    return True, "comes up" if sound is None else f"a finished sentence sounds finished with {probability:.2f}"


async def _heard(engine: SpeechToText, sound: Samples) -> str:
    async def told() -> AsyncIterator[Samples]:
        yield sound

    final = None
    async with aclosing(engine.listen(told(), Expected(phrases=(SENTENCE,)))) as transcripts:
        async for transcript in transcripts:
            final = transcript
    if final is None or not final.final:
        raise PeerError(f"{engine.name} gave no final transcript")
    return final.text


def _noticed(settings: Settings, sound: Samples) -> list[float]:
    engine = create_activity(settings)
    stream = engine.open()
    frames = (sound[at : at + VAD_FRAME] for at in range(0, len(sound) - VAD_FRAME, VAD_FRAME))
    return [engine.step({stream: frame})[stream] for frame in frames]
