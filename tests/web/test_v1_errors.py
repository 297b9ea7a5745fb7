"""What goes wrong at ``/v1``, as OpenAI's own client raises it; the table of the page is the code's."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import openai
import pytest
from openai import AsyncOpenAI
from openai_site import openai_client, openai_site

from duologue.app.admission import PlaceTaken
from duologue.errors import ClosedError, DuologueError, InputError, InternalError, PeerError
from duologue.hosted import ServerError
from duologue.language.engine import Prompt
from duologue.language.fake import FakeLanguage
from duologue.metering import SpentError
from duologue.places import packs_folder
from duologue.tokens import Scope
from duologue.web.compatible import FAULTS, fault_of, happened
from duologue.web.options import Grant, Key

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
DOCS = packs_folder().parent / "docs" / "compatible.md"
ASKED = {"model": "chad", "messages": [{"role": "user", "content": "Hi"}]}


def server_error(status: int, *, spent: bool = False) -> ServerError:
    error = ServerError("the server did not do it", where="http://10.1.2.3:8880/v1", remedy="See its log.")
    error.status, error.spent = status, spent
    return error


ERRORS: list[tuple[DuologueError, str, type[openai.APIStatusError], str | None]] = [
    (SpentError("the cap is reached"), "a cap of the day is reached", openai.RateLimitError, "insufficient_quota"),
    (server_error(429, spent=True), "a cap of the day is reached", openai.RateLimitError, "insufficient_quota"),
    (server_error(401, spent=True), "a cap of the day is reached", openai.RateLimitError, "insufficient_quota"),
    (server_error(401), "refuses the house's key", openai.InternalServerError, "engine_key_refused"),
    (server_error(403), "refuses the house's key", openai.InternalServerError, "engine_key_refused"),
    (server_error(429), "is busy", openai.InternalServerError, "engine_overloaded"),
    (server_error(503), "is busy", openai.InternalServerError, "engine_overloaded"),
    (server_error(504), "is late", openai.InternalServerError, "engine_timeout"),
    (server_error(0), "an engine failed otherwise", openai.InternalServerError, "engine_failed"),
    (server_error(404), "an engine failed otherwise", openai.InternalServerError, "engine_failed"),
    (server_error(500), "an engine failed otherwise", openai.InternalServerError, "engine_failed"),
    (PeerError("the model is gone"), "an engine failed otherwise", openai.InternalServerError, "engine_failed"),
    (InputError("no such thing", where="tools"), "asks for what cannot be", openai.BadRequestError, None),
    (InputError("no such model", where="model"), "no such model", openai.NotFoundError, "model_not_found"),
    (PlaceTaken("all are taken"), "no place is left", openai.InternalServerError, "no_place"),
    (ClosedError("it is closed"), "the house closes", openai.InternalServerError, "unavailable"),
    (InternalError("an invariant"), "our own fault", openai.InternalServerError, "internal_error"),
]


class Failing(FakeLanguage):
    """Raises ``error`` after so many words."""

    def __init__(self, error: Exception, words: int = 0) -> None:
        super().__init__()
        self.error, self.words = error, words

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        for _ in range(self.words):
            yield "word "
        raise self.error


@pytest.mark.parametrize(("error", "what", "raised", "code"), ERRORS, ids=lambda value: str(value)[:40])
async def test_the_official_client_raises_what_it_would_elsewhere(
    monkeypatch: pytest.MonkeyPatch, error: DuologueError, what: str, raised: type[openai.APIStatusError],
    code: str | None,
) -> None:  # fmt: skip
    assert what in happened(error)
    async with openai_client(monkeypatch, Failing(error)) as client:
        for stream in (False, True):
            with pytest.raises(raised) as caught:
                await client.chat.completions.create(**ASKED, stream=stream)
            found, fault = caught.value, fault_of(error)
            assert (found.status_code, found.code, found.type) == (fault.status, code, fault.kind)
            assert error.what in found.message and "10.1.2.3" not in str(found.body)
            retried, told = found.response.headers.get("x-should-retry"), "retry-after" in found.response.headers
            wanted = fault.again or None if fault.status < 429 else fault.again
            assert (retried, told) == (("false", False) if wanted is False else (None, bool(wanted)))


async def test_what_it_asks_again_is_what_may_come_right_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, asked in ((SpentError("the cap is reached"), 1), (server_error(401), 1), (PeerError("it is gone"), 2)):
        model = Failing(error)
        times = 0

        async def write(prompt: Prompt, error: DuologueError = error) -> AsyncGenerator[str]:
            nonlocal times
            times += 1
            raise error
            yield

        model.write = write  # type: ignore[method-assign]
        async with openai_client(monkeypatch, model) as client:
            with pytest.raises(openai.APIStatusError):
                await client.with_options(max_retries=1).chat.completions.create(
                    **ASKED, extra_headers={"x-stainless-retry-count": "0"}
                )
        assert times == asked, error


async def test_a_stream_that_breaks_off_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async with openai_client(monkeypatch, Failing(PeerError("the model is gone"), words=3)) as client:
        stream = await client.chat.completions.create(**ASKED, stream=True)
        text = ""
        with pytest.raises(openai.APIError, match="the model is gone") as caught:
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""
    assert text == "word word word " and caught.value.code == "engine_failed"


async def test_the_callers_own_key_and_address_are_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = (Key("looking-key", Grant("looker", frozenset[Scope]())),)
    for key, raised, code in (
        ("wrong", openai.AuthenticationError, "invalid_api_key"),
        ("looking-key", openai.PermissionDeniedError, "insufficient_permissions"),
    ):
        async with openai_client(monkeypatch, key=key, keys=keys) as client:
            with pytest.raises(raised) as caught:
                await client.chat.completions.create(**ASKED)
            assert caught.value.code == code and "x-should-retry" not in caught.value.response.headers
    async with openai_client(monkeypatch) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.embeddings.create(model="chad", input="Hi")
    assert caught.value.code == "unknown_url"


@pytest.mark.realtime
async def test_a_cap_of_the_day_is_an_insufficient_quota() -> None:
    async with (
        openai_site(**{"spending.engines.espeak.characters": 10}) as site,
        AsyncOpenAI(base_url=site.base_url, api_key="none", max_retries=0) as client,
    ):
        with pytest.raises(openai.RateLimitError) as caught:
            await client.audio.speech.create(input="This is more than ten.", model="tts-1", voice="alloy")
    error = caught.value
    assert (error.status_code, error.type, error.code) == (429, "insufficient_quota", "insufficient_quota")
    assert error.response.headers["x-should-retry"] == "false" and "characters" in error.message


def test_the_page_has_the_table_of_the_code() -> None:
    rows = re.findall(r"^\| (.+?) \| (\d{3}) \| `(\w+)` \| (?:`(\w+)`)? ?\| (yes|no) \| `(\w+)` \|$",
                      DOCS.read_text("utf-8"), re.MULTILINE)  # fmt: skip
    assert [row[:5] for row in rows] == [
        (what, str(fault.status), fault.kind, fault.code or "", "yes" if fault.again else "no")
        for what, fault in FAULTS.items()
    ]
    for _, status, *_, raised in rows:
        by_status = {
            "400": "BadRequestError", "401": "AuthenticationError", "403": "PermissionDeniedError",
            "404": "NotFoundError", "429": "RateLimitError",
        }  # fmt: skip
        assert raised == by_status.get(status, "InternalServerError") and hasattr(openai, raised)
