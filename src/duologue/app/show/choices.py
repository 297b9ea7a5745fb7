"""What a show chose at its start, and why: in a few lines for a person, as fields for a log. Values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duologue.app.doctor.headroom import GIVES_UP, Cost, governed
from duologue.app.show.cast import CastMember
from duologue.models.automatic import notices
from duologue.settings import Settings

DEFAULT = "default"
"""The source of a setting that nobody set, as :meth:`Settings.rows` tells it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``what`` was chosen (``value``), and ``why``: who set it, or what follows from it."""

    what: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.value} ({self.why})" if self.why else self.value


def choices(
    settings: Settings, cast: Sequence[CastMember], *, cached_mb: float = 0.0, cost: Cost | None = None
) -> tuple[Choice, ...]:
    """All that is known before the stage is ready.

    ``cached_mb`` is the size of what earlier stages left on disk, ``cost`` what a picture of this show cost when the
    doctor looked last; None when it never did.
    """
    sources = {row.key: row.source for row in settings.rows()}
    show = settings.show
    found = [
        Choice("picture", f"{show.size} at {show.fps} a second", _set(sources, "show.size", "show.fps")),
        _encoder(settings, sources),
        Choice("cast", f"{' and '.join(member.name for member in cast)} in {show.room}", ""),
        Choice("speaks", _voices(settings, cast), _chain(settings.engines.tts, _picked(settings, sources))),
        Choice("thinks", settings.llm, _chain(settings.engines.llm, _set(sources, "engines.llm"))),
        _plainer(settings),
        _cache(cached_mb),
    ]
    if settings.picks.get("tts") and (told := notices([settings.picks["tts"]])):
        found.append(Choice("voice", told[0], ""))
    if cost is not None:
        found.append(_headroom(cost))
    return tuple(found)


def lines(chosen: Sequence[Choice]) -> list[str]:
    """For a person, one line each."""
    width = max(len(choice.what) for choice in chosen)
    return [f"  {choice.what:<{width}}  {choice}" for choice in chosen]


def fields(chosen: Sequence[Choice]) -> dict[str, str]:
    """For a log line: what was chosen, in words."""
    return {choice.what.lower().replace(" ", "_"): str(choice) for choice in chosen}


def _set(sources: Mapping[str, str], *keys: str) -> str:
    """Who set these: the default, or each source that did."""
    named = dict.fromkeys(source for key in keys if (source := _source(sources, key)) != DEFAULT)
    return ", ".join(named) or DEFAULT


def _picked(settings: Settings, sources: Mapping[str, str]) -> str:
    """Why this engine speaks: who set it, and what ``auto`` found of its model, if it was left to that."""
    why, pick = _set(sources, "engines.tts"), settings.picks.get("tts")
    return f"{why}: {pick.why}" if pick is not None and pick.model is not None else why


def _source(sources: Mapping[str, str], key: str) -> str:
    return sources.get(key, DEFAULT)


def _encoder(settings: Settings, sources: Mapping[str, str]) -> Choice:
    name, why = settings.show.encoder, _set(sources, "show.encoder")
    if why == DEFAULT:
        return Choice("encoder", name, f"{why}: it needs no graphics card; `duologue doctor` tries the others")
    return Choice("encoder", name, f"{why}; should it not open, libx264 stands in and that is said")


def _voices(settings: Settings, cast: Sequence[CastMember]) -> str:
    """Who speaks as whom; what is set of a voice, behind its question mark, only where it tells two of them apart."""
    whole = {member.name: member.voices[settings.tts] for member in cast}
    plain = {name: voice.partition("?")[0] for name, voice in whole.items()}
    told = whole if len(set(plain.values())) < len(set(whole.values())) else plain
    return f"{settings.tts}: {', '.join(f'{name} as {voice}' for name, voice in told.items())}"


def _chain(names: Sequence[str], why: str) -> str:
    return f"{why}; should it fail: {', '.join(names[1:])}" if len(names) > 1 else why


def _plainer(settings: Settings) -> Choice:
    record = settings.show.record
    steps = ", then ".join(GIVES_UP[step] for step in governed(resizable=record is None))
    return Choice("short of CPU", steps, f"never a smaller one: {record.name} records it" if record is not None else "")


def _cache(cached_mb: float) -> Choice:
    if cached_mb:
        return Choice("cache", f"{cached_mb:.0f} MB", "what was drawn before is not drawn again")
    return Choice("cache", "cold", "characters and room are drawn first; the next start is quicker")


def _headroom(cost: Cost) -> Choice:
    times = cost.period_ms / cost.frame_ms
    return Choice(
        "headroom",
        f"{times:.1f} × what is needed on a free core",
        f"a picture took {cost.frame_ms:.1f} ms of {cost.period_ms:.1f} when `duologue doctor` looked last",
    )
