"""What the figures of the contention benchmark are made of: the prover's JSON, counters, a player's model."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx
import psutil
import pytest
from benchmarks.contend.figures import FIGURES, Contention, Seen, rows_of, seen
from benchmarks.contend.stalls import Playhead
from benchmarks.machine import busy, cpu_seconds, held_to, throttled

from benchmarks import live, soak
from duologue.clock import SECOND
from duologue.prover.verify import verify
from duologue.telemetry.ledger import Entry, GovernorStep, SkipRecord, StepRecord
from duologue.telemetry.metrics.metrics import Metrics
from programme import Programme, whole


def test_a_report_of_the_prover_has_all_the_figures(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(Programme(halved=range(30, 90)).encode([n for n in whole(120) if n[0] != 100]).file())
    found = seen(verify(str(film)).as_dict())
    assert (found.missing, found.out_of_turn, found.left_out, found.skips) == (1, 0, 30, 0)
    assert (found.least, found.sizes) == (15, ("640x360",))
    assert found.stood_ms == pytest.approx(66.67, abs=0.1)
    assert found.wrong and found.sound_faults == 0


def test_rows_name_targets_and_what_an_older_clone_did() -> None:
    ours = Contention(_seen(30), 2.9, {"rate.down": 2.0}, (), 0.4, 12.0, notes={"times it jumped": 3.0})
    old = Contention(_seen(4), 5.1, {}, (), 0.2, 15.0)
    table = {row["what"]: row for row in rows_of("scene", {"least": "≥ 15"}, ours, old)}
    assert len(table) == len(FIGURES) + 5
    assert table["scene: different pictures in the poorest second"]["peer"] == "target ≥ 15; older: 4"
    assert table["scene: times it jumped"]["value"] == 3
    assert table["scene: steps down"]["peer"].startswith("rate 2 times")


def _seen(least: int) -> Seen:
    return Seen(20.0, 0, 0, 0, 0, least, 30, 33.3, 0, 0.5, 3.0, 0.1, ("640x360",), ())


def test_counters_are_read_from_what_the_show_exposes(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    for record in (
        StepRecord(1, 30, GovernorStep.RATE, GovernorStep.FULL, 610.0, "lead"),
        SkipRecord(3, 100, 145, 1510.0),
    ):
        metrics.observe(Entry(0, "show:day", record))
    text = metrics.exposition()

    def answer(*_arguments: object, **_options: object) -> httpx.Response:
        return httpx.Response(200, content=text)

    monkeypatch.setattr(live.httpx, "get", answer)
    show = live.Live("http://show.test", None, 0.0)  # pyright: ignore[reportArgumentType]
    found = show.counters()
    assert (found["duologue_governor_step"], found["duologue_governor_steps_total"]) == (GovernorStep.RATE, 3)
    assert (found["rate.down"], found["tv.down"], found.get("size.down")) == (1, 1, None)
    assert (found["duologue_skips_total"], found["duologue_frames_skipped_total"]) == (1, 45)


def test_a_player_stands_still_only_while_the_next_segment_is_not_there() -> None:
    head = Playhead()
    for fetched in (0, 0, 0, 1, 2):
        head.add(fetched * SECOND, 1.0)
    assert head.stalled == 0
    head.add(7 * SECOND, 1.0)  # needed at 5
    assert head.stalled == 2
    head.add(7 * SECOND, 1.0)
    head.add(9 * SECOND, 1.0)  # what it stood still for is its cushion now
    assert head.stalled == 2


def test_growth_is_between_the_two_ends() -> None:
    assert soak.grown([100.0, 110.0] * soak.EDGE + [400.0] + [103.0, 120.0] * soak.EDGE) == 3


@pytest.mark.realtime
def test_what_is_throttled_runs_for_its_share_and_goes_on_afterwards() -> None:
    where = [min(os.sched_getaffinity(0))]
    with busy(1, 30, where):
        while not (
            loops := [each for each in psutil.Process().children() if "time.monotonic" in " ".join(each.cmdline())]
        ):
            time.sleep(0.01)  # it is forked, and not yet what it is going to be
        loop = loops[0]
        with throttled(lambda: [loop], 0.25):
            before, began = cpu_seconds([loop]), time.perf_counter()
            while time.perf_counter() - began < 1.0:
                loop.cpu_percent(0.1)  # waits
            used = (cpu_seconds([loop]) - before) / (time.perf_counter() - began)
        assert used <= 0.4
        assert loop.status() != psutil.STATUS_STOPPED
    assert not loop.is_running()


def test_what_is_held_to_a_core_is_let_go_again() -> None:
    before = os.sched_getaffinity(0)
    with held_to([min(before)]):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
