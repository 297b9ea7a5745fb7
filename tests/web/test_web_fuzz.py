"""Every route of ``/openapi.json``, asked what its schema allows and what it does not: no error of ours, and no answer
that the schema does not promise. The examples are the same each time; ``API_FUZZ=500`` asks so many of each route, and
others each time.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS, load_all_checks
from whole_site import quiet_setup, whole_house

from duologue.web.application import create_app, openapi_schema
from duologue.web.options import WebOptions

# schemathesis has no types of its own
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUntypedFunctionDecorator=false, reportMissingImports=false

MANY = int(os.environ.get("API_FUZZ", "0"))
BASE = "http://127.0.0.1:8081"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

load_all_checks()
PROMISES = CHECKS.get_by_names(
    (
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
        "response_headers_conformance", "unsupported_method",
    )
)  # fmt: skip
"""What else it checks is of tokens (test_web_accounts.py), or of bodies of which a schema cannot tell all."""
(SHAPE,) = CHECKS.get_by_names(("response_schema_conformance",))
"""Of an event our schema tells the JSON of its data, and this asks for its fields (test_web_events.py reads them)."""

schema = schemathesis.openapi.from_dict(openapi_schema())


class Site:
    """A house and a client of it, on a loop of their own: what asks is no coroutine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, httpx.AsyncClient]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="site")

    def __enter__(self) -> Site:
        self._thread.start()
        self._loop, self._over, self._client = self._open.result(120)
        return self

    def __exit__(self, *failure: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(60)

    async def _run(self) -> None:
        try:
            async with whole_house(self._folder) as house:
                app = create_app(house, WebOptions())
                app.state.leaving.set()  # streams end when they have begun
                transport = httpx.ASGITransport(app, raise_app_exceptions=False)
                async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
                    over = asyncio.Event()
                    self._open.set_result((asyncio.get_running_loop(), over, client))
                    await over.wait()
        except BaseException as error:
            if not self._open.done():
                self._open.set_exception(error)
            raise

    def ask(self, case: Any) -> httpx.Response:
        """What is answered to a case, sent as the bytes that it is on the wire."""
        asked = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
        assert asked.method is not None and asked.url is not None
        body: Any = asked.body
        headers: Any = [(name, str(value).encode("latin-1")) for name, value in asked.headers.items()]
        request = self._client.request(asked.method, asked.url, content=body, headers=headers)
        return asyncio.run_coroutine_threadsafe(request, self._loop).result(60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        quiet_setup(patch)
        with Site(tmp_path_factory.mktemp("fuzz")) as site:
            yield site


@schema.parametrize()
@settings(
    max_examples=MANY or 12, derandomize=not MANY, database=None, deadline=None,
    phases=(Phase.explicit, Phase.generate), suppress_health_check=list(cast("Iterable[HealthCheck]", HealthCheck)),
)  # fmt: skip
def test_every_route_keeps_what_the_schema_promises(case: Any, site: Site) -> None:
    answer = site.ask(case)
    streams = answer.headers.get("content-type", "").startswith("text/event-stream")
    case.validate_response(answer, checks=[each for each in PROMISES if not (streams and each is SHAPE)])
