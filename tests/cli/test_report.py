"""`duologue report`: from a simulated conversation's ledger to why an answer was slow."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.clock import MILLISECOND
from duologue.dialogue.session_lines import LEDGER, Lines, dump
from duologue.dialogue.session_report import read_ledger
from duologue.errors import InputError
from duologue.telemetry.ledger import EndingRecord, Outcome, TurnRecord

PERSON = TurnRecord("c/p1", "c", 1, "p", "person", "what time is it", "what time is it", state="ended")
ANSWER = TurnRecord(
    "c/r1", "c", 2, "ada", "answer", "Noon.", "Noon.", state="ended", question="c/p1", why="question",
    spoken_to=1_000 * MILLISECOND, decided=1_300 * MILLISECOND, understood=1_350 * MILLISECOND,
    asked=1_350 * MILLISECOND, first_token=2_350 * MILLISECOND, first_sentence=2_400 * MILLISECOND,
    first_audio=2_450 * MILLISECOND, on_air=2_460 * MILLISECOND, handovers=("openai failed: 429; improv took over",),
)  # fmt: skip
EARLY = EndingRecord("c", "c/p1", 900 * MILLISECOND, "unsure", 650, 650.0, "what", (200.0,), Outcome.WENT_ON)


def ledger_of(*records: TurnRecord | EndingRecord) -> str:
    lines = Lines(0)
    told = [lines.turn(each) if isinstance(each, TurnRecord) else lines.ending(each) for each in records]
    return "".join(f"{line}\n" for line in (dump({"ledger": LEDGER, "version": 1, "conversation": "c"}), *told))


def test_what_was_written_is_read() -> None:
    (conversation,) = read_ledger(ledger_of(PERSON, ANSWER, EARLY).splitlines(), "here")
    assert conversation.turns[1].on_air == ANSWER.on_air and conversation.turns[1].handovers == ANSWER.handovers
    assert conversation.endings == [EARLY]


def test_the_slowest_stage_and_its_causes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(ledger_of(PERSON, ANSWER, EARLY) + '{"t": 1.0, "eve')  # the machine stopped
    told = CliRunner().invoke(build(["report"]), ["report", str(path)])
    assert told.exit_code == 0, told.output
    assert "1460 ms first token 1000" in told.output and "what time is it" in told.output
    assert "openai failed: 429; improv took over" in told.output and "too early: 650 ms (unsure)" in told.output
    assert told.output.splitlines()[-1].split() == ["silence", "1460", "1460", "1460", "1"]


@pytest.mark.parametrize(
    "text", ["", "[]\n", '{"ledger":"frames"}\n', "hello\nworld\n", ledger_of() + '{"turn":{"on_air":"noon"}}\n']
)
def test_what_is_no_ledger_is_named_with_its_line(text: str) -> None:
    with pytest.raises(InputError, match="no ledger of a conversation") as caught:
        read_ledger(text.splitlines(), "here")
    assert "here, line" in caught.value.where
