"""What a better voice or mind would take: what is there is found, and no key is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from duologue.app import setup
from duologue.app.models import UpgradeView
from duologue.models.catalogue import Model
from duologue.models.shelf import ModelShelf
from duologue.settings import load_settings

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

NOBODY = "http://127.0.0.1:9/v1"
"""The port of *discard*: nothing listens there."""


@pytest.fixture(params=[b'{"data": [{"id": "llama3.2:latest"}]}', b'{"data": []}', b"<html>"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, bytes]]:
    """Something that answers at ``/v1/models``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/v1/models" else 404)
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, format: str, *args: object) -> None: ...

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/v1", request.param
    running.shutdown()
    thread.join()
    running.server_close()


async def upgrades(flags: dict[str, object] | None = None, ollama: str = NOBODY) -> dict[str, UpgradeView]:
    return {each.name: each for each in (await setup.look(load_settings(flags or {}), ollama)).upgrades}


async def test_what_is_missing_is_said_with_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    found = await upgrades({"models.folder": tmp_path, "engines.tts": "espeak", "engines.stt": "pocketsphinx"})
    assert {name: each.state for name, each in found.items()} == dict.fromkeys(found, "missing")
    assert [name for name in found] == ["kokoro", "elevenlabs", "ollama"]
    assert found["kokoro"].steps[0].command == "duologue models get kokoro"
    assert "ELEVENLABS_API_KEY is not set" in found["elevenlabs"].told
    assert found["ollama"].told == f"Nothing answers at {NOBODY}."
    assert all(step.command for each in found.values() for step in each.steps)
    assert [len(each.steps) for each in found.values()] == [2, 2, 2]


@pytest.mark.parametrize("runs", [True, False])
async def test_of_a_voice_that_is_here_only_what_is_left_to_do_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    def here(shelf: ModelShelf, model: Model) -> bool:
        return True

    def installed(model: Model) -> bool:
        return runs

    monkeypatch.setattr(ModelShelf, "has", here)
    monkeypatch.setattr(setup, "installed", installed)
    flags: dict[str, object] = {"models.folder": tmp_path, "engines.tts": "espeak", "engines.stt": "pocketsphinx"}
    found = (await upgrades(flags))["kokoro"]
    assert found.state == ("ready" if runs else "missing")
    install = [] if runs else ['pip install "duologue[kokoro]"']
    serve = "DUOLOGUE_ENGINES__TTS=kokoro,espeak duologue serve"
    assert [step.command for step in found.steps] == [*install, serve]
    chosen = (await upgrades(flags | {"engines.tts": "kokoro,espeak"}))["kokoro"]
    assert chosen.state == ("used" if runs else "missing")  # what is set may yet not be there
    assert [step.command for step in chosen.steps] == install


async def test_a_key_is_there_or_not_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "a very secret key")
    found = await setup.look(load_settings({"engines.tts": "espeak", "engines.stt": "pocketsphinx"}), NOBODY)
    keys = {each.engine: each for each in found.keys}
    assert keys["elevenlabs"].present and not keys["elevenlabs"].chosen
    assert {"openai", "openai_speech", "openai_hearing"} <= keys.keys()
    assert "espeak" not in keys
    assert "secret" not in found.model_dump_json()
    voice = next(each for each in found.upgrades if each.name == "elevenlabs")
    assert voice.state == "ready"
    assert [step.command for step in voice.steps] == ["DUOLOGUE_ENGINES__TTS=elevenlabs,espeak duologue serve"]


async def test_ollama_is_asked_for_its_models(server: tuple[str, bytes]) -> None:
    address, answer = server
    found = (await upgrades({"engines.tts": "espeak", "engines.stt": "pocketsphinx"}, address))["ollama"]
    if b"llama3.2:latest" in answer:
        assert found.state == "ready" and "llama3.2:latest" in found.told
        (step,) = found.steps
        assert f"BASE_URL={address}" in step.command and "MODEL=llama3.2:latest " in step.command
    else:
        assert found.steps[0].command == "ollama pull llama3.2"
        assert found.state == "missing"
        assert ("no model yet" in found.told) == (answer == b'{"data": []}')


async def test_what_is_set_is_in_use(server: tuple[str, bytes]) -> None:
    address, answer = server
    flags: dict[str, object] = {
        "engines.tts": "espeak", "engines.stt": "pocketsphinx", "engines.llm": "openai,improv",
        "engines.openai.base_url": address, "engines.openai.model": "llama3.2",
    }  # fmt: skip
    found = (await upgrades(flags, address))["ollama"]
    assert found.state == ("used" if b"llama3.2:latest" in answer else "missing")
    assert bool(found.steps) == (found.state == "missing")
