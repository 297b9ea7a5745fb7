"""A report's line of what engines were asked for, and of its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_shows import ORIGIN, SHOW, START, WALL, frames, show

from duologue.clock import SECOND
from duologue.evidence.budgets import PRESETS
from duologue.evidence.markdown import as_markdown
from duologue.evidence.page import as_page
from duologue.evidence.report import EvidenceReport, ReportSource, as_dict, read_report
from duologue.evidence.spent import EngineUse, in_words, together
from duologue.telemetry.ledger import ConversationRecord, Entry, HandoverRecord, HeaderRecord, OverRecord, UsageRecord
from duologue.telemetry.lines import encode

MIND = UsageRecord(
    "llm", "openai", "small", "api.example", prompt_tokens=900, cached_tokens=400, completion_tokens=80,
    cost_nanos=2_000_000, currency="EUR",
)  # fmt: skip
VOICE = UsageRecord("tts", "elevenlabs", "flash", "api.example", characters=1_200, sound_ms=90_000.0)


def report_of(tmp_path: Path, entries: Sequence[Entry]) -> EvidenceReport:
    path = tmp_path / "run.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, entry in enumerate(entries):
            file.write(encode(replace(entry, id=f"{number:08}"), ORIGIN) + "\n")
    return read_report([ReportSource("run", path)], PRESETS["usual"])


def asked(of: str, *records: UsageRecord) -> list[Entry]:
    return [Entry(START + number * SECOND, of, record) for number, record in enumerate(records, 1)]


def test_a_show_has_a_line_of_its_own_requests_and_not_of_the_houses(tmp_path: Path) -> None:
    entries = [*show(frames(60)), *asked(SHOW, MIND, MIND, VOICE), *asked("house", VOICE)]
    cap = HandoverRecord("openai", "improv", "cap", "the cap of openai is reached", START + 5 * SECOND)
    report = report_of(tmp_path, [*entries, Entry(START + 5 * SECOND, "house", cap)])
    line = (
        "Engines were asked for: openai 1,800 tokens in (800 kept) and 160 out; elevenlabs 1,200 characters, 1.5 min"
        " of sound. Cost: 0.00400 EUR, and of one request nobody knows what it cost: there was no price."
    )
    assert line in "\n".join(as_markdown(report))
    assert "What engines were asked for" in "".join(as_page(report)) and "1,800 tokens in" in "".join(as_page(report))
    assert "openai was not asked: the cap of openai is reached" in "\n".join(as_markdown(report))
    (told,) = as_dict(report)["shows"]
    assert told["used"]["openai"] == {
        "requests": 2, "estimated": 0, "unpriced": 0, "prompt_tokens": 1800, "cached_tokens": 800,
        "completion_tokens": 160, "characters": 0, "sound_s": 0.0, "cost": {"EUR": 0.004},
    }  # fmt: skip


def test_talks_are_added_up(tmp_path: Path) -> None:
    talks = ("talk:a", "line:b")
    begun = [Entry(START, of, ConversationRecord(of[-1], ("ada",))) for of in talks]
    over = [Entry(START + 9 * SECOND, of, OverRecord()) for of in talks]
    about = replace(MIND, estimated=True)
    head = Entry(ORIGIN, "talk:a", HeaderRecord(WALL, ORIGIN, "test"))
    report = report_of(tmp_path, [head, *begun, *asked("talk:a", MIND), *asked("line:b", about, VOICE), *over])
    assert report.talks is not None
    assert in_words(report.talks.used).startswith("Engines were asked for: openai about 1,800 tokens in (800 kept)")


def test_a_little_sound_is_told_in_seconds(tmp_path: Path) -> None:
    ears = UsageRecord("stt", "whisper", sound_ms=2_140.0, currency="EUR")
    told = "\n".join(as_markdown(report_of(tmp_path, [*show(frames(60)), *asked(SHOW, ears)])))
    assert "Engines were asked for: whisper 2.1 s of sound. Cost: 0.00 EUR." in told


def test_a_run_that_asked_nobody_has_no_line(tmp_path: Path) -> None:
    report = report_of(tmp_path, show(frames(60)))
    assert "Engines were asked" not in "\n".join(as_markdown(report)) + "".join(as_page(report))
    assert in_words({}) == ""


@pytest.mark.parametrize(
    ("currencies", "cost"), [(("EUR", "EUR"), "2.50 EUR"), (("EUR", "USD"), "1.25 EUR and 1.25 USD")]
)
def test_each_currency_stands_for_itself(currencies: tuple[str, ...], cost: str) -> None:
    uses: list[dict[str, EngineUse]] = []
    for currency in currencies:
        use = EngineUse()
        use.add(replace(MIND, cost_nanos=1_250_000_000, currency=currency))
        uses.append({"openai": use})
    assert in_words(together(uses)).endswith(f"Cost: {cost}.")
