from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from studio_double import Connect, HouseDouble, ShowDouble, StudioDouble

from duologue.web.application import create_app
from duologue.web.options import WebOptions


@pytest.fixture
def studio() -> StudioDouble:
    return StudioDouble()


@pytest.fixture
def house(studio: StudioDouble) -> HouseDouble:
    """Of one show."""
    return HouseDouble([ShowDouble(studio=studio)])


@pytest.fixture
def connect(house: HouseDouble, tmp_path: Path) -> Connect:
    """A client of an application with these options (and shows), without a network between them."""

    @asynccontextmanager
    async def connected(
        options: WebOptions | None = None, base: str = "http://127.0.0.1:8081", shows: Sequence[ShowDouble] = ()
    ) -> AsyncGenerator[httpx.AsyncClient]:
        app = create_app(HouseDouble(shows) if shows else house, options or WebOptions(static=tmp_path / "static"))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            yield client

    return connected


@pytest.fixture
async def client(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as client:
        yield client
