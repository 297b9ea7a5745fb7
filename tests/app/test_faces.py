"""Who watches a face is told of its lines; where nobody looks nothing is done; who does not read loses the oldest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from duologue.app.faces import faces as faces_module
from duologue.app.faces.faces import GROWTH, MOST_QUEUED, FaceBoard, atlas_of, described, faces, idle_of, known
from duologue.app.faces.models import FaceCutEvent, FaceEvent, FaceLineEvent, FaceStartEvent
from duologue.audio.pcm import RATE
from duologue.clock import SECOND, VirtualClock
from duologue.dialogue.ports import PlayEnded, PlayStarted
from duologue.dialogue.turns.vocabulary import AudioGrew, AudioReady, Effect, Event
from duologue.errors import InputError
from duologue.speech.utterance import Utterance
from duologue.stage.motion.face import line_track


def line(seconds: float = 1.0, *, is_open: bool = False) -> Utterance:
    tone = np.sin(np.arange(round(seconds * RATE)) / 30).astype(np.float32)
    return Utterance("r1/0", "chad", "Maps.", tone, open=is_open)


def told(board: FaceBoard, *items: Event | Effect, until: Callable[[list[FaceEvent]], bool]) -> list[FaceEvent]:
    """What a watcher of Chad is told of it all, up to what is waited for."""

    async def story() -> list[FaceEvent]:
        found: list[FaceEvent] = []
        async with asyncio.TaskGroup() as group:
            running = group.create_task(board.run())
            with board.watch("chad") as watch:
                for item in items:
                    board.see("chad", item)
                    await asyncio.sleep(0)
                async with asyncio.timeout(60):
                    while not until(found):
                        found.append(await watch.take())
            running.cancel()
        return found

    return asyncio.run(story())


def test_a_watcher_is_told_of_a_line_when_it_is_voiced_and_when_it_is_heard() -> None:
    clock = VirtualClock(5 * SECOND)
    events = told(
        FaceBoard(clock), AudioReady("r1", 0, line()), PlayStarted("r1/0", 6 * SECOND), PlayEnded("r1/0", 0, RATE // 2),
        until=lambda found: len(found) == 3,
    )  # fmt: skip
    kinds = {type(event): event for event in events}
    spoken, start, end = kinds[FaceLineEvent], kinds[FaceStartEvent], kinds[FaceCutEvent]
    assert isinstance(spoken, FaceLineEvent) and spoken.id == "r1/0"
    assert len(spoken.track.values) == 7 * len(spoken.track.mouths) > 7 * 45
    assert len(set(spoken.track.mouths)) > 1
    assert isinstance(start, FaceStartEvent) and start.in_ms == 1000.0
    assert isinstance(end, FaceCutEvent) and (end.in_ms, end.played_ms) == (-5000.0, 500.0)


def test_a_line_that_grows_is_written_again_but_not_each_time() -> None:
    grown = [line((GROWTH * share) / RATE, is_open=True) for share in (1, 1.2, 1.5, 2.1)]
    whole = line(GROWTH * 2.2 / RATE)
    final = line_track("chad", whole).frames
    events = told(
        FaceBoard(VirtualClock()), AudioReady("r1", 0, grown[0]), *[AudioGrew("r1", 0, each) for each in grown[1:]],
        AudioGrew("r1", 0, whole), until=lambda found: bool(found) and lengths_of(found)[-1] == final,
    )  # fmt: skip
    lengths = lengths_of(events)
    assert 1 <= len(lengths) <= 3 and lengths == sorted(lengths)


def lengths_of(events: list[FaceEvent]) -> list[int]:
    """Frames of each line that was told."""
    return [len(event.track.mouths) for event in events if isinstance(event, FaceLineEvent)]


def test_a_show_moves_it_too_ahead_of_its_due_time() -> None:
    clock = VirtualClock(5 * SECOND)
    board = FaceBoard(clock)

    async def story() -> list[FaceEvent]:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(board.run())
            with board.watch("chad") as watch:
                board.spoken(line(), 7 * SECOND)
                board.spoken(Utterance("r2/0", "virgin", "No.", line().samples), 9 * SECOND)  # nobody looks at her
                board.silent("r2/0", 9 * SECOND, 0)
                board.silent("r1/0", 7 * SECOND + SECOND // 2, RATE // 2)  # somebody stopped it
                found = [await watch.take() for _ in range(3)]
            running.cancel()
        return found

    start, spoken, end = sorted(asyncio.run(story()), key=lambda event: event.type, reverse=True)
    assert start == FaceStartEvent(id="r1/0", in_ms=2000.0)
    assert end == FaceCutEvent(id="r1/0", in_ms=2500.0, played_ms=500.0)
    assert isinstance(spoken, FaceLineEvent) and spoken.id == "r1/0"


def test_where_nobody_looks_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(character: str, utterance: Utterance) -> None:
        raise AssertionError("a face was written that nobody watches")

    monkeypatch.setattr(faces_module, "_line", refuse)
    board = FaceBoard(VirtualClock())
    with board.watch("virgin"):
        assert board.watched("virgin") and not board.watched("chad")
        board.see("chad", AudioReady("r1", 0, line()))
    assert not board.watched("virgin")
    assert board._waiting == {}  # pyright: ignore[reportPrivateUsage]


def test_who_does_not_read_loses_the_oldest() -> None:
    board = FaceBoard(VirtualClock())

    async def story() -> tuple[FaceEvent, int]:
        with board.watch("chad") as watch:
            for number in range(MOST_QUEUED + 5):
                board.see("chad", PlayStarted(f"r{number}/0", 0))
            return await watch.take(), watch.lost

    first, lost = asyncio.run(story())
    assert first == FaceStartEvent(id="r5/0", in_ms=0.0) and lost == 5


def test_a_stranger_has_no_face() -> None:
    assert {"chad", "virgin"} <= set(faces())
    for name in ("robin", "..", "chad/..", ""):
        with pytest.raises(InputError, match="has no face"):
            known(name)
        with pytest.raises(InputError), FaceBoard(VirtualClock()).watch(name):
            pass


def test_an_atlas_is_described_and_idle_life_is_kept() -> None:
    atlas = described(atlas_of("chad"))
    assert {"body", "head", "mouth.A", "mouth.X", "lids.closed"} <= atlas.layers.keys()
    assert idle_of("chad", 0) is idle_of("chad", 0)
    assert idle_of("chad", 1).first == len(idle_of("chad", 0).mouths)
