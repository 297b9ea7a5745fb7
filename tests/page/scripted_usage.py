"""What engines of the mock house were asked for."""

from __future__ import annotations

from duologue.app.spending.models import CapView, UsageRowView, UsageView
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.store.values import UsageBy

NAMES: dict[UsageBy, tuple[str, str, str]] = {
    "engine": ("openai", "elevenlabs", "whisper"),
    "run": ("show:main", "talk:0199a3c1-7a2b-7c3d-8e4f-5a6b7c8d9e0f", "line:0199a3c1-7a2b-7c3d-8e4f-5a6b7c8d9e1f"),
    "person": ("0199-a", "0199-b", "0199-c"),
    "day": ("2026-11-23", "2026-11-22", "2026-11-21"),
}


def used(by: UsageBy, since: str) -> UsageView:
    """Three rows, one without a price and one with estimates; two caps, one of them reached. Ever: nothing."""
    people = ("Ada", "Ben", "Cleo") if by == "person" else ("", "", "")
    models = ("gpt-4o-mini", "eleven_flash_v2_5", "") if by == "engine" else ("", "", "")
    mind, voice, ears = zip(NAMES[by], people, models, strict=True)
    rows = (
        _row(voice, requests=398, characters=41_202, minutes=44.1, cost=12.36, currency="EUR"),
        _row(mind, requests=412, estimated=9, prompt=918_332, cached=512_400, completion=31_877, unpriced=412),
        _row(ears, requests=77, minutes=38.4, cost=0.0, currency="EUR"),
    )
    return UsageView(
        by=by, since=since, today="2026-11-23", zone="Europe/Berlin", currency="EUR", rows=rows if since else (),
        caps=(
            CapView(engine="all", unit="money", limit=5.0, used=2.94, reached=False),
            CapView(engine="elevenlabs", unit="characters", limit=20_000, used=20_000, reached=True),
        ),
        until=(SYSTEM_CLOCK.wall() + 3600 * SECOND) / MILLISECOND,
    )  # fmt: skip


def _row(
    named: tuple[str, str, str], *, requests: int, estimated: int = 0, unpriced: int = 0, prompt: int = 0,
    cached: int = 0, completion: int = 0, characters: int = 0, minutes: float = 0.0, cost: float | None = None,
    currency: str = "",
) -> UsageRowView:  # fmt: skip
    name, called, model = named
    return UsageRowView(
        name=name, called=called, model=model, requests=requests, estimated=estimated, unpriced=unpriced,
        prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion, characters=characters,
        minutes=minutes, cost=cost, currency=currency,
    )  # fmt: skip
