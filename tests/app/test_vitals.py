"""How engines are, as metrics and page are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.app.engines.engines import create_voicing, open_engines
from duologue.app.engines.vitals import engine_view, unserved, vitals
from duologue.chains import Handover
from duologue.clock import SECOND, SYSTEM_CLOCK, VirtualClock
from duologue.errors import InputError, PeerError
from duologue.language.chain import LanguageChain
from duologue.language.engine import Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.persona import Persona
from duologue.settings import load_settings


async def test_an_engine_that_does_not_come_up_is_told_of_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    settings = load_settings({"engines.tts": "elevenlabs,espeak", "speech_cache.folder": tmp_path})
    told: list[Handover] = []
    async with open_engines(settings) as engines:
        engines.listeners.append(told.append)
        before = vitals(engines.llm, engines.tts, SYSTEM_CLOCK.now())
        assert [(each.kind, each.health.warm) for each in before] == [("tts", False), ("tts", False), ("llm", False)]
        await engines.warm_up()
        eleven, espeak, improv = vitals(engines.llm, engines.tts, SYSTEM_CLOCK.now())
    assert [(handover.engine, handover.successor, handover.moment) for handover in told] == [
        ("elevenlabs", "espeak", "start")
    ]
    assert eleven.cache is not None and espeak.cache is None and improv.health.name == "improv"
    view = engine_view(eleven)
    assert (view.state, view.failures) == ("cold", 1) and "needs a key" in view.cause
    assert engine_view(espeak).state == engine_view(improv).state == "ready"


async def test_a_model_alone_that_does_not_come_up_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINES__LLAMA__MODEL", str(tmp_path / "absent.gguf"))
    async with open_engines(load_settings({"engines.llm": "llama"}), speaks=False) as engines:
        with pytest.RaisesGroup(InputError):
            await engines.warm_up()
        (llama,) = vitals(engines.llm, create_voicing(load_settings()), SYSTEM_CLOCK.now())[1:]
    view = engine_view(llama)
    assert (view.state, view.failures) == ("cold", 1) and "there is no file" in view.cause


async def test_a_dead_engine_is_out_until_it_has_done_its_work_however_long_it_was_left_alone() -> None:
    clock = VirtualClock()
    chain = LanguageChain([FakeLanguage([ScriptedReply("", failure="out of memory", pieces=0)], clock)], clock=clock)
    await chain.warm_up()
    assert engine_view(vitals(chain, None, clock.now())[0]).state == "ready"
    prompt = Prompt(Persona("ada", "Ada", "A calm woman."), (), "tea")
    with pytest.raises(PeerError):
        [piece async for piece in chain.write(prompt)]
    clock.advance(3600 * SECOND)  # its pause is long over, and nobody has asked it since
    found = vitals(chain, None, clock.now())
    assert engine_view(found[0]).state == "out"
    assert unserved(found) == ("nobody thinks: fake failed: out of memory",)
    assert [piece async for piece in chain.write(prompt)]
    assert engine_view(vitals(chain, None, clock.now())[0]).state == "ready" and not unserved(vitals(chain, None, 0))


async def test_one_that_stands_in_serves() -> None:
    clock = VirtualClock()
    broken = FakeLanguage(usual=ScriptedReply("", failure="out of memory", pieces=0), clock=clock)
    broken.name = "broken"
    chain = LanguageChain([broken, FakeLanguage(clock=clock)], clock=clock)
    await chain.warm_up()
    assert [piece async for piece in chain.write(Prompt(Persona("ada", "Ada", "A calm woman."), (), "tea"))]
    found = vitals(chain, None, clock.now())
    assert [engine_view(each).state for each in found] == ["out", "ready"] and unserved(found) == ()
