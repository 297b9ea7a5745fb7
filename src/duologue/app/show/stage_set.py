"""What the settings say about the stage: its plan, its films, its topics, and who judges what is said on it."""

from __future__ import annotations

import contextlib
import secrets
import tomllib
from collections.abc import Sequence
from pathlib import Path

from duologue.app.show.cast import CastMember, find_pack
from duologue.errors import InputError
from duologue.language.moderation import Moderator, Subject, load_moderator
from duologue.places import cache_folder, packs_folder
from duologue.settings import Settings
from duologue.stage.messages import Seated, StagePlan
from duologue.stage.motion.pose import Daylight, Lights

PAN = 0.35
"""How far the outermost characters are placed to the sides: a little, as on a stage seen from the stalls."""
FILM_ENDINGS = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v")


def topics() -> tuple[str, ...]:
    """The topics that ship."""
    table = tomllib.loads((packs_folder() / "topics.toml").read_text())
    return tuple(table["topics"])


def find_films() -> dict[str, Path]:
    """The films for the TV by name."""
    folder = packs_folder() / "films"
    return {file.stem: file for file in sorted(folder.glob("*")) if file.suffix in FILM_ENDINGS}


def films_of(film: str | None) -> dict[str, Path]:
    """What the TV of a show can be switched to, by name: the ``film`` that is set, by name or path, then those that
    ship. Raises as :func:`find_film`.
    """
    shipped = find_films()
    own = {} if film is None else {film if film in shipped else Path(film).stem: find_film(film)}
    return own | {name: path for name, path in shipped.items() if name not in own}


def seats(cast: Sequence[CastMember]) -> tuple[Seated, ...]:
    """A cast in seat order, spread a little from left to right."""
    width = max(1, len(cast) - 1)
    return tuple(
        Seated(member.name, member.folder, member.title, member.colour, PAN * (2 * place / width - 1))
        for place, member in enumerate(cast)
    )


def stage_plan(settings: Settings, cast: Sequence[CastMember], seed: int) -> StagePlan:
    """What the settings say about the stage. Raises :class:`InputError` for an unknown room."""
    show = settings.show
    return StagePlan(
        room=find_pack("rooms", show.room),
        cast=seats(cast),
        width=show.size.width,
        height=show.size.height,
        fps=show.fps,
        seed=seed,
        encoder=show.encoder,
        bitrate=show.bitrate,
        lead=show.lead_s,
        lights=Lights(Daylight(show.lights.daylight), show.lights.lamp),
        captions=show.captions,
        test_card=show.test_card,
        cache=cache_folder() / "stage",
        resizable=show.record is None,
    )


def show_seed(settings: Settings) -> int:
    """The seed as set, or one that no other show has."""
    return settings.show.seed if settings.show.seed is not None else secrets.randbelow(1 << 31)


def cached_mb() -> float:
    """The size of what stages have left on disk so that the next one need not draw it again (MB); 0: nothing."""
    size = 0
    for file in (cache_folder() / "stage").rglob("*.*"):
        with contextlib.suppress(OSError):  # another show has tidied up meanwhile
            size += file.stat().st_size
    return size / 1e6


def house_moderator(settings: Settings) -> Moderator:
    """The moderator as set."""
    limits = settings.moderation
    lengths = {Subject.TOPIC: limits.max_topic, Subject.CHAT: limits.max_chat, Subject.LINE: limits.max_line}
    return load_moderator(limits.words, max_length=lengths)


def find_film(name: str) -> Path:
    """A film by name, or by path as the settings may give it. Raises :class:`InputError` for neither."""
    films = find_films()
    if name in films:
        return films[name]
    if Path(name).is_file():
        return Path(name)
    raise InputError(
        f"there is no film {name!r}", where="tv.film", remedy=f"Choose one of {', '.join(films)}, or a file."
    )
