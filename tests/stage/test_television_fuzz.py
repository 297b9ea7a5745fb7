"""Strangers' files: whatever is cut out of a film or put into it, there is a picture, or an error that names it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from films import FPS, QUAD, write_changing_sound, write_film, write_gif, write_webm

from duologue.errors import DuologueError
from duologue.stage.television.player import FilmPlayer

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PLACES = 12
"""Cuts of each kind and format; spread over the file, whose head is where most of what can go wrong is."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("fuzz")
    return {
        "mp4": write_film(folder / "film.mp4").read_bytes(),
        "mkv": write_film(folder / "film.mkv").read_bytes(),
        "webm": write_webm(folder / "film.webm").read_bytes(),
        "gif": write_gif(folder / "film.gif").read_bytes(),
        "ts": write_changing_sound(folder / "film.ts").read_bytes(),
    }


def watched(path: Path) -> None:
    """Watch a second and a half of it, as the TV would."""
    player = FilmPlayer(path, QUAD, fps=FPS, blocking=True)
    try:
        player.opened(wait=True)
        for index in range(0, 48, 3):
            sprite = player.picture(index).sprite
            assert sprite.luma.shape == sprite.keep.shape
            assert player.sound(index * 1600, 1600).shape == (1600, 2)
            if player.failure is not None:
                raise player.failure
        if player.mute is not None:
            raise player.mute
    except DuologueError as error:
        assert error.where == str(path) and error.what and error.remedy
    finally:
        player.close()
        player.join(20)
        assert not player.alive


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "gif", "ts"])
@pytest.mark.parametrize("damage", ["cut", "garbled", "lacking", "doubled"])
def test_a_damaged_film_is_a_picture_or_an_error_that_names_it(
    ending: str, damage: str, films: dict[str, bytes], tmp_path: Path
) -> None:
    random = np.random.default_rng(sum(map(ord, ending + damage)))
    whole = films[ending]
    for number in range(PLACES):
        at = int(len(whole) * (number / PLACES) ** 2)
        path = tmp_path / f"{number}.{ending}"
        data = bytearray(whole)
        match damage:
            case "cut":
                del data[at:]
            case "garbled":
                some = random.integers(at, len(data), 1 + len(data) // 200)
                data[at : at + 4] = random.bytes(4)
                for place in some:
                    data[place] = int(random.integers(256))
            case "lacking":
                del data[at : at + int(random.integers(1, 900))]
            case _:
                data[at:at] = data[at : at + int(random.integers(1, 900))]
        path.write_bytes(data)
        watched(path)
