"""The scenarios that ship hold on any seed, give equal bytes for equal seeds, and find what is broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from duologue.errors import InputError
from duologue.language.languages import ENGLISH
from duologue.simulation.crowd import Summary, run_all
from duologue.simulation.runner import SimulationOutcome, run_scenario
from duologue.simulation.scenario import Scenario
from duologue.simulation.scenario_file import find_scenario, parse_scenario, read_scenario, shipped
from duologue.telemetry.turns import silence_ms

APOLOGIES = ENGLISH.apologies.model_dump()

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


SHIPPED = {file.stem: read_scenario(file) for file in shipped()}


def changed(name: str, **changes: Any) -> Scenario:
    """A scenario that ships, with other keys."""
    data: Mapping[str, Any] = yaml.safe_load(find_scenario(name).read_text())
    return Scenario.model_validate({**data, **changes})


def failed(outcome: SimulationOutcome) -> set[str]:
    return {check.name for check in outcome.failed}


def test_ten_ship_and_each_is_named_as_its_file() -> None:
    assert len(SHIPPED) == 10
    assert all(scenario.name == name for name, scenario in SHIPPED.items())


@pytest.mark.parametrize("name", SHIPPED)
def test_they_hold_on_several_seeds(name: str) -> None:
    summary = Summary(SHIPPED[name], runs=list(run_all([SHIPPED[name]], 5)))
    assert not [(run.seed, run.failed, run.shown) for run in summary.runs if run.failed]
    assert not [check for check in summary.together if not check.holds]


def test_a_voice_that_nobody_can_understand_is_told_so_twice_and_no_more_until_there_are_words() -> None:
    mumbled = [{"cough": 1500}, {"wait": "reply"}]
    asked = [{"say": "How do I get to the abbey?"}, {"wait": "reply"}]
    script = [{"pause": 500}, *mumbled, *mumbled, {"cough": 1500}, {"silence": 4}, *asked, *mumbled]
    sorry = {"character": APOLOGIES["missed"]}
    answer = [{"person": "How do I get to the abbey?"}, {"character": "Left at the mill."}]
    scenario = Scenario.model_validate(
        {
            "name": "mumbling",
            "shows": "A caller of whom nothing is understood.",
            "replies": ["One.", "Two.", "Left at the mill."],
            "script": script,
            "expect": {"context": [sorry, sorry, *answer, sorry], "apologies": 3, "failures": 3, "replies": 4},
        }
    )
    assert not failed(run_scenario(scenario, 1))


def test_the_same_seed_gives_the_same_bytes_in_any_process() -> None:
    def ledgers(seed: int) -> str:
        return "\n".join(line for scenario in SHIPPED.values() for line in run_scenario(scenario, seed).ledger())

    here = ledgers(7)
    assert here == ledgers(7) != ledgers(8)
    program = (
        "from duologue.simulation import runner, scenario_file as f\n"
        "lines = (line for x in f.shipped() for line in runner.run_scenario(f.read_scenario(x), 7).ledger())\n"
        "print('\\n'.join(lines), end='')"
    )
    for hash_seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": hash_seed}
        )
        assert there.stdout.decode() == here


def test_processes_give_what_one_process_gives() -> None:
    scenarios = [SHIPPED["plain-question"], SHIPPED["barge-in"]]
    alone = [run.ledger for run in run_all(scenarios, 6, jobs=1, ledger=True)]
    assert alone == [run.ledger for run in run_all(scenarios, 6, jobs=2, ledger=True)]


def test_the_silence_before_an_answer_is_the_one_that_the_script_knows() -> None:
    """The records' stages add up to what is measured from script and sink, but for what voice activity cannot know."""
    outcome = run_scenario(SHIPPED["plain-question"])
    stages = [sum(silence_ms(record).values()) for record in outcome.turns if record.kind == "answer"]
    assert len(stages) == len(outcome.measures.first_audio_ms) == 2
    for told, measured in zip(stages, outcome.measures.first_audio_ms, strict=True):
        assert abs(told - measured) <= 32 + 1


def test_a_wrong_expectation_is_found_with_the_line_that_shows_it() -> None:
    scenario = changed("barge-in", expect={"interruptions": "0", "replies": 5})
    outcome = run_scenario(scenario)
    assert failed(outcome) == {"interruptions", "replies"}
    shown = {check.name: outcome.line_of(check) for check in outcome.failed}
    assert '"note":"interrupted"' in shown["interruptions"] and '"name":"Commit"' in shown["replies"]
    number, _, line = shown["interruptions"].partition(": ")
    assert list(outcome.ledger())[int(number) - 1] == line
    assert list(outcome.ledger()) == list(outcome.ledger())


def test_with_sound_other_things_may_be_expected() -> None:
    scenario = changed("plain-question", expect_with_sound={"first_audio_ms": {"p50": 1}, "speculation_hits": None})
    aloud = scenario.expected_of_sound()
    assert aloud.speculation_hits is None and str(aloud.replies) == str(scenario.expect.replies) == "2"
    runs = list(run_all([scenario], 1))
    assert [all(check.holds for check in Summary(scenario, aloud, runs).together) for aloud in (False, True)] == [
        True, False,
    ]  # fmt: skip
    assert scenario.called(voice="flite:rms", noise_db=None).caller.voice == "flite:rms"


def test_a_script_that_waits_in_vain_is_told_of() -> None:
    scenario = changed("plain-question", script=[{"pause": 100}, {"wait": "reply"}], expect={})
    assert failed(run_scenario(scenario)) == {"the script's waits are over in time"}


WRONG: list[tuple[str, Any, str, str]] = [
    ("script", [{"say": "Hello", "pause": 3}], "script[0]", "does 2 things"),
    ("script", [{"pause": 3}, {"sya": "Hello"}], "script[1].sya", "Did you mean 'say'?"),
    ("policy", {"doubt": 3}, "policy", "no key 'doubt'"),
    ("policy", {"half_duplex": 3}, "policy", "true or false"),
    ("engines", {"thinking": {"first_ms": {"normal": [1, 2], "const": 3}}}, "engines.thinking.first_ms", "2 kinds"),
    ("engines", {"hearing": {"failures": [{"how": "dance"}]}}, "engines.hearing.failures[0].how", "Allowed"),
    ("expect", {"replies": "many"}, "expect.replies", "no count"),
    ("expect", {"context": [{}]}, "expect.context[0]", "one speaker"),
    ("replies", [], "replies", ""),
    ("seed", "x", "seed", ""),
]


@pytest.mark.parametrize(("key", "value", "place", "words"), WRONG)
def test_a_wrong_scenario_names_key_and_remedy(key: str, value: Any, place: str, words: str) -> None:
    data: dict[object, object] = {"name": "x", "shows": "x", "replies": ["x"], "script": [{"pause": 1}], key: value}
    with pytest.raises(InputError) as error:
        parse_scenario(data, Path("x.yaml"))
    assert error.value.where.startswith(f"x.yaml: {place}") and error.value.remedy
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: x\nshows: [", "x.yaml:2", "not YAML"),
        ("name: x\nshows: x\nreplies: [x]\nscript:\n  - pause: 1\n  - pause: -1\n", "x.yaml:6: script[1].pause", ""),
        ("name: x\nshows: x\nreplies: [x]\nscript:\n  - say: '[600]'\n", "x.yaml:5: script[0]", "no words"),
        ("name: x\nname: y\n", "x.yaml:2: name", "twice"),
        ("- x", "x.yaml", "table of keys"),
        ("name: x\nshows: x\nreplies: [x]\n", "x.yaml:1: script", "missing"),
    ],
)
def test_a_wrong_file_names_its_line(tmp_path: Path, text: str, line: str, words: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_scenario(file)
    assert error.value.where.endswith(line) and words in str(error.value)
