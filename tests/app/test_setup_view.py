"""What a better voice or mind would take: what is there is found, and no key is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from email.message import Message
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


@contextmanager
def answering(answer: Callable[[str, Message], tuple[int, bytes]]) -> Generator[str]:
    """A server's address; ``answer`` is given a path and the headers, and gives a status and a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path, self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/v1"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(params=[b'{"data": [{"id": "llama3.2:latest"}]}', b'{"data": []}', b"<html>"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, bytes]]:
    """Something that answers at ``/v1/models``."""
    with answering(lambda path, headers: (200 if path == "/v1/models" else 404, request.param)) as address:
        yield address, request.param


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


KEY = "a very secret key"


def account(path: str, headers: Message) -> tuple[int, bytes]:
    """What ElevenLabs' server says to who wants to know the voices of an account."""
    if headers["xi-api-key"] == KEY and path == "/v1/voices":
        return 200, b'{"voices": [{"voice_id": "JBFqnCBsd6RMkjVDRZzb", "name": "George"}]}'
    if headers["xi-api-key"] == "may speak alone":
        return 401, b'{"detail": {"status": "missing_permissions", "message": "It is missing the permission."}}'
    return 401, b'{"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}'


@pytest.mark.parametrize(
    ("key", "chosen", "state", "told"),
    [
        (KEY, "espeak", "ready", "its server takes it"),
        (KEY, "elevenlabs,espeak", "used", "its server takes the key"),
        ("may speak alone", "espeak", "ready", "its server takes it"),
        ("an old one", "espeak", "missing", "refused the key"),
        ("an old one", "elevenlabs,espeak", "missing", "refused the key"),
    ],
)
async def test_a_key_is_tried(monkeypatch: pytest.MonkeyPatch, key: str, chosen: str, state: str, told: str) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", key)
    with answering(account) as address:
        flags: dict[str, object] = {"engines.tts": chosen, "engines.elevenlabs.base_url": address}
        found = (await upgrades(flags | {"engines.stt": "pocketsphinx"}))["elevenlabs"]
    assert found.state == state and told in found.told and key not in found.model_dump_json()
    assert [step.command.partition(" ")[0] for step in found.steps] == [
        *(["export"] if state == "missing" else []),
        *(["DUOLOGUE_ENGINES__TTS=elevenlabs,espeak"] if chosen == "espeak" else []),
    ]


async def test_a_server_that_is_not_there_is_no_key_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    flags: dict[str, object] = {"engines.tts": "espeak", "engines.elevenlabs.base_url": NOBODY}
    found = (await upgrades(flags | {"engines.stt": "pocketsphinx"}))["elevenlabs"]
    assert found.state == "missing" and "cannot be reached" in found.told


async def test_a_key_is_there_or_not_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    with answering(account) as address:
        flags = {"engines.tts": "espeak", "engines.stt": "pocketsphinx", "engines.elevenlabs.base_url": address}
        found = await setup.look(load_settings(flags), NOBODY)
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
