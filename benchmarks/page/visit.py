"""The first visit to the Talk page: what crosses the wire, how soon somebody can begin, and what the console was told.

An empty cache each time, loopback; sizes are the browser's own, headers and fonts included.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.machine import load
from benchmarks.page.browser import Visit, chromium
from benchmarks.page.house import talk_house
from benchmarks.table import Row, row

VISITS = 7


def rows(small: bool = False) -> list[Row]:
    """Some visits, each from an empty cache, to the house with a show's page and to the Talk page."""
    seconds: list[float] = []
    begun: list[float] = []
    troubles: list[str] = []
    weight = answers = 0
    with talk_house() as house, chromium() as browser:
        for _ in range(3 if small else VISITS):
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            visit = Visit(context.new_page())
            sent = _weighed(visit)
            visit.page.goto(f"{house.address}/talk", wait_until="commit")
            visit.page.wait_for_function(
                "() => [...document.querySelectorAll('button')]"
                ".some(one => one.textContent === 'Begin' && !one.disabled)"
            )
            seconds.append(visit.page.evaluate("performance.now()") / 1000)
            visit.page.wait_for_load_state("load")
            visit.page.evaluate("document.fonts.ready")
            weight, answers = sum(sent.values()), len(sent)  # what a conversation needs beyond it comes when it begins
            before = visit.page.evaluate("performance.now()")
            visit.begin("Robin")
            begun.append((visit.page.evaluate("performance.now()") - before) / 1000)
            troubles += visit.troubles
            context.close()
    return [
        row(
            "the Talk page, first load, transferred",
            weight / 1000,
            "kB",
            f"{answers} answers; wish < 300",
        ),
        row(
            "ready to talk, p50",
            median(seconds),
            "s",
            f"worst of {len(seconds)} {max(seconds):.2f}; wish < 1, {load()}",
        ),
        row("from there to a conversation that stands", median(begun), "s", "four keys of a robot's in it"),
        row("errors in the console", len(troubles), "", "; ".join(troubles[:2]) or "wish 0"),
    ]


def _weighed(visit: Visit) -> dict[str, int]:
    """What will have come over the wire, bytes by address."""
    sent: dict[str, int] = {}
    addresses: dict[str, str] = {}
    wire = visit.page.context.new_cdp_session(visit.page)

    def answered(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = event["response"]["url"]

    def finished(event: dict[str, Any]) -> None:
        address = addresses.get(event["requestId"], "")
        sent[address] = sent.get(address, 0) + round(event["encodedDataLength"])

    wire.on("Network.responseReceived", answered)
    wire.on("Network.loadingFinished", finished)
    wire.send("Network.enable")  # pyright: ignore[reportUnknownMemberType]
    return sent
