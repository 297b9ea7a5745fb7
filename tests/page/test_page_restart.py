"""An ordinary hls.js, with its defaults and none of our page's own remedies, while the program is started again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from live_server import LiveServer, live_server
from programme import Programme, whole

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

LIBRARY = Path(__file__).parents[2] / "frontend" / "node_modules" / "hls.js" / "dist" / "hls.min.js"
PAGE = b"""<!doctype html><video id=v muted autoplay playsinline></video><script src=hls.js></script><script>
const fatal = [], hls = new Hls()
hls.on(Hls.Events.ERROR, (_, data) => data.fatal && fatal.push(data.details))
hls.attachMedia(v)
hls.loadSource('index.m3u8')
</script>"""
PLAYS = "then => fatal.length || hls.playingDate?.getTime() >= then && v.readyState > 2"
FIRST = 1_700_000_000


@pytest.mark.timeout(180)
@pytest.mark.parametrize("set_back", [0, 3600])
async def test_it_plays_on(desk: BrowserContext, set_back: int) -> None:
    if not LIBRARY.is_file():
        pytest.skip("hls.js is missing: run `make setup`")
    first, second = Programme().encode(whole(180)), Programme().encode(whole(240))
    files = {"page.html": (PAGE, "text/html"), "hls.js": (LIBRARY.read_bytes(), "text/javascript")}
    begin = FIRST + 8 - set_back
    with live_server(files) as (live, url):
        page = await desk.new_page()
        showing = asyncio.create_task(asyncio.to_thread(_show, live, first, second, begin))  # noqa: TID251
        try:
            await asyncio.to_thread(live.begun.wait)
            await page.goto(f"{url}/page.html")
            await page.wait_for_function(PLAYS, arg=FIRST * 1000)
            await page.wait_for_function(f"then => ({PLAYS})(then) && hls.playingDate.getTime() < then + 8000",
                                         arg=(begin + 4) * 1000, timeout=60_000)  # fmt: skip
            assert await page.evaluate("fatal") == []
        finally:
            names = await showing
        assert [name for name in live.missing if name != "favicon.ico"] == []
        assert [name for name in live.asked if name in names] == names  # each of them, in order, once


def _show(live: LiveServer, first: Programme, second: Programme, begin: float) -> list[str]:
    live.program(first, FIRST, 1.0)
    live.down(1.0)
    return live.program(second, begin, 1.0)
