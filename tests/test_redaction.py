"""No secret leaves: a key that a server repeats, in each error path of each hosted engine; an address's password."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.pcm import Samples
from duologue.clock import VirtualClock
from duologue.errors import DuologueError, InputError, PeerError, in_words
from duologue.language.engine import Line, Prompt
from duologue.language.openai import OpenAILanguage, OpenAISettings
from duologue.language.persona import Persona
from duologue.redaction import REDACTED, forget, hide, redacted, userinfo
from duologue.settings import load_settings
from duologue.speech.elevenlabs import ElevenLabs, ElevenLabsSettings
from duologue.speech.openai.hearing import OpenAIHearing, OpenAIHearingSettings
from duologue.speech.openai.speech import OpenAISpeech, OpenAISpeechSettings
from duologue.telemetry.log import configure, get_logger
from scripted_server import JSON, Connection, Request, ScriptedServer, serving

KEYS = {
    "of a vendor nobody thought of": "gsk_Zq81MnPp4x0YtLw7",
    "with the signs of a pattern": r"a.key+with(signs)|[and]\dollars$^",
    "with quotes and slashes": "odd\"key'/\\path=%41&x",
    "of plain words": "correcthorsebatterystaple",
}
PASSWORD = "p%40ss-w0rd"
"""As an address writes it; meant is ``p@ss-w0rd``."""
CHAD = Persona("chad", "Chad", "You are Chad.")


WAYS = [
    (400, "json", True), (400, "page", False), (401, "json", True), (401, "page", False), (404, "page", True),
    (429, "json", True), (500, "json", False), (500, "page", True), (200, "json", True), (200, "page", True),
    (200, "event", True), (200, "cut", False),
]  # fmt: skip
"""A status, a form, and whether lists are given as if nothing were wrong."""


class Parrot(ScriptedServer):
    """Repeats what it was sent in its answers, in the ways that servers do."""

    def __init__(self, status: int, form: str, lists: bool) -> None:
        super().__init__()
        self.status, self.form, self.lists = status, form, lists
        self.secret = ""

    async def answer(self, request: Request, connection: Connection) -> bool:
        if request.method == "GET" and self.lists:
            return await connection.send(200, {"data": [], "voices": []})
        said = " ".join((self.secret, *request.headers.values()))
        if self.form == "json":
            return await connection.send(self.status, {"error": {"message": f"Incorrect key: {said}"}})
        if self.form == "event":
            event = f"data: {json.dumps({'error': {'message': said}})}\n\n"
            return await connection.send(self.status, event.encode(), kind="text/event-stream")
        if self.form == "cut":
            return await connection.cut_whole(said.encode())
        return await connection.send(self.status, f"<p>{said}</p>".encode(), kind=JSON)


async def sound() -> AsyncIterator[Samples]:
    yield np.full(16_000, 0.1, np.float32)


async def thinks(base_url: str) -> None:
    model = OpenAILanguage(OpenAISettings(base_url=base_url, model="m", key_variable="A_KEY"), VirtualClock())
    try:
        await model.warm_up()
        _ = [piece async for piece in model.write(Prompt(CHAD, (), "", (Line("you", "Hi."),)))]
    finally:
        await model.close()


async def hears(base_url: str) -> None:
    ears = OpenAIHearing(OpenAIHearingSettings(base_url=base_url, model="m", key_variable="A_KEY"), VirtualClock())
    try:
        await ears.warm_up()
        _ = [transcript async for transcript in ears.listen(sound())]
    finally:
        await ears.close()


async def speaks(base_url: str) -> None:
    voice = OpenAISpeech(OpenAISpeechSettings(base_url=base_url, key_variable="A_KEY"), VirtualClock())
    try:
        await voice.warm_up()
        _ = [chunk async for chunk in voice.speak("Hello.", "alloy")]
    finally:
        await voice.close()


async def speaks_with_times(base_url: str) -> None:
    voice = ElevenLabs(ElevenLabsSettings(base_url=base_url, key_variable="A_KEY"), VirtualClock())
    try:
        await voice.warm_up()
        _ = [chunk async for chunk in voice.speak("Hello.", "a" * 20)]
    finally:
        await voice.close()


def shown(error: DuologueError) -> str:
    """All that leaves of an error: for people, for a problem document, for the ledger, and in a log with its trace."""
    lines: list[str] = []
    for form in ("json", "text"):
        stream = io.StringIO()
        configure(form, stream=stream)  # pyright: ignore[reportArgumentType]
        get_logger("test").error("failed", cause=str(error), error=error, exc_info=error)
        lines.append(stream.getvalue())
    return "\n".join([str(error), repr(error), error.what, error.where, error.remedy, in_words(error), *lines])


@pytest.mark.slow
@pytest.mark.parametrize("engine", [thinks, hears, speaks, speaks_with_times])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
async def test_a_key_that_a_server_repeats_leaves_by_no_error(
    engine: Callable[[str], Awaitable[None]], key: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("A_KEY", key)
    errors = 0
    for status, form, lists in WAYS:
        parrot = Parrot(status, form, lists)
        parrot.secret = key
        async with serving(parrot) as server:
            address = server.base_url.replace("://", f"://jo:{PASSWORD}@") if lists else server.base_url
            try:
                await engine(address)
            except DuologueError as error:
                found = shown(error)
                errors += 1
            else:
                continue  # what this engine takes for an answer
        for secret in (key, json.dumps(key)[1:-1], PASSWORD, "p@ss-w0rd"):
            assert secret not in found, f"{status} {form}: {found}"
    assert errors >= len(WAYS) - 2


@pytest.mark.parametrize("engine", [thinks, hears, speaks, speaks_with_times])
async def test_an_address_with_a_password_is_shown_without_it(
    engine: Callable[[str], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("A_KEY", "gsk_Zq81MnPp4x0YtLw7")
    async with serving(Parrot(200, "json", True)) as server:
        address = server.base_url.replace("://", f"://jo:{PASSWORD}@")
    with pytest.raises(PeerError, match="cannot be reached") as caught:
        await engine(address)
    assert PASSWORD not in shown(caught.value) and f"http://{REDACTED}@127.0.0.1:" in caught.value.where


async def test_a_key_that_no_header_can_carry_is_the_users_fault_and_not_shown(monkeypatch: pytest.MonkeyPatch):
    for key in ("schlüssel-sehr-geheim", "two\nlines-of-a-key"):
        monkeypatch.setenv("A_KEY", key)
        with pytest.raises(InputError, match="cannot be sent") as caught:
            await thinks("http://127.0.0.1:9/v1")
        assert "A_KEY" in caught.value.where and key not in shown(caught.value)


def test_the_settings_show_no_password_of_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    address = f"https://jo:{PASSWORD}@example.org/v1"
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI__MODEL", "m")
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI__BASE_URL", address)
    settings = load_settings({"engines.llm": "openai"})
    rows = {row.key: row.value for row in settings.rows()}
    assert rows["engines.openai.base_url"] == f"https://{REDACTED}@example.org/v1"
    assert {"jo:p@ss-w0rd", "p@ss-w0rd"} <= set(settings.secrets())
    assert redacted("it was p@ss-w0rd") == f"it was {REDACTED}"
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI__BASE_URL", f"ftp://jo:{PASSWORD}@example.org")
    with pytest.raises(InputError) as caught:
        load_settings({"engines.llm": "openai"})
    assert PASSWORD not in str(caught.value)


def test_what_stands_before_the_at_of_an_address_is_secret_and_nothing_else():
    assert userinfo("https://jo:p%40ss@example.org/v1") == ("jo:p@ss", "p@ss")
    assert userinfo("https://example.org/a@b") == ()
    assert (
        redacted("see https://jo:pass@host/x@y, or mail jo@host") == f"see https://{REDACTED}@host/x@y, or mail jo@host"
    )
    assert redacted("nothing to hide: a@b, https://host") == "nothing to hide: a@b, https://host"


@given(st.text(min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_is_found_as_it_is_and_as_json(secret: str, before: str, after: str):
    forget()
    hide(secret)
    assert secret not in redacted(before + secret + after).replace(REDACTED, "")
    assert json.dumps(secret)[1:-1] not in redacted(json.dumps(before + secret + after)).replace(REDACTED, "")
    forget()


def test_short_secrets_blot_out_nothing():
    hide("cat")
    assert redacted("a cat") == "a cat"


def test_an_error_made_anew_keeps_its_secret():
    hide("gsk_Zq81MnPp4x0YtLw7")
    error = PeerError("said gsk_Zq81MnPp4x0YtLw7", where="http://a:b@c", remedy="Not gsk_Zq81MnPp4x0YtLw7.")
    assert (error.what, error.where, error.remedy) == (f"said {REDACTED}", f"http://{REDACTED}@c", f"Not {REDACTED}.")
    assert in_words(ValueError("gsk_Zq81MnPp4x0YtLw7")) == f"ValueError: {REDACTED}"
