"""A show to a file: the same seed gives the same frames."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from duologue.app.show import render as rendering
from duologue.app.show.render import Film, RenderProgress, render
from duologue.errors import InputError, InternalError, PeerError
from duologue.models.entries import PIPER_JOE
from duologue.models.shelf import ModelShelf
from duologue.prover.verify import verify
from duologue.settings import load_models_folder, load_settings
from duologue.speech.utterance import Utterance
from failing_disk import FailingDisk

SHELF = ModelShelf(load_models_folder(None))  # before the tests' own surroundings hide it


def film(path: Path, **flags: object) -> Film:
    settings = load_settings({"show.size": "320x180", "show.turns": 2, "show.topic": "tea"} | flags)
    return asyncio.run(render(settings, path, on_progress=_ignore))


def _ignore(progress: RenderProgress) -> None:
    pass


def decoded(path: Path) -> tuple[str, str]:
    """Hashes of all pictures and of all sound, decoded."""
    pictures, sound = hashlib.sha256(), hashlib.sha256()
    with cast(Any, av.open(str(path))) as opened:
        for frame in opened.decode(video=0):
            pictures.update(frame.to_ndarray().tobytes())
    with cast(Any, av.open(str(path))) as opened:
        for frame in opened.decode(audio=0):
            sound.update(frame.to_ndarray().tobytes())
    return pictures.hexdigest(), sound.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["espeak", "piper"])
def test_the_same_seed_gives_the_same_pictures_and_the_same_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, voice: str
) -> None:
    """With nothing kept of the one before; the default voice is a model whose noise is drawn."""
    if voice == "piper" and not SHELF.has(PIPER_JOE):
        pytest.skip("the voice is not here: duologue models get natural")
    monkeypatch.setenv("DUOLOGUE_MODELS", str(SHELF.folder))
    made: list[Film] = []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        flags = {"show.seed": 11, "show.tv.film": "fish-tank", "engines.tts": voice}
        made.append(film(tmp_path / f"{name}.mp4", **flags))
    one, two = made
    assert decoded(one.path) == decoded(two.path)
    assert one.spoken == two.spoken


@pytest.mark.slow
def test_another_seed_gives_another_show(tmp_path: Path) -> None:
    one = film(tmp_path / "one.mp4", **{"show.seed": 1, "show.turns": 1})
    two = film(tmp_path / "two.mp4", **{"show.seed": 2, "show.turns": 1})
    assert decoded(one.path)[0] != decoded(two.path)[0]


@pytest.mark.slow
def test_a_rendered_film_with_a_test_card_is_proved_whole(tmp_path: Path) -> None:
    made = film(tmp_path / "card.mp4", **{"show.size": "640x360", "show.test_card": True})
    report = verify(str(made.path))
    assert report.wrong == ()
    assert report.picture.frames == made.frames
    assert report.sync is not None and abs(report.sync.median_ms) < 1


@pytest.mark.slow
def test_turns_are_silent_for_as_long_as_was_chosen(tmp_path: Path) -> None:
    made = film(tmp_path / "gaps.mp4", **{"show.turns": 4})
    gaps = [(after[0] - before[1]) / 48 for before, after in zip(made.spoken, made.spoken[1:], strict=False)]
    assert len(gaps) == 3 and all(150 <= gap <= 450 for gap in gaps)


@pytest.mark.slow
def test_speech_is_panned_a_little_to_its_side(tmp_path: Path) -> None:
    made = film(tmp_path / "pan.mp4")
    with cast(Any, av.open(str(made.path))) as opened:
        sound = np.concatenate([frame.to_ndarray() for frame in opened.decode(audio=0)], axis=1)
    (first, second) = made.spoken
    left_first, right_first = (float(np.square(side[first[0] : first[1]]).sum()) for side in sound)
    left_second, right_second = (float(np.square(side[second[0] : second[1]]).sum()) for side in sound)
    assert left_first > 1.3 * right_first
    assert right_second > 1.3 * left_second


@pytest.mark.slow
def test_a_bad_film_on_the_tv_is_noted_and_the_show_is_rendered(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing" * 50)
    made = film(tmp_path / "film.mp4", **{"show.turns": 1, "show.tv.film": str(broken)})
    assert made.turns == 1
    assert any("broken.mp4" in note for note in made.notes)


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        ({"show.topic": " "}, "empty"),
        ({"show.topic": "x" * 100_000}, "100000 characters"),
        ({"show.cast": "chad,nobody"}, "no pack 'nobody'"),
        ({"show.cast": "chad,chad"}, "named twice"),
        ({"show.cast": "chad"}, "two characters"),
        ({"show.room": "cellar"}, "no pack 'cellar'"),
        ({"engines.tts": "megaphone"}, "megaphone"),
        ({"engines.llm": "oracle"}, "oracle"),
        ({"show.tv.film": "missing.mp4"}, "no film 'missing.mp4'"),
    ],
)
def test_what_cannot_be_is_named_before_anything_is_written(
    tmp_path: Path, flags: dict[str, object], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        film(tmp_path / "never.mp4", **flags)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_plain_file_is_refused_at_once_and_stays(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A folder took no film when all of it was made; a device or a pipe was replaced by it."""
    make(tmp_path / "soup.mp4")
    before = (tmp_path / "soup.mp4").stat().st_mode
    with pytest.raises(InputError, match="a folder, a pipe or a device"):
        film(tmp_path / "soup.mp4", **{"show.turns": 1})
    assert (tmp_path / "soup.mp4").stat().st_mode == before and len(list(tmp_path.iterdir())) == 1


def test_a_disk_that_is_full_is_said(tmp_path: Path) -> None:
    (tmp_path / "full.mp4.part").symlink_to("/dev/full")
    with pytest.raises(PeerError, match="No space left"):
        film(tmp_path / "full.mp4", **{"show.turns": 1})


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reel_that_ends_before_its_script_ends_the_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More is written than may wait for it: nobody must wait for room that will never be."""

    def broken(reel: Any) -> None:
        raise RuntimeError("before anything was tried")

    monkeypatch.setattr(rendering.Reel, "run", broken)
    with pytest.raises(InternalError, match="the reel ended before its script"):
        film(tmp_path / "never.mp4", **{"show.turns": 12})


@pytest.mark.slow
@pytest.mark.parametrize("call", ["write", "fsync", "replace", "unlink"])
def test_a_disk_that_fails_on_the_way_ends_the_render_at_once_and_leaves_the_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The third write is in mid-show: nobody waits until forty turns are written and voiced that nobody will see."""
    turns, written = (40, 3) if call == "write" else (1, 1)
    played: list[str] = []
    play = rendering._Script.play  # pyright: ignore[reportPrivateUsage]

    async def counted(script: Any, utterance: Utterance, gap_ms: int) -> None:
        played.append(utterance.id)
        await play(script, utterance, gap_ms)

    monkeypatch.setattr(rendering._Script, "play", counted)  # pyright: ignore[reportPrivateUsage]
    with monkeypatch.context() as patch:
        disk = FailingDisk(patch, tmp_path, fails=lambda names: names[-1] == call and names.count(call) == written)
        with pytest.raises(PeerError, match="No space left"):
            film(tmp_path / "film.mp4", **{"show.turns": turns})
    assert disk.names.count(call) >= written
    assert len(played) < 15
    assert not [thread for thread in threading.enumerate() if thread.name == "reel"]
    assert (tmp_path / "film.mp4").exists() == (call == "unlink")
    assert not (tmp_path / "film.mp4.whole").exists()
    assert verify(str(tmp_path / "film.mp4.part")).picture.frames >= 30
