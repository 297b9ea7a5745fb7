"""The lines of Python that the README shows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import duologue
from duologue import Character, Conversation, Show
from duologue.audio.wav import WavWriter
from duologue.errors import ClosedError, InputError


def draw(path: Path, *, mouth: int, eyes: int) -> None:
    """A face as a streamer might have drawn it: a yellow disc with a mouth and two eyes."""
    picture = np.zeros((600, 500, 4), np.uint8)
    cv2.ellipse(picture, (250, 300), (200, 260), 0, 0, 360, (60, 200, 250, 255), -1)
    cv2.ellipse(picture, (250, 420), (70, mouth), 0, 0, 360, (30, 30, 120, 255), -1)
    for x in (170, 330):
        cv2.ellipse(picture, (x, 240), (30, eyes), 0, 0, 360, (40, 20, 20, 255), -1)
    cv2.imwrite(str(path), picture)


@pytest.fixture
def robin(tmp_path: Path) -> Path:
    folder = tmp_path / "robin"
    folder.mkdir()
    draw(folder / "idle.png", mouth=5, eyes=30)
    draw(folder / "talking.png", mouth=60, eyes=30)
    draw(folder / "blink.png", mouth=5, eyes=3)
    return folder


@pytest.mark.slow
def test_a_show_with_an_own_character_in_ten_lines(robin: Path, tmp_path: Path) -> None:
    guest = Character(
        "robin",
        looks=robin,
        persona="A cheerful botanist who sees plants in everything. Short sentences.",
        voice="en-gb+f2",
    )
    show = Show("Is cereal a soup?", cast=["chad", guest], turns=2, size="320x180", seed=4)
    film = show.render(tmp_path / "soup.mp4")
    assert film.turns == 2
    assert film.path.stat().st_size > 20_000


def test_a_character_without_a_voice_for_the_engine_is_refused(robin: Path) -> None:
    with pytest.raises(InputError, match="no pack"):
        Show("tea", cast=["chad", Character("robin", looks=robin / "nowhere")]).render("never.mp4")


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(InputError, match="turnz"):
        Show("tea", turnz=3).render("never.mp4")


async def test_a_conversation_in_ten_lines(robin: Path) -> None:
    guest = Character("robin", looks=robin, persona="A cheerful botanist.", voice="en-gb+f2")
    async with Conversation(guest, topic="tea", greet=True) as talk:
        answer = await talk.say("Why do people drink it?")
        assert answer
        assert [line.speaker for line in talk.lines] == ["robin", "friend", "robin"]
        assert talk.lines[-1].text == answer
    with pytest.raises(ClosedError, match="async with"):
        await talk.say("Are you there?")


@pytest.mark.slow
@pytest.mark.realtime
def test_a_question_in_a_file_is_answered_in_a_line(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "silence.wav") as file:
        file.write(np.zeros(4800, np.float32))
    assert Conversation("phone").answer(tmp_path / "silence.wav", tmp_path / "answer.wav") == ()
    assert not (tmp_path / "answer.wav").exists()


def test_an_answer_is_not_written_over_its_question(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the same file"):
        Conversation("phone").answer(tmp_path / "a.wav", f"{tmp_path}/./a.wav")


async def test_a_conversation_with_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="nobody called"):
        async with Conversation("nobody"):
            pass
    with pytest.raises(InputError, match=r"engines\.lm"):
        Conversation(lm="improv")


def test_the_package_has_a_version_and_nothing_else_by_mistake() -> None:
    assert duologue.__version__
    with pytest.raises(AttributeError, match="nonsense"):
        _ = duologue.nonsense  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]
