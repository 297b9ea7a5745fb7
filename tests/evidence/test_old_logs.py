"""Logs of earlier systems: what is counted is what was written, whatever stands around it."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from checked_page import checked
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.errors import InputError
from duologue.evidence import old_lines
from duologue.evidence.old_logs import OldLog
from duologue.evidence.old_report import as_dict, as_markdown
from duologue.evidence.reading import BLOCK, lines_of

DOCS = Path(__file__).parents[2] / "docs" / "old-logs.md"


def read(text: str | bytes) -> OldLog:
    log = OldLog("a.log")
    log.feed((text.encode() if isinstance(text, str) else text).split(b"\n"))
    return log


def rank(values: list[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def a_show(frames: int, misses: int, seed: int) -> tuple[str, list[int]]:
    """A log of the old show, and what its misses took (ms)."""
    chance = random.Random(seed)
    missed = set(chance.sample(range(frames), misses))
    took: list[int] = []
    text: list[str] = []
    for number in range(frames):
        text.append(f"[Frame {number}]")
        if number in missed:
            took.append(chance.randint(20, 170))
            text.append(f"[Compositor] L1 cache miss: {took[-1]}ms")
            text.append(f"[Render] chad | move:1ms decode:{took[-1] - 10}ms total:{took[-1] + 17}ms | 13.8s audio")
    return "\n".join(text), took


@pytest.mark.parametrize(("frames", "misses"), [(1_020, 125), (6_000, 431)])
def test_frames_misses_percentiles_and_broken_budgets_are_exact(frames: int, misses: int) -> None:
    text, took = a_show(frames, misses, seed=frames)
    found = as_dict(read(text))
    assert found["lines"] == found["understood"] == frames + 2 * misses
    assert found["frames"] == {
        "runs": 1, "frames": frames, "lines": frames, "with_miss": misses, "left_out": 0,
    }  # fmt: skip
    assert found["counts"]["compositor misses"] == misses
    miss, total = found["series"]["compositor miss"], found["series"]["render chad total"]
    for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"), (1.0, "most")):
        assert miss[name] == rank([float(each) for each in took], share)
    assert (miss["budget"], miss["over_budget"]) == (33.0, sum(each > 33 for each in took))
    assert total["over_budget"] == sum(each + 17 > 33 for each in took)
    assert found["series"]["render chad sound of the line"] == {
        "unit": "s", "count": misses, "least": 13.8, "p50": 13.8, "p95": 13.8, "p99": 13.8, "most": 13.8,
    }  # fmt: skip
    assert found["worst"][0].startswith(f"render chad total: {total['over_budget']:,} of {misses:,} over 33 ms")
    assert any("no line has a time" in line for line in found["cannot_tell"])


DATA = Path(__file__).parents[1] / "data"
COUNTED: dict[str, dict[str, tuple[float, ...]]] = {
    "old-show-1020-frames.log": {
        "compositor miss": (125, 69, 138, 161, 168, 33, 108),
        "render chad total": (57, 90, 149, 185, 185, 33, 57),
        "render virgin total": (68, 84, 160, 178, 178, 33, 68),
        "SyncedPlayback start delay": (4, 136, 226, 226, 226),
        "RealtimeLipSync analyse": (34, 4.6, 8.7, 9.2, 9.2),
        "Auto": (1, 1800, 1800, 1800, 1800), "warm-up": (1, 6100, 6100, 6100, 6100),
    },
    "old-show-6000-frames.log": {
        "compositor miss": (431, 69, 147, 168, 170, 33, 385),
        "render chad total": (216, 86, 167, 186, 187, 33, 216),
        "render virgin total": (215, 87, 162, 182, 187, 33, 215),
        "SyncedPlayback start delay": (20, 127, 215, 219, 219),
        "RealtimeLipSync analyse": (200, 5.0, 8.8, 9.4, 9.4),
        "Auto": (10, 2000, 3600, 3600, 3600),
    },
    "old-phone-40-answers.log": {
        "t1→t2": (40, 355, 591, 615, 615, 300, 30), "t2→t3": (40, 5, 14, 14, 14, 5, 13),
        "kokoro first audio": (40, 352, 588, 612, 612, 300, 30), "half-duplex gate": (40, 3500, 5800, 5800, 5800),
    },
    "old-tutor-12-replies.log": {"reply all done": (12, 11_760, 16_350, 16_350, 16_350, 15_000, 1)},
}  # fmt: skip
"""Of each figure how many there are, p50, p95, p99 and the most, then the budget and how many exceeded it. They were
counted when the excerpts were made (``tests/data/README.md``), not by the program.
"""


@pytest.mark.parametrize("name", COUNTED)
def test_the_excerpts_that_are_kept_count_as_they_were_made(name: str) -> None:
    told = CliRunner().invoke(build(["analyze"]), ["analyze", str(DATA / name), "--json"])
    assert told.exit_code == 0
    [found] = json.loads(told.stdout)["logs"]
    for figure, (count, *ranks) in COUNTED[name].items():
        one = found["series"][figure]
        assert [one[key] for key in ("count", "p50", "p95", "p99", "most")] == pytest.approx([count, *ranks[:4]])
        assert [one.get("budget"), one.get("over_budget")] == (ranks[4:] or [None, None]), figure


@pytest.mark.parametrize(("frames", "misses", "lines"), [(1_020, 125, 1_315), (6_000, 431, 7_114)])
def test_the_excerpts_of_shows_have_their_frames_misses_and_one_broken_line(
    frames: int, misses: int, lines: int
) -> None:
    found = as_dict(read((DATA / f"old-show-{frames}-frames.log").read_bytes().rstrip(b"\n")))
    assert found["frames"] == {"runs": 1, "frames": frames, "lines": frames, "with_miss": misses, "left_out": 0}
    assert (found["lines"], found["understood"], found["broken_encoding"]) == (lines, lines - 1, 1)
    assert any(told.startswith("What one line said exactly: its encoding") for told in found["cannot_tell"])


def test_a_call_s_answers_by_their_three_points() -> None:
    text = """
t1: LLaMA send-to-Kokoro [call 16] ts=1718000000.100
t1: LLaMA send-to-Kokoro [call 17] ts=1718000000.200
t2: Kokoro first chunk [call 16] ts=1718000000.331
t3: first RTP [call 16] ts=1718000000.3342
t2: Kokoro first chunk [call 17] ts=1718000000.800
t3: first RTP [call 17] ts=1718000000.812
t2: Kokoro first chunk [call 18] ts=1718000001.000
t1: LLaMA send-to-Kokoro [call 16] ts=1718000010000
t2: Kokoro first chunk [call 16] ts=1718000009990
Kokoro pipeline first audio: 231ms
Half-duplex gate active (4.2s left)
Half-duplex gate released
Kokoro warm-up done in 6.1s
"""
    found = as_dict(read(text))
    first, packet = found["series"]["t1→t2"], found["series"]["t2→t3"]
    assert (first["count"], first["over_budget"]) == (2, 1)
    assert first["least"] == pytest.approx(231, abs=0.01) and first["most"] == pytest.approx(600, abs=0.01)
    assert (packet["count"], packet["over_budget"]) == (2, 1) and packet["most"] == pytest.approx(12, abs=0.01)
    assert found["counts"]["answers"] == 3
    assert found["counts"]["t2 without t1"] == 1 and found["counts"]["t2 earlier than t1"] == 1
    assert found["series"]["half-duplex gate"]["most"] == 4200 and found["series"]["warm-up"]["most"] == 6100
    assert found["counts"]["half-duplex gate released"] == 1
    told = " ".join(found["cannot_tell"])
    assert "t2 without t1" in told and "end of their speech is not among" in told


def test_the_tutor_s_stages_each_from_the_one_before() -> None:
    text = (
        "+0.20s heard\n+2.10s reply written\n+5.70s tts chunk 0 ready\n+15.70s all done\n+0.30s heard\n+1.00s all done"
    )
    found = as_dict(read(text))
    assert found["replies_ms"] == [15700.0, 1000.0]
    assert found["series"]["stage tts chunk # ready, from what was before"]["most"] == pytest.approx(3600)
    assert found["series"]["stage all done, from what was before"]["most"] == pytest.approx(10_000)
    assert found["verdict"][0] == "2 replies; the slowest was done after 15.7 s."


def test_the_machine_by_top_and_by_ps() -> None:
    text = """
%Cpu(s): 71.2 us,  8.1 sy,  0.0 ni, 11.4 id,  0.2 wa,  0.0 hi,  1.0 si,  8.1 st
   4242 root      20   0 4521344   1.2g  84512 R  97.3  7.6   3:14.15 python3
root      4243 31.5  2.1 812344 174080 ?  Sl   10:02   0:31 /usr/bin/ffmpeg -i x
"""
    found = as_dict(read(text))["series"]
    assert found["machine stolen"]["most"] == 8.1 and found["machine idle"]["unit"] == "%"
    assert found["process python3 CPU"]["most"] == 97.3 and found["process ffmpeg CPU"]["most"] == 31.5
    assert found["process python3 memory"]["most"] == pytest.approx(1228.8)
    assert found["process ffmpeg memory"]["most"] == 170.0


def test_a_machine_that_writes_commas_for_points_and_an_older_top() -> None:
    text = """
%Cpu(s): 71,2 us,  8,1 sy,  0,0 ni, 11,4 id,  0,2 wa,  0,0 hi,  1,0 si,  8,1 st
   4242 root      rt   0 4521344   1,2g  84512 R  97,3  7,6   3:14,15 python3
Cpu(s): 12.5%us,  1.0%sy,  0.0%ni, 80.0%id,  0.0%wa,  0.0%hi,  0.0%si,  6.5%st
"""
    found = as_dict(read(text))
    series = found["series"]
    assert (series["machine programs"]["least"], series["machine programs"]["most"]) == (12.5, 71.2)
    assert (series["machine stolen"]["least"], series["machine idle"]["most"]) == (6.5, 80.0)
    assert series["process python3 CPU"]["most"] == 97.3
    assert series["process python3 memory"]["most"] == pytest.approx(1228.8)
    assert found["understood"] == 3


def test_a_time_before_the_tag_is_a_clock_that_midnight_does_not_turn_back() -> None:
    text = "2026-06-10 23:59:58,500 INFO [Frame 1]\n23:59:59.000 [Frame 2]\n[00:00:03] [Frame 3]\n00:00:01 [Frame 4]"
    log = read(text)
    found = as_dict(log)
    assert found["clock"] == {"lines": 4, "seconds": 4.5, "longest_pause_s": 4.0, "went_back": 1}
    assert not any("no line has a time" in line for line in found["cannot_tell"])


def test_a_date_tells_the_day() -> None:
    one_night = as_dict(read("2026-06-10 16:00:00 [Frame 1]\n2026-06-11 10:00:00 [Frame 2]\n10:00:01 [Frame 3]"))
    assert one_night["clock"] == {"lines": 3, "seconds": 64_801.0, "longest_pause_s": 64_800.0, "went_back": 0}
    back = as_dict(
        read("2026-06-11 10:00:00 [Frame 1]\n2026-06-10 16:00:00 [Frame 2]\n2026-13-40 16:00:09 x [Frame 3]")
    )
    assert back["clock"]["went_back"] == 1


def test_every_grammar_understands_its_own_example_and_stands_in_the_page() -> None:
    page = DOCS.read_text("utf-8")
    for grammar in old_lines.GRAMMARS:
        log = read(grammar.example)
        assert log.grammars == {grammar.name: 1} and log.understood == 1, grammar.name
        assert grammar.example.strip().replace("|", "\\|") in page and grammar.about in page, grammar.name


def test_frames_that_are_written_now_and_then_are_said_to_be_and_a_restart_is_another_run() -> None:
    log = read("\n".join(f"[Frame {number}] compose: 40ms" for number in (*range(0, 300, 30), *range(0, 90, 30))))
    found = as_dict(log)
    assert found["frames"]["runs"] == 2 and found["frames"]["frames"] == 271 + 61 and found["frames"]["left_out"] == 0
    assert any("every 30 frames" in line for line in found["cannot_tell"])
    assert found["series"]["frame compose"]["over_budget"] == 13


def test_numbers_that_are_left_out_are_counted() -> None:
    assert as_dict(read("\n".join(f"[Frame {n}]" for n in (1, 2, 3, 7, 8, 9, 10))))["frames"]["left_out"] == 3


def test_what_no_grammar_knows_is_counted_by_its_tag_and_nothing_ends_it() -> None:
    text = b"[Gizmo] x\n[Gizmo] y\n\xff\xfe[Frame 7] total: 50ms \xe4\n[Frame x]\n[Compositor]\n"
    text += b"\x1b[31m[Frame 8]\x1b[0m\n[[[\n]]]"
    found = as_dict(read(text))
    assert found["unknown_tags"]["Gizmo"] == 2 and found["broken_encoding"] == 1
    assert found["frames"]["frames"] == 2 and found["series"]["frame total"]["most"] == 50
    assert any("encoding is broken" in line for line in found["cannot_tell"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-bom"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_whatever_wrote_the_file(encoding: str, end: str, tmp_path: Path) -> None:
    text, took = a_show(20_000, 2_000, seed=4)
    bytes_ = (
        b"\xfe\xff" + text.replace("\n", end).encode("utf-16-be")
        if encoding == "utf-16-be-bom"
        else text.replace("\n", end).encode(encoding)
    )
    file = tmp_path / "show.log"
    file.write_bytes(bytes_)
    assert len(bytes_) > BLOCK // 4
    log = OldLog("x")
    for some in lines_of(file):
        log.feed(some)
    found = as_dict(log)
    assert found["frames"]["frames"] == 20_000 and found["counts"]["compositor misses"] == len(took)
    assert found["understood"] == found["lines"] == 24_000


def test_a_dump_without_an_end_of_line_is_no_log(tmp_path: Path) -> None:
    file = tmp_path / "dump"
    file.write_bytes(b"x" * (3 * BLOCK) + b"\n[Frame 3]\n")
    log = OldLog("x")
    for some in lines_of(file):
        log.feed(some)
    assert log.lines == 2 and log.understood == 1


def test_our_own_log_is_read_by_its_events() -> None:
    lines: list[dict[str, Any]] = [
        {"event": "turn", "gap_ms": 427, "level": "info", "time": "2026-11-22T22:39:03.812Z"},
        {"event": "turn", "gap_ms": 197, "level": "warning", "time": "2026-11-22T22:39:08.546Z"},
    ]
    found = as_dict(read("\n".join(json.dumps(each) for each in lines)))
    assert found["series"]["turn gap"]["most"] == 427 and found["counts"]["lines of level warning"] == 1
    assert found["clock"]["seconds"] == pytest.approx(4.734)


def test_a_line_without_an_end_is_read(tmp_path: Path) -> None:
    file = tmp_path / "one.log"
    file.write_text("[Frame 1] compose: 58ms")
    told = CliRunner().invoke(build(["analyze"]), ["analyze", str(file)])
    assert told.exit_code == 0 and "One frame." in told.stdout


def test_the_command_prints_a_verdict_or_json_and_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "old.log"
    file.write_text(a_show(100, 10, 1)[0])
    app, runner = build(["analyze"]), CliRunner()
    told = runner.invoke(app, ["analyze", str(file)])
    assert told.exit_code == 0 and "100 frames, 10.0 % of them" in told.stdout and "The worst:" in told.stdout
    found = json.loads(runner.invoke(app, ["analyze", str(file), str(file), "--json"]).stdout)
    assert [log["frames"]["with_miss"] for log in found["logs"]] == [10, 10]
    with pytest.raises(InputError, match="cannot be read"):
        list(lines_of(tmp_path / "none.log"))
    ours = tmp_path / "ledger.jsonl"
    ours.write_text('{"v":1,"id":"0199","at":0,"kind":"header","of":"house","wall_ns":1}\n{"v":1,"kind":"turn"}\n')
    refused = runner.invoke(app, ["analyze", str(ours)])
    assert isinstance(refused.exception, InputError) and "duologue report" in refused.exception.remedy


def test_a_page_of_old_logs_is_whole_and_has_what_the_table_has(tmp_path: Path) -> None:
    one, other, page = tmp_path / "one.log", tmp_path / "<other>.log", tmp_path / "old.html"
    one.write_text(a_show(1_020, 125, 3)[0])
    points = [f"{point} [call 1] ts={at}" for point, at in (("t1: LLaMA send-to-Kokoro", 10), ("t2: a", 10.5))]
    other.write_text("\n".join([*points, "t3: b [call 1] ts=10.501", "[Zap]"]))
    told = CliRunner().invoke(build(["analyze"]), ["analyze", str(one), str(other), "-o", str(page)])
    assert told.exit_code == 0 and "1,020 frames" in told.stdout and "One answer in calls." in told.stdout
    found = checked(page.read_text("utf-8"))
    words = " ".join(found.words)
    assert {"#main", "#log0", "#log1"} <= set(found.links) and str(other) in words
    lines = as_dict(read(one.read_text()))
    miss = lines["series"]["compositor miss"]
    assert {f"{miss['p95']:g}", f"{miss['over_budget']:,}", "compositor miss", "t1→t2"} <= set(found.words)
    assert all(each in words for each in (*lines["worst"], *lines["cannot_tell"])) and "[Zap] 1" in words
    assert page.read_text("utf-8").count("<svg") >= 3


def test_a_form_that_there_is_not_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    refused = CliRunner().invoke(build(["analyze"]), ["analyze", str(tmp_path / "none.log"), "-o", "old.pdf"])
    assert isinstance(refused.exception, InputError) and "HTML, Markdown or JSON" in refused.exception.what


def test_a_line_that_no_grammar_knows_is_one_line() -> None:
    told = "\n".join(as_markdown(read("[Frame 1]\nnonsense")))
    assert "What one line means that no grammar knows." in told


ODD = (
    "[Frame {n}]", "[Frame {n}] compose: {m}ms", "[Frame {n}] {m}ms in all", "[Frame x{n}]", "[Frame {m}]",
    "2026-06-10 10:00:0{d},500 INFO [Frame {n}] draw: {m}ms encode: 1.5 ms", "[10:0{d}:00] [Frame {n}]",
    "x [y] [Frame {n}]", "[Frame {n}] [Compositor] L1 cache miss: {m}ms", "[Compositor] L1 cache miss: {m}ms",
    "[Compositor] miss", "0:0{d} [Compositor] L1 cache hit", "[Compositor] begins", "+0.{d}s [Compositor] begins",
    "warmed up [Compositor] in {m}ms", "[Render] chad | move:1ms total:{m}ms | {m}.5s audio", "[Render] begins",
    "Kokoro warm-up done in {m}s [Render] begins", "+{d}.5s [Render] begins", "[SyncedPlayback] start delay: {m}ms",
    "[RealtimeLipSync]", "[Expr] chad -> smug", "[Auto] {m}s", "[Auto] next [Frame {n}]", "+{d}.20s heard",
    "+{m}s all done", "t1: x [call {d}] ts=1718000000.{d}", "t2: y [call {d}] ts=1718000001.{m}",
    "Half-duplex gate active (4.{d}s left)", "Kokoro pipeline first audio: {m}ms", "%Cpu(s): {m}.2 us,  8.{d} st",
    "   4242 root      20   0 4521344   1.2g  84512 R  {m}.3  7.6   3:14.15 python3", "[Gizmo] {m}", "", "[",
    "\x1b[31m[Frame {n}]\x1b[0m", "2026-06-10 09:59:5{d} back", "\xe4 [Frame {n}]",
    '{{"event": "turn", "gap_ms": {m}, "time": "2026-11-22T22:39:0{d}.812Z"}}',
)  # fmt: skip
"""Shapes of lines, the usual and the odd: ``n`` mostly rises, ``m`` and ``d`` are any number and any digit."""


@given(
    shapes=st.lists(st.tuples(st.integers(0, len(ODD) - 1), st.integers(0, 120), st.integers(0, 3)), max_size=80),
    cut=st.integers(0, 80), usual=st.integers(0, 60),
)  # fmt: skip
def test_what_is_taken_at_once_counts_as_line_by_line(shapes: list[tuple[int, int, int]], cut: int, usual: int) -> None:
    text: list[bytes] = [f"[Frame {number}] compose: 40ms".encode() for number in range(usual)]
    number = usual
    for which, figure, step in shapes:
        number += step
        text.append(ODD[which].format(n=number, m=figure, d=figure % 10).encode("latin-1"))
    at_once, one_by_one = OldLog("a"), OneByOne("a")
    for log in (at_once, one_by_one):
        log.feed(text[:cut])
        log.feed(text[cut:])
    assert as_dict(at_once) == as_dict(one_by_one)
    assert [run.with_miss for run in at_once.frames] == [run.with_miss for run in one_by_one.frames]


class OneByOne(OldLog):
    """Looks at each line."""

    def feed(self, some: list[bytes]) -> None:
        for each in some:
            self.broken += each.decode(errors="replace").encode() != each
            if line := old_lines.COLOUR.sub(b"", each):
                self.lines += 1
                if old_lines.CLOCKED.match(line):
                    self._time(line[:19], [line])
                self.understood += self._take(line)


def test_lines_that_come_often_are_taken_at_once() -> None:
    looked: list[bytes] = []

    class Counted(OldLog):
        def _take(self, line: bytes) -> bool:
            looked.append(line)
            return super()._take(line)

    log = Counted("a")
    text, took = a_show(6_000, 431, 2)
    log.feed([*text.encode().split(b"\n"), b"[Render] begins", b"[Gizmo] x", b"[Frame 6000] compose: 40ms"])
    assert looked == [b"[Render] begins", b"[Gizmo] x"]
    found = as_dict(log)
    assert found["frames"]["frames"] == 6_001 and found["frames"]["with_miss"] == len(took) == 431
    looked.clear()
    log.feed([b"[Frame 0]", b"[Frame 1]"])  # another run begins
    assert looked == [b"[Frame 0]", b"[Frame 1]"] and len(log.frames) == 2


def test_an_empty_log_says_that_nothing_is_in_it() -> None:
    told = list(as_markdown(read("")))
    assert told[1] == "No figure is in it."
