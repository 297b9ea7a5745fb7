"""Reports of runs: each in a process of its own, of all of it or of a minute, and errors in words."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from duologue.app.evidence import report_room
from duologue.app.evidence.report_room import MOST_WAITING, ReportRoom
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.telemetry.ledger import (
    CallRecord,
    ConversationRecord,
    FrameRecord,
    MachineRecord,
    RecordingRecord,
    ShowRecord,
)
from duologue.telemetry.ledger_span import RunSpan
from duologue.telemetry.run_shelf import RunShelf
from duologue.telemetry.runs import RunKeeping, RunRecorder
from duologue.telemetry.stream import HOUSE, Ledger

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

EPOCH = 1_790_000_000 * SECOND
SHOW = "show:day"


def _frames(ledger: Ledger, clock: VirtualClock, seconds: int, late: int) -> None:
    """``late``: the second in which every frame is."""
    for number in range(seconds * 30):
        at = 5 * SECOND + number * SECOND // 30
        clock.sleep_until(at)
        lateness = 40.0 if number // 30 == late else -900.0
        ledger.enter(SHOW, FrameRecord(number, at, at, 1.0, 6.0, 10, at + 7 * MILLISECOND, lateness), at)
        if number % 30 == 0:
            ledger.enter(HOUSE, MachineRecord(0.0, 4000.0, {"stage": 30.0}, {"stage": 80.0}))


@pytest.fixture
def shelf(tmp_path: Path) -> RunShelf:
    """Two minutes of a show that was late at 1:40, and a call whose sound was kept."""
    clock = VirtualClock(start=5 * SECOND, epoch=EPOCH)
    ledger = Ledger(clock)
    recorder = ledger.keep_runs(RunKeeping(tmp_path / "runs"))
    ledger.enter(SHOW, ShowRecord(30, cast=("chad", "virgin"), lead_ms=1000.0))
    _frames(ledger, clock, 120, late=100)
    ledger.finish(SHOW)
    sound = tmp_path / "call.wav"
    sound.write_bytes(b"RIFF")
    ledger.enter("line:c0ffee00", ConversationRecord("c", ("robin",), "16"))
    at = clock.now()
    ledger.enter(
        "line:c0ffee00",
        CallRecord("c", "16", "1000", "sip", False, "robin", at, at, "over", answered=at, recording=str(sound)),
    )
    ledger.finish("line:c0ffee00")
    recorder.close()
    return RunShelf(tmp_path / "runs")


def room(shelf: RunShelf, written: list[int] | None = None) -> ReportRoom:
    return ReportRoom(shelf, None, lambda: (written if written is not None else []).append(1))


async def test_runs_are_told_the_newest_first_with_their_sound(shelf: RunShelf) -> None:
    call, show = await room(shelf).runs()
    assert (call.what, call.sound, call.title) == ("call", True, "16 → 1000, robin")
    assert (show.what, show.sound, show.frames, show.late, show.state) == ("show", False, 3600, 30, "over")
    assert show.began == EPOCH / MILLISECOND
    found = await room(shelf).sound(call.id)
    assert found is not None and found.read_bytes() == b"RIFF"
    found.unlink()
    assert await room(shelf).sound(call.id) is None
    assert not (await room(shelf).runs())[0].sound


async def test_a_run_and_a_minute_of_it_become_reports(shelf: RunShelf) -> None:
    written: list[int] = []
    reports = room(shelf, written)
    show = (await reports.runs())[1]
    page = (await reports.report(show.id)).decode()
    assert page.startswith("<!doctype html>") and "30 were ready late" in page
    assert written == [1, 1]  # for the list, and for the report
    span = RunSpan(EPOCH + 30 * SECOND, EPOCH + 89 * SECOND)
    found = json.loads(await reports.report(show.id, "json", span))
    (chapter,) = found["shows"]
    assert chapter["late"] == 0 and 1760 <= chapter["frames"] <= 1771 and 58 <= chapter["seconds"] <= 59
    assert found["sources"] == [f"{show.id}, 21 September 2026, 14:13:50 to 14:14:49 UTC"]
    assert any("only 21 September 2026" in each for each in found["cannot_tell"])
    there = (await reports.report(show.id, "html", span, -150)).decode()
    assert f"{show.id}, 21 September 2026, 11:43:50 to 11:44:49 UTC-02:30" in there and "UTC," not in there
    late = json.loads(await reports.report(show.id, "json", RunSpan(EPOCH + 90 * SECOND, EPOCH + 110 * SECOND)))
    assert [each["frames"] for each in late["shows"][0]["incidents"]] == [30]
    assert (await reports.report(show.id, "md", span)).decode().startswith("#")


async def test_one_is_made_at_a_time_and_who_asks_again_is_given_the_same(
    shelf: RunShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = room(shelf)
    call, show = await reports.runs()
    made: list[str] = []

    async def make(self: ReportRoom, run: object, form: str, span: object, offset: int) -> bytes:
        made.append(form)
        await asyncio.sleep(0)
        return b"made"

    monkeypatch.setattr(ReportRoom, "_make", make)
    both = await asyncio.gather(reports.report(show.id), reports.report(show.id))
    assert both == [b"made", b"made"] and made == ["html"]
    await reports.report(show.id, offset=60)
    assert made.pop() == "html" and len(made) == 1  # other times are another page
    for _ in range(2):
        await reports.report(call.id)
    assert made == ["html"] * 3  # what people said is remembered nowhere but in their runs


async def test_a_disk_that_hangs_holds_up_nobody_but_who_asks_for_runs(shelf: RunShelf) -> None:
    """Voices are made in the threads that all share: a page that was loaded some times had them all wait for it."""
    answers = threading.Event()
    reports = ReportRoom(shelf, None, lambda: (answers.wait(), None)[1])
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(reports.runs()) for _ in range(report_room.MOST_READING)]
        await asyncio.sleep(0.05)
        try:
            with pytest.raises(ClosedError, match="does not answer"):
                await reports.runs()
            async with asyncio.timeout(5):
                assert await asyncio.to_thread(lambda: "voiced") == "voiced"
        finally:
            answers.set()
    assert all(each.result() for each in asking)
    assert await reports.runs()


async def test_too_many_are_refused(shelf: RunShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = room(shelf)
    show = (await reports.runs())[1]
    go = asyncio.Event()

    async def make(self: ReportRoom, run: object, form: str, span: object, offset: int) -> bytes:
        await go.wait()
        return b""

    monkeypatch.setattr(ReportRoom, "_make", make)
    async with asyncio.TaskGroup() as group:
        for number in range(MOST_WAITING):
            group.create_task(reports.report(show.id, "json", RunSpan(number, EPOCH)))
        await asyncio.sleep(0)
        with pytest.raises(ClosedError):
            await reports.report(show.id)
        go.set()


async def test_what_cannot_be_made_says_why(shelf: RunShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = room(shelf)
    for strange in ("", "..", "../runs", "no-such-run"):
        with pytest.raises(InputError, match="there is no run"):
            await reports.report(strange)
    show = (await reports.runs())[1]
    ledger = shelf.folder / show.id / "ledger.jsonl"
    lines = ledger.read_text().splitlines()
    ledger.write_text("\n".join([lines[0].replace('"v":1', '"v":99'), *lines[1:]]) + "\n")
    with pytest.raises(InputError, match="format 99"):
        await reports.report(show.id)
    monkeypatch.setattr(report_room, "MAKER", "duologue.no_such_module")
    with pytest.raises(PeerError, match=r"cannot be made.*no_such_module"):
        await reports.report(show.id)


async def test_a_live_run_is_written_before_it_is_read(tmp_path: Path) -> None:
    clock = VirtualClock(start=5 * SECOND, epoch=EPOCH)
    ledger = Ledger(clock)
    recorder: RunRecorder = ledger.keep_runs(RunKeeping(tmp_path / "runs"))
    reports = ReportRoom(RunShelf(tmp_path / "runs"), None, recorder.settle)
    recorder.start()
    try:
        ledger.enter(SHOW, ShowRecord(30))
        (run,) = await reports.runs()
        assert run.id == recorder.run_of(SHOW) != "" and recorder.run_of("show:night") == ""
        assert run.state == "live"
        _frames(ledger, clock, 2, late=-1)
        found = json.loads(await reports.report(run.id, "json"))
        assert found["shows"][0]["frames"] == 60
    finally:
        recorder.close()


async def test_a_talk_whose_sound_was_kept_can_be_heard(tmp_path: Path) -> None:
    ledger = Ledger(VirtualClock(start=5 * SECOND, epoch=EPOCH))
    recorder = ledger.keep_runs(RunKeeping(tmp_path / "runs"))
    sound = tmp_path / "talk.wav"
    sound.write_bytes(b"RIFF")
    ledger.enter("talk:0199a3c0", ConversationRecord("0199a3c0", ("ada",), "friend"))
    ledger.enter("talk:0199a3c0", RecordingRecord(5 * SECOND, str(sound)))
    ledger.finish("talk:0199a3c0")
    recorder.close()
    (talk,) = await room(RunShelf(tmp_path / "runs")).runs()
    assert talk.sound and await room(RunShelf(tmp_path / "runs")).sound(talk.id) == sound
