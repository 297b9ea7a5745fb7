"""The voices of a cast, whole for the show and as they come for a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duologue.app.engines.voices import CastVoices
from duologue.app.show.cast import CastMember
from duologue.clock import SECOND, VirtualClock
from duologue.dialogue.fillers import Fillers
from duologue.dialogue.replies.replies import SentenceVoicing
from duologue.language.persona import Persona
from duologue.speech.chain import VoicingChain
from duologue.speech.fake import Behaviour, FakeSpeech
from duologue.speech.utterance import Utterance
from duologue.streams import closing

ADA = CastMember("ada", "Ada", "", "#fff", Path(), Persona("ada", "Ada", "A calm woman."), {"fake": "low"})
TEXT = "One two three four."


async def voices(*, streams: bool) -> tuple[CastVoices, FakeSpeech]:
    clock = VirtualClock()
    engine = FakeSpeech(usual=Behaviour(latency=SECOND, per_chunk=SECOND // 5), clock=clock)
    chain = VoicingChain([engine], clock=clock)
    await chain.warm_up()
    return CastVoices(chain, [ADA], streams=streams), engine


async def test_the_show_gets_whole_lines() -> None:
    voice, _ = await voices(streams=False)
    voiced = await voice.voice(TEXT, "ada", "u")
    assert not voiced.utterance.open and voiced.more is None and len(voiced.utterance.words()) == 4


async def test_a_person_hears_the_first_word_as_soon_as_it_is_there() -> None:
    voice, engine = await voices(streams=True)
    voiced = await voice.voice(TEXT, "ada", "u")
    assert voiced.utterance.open and voiced.first_audio == SECOND and len(voiced.utterance.words()) == 1
    assert voiced.more is not None
    grown = [utterance async for utterance in voiced.more]
    assert [utterance.open for utterance in grown][-2:] == [True, False] and len(grown[-1].words()) == 4
    assert engine.cancelled == 0


async def test_closing_what_comes_stops_the_engine() -> None:
    voice, engine = await voices(streams=True)
    voiced = await voice.voice(TEXT, "ada", "u")
    assert voiced.more is not None
    async with closing(voiced.more):
        pass
    assert engine.cancelled == 1


async def test_fillers_are_in_their_own_characters_voice_also_with_the_same_words() -> None:
    clock = VirtualClock()
    chain = VoicingChain([FakeSpeech(clock=clock)], clock=clock)
    await chain.warm_up()
    personas = [Persona(name, name, "Says little.", fillers=("Hm.", "Well now.")) for name in ("ada", "bob")]
    cast = [
        CastMember(persona.name, persona.name, "", "#fff", Path(), persona, {"fake": voice})
        for persona, voice in zip(personas, ("low", "high"), strict=True)
    ]
    fillers = Fillers(SentenceVoicing(CastVoices(chain, cast)), personas)
    assert [unvoiced async for unvoiced in fillers.prepare()] == []
    for number in range(2):
        ada, bob = (fillers.take(persona.name, f"{persona.name}-{number}") for persona in personas)
        assert ada is not None and bob is not None
        assert (ada.text, ada.speaker) == (bob.text, "ada")
        assert fundamental(bob) == pytest.approx(2 * fundamental(ada), rel=0.05)


def fundamental(utterance: Utterance) -> float:
    """The loudest frequency (Hz)."""
    spectrum = np.abs(np.fft.rfft(utterance.samples))
    return float(np.argmax(spectrum)) * utterance.rate / len(utterance.samples)
