"""The acceptance call: extension 16 calls Llama1 through a PBX, says three things, and is answered by voice each time.

Everything is as in a house: ``duologue phone`` is a process of its own that registers by digest, kamailio is registrar
and proxy, baresip the telephone. The ears and the voice are the default models where they are installed; elsewhere the
transcripts come from a scripted server, and the voices are espeak-ng's. What is answered is a scripted model's.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from duologue.app.engines.engines import create_voicing
from duologue.app.engines.spare_voices import known_voices
from duologue.app.show.cast import load_member
from duologue.audio.resample import resample
from duologue.models.entries import PIPER_JOE, WHISPER_TINY_EN
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder, load_settings
from duologue.telemetry.ledger import CallRecord, TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.turns import points_ms
from peers.pbx import DOMAIN, kamailio
from peers.sip_line import HOST, free_port, program
from peers.telephone import RATE, Telephone, telephone, voiced, write_spoken
from peers.thinker import Thinker
from phone_command import Phone, phone
from scripted_server import serving
from speech.transcription_server import Reply, TranscriptionServer

MODELS = load_models_folder(None)  # before the tests' own surroundings hide it
REAL = all(map(ModelShelf(MODELS).has, (PIPER_JOE, WHISPER_TINY_EN)))
pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.timeout(240)]
GREETING = "This is Robin."
SAID = ("Hello, can you hear me?", "I need help with something.", "Thank you, that's all.")
ANSWERS = ("Yes, very well.", "Of course, what is it?", "You are welcome.")
PROGRAMS = {"kamailio": "kamailio", "baresip": "baresip-core", "espeak-ng": "espeak-ng"}
"""What it takes, and the packages that have it."""
LINE = """codecs = ["pcmu"]
media_ports = [{first}, {last}]
[[phone.accounts]]
user = "Llama1"
registrar = "{host}:{port}"
domain = "{domain}"
env = "PBX_LLAMA1"
"""
EARS = '[engines.openai_hearing]\nbase_url = "{base_url}"\nmodel = "whisper-1"\nat_pauses = false\n'  # one text a turn


@contextlib.asynccontextmanager
async def _llama(folder: Path, pbx: int, thinker: Thinker) -> AsyncGenerator[Phone]:
    """The line that answers Llama1."""
    first = free_port(20)
    settings = LINE.format(first=first, last=first + 19, host=HOST, port=pbx, domain=DOMAIN)
    environment = {"PBX_LLAMA1": "secret"}
    async with contextlib.AsyncExitStack() as stack:
        engines = '[engines]\nllm = "openai"\n'
        if REAL:
            environment["DUOLOGUE_MODELS"] = str(MODELS)
        else:
            replies = [Reply(text) for text in ("Hello. How can I help you?", *SAID)]
            ears = await stack.enter_async_context(serving(TranscriptionServer(*replies)))
            engines += f'tts = "espeak"\nstt = "openai_hearing"\n{EARS.format(base_url=ears.base_url)}'
        engines += thinker.settings
        yield await stack.enter_async_context(
            phone(folder, settings, greeting=GREETING, engines=engines, environment=environment)
        )


async def _spoken(folder: Path) -> list[Path]:
    """What the caller says, in a natural voice where there is one."""
    files = [folder / f"said-{number}.wav" for number in range(len(SAID))]
    if not REAL:
        return [await voiced(text, file) for text, file in zip(SAID, files, strict=True)]
    settings = load_settings({"engines.tts": "piper"})
    voices = load_member("chad", settings.engines.tts, known_voices(settings)).voices
    voicing = create_voicing(settings, lambda handover: None)
    try:
        await voicing.warm_up()
        for text, file in zip(SAID, files, strict=True):
            said = (await voicing.voice(text, voices, speaker="chad", utterance_id="said")).utterance
            write_spoken(file, resample(said.samples, said.rate, RATE))
    finally:
        await voicing.close()
    return files


async def _converse(caller: Telephone, llama: Phone, spoken: list[Path]) -> list[int]:
    """The whole call; how much the caller had heard before each answer, and at the end."""
    await caller.registered()
    caller.order("dial", f"sip:Llama1@{DOMAIN}")
    await caller.until("CALL_ESTABLISHED")
    await llama.answered(1)
    heard: list[int] = []
    for number, file in enumerate(spoken):
        heard.append(caller.heard_samples)
        caller.speak(file)
        await llama.answered(number + 2)
    heard.append(caller.heard_samples)
    caller.order("hangup")
    await caller.until("CALL_CLOSED")
    return heard


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


async def test_extension_16_calls_llama1_and_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if REAL:
        monkeypatch.setenv("DUOLOGUE_MODELS", str(MODELS))  # for the caller's voice
    for name, package in PROGRAMS.items():
        program(name, package)
    port = free_port(2)
    account = f'<sip:16@{DOMAIN}>;auth_user=16;auth_pass=secret;outbound="sip:{HOST}:{port};transport=udp";regint=60'
    async with (
        asyncio.TaskGroup() as group,
        kamailio(tmp_path / "pbx", port),
        serving(Thinker(ANSWERS)) as thinker,
    ):
        spoken = group.create_task(_spoken(tmp_path))  # while the line comes up
        async with _llama(tmp_path, port, thinker) as llama, telephone(tmp_path / "telephone", account) as caller:
            heard = await _converse(caller, llama, await spoken)
            (registration,) = (await llama.line()).registrations
            assert (registration.account, registration.state) == ("Llama1", "registered")
    records = [entry.record for entry in LedgerReader(tmp_path / "ledger")]
    (call,) = [record for record in records if isinstance(record, CallRecord)]
    assert (call.caller, call.called, call.account) == ("16", "Llama1", "Llama1")
    assert call.answered and not call.failed and call.codec.startswith("PCMU"), call
    turns = [record for record in records if isinstance(record, TurnRecord)]
    said = [turn.text for turn in turns if turn.kind == "person"]
    assert len(said) == 3, said
    for text, transcript in zip(SAID, said, strict=True):
        assert len(_words(text) & _words(transcript)) * 2 >= len(_words(text)), transcript
    answers = [
        turn for turn in turns if turn.kind == "answer" and turn.question and turn.heard
    ]  # none taken back unheard
    assert [turn.heard for turn in answers] == list(ANSWERS)
    for turn in answers:
        assert not turn.interrupted and not turn.estimated, turn
        points = points_ms(turn)
        assert turn.spoken_to > 0 and points["t1"] <= points["t2"] <= points["t3"], points
    sound = caller.heard()
    for number in range(3):
        answer = sound[heard[number] : heard[number + 1]]
        assert np.count_nonzero(np.abs(answer) > 0.02) > RATE // 8, "the answer is in what the telephone heard"
