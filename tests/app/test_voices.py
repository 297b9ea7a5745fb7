"""The voices of a cast, whole for the show and as they come for a person."""

from __future__ import annotations

from pathlib import Path

from duologue.app.cast import CastMember
from duologue.app.voices import CastVoices
from duologue.clock import SECOND, VirtualClock
from duologue.language.persona import Persona
from duologue.speech.chain import VoicingChain
from duologue.speech.fake import Behaviour, FakeSpeech
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
