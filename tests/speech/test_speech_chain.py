from __future__ import annotations

import pytest

from duologue.chains import ChainPolicy, FailureMoment, Handover
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.errors import InputError, PeerError
from duologue.speech.chain import SpeechLimits, VoicingChain
from duologue.speech.fake import Behaviour, FakeSpeech
from duologue.speech.voicing.voicing import Spoken

LIMITS = SpeechLimits(ChainPolicy(patience=50 * MILLISECOND, pause=10 * SECOND), stall=50 * MILLISECOND)
TEXT = "One two three."


class Named(FakeSpeech):
    def __init__(self, name: str, *script: Behaviour, rate: int = 24_000) -> None:
        super().__init__(script, clock=VirtualClock(), rate=rate)
        self.name = name


class Company:
    def __init__(self, *engines: FakeSpeech) -> None:
        self.told: list[Handover] = []
        self.clock = VirtualClock()
        self.chain = VoicingChain(engines, limits=LIMITS, clock=self.clock, listener=self.told.append)

    async def voice(self, **voices: str) -> Spoken:
        given = voices or {"a": "low", "b": "high"}
        return await self.chain.voice(TEXT, given, speaker="chad", utterance_id="u")


async def test_the_utterance_says_who_spoke_and_rates_do_not_matter() -> None:
    company = Company(Named("a", Behaviour(error=PeerError("down"))), Named("b", rate=16_000))
    await company.chain.warm_up()
    spoken = (await company.voice()).utterance
    assert (spoken.engine, spoken.speaker, spoken.text) == ("b", "chad", TEXT)
    assert [mark.text for mark in spoken.words()] == ["One", "two", "three"]
    assert spoken.duration == pytest.approx(0.72, abs=0.05)
    assert (await company.voice()).utterance.engine == "b"
    company.clock.advance(10 * SECOND)
    assert (await company.voice()).utterance.engine == "a"


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (Behaviour(hang=True), "gave no sound within 0.05 s"),
        (Behaviour(hang=True, good_chunks=1), "gave no more sound within 0.05 s"),
        (Behaviour(error=PeerError("cut"), good_chunks=2), "cut"),
    ],
)
async def test_the_next_engine_speaks_the_whole_line(behaviour: Behaviour, cause: str) -> None:
    first = Named("a", behaviour)
    company = Company(first, Named("b"))
    await company.chain.warm_up()
    spoken = (await company.voice()).utterance
    assert len(spoken.words()) == 3
    assert spoken.engine == "b"
    assert [(each.engine, each.successor, each.moment) for each in company.told] == [
        ("a", "b", FailureMoment.BEGINNING)
    ]
    assert cause in company.told[0].cause
    assert len(first.calls) == 1


async def test_a_speaker_without_a_voice_for_one_engine_is_spoken_by_the_next() -> None:
    company = Company(Named("a"), Named("b"))
    await company.chain.warm_up()
    assert (await company.voice(b="high")).utterance.engine == "b"
    assert (await company.voice()).utterance.engine == "a"
    with pytest.raises(InputError, match="chad"):
        await company.voice(c="high")
