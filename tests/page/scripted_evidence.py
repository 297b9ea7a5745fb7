"""What a scripted house enters in its ledger: frames and the machine, second by second, and runs of before.

The ledger, its recorder, the board and the reports are the real ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from duologue.app.evidence.board import EvidenceBoard
from duologue.app.evidence.report_room import ReportRoom
from duologue.audio.encoding import encoder
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, VirtualClock
from duologue.telemetry.ledger import (
    CallRecord,
    Cause,
    ConversationRecord,
    FrameRecord,
    MachineRecord,
    PauseRecord,
    ShowRecord,
    TurnRecord,
)
from duologue.telemetry.run_shelf import RunShelf
from duologue.telemetry.runs import RunKeeping
from duologue.telemetry.stream import HOUSE, Ledger

FPS = 30
LEAD = SECOND
BEFORE = 75
"""Seconds of the show that are over when the server starts."""
HOURS = 3600 * SECOND
TOLD_AFTER = 2 * SECOND
"""So long after it began a second is told: nothing is known before it was, however long the stage stood still."""


class ScriptedShow:
    """The frames of a show. ``stall_ms`` is how long its stage collects garbage in the next second."""

    def __init__(self, ledger: Ledger, topic: str) -> None:
        self._ledger = ledger
        self._topic = topic
        self._number = 0
        self._free = 0
        self.stall_ms = 0.0

    def second(self, begin: int) -> None:
        """The frames that are begun in the second from ``begin`` on; all of them are told."""
        for place in range(FPS):
            due = begin + LEAD + place * SECOND // FPS
            begun = max(due - LEAD, self._free)
            if place == 10 and self.stall_ms:
                begun += round(self.stall_ms * MILLISECOND)
                self._ledger.enter(self._topic, PauseRecord("stage", "garbage", self.stall_ms, begun))
                self.stall_ms = 0.0
            drawing, encoding = 1.6 + place % 7 / 8, 6.2 + 3 * abs(np.sin(self._number / 40))
            cause = Cause.NONE
            if self._number % 700 == 350:
                encoding, cause = 36.0, Cause.ENCODE
            done = begun + round((drawing + encoding) * MILLISECOND)
            lateness = (done - due) / MILLISECOND
            work = "speech+tv" if self._number % 240 < 150 else "tv"
            record = FrameRecord(
                self._number, due, begun, drawing, float(encoding), 5_000, done, lateness, cause, 1, work
            )
            self._ledger.enter(self._topic, record, done)
            self._free = done
            self._number += 1


class ScriptedEvidence:
    """Run :meth:`run` beside the server; runs are kept in ``folder``."""

    def __init__(self, folder: Path, topics: Sequence[str], steal: float, *, told: bool, talks: bool) -> None:
        """``told``: frames and the machine are; else nothing is entered."""
        self._steal = steal
        self._told = told
        self._talks = talks
        self._second = 0
        self._asked = False
        self.ledger = Ledger(SYSTEM_CLOCK)
        self._folder = folder
        self.recorder = self.ledger.keep_runs(RunKeeping(folder))
        self.board = EvidenceBoard(self.ledger, self.recorder.run_of)
        self.reports = ReportRoom(RunShelf(folder), None, self.recorder.settle)
        self.shows = {topic: ScriptedShow(self.ledger, topic) for topic in topics}

    async def run(self) -> None:
        """Until cancelled."""
        if not self._told:
            return
        begin = SYSTEM_CLOCK.now() - BEFORE * SECOND
        for topic in self.shows:
            self.ledger.enter(
                topic, ShowRecord(FPS, 1920, 1080, ("chad", "virgin"), "living-room", 1000.0), begin - TOLD_AFTER
            )
        for number in range(3 if self._talks else 0):
            self.ledger.enter("talk:t1", answer("t1", number, begin + (20 + 20 * number) * SECOND))
        for _ in range(BEFORE):
            self._tell(begin)
            begin += SECOND
            await asyncio.sleep(0)  # the server answers meanwhile
        await asyncio.to_thread(runs_of_before, self._folder)
        self.recorder.start()
        try:
            while True:
                await SYSTEM_CLOCK.wait_until(begin + SECOND)
                self._tell(begin)
                if self._talks:
                    self._ask(begin)
                begin += SECOND
        finally:
            await asyncio.to_thread(self.recorder.close)

    def _ask(self, begin: int) -> None:
        """An answer that is thought of until the server ends: its model gives no word."""
        asked = TurnRecord(
            "t2/r1", "t2", 3, "virgin", "answer", question="t2/p1", spoken_to=begin, decided=begin + SECOND // 3,
            understood=begin + SECOND // 3, asked=begin + SECOND // 3, state="writing",
        )  # fmt: skip
        if not self._asked:
            self._asked = True
            self.ledger.turn("talk:t2", asked)

    def _tell(self, begin: int) -> None:
        for show in self.shows.values():
            show.second(begin - TOLD_AFTER)
        wave = np.sin(self._second / 5)
        self._second += 1
        cpu = {"main": 6.2 + wave, "stage": 31.0 + 2 * wave, "kokoro": 40.0 if self._second % 12 < 4 else 0.3}
        rss = {"main": 148.0, "stage": 412.0, "kokoro": 690.0}
        record = MachineRecord(
            self._steal, 5120.0, {name: float(value) for name, value in cpu.items()}, rss, float(0.8 + 0.2 * wave), 2,
            float(42 + 5 * wave), {"main": 2.0, "stage": 4.0}, 1.0,
        )  # fmt: skip
        self.ledger.enter(HOUSE, record, begin + SECOND)


def answer(conversation: str, number: int, at: int, text: str = "Tea, of course.") -> TurnRecord:
    """An answer to what somebody said until ``at``."""
    slow = 400 * MILLISECOND * (number % 2)

    def after(milliseconds: int) -> int:
        return at + milliseconds * MILLISECOND + slow

    return TurnRecord(
        f"{conversation}/r{number}", conversation, 2 * number + 1, "virgin", "answer", text, text,
        question=f"{conversation}/p{number}", spoken_to=at, decided=at + 320 * MILLISECOND,
        understood=at + 350 * MILLISECOND, asked=at + 350 * MILLISECOND, first_token=after(520),
        first_sentence=after(610), first_audio=after(700), voiced=after(900), given=after(720), on_air=after(760),
        ended=after(2600), state="ended", why="a finished sentence", engine="kokoro", sound_ms=1840.0,
    )  # fmt: skip


def runs_of_before(folder: Path) -> None:
    """A show of last night with a stall, a talk, and a call whose sound was kept."""
    wall = SYSTEM_CLOCK.wall()
    _show_of_before(folder, wall - 9 * HOURS)
    _call_of_before(folder, wall - 3 * HOURS)
    _talk_of_before(folder, wall - 2 * HOURS)


def _show_of_before(folder: Path, wall: int) -> None:
    ledger = Ledger(VirtualClock(start=10 * SECOND, epoch=wall))
    recorder = ledger.keep_runs(RunKeeping(folder))
    topic = "show:last-night"
    ledger.enter(topic, ShowRecord(FPS, 1920, 1080, ("chad", "virgin"), "living-room", 1000.0))
    ledger.enter(topic, ConversationRecord("c", ("chad", "virgin"), topic="whether tea is a soup"))
    show = ScriptedShow(ledger, topic)
    for second in range(60):
        show.stall_ms = 1500.0 if second == 40 else 0.0
        show.second((10 + second) * SECOND)
        machine = MachineRecord(0.2, 4000.0, {"main": 6.0, "stage": 30.0}, {"main": 140.0, "stage": 400.0}, cores=2)
        ledger.enter(HOUSE, machine, (11 + second) * SECOND)
    ledger.finish(topic)
    recorder.close()


def _call_of_before(folder: Path, wall: int) -> None:
    clock = VirtualClock(start=10 * SECOND, epoch=wall)
    ledger = Ledger(clock)
    recorder = ledger.keep_runs(RunKeeping(folder))
    sound = folder.parent / "call.wav"
    wav = encoder("wav")
    tone = np.sin(np.arange(48_000) / 20).astype(np.float32) * np.float32(0.1)
    sound.write_bytes(wav.feed(tone) + wav.finish())
    of = "line:0199a3c0-5f1c-7b42-9c0e-2f6f0000beef"
    at = clock.now()
    ledger.enter(of, ConversationRecord("call", ("robin",), "16"))
    for number in range(4):
        ledger.enter(of, answer("call", number, at + (5 + 9 * number) * SECOND))
    clock.advance(45 * SECOND)
    call = CallRecord(
        "call", "16", "1000", "sip", False, "robin", at, clock.now(), "the caller hung up", answered=at,
        recording=str(sound),
    )  # fmt: skip
    ledger.enter(of, call)
    ledger.finish(of)
    recorder.close()


def _talk_of_before(folder: Path, wall: int) -> None:
    clock = VirtualClock(start=10 * SECOND, epoch=wall)
    ledger = Ledger(clock)
    recorder = ledger.keep_runs(RunKeeping(folder))
    of = "talk:0199a3c0-5f1c-7b42-9c0e-2f6f0f1d7a11"
    ledger.enter(of, ConversationRecord("talk", ("virgin",), "a guest", topic="what is for tea"))
    for number in range(5):
        ledger.enter(of, answer("talk", number, clock.now()))
        clock.advance(8 * SECOND)
    ledger.finish(of)
    recorder.close()
