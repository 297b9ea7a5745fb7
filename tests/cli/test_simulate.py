"""``duologue simulate`` as a person types it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.errors import InputError, PeerError
from duologue.simulation import crowd
from duologue.simulation.crowd import RunSummary
from duologue.simulation.scenario import Scenario
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader

runner = CliRunner()


def _run(*words: str) -> tuple[int, str]:
    result = runner.invoke(build(["simulate"]), ["simulate", *words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_without_a_scenario_it_lists_those_that_ship() -> None:
    code, out = _run()
    assert code == 0 and "barge-in" in out and "silent-caller" in out
    assert {each["name"] for each in json.loads(_run("--json")[1])} >= {"barge-in", "dictation"}


def test_what_holds_exits_with_0(tmp_path: Path) -> None:
    ledger = tmp_path / "out.jsonl"
    code, out = _run("plain-question", "--times", "2", "--seed", "5", "--jobs", "1", "--ledger", str(ledger))
    assert code == 0 and "none failed" in out and "in all 2" in out
    heads = [line for each in ledger.read_text().splitlines() if "scenario" in (line := json.loads(each))]
    assert [head["seed"] for head in heads] == [5, 6]
    told = list(LedgerReader(ledger))
    ids = [entry.id for entry in told]
    assert len(set(ids)) == len(ids) > 100 and all(UUID(each).version == 7 for each in ids)
    talks = {entry.record.conversation for entry in told if isinstance(entry.record, TurnRecord)}
    assert {entry.of for entry in told} == {f"talk:{each}" for each in talks} and len(talks) == 2


def test_what_fails_exits_with_1_and_shows_the_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nshows: x\nreplies: [Yes indeed.]\nscript:\n  - say: Hello?\n  - wait: reply\n"
                    "expect:\n  replies: 2\n  first_audio_ms: {p50: 1}\n")  # fmt: skip
    code, out = _run(str(file))
    assert code == 1 and "NO" in out and "replies was 1; ledger line" in " ".join(out.split())
    code, out = _run(str(file), "--json")
    (scenario,) = json.loads(out)["scenarios"]
    assert code == 1 and not scenario["ok"] and not scenario["together"][0]["ok"]
    assert '"name":"Commit"' in scenario["runs"][0]["failed"][0]["line"]


def test_wrong_words_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'barge-in'"):
        _run("barge_in")
    with pytest.raises(PeerError, match="ledger"):
        _run("plain-question", "--ledger", str(tmp_path / "no" / "out.jsonl"))
    for option in (("--record", str(tmp_path)), ("--noise", "10"), ("--telephone",), ("--caller", "flite:rms")):
        with pytest.raises(InputError, match="--audio"):
            _run("plain-question", *option)
    twin = tmp_path / "twin.yaml"
    twin.write_text("name: barge-in\nshows: x\nreplies: [x]\nscript: [{pause: 1}]\n")
    with pytest.raises(InputError, match="one name"):
        _run("barge-in", str(twin))
    assert "1 conversation," in _run("barge-in", "barge-in")[1]


BROKEN = """name: broken
shows: x
engines: {{thinking: {{failures: [{{how: crash}}]}}}}
replies: [Yes indeed.]
script: [{{say: "Hello there?"}}, {{wait: reply}}]
expect: {{context: [{{person: "Hello there?"}}, {{character: Yes indeed.}}]{more}}}
"""


def test_a_run_that_failed_says_what_went_wrong(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN.format(more=""))
    code, out = _run(str(file))
    assert code == 1 and "seed 1: thinking: " in out
    (scenario,) = json.loads(_run(str(file), "--json")[1])["scenarios"]
    (cause, *_) = scenario["runs"][0]["troubles"]
    assert cause.startswith("thinking: ")
    file.write_text(BROKEN.format(more=', failures: ">= 1"'))
    code, out = _run(str(file))
    assert code == 1 and "thinking: " not in out, "what the scenario counts on is no news"


def test_a_silence_without_end_is_refused_by_line_and_key(tmp_path: Path) -> None:
    file = tmp_path / "long.yaml"
    file.write_text("name: long\nshows: x\nreplies: [x]\nscript:\n  - silence: 99999999\n")
    with pytest.raises(InputError, match=r"long\.yaml:5: script\[0\]\.silence.*900 at most"):
        _run(str(file))
    file.write_text("name: long\nshows: x\nreplies: [x]\nscript: [{silence: 500}, {silence: 500}]\n")
    with pytest.raises(InputError, match=r"not over after 900 s \(seed 1\) \(scenario long\)"):
        _run(str(file))


def test_the_ledger_is_not_written_over_a_scenario(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN.format(more=""))
    with pytest.raises(InputError, match="the same file"):
        _run(str(file), "--ledger", str(file))
    assert file.read_text().startswith("name: broken")


def test_a_run_that_is_cut_off_shows_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    run_all = crowd.run_all

    def cut_off(
        scenarios: Sequence[Scenario], times: int, *, seed: int | None, jobs: int, ledger: bool
    ) -> Iterator[RunSummary]:
        yield from islice(run_all(scenarios, times, seed=seed, jobs=1, ledger=ledger), 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(crowd, "run_all", cut_off)
    result = runner.invoke(build(["simulate"]), ["simulate", "plain-question", "barge-in", "--times", "2"])
    assert result.exit_code == 130
    assert "plain-question × 2" in result.output and "barge-in" not in result.output
