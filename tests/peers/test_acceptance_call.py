"""The acceptance call: extension 16 calls Llama1 through a PBX, says three things, and is answered by voice each time.

Everything is as in a house: ``duologue phone`` is a process of its own that registers by digest, kamailio is registrar
and proxy, baresip the telephone. The ears and the voice are the default models where they are installed; elsewhere the
transcripts come from a scripted server, and the voices are espeak-ng's. What is answered is a scripted model's.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from duologue.models.entries import PIPER_JOE, WHISPER_TINY_EN
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder
from duologue.telemetry.ledger import CallRecord, TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.turns import points_ms
from peers.pbx import DOMAIN, kamailio
from peers.phone_process import PhoneProcess, phone_process
from peers.sip_line import HOST, free_port
from peers.telephone import RATE, Telephone, telephone, voiced
from peers.thinker import Thinker
from scripted_server import serving
from speech.transcription_server import Reply, TranscriptionServer

MODELS = load_models_folder(None)  # before the tests' own surroundings hide it
REAL = all(map(ModelShelf(MODELS).has, (PIPER_JOE, WHISPER_TINY_EN)))
pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.timeout(240)]
GREETING = "Good morning, this is Robin."
SAID = ("Hello, can you hear me?", "I need help with something.", "Thank you, that's all.")
ANSWERS = ("Yes, I can hear you very well.", "Of course, tell me what happened.", "You are welcome. Have a good day.")
LINE = """
[phone]
codecs = ["pcmu"]
greeting = "{greeting}"
media_ports = [{first}, {last}]
[[phone.accounts]]
user = "Llama1"
registrar = "{host}:{port}"
domain = "{domain}"
env = "PBX_LLAMA1"
"""
EARS = '[engines.openai_hearing]\nbase_url = "{base_url}"\nmodel = "whisper-1"\n'


@contextlib.asynccontextmanager
async def _llama(folder: Path, pbx: int, thinker: Thinker) -> AsyncGenerator[PhoneProcess]:
    """The line that answers Llama1."""
    first = free_port(20)
    settings = thinker.settings + LINE.format(
        greeting=GREETING, first=first, last=first + 19, host=HOST, port=pbx, domain=DOMAIN
    )
    environment = {"PBX_LLAMA1": "secret"}
    if REAL:
        environment["DUOLOGUE_MODELS"] = str(MODELS)
        async with phone_process(folder, settings, ("--llm", "openai"), environment) as process:
            yield process
        return
    replies = [Reply(text) for text in ("Hello. How can I help you?", *SAID)]
    async with serving(TranscriptionServer(*replies)) as ears:
        settings += EARS.format(base_url=ears.base_url)
        flags = ("--llm", "openai", "--stt", "openai_hearing", "--tts", "espeak")
        async with phone_process(folder, settings, flags, environment) as process:
            yield process


async def _spoken(folder: Path) -> list[Path]:
    """What the caller says, in a natural voice where there is one."""
    files: list[Path] = []
    for number, text in enumerate(SAID):
        command: tuple[str, ...] = ()
        if REAL:
            command = (sys.executable, "-m", "duologue", "say", text, "--tts", "piper", "--as", "chad", "-o")
        files.append(await voiced(text, folder / f"said-{number}.wav", command))
    return files


async def _converse(caller: Telephone, llama: PhoneProcess, spoken: list[Path]) -> list[int]:
    """The whole call; how much the caller had heard before each answer, and at the end."""
    await caller.registered()
    caller.order("dial", f"sip:Llama1@{DOMAIN}")
    await caller.until("CALL_ESTABLISHED")
    await llama.until(lambda: llama.answers(), "the greeting is over")
    heard: list[int] = []
    for number, file in enumerate(spoken):
        heard.append(caller.heard_samples)
        caller.speak(file)
        await llama.until(lambda number=number: len(llama.answers()) > number + 1, f"{SAID[number]!r} is answered")
    heard.append(caller.heard_samples)
    caller.order("hangup")
    await caller.until("CALL_CLOSED")
    return heard


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


async def test_extension_16_calls_llama1_and_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if REAL:
        monkeypatch.setenv("DUOLOGUE_MODELS", str(MODELS))  # for the caller's voice
    port = free_port(2)
    spoken = await _spoken(tmp_path)
    account = f'<sip:16@{DOMAIN}>;auth_user=16;auth_pass=secret;outbound="sip:{HOST}:{port};transport=udp";regint=60'
    async with (
        kamailio(tmp_path / "pbx", port),
        serving(Thinker(ANSWERS)) as thinker,
        _llama(tmp_path, port, thinker) as llama,
        telephone(tmp_path / "telephone", account) as caller,
    ):
        heard = await _converse(caller, llama, spoken)
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
