"""Chains of ears: a stretch that one engine cannot finish is told to the next from its start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
import pytest
from spoken_phrases import KITCHEN, flite, padded
from stt_conformance import SttConformance, check, hear, in_blocks, told

from duologue.audio.pcm import Samples
from duologue.chains import ChainPolicy, FailureMoment, Handover
from duologue.clock import MILLISECOND, SECOND
from duologue.errors import ClosedError, InternalError, PeerError
from duologue.speech import hearing_chain
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, SpeechToText, Transcript, VoicePresence
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.hearing_fake import FakeHearing, Hearing, evenly
from duologue.speech.pocketsphinx.engine import PocketSphinx

TEXT = "please turn on the light in the kitchen"
WELL = Hearing(evenly(TEXT, each=0.1))
SOUND = np.zeros(2 * EAR_RATE, np.float32)
POLICY = ChainPolicy(patience=30 * MILLISECOND, pause=10 * SECOND)


def fake(name: str, *script: Hearing, usual: Hearing = WELL) -> FakeHearing:
    engine = FakeHearing(script, usual)
    engine.name = name
    return engine


class Company:
    def __init__(self, *engines: SpeechToText, policy: ChainPolicy = POLICY) -> None:
        self.told: list[Handover] = []
        self.chain = HearingChain(engines, policy=policy, listener=self.told.append)

    async def hear(self, sound: Samples = SOUND) -> Transcript:
        return check(await hear(self.chain, sound), len(sound) / EAR_RATE)

    def failures(self) -> list[tuple[str, str, FailureMoment]]:
        return [(each.engine, each.successor, each.moment) for each in self.told]


class TestAChainConforms(SttConformance):
    knows_words = False

    def make(self) -> SpeechToText:
        return HearingChain([fake("first"), fake("second")])

    def sound(self) -> Samples:
        return SOUND


@pytest.mark.slow
async def test_real_ears_take_over_in_the_middle() -> None:
    broken = Hearing(evenly("wrong words", each=0.1), good_seconds=0.6, error=PeerError("it broke"))
    company = Company(fake("broken", broken), PocketSphinx(), policy=ChainPolicy(patience=20 * SECOND))
    assert {"turn", "kitchen"} <= set((await company.hear(padded(flite(KITCHEN)))).text.split())
    assert company.failures() == [("broken", "pocketsphinx", FailureMoment.MIDDLE)]
    await company.chain.close()


async def test_what_fails_in_the_middle_is_told_again_from_its_start() -> None:
    half = Hearing(evenly(TEXT, each=0.1), good_seconds=0.55, error=PeerError("it broke"))
    first, second = fake("a", half), fake("b")
    company = Company(first, second)
    assert (await company.hear()).text == TEXT
    assert company.failures() == [("a", "b", FailureMoment.MIDDLE)]
    assert first.seconds[0] < 0.6
    assert second.seconds == pytest.approx([2.0])
    assert (await company.hear()).text == TEXT
    assert len(first.calls) == 1  # it is left alone


async def test_a_final_that_does_not_come_is_asked_of_the_next() -> None:
    company = Company(fake("a", Hearing(WELL.words, good_seconds=2.0, hang=True)), fake("b"))
    assert (await company.hear()).text == TEXT
    assert "gave no sign within 0.03 s" in company.told[0].cause


async def test_the_persons_silence_is_nobodys_failure() -> None:
    async def slowly() -> AsyncIterator[Samples]:
        yield SOUND
        await asyncio.sleep(0.1)  # three times the patience
        yield SOUND

    company = Company(fake("a"), fake("b"))
    heard = [transcript async for transcript in company.chain.listen(slowly())]
    assert heard[-1].final
    assert company.told == []


async def test_one_that_does_not_even_ask_for_sound_is_passed_over() -> None:
    company = Company(fake("a", Hearing(hang=True)), fake("b"))
    assert (await company.hear()).text == TEXT
    assert company.failures()[0][:2] == ("a", "b")


async def test_one_that_ends_without_a_final_has_failed() -> None:
    class Mute(FakeHearing):
        async def listen(
            self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
        ) -> AsyncGenerator[Transcript, None]:
            async for _ in sound:
                yield Transcript("well")

    company = Company(Mute(), fake("b"))
    assert (await company.hear()).text == TEXT
    assert "no final transcript" in company.told[0].cause


async def test_by_telephone_open_dictation_of_pocketsphinx_stands_in_for_nobody() -> None:
    """It gets nine words of ten wrong there: better none than those."""
    small = PocketSphinx()
    company = Company(fake("a", Hearing(error=PeerError("a down"))), small)
    with pytest.raises(PeerError, match="a down"):
        await hear(company.chain, SOUND, Expected(telephone=True))
    assert company.failures() == [("a", "", FailureMoment.BEGINNING)] and small.pids == ()
    assert small.hears(Expected()) and small.hears(Expected(telephone=True, grammar="#JSGF V1.0;"))
    assert small.hears(Expected(telephone=True, phrases=("one", "two")))
    await company.chain.close()


async def test_who_has_no_stand_in_for_this_keeps_its_own_limits() -> None:
    company = Company(fake("a", Hearing(WELL.words, latency=3 * POLICY.patience)), PocketSphinx())
    heard = [each async for each in company.chain.listen(told(in_blocks(SOUND)), Expected(telephone=True))]
    assert (heard[-1].text, heard[-1].final, company.told) == (TEXT, True, [])
    await company.chain.close()


async def test_when_all_fail_the_stretch_ends_with_the_causes() -> None:
    company = Company(fake("a", Hearing(error=PeerError("a down"))), fake("b", Hearing(error=PeerError("b down"))))
    with pytest.raises(PeerError, match=r"a: a down.*; b: b down"):
        await company.hear()


async def test_a_source_that_fails_like_an_engine_is_no_engines_fault() -> None:
    async def broken() -> AsyncIterator[Samples]:
        yield SOUND
        raise PeerError("the line is dead")

    company = Company(fake("a"), fake("b"))
    with pytest.raises(PeerError, match="the line is dead"):
        async for _ in company.chain.listen(broken()):
            pass
    assert company.told == []


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing_chain, "KEPT_SECONDS", 1)
    late = Hearing(WELL.words, good_seconds=1.8, error=PeerError("late"))
    company = Company(fake("a", late), fake("b"))
    with pytest.raises(PeerError, match="not told again"):
        await company.hear()


async def test_it_promises_what_all_keep_and_nothing_cold() -> None:
    class Plain(FakeHearing):
        @property
        def capabilities(self) -> HearingCapabilities:
            return HearingCapabilities(partials=False, punctuation=True, words=False)

    chain = HearingChain([fake("a"), Plain()])
    with pytest.raises(InternalError, match="warm_up"):
        _ = chain.capabilities
    await chain.warm_up()
    assert chain.capabilities == HearingCapabilities(partials=False, punctuation=True, words=False)
    await chain.close()
    with pytest.raises(ClosedError):
        await hear(chain, SOUND)


async def test_expected_words_reach_each() -> None:
    first, second = fake("a", Hearing(error=PeerError("down"))), fake("b")
    expected = Expected(phrases=("Turn it on.",))
    async for _ in HearingChain([first, second]).listen(told(in_blocks(SOUND)), expected):
        pass
    assert first.calls == second.calls == [expected]
