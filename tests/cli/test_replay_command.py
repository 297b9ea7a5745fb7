"""`duologue replay`: a kept talk by the command, with other settings, two of them side by side, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from duologue.app.show.cast import CastMember
from duologue.cli.main import build
from duologue.dialogue.session.session import SessionEngines
from duologue.errors import InputError
from duologue.settings import Settings
from duologue.simulation import replay_run
from duologue.simulation.replay_run import ReplayWish
from duologue.simulation.virtual_time import LoopClock, WorkingLoop
from duologue.telemetry.run_shelf import Run
from kept_talk import engines, keep_talk

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

SHORT = ("--set", "dialogue.wait_least_ms=250", "--set", "dialogue.wait_most_ms=250")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return keep_talk(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The command, on engines that take no time of the machine's."""

    @asynccontextmanager
    async def tones(settings: Settings, member: CastMember, wish: ReplayWish) -> AsyncGenerator[SessionEngines]:
        yield engines(LoopClock())

    def idle(found: SessionEngines, loop: WorkingLoop, *, anew: bool) -> SessionEngines:
        return found

    monkeypatch.setattr(replay_run, "_open", tones)
    monkeypatch.setattr(replay_run, "at_work", idle)

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(build(["replay"]), ["replay", *arguments])
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return call


def told(command: Callable[..., str], run: Run, *arguments: str) -> dict[str, Any]:
    return json.loads(command(str(run.folder), "--as", "phone", "--json", *arguments))


def test_a_talk_as_it_was_and_as_it_is(command: Callable[..., str], run: Run) -> None:
    found = told(command, run)
    assert (found["character"], found["words_kept"]) == ("robin", True)
    assert {name: side["answers"] for name, side in found["sides"].items()} == {"then": 2, "now": 2}
    first, second = found["turns"]
    assert first["then"]["words"] == first["now"]["words"] == "where is the station?"
    assert second["now"]["reply"] == "You are welcome."
    assert not first["other_words"] and not second["other_words"]
    assert 0 < first["now"]["begin"] < first["now"]["end"] < second["now"]["begin"]
    (difference,) = found["differences"]
    assert (difference["both"], difference["cut_ins"]) == (2, 0)
    assert abs(difference["wait_ms"]) < 60


def test_another_setting_cuts_in_and_two_stand_side_by_side(command: Callable[..., str], run: Run) -> None:
    found = told(command, run, *SHORT)
    assert found["sides"]["now"]["cut_ins"] == 1
    assert found["sides"]["now"]["changed"]["wait_most_ms"] == [1400, 250]
    both = told(command, run, *SHORT, "--against", "dialogue.wait_least_ms=1300")
    assert [*both["sides"]] == ["then", "now", "other"]
    assert (both["sides"]["now"]["cut_ins"], both["sides"]["other"]["cut_ins"]) == (1, 0)
    last = both["differences"][-1]
    assert (last["before"], last["after"], last["cut_ins"]) == ("other", "now", 1)
    assert last["wait_ms"] < -600
    same = told(command, run, *SHORT, "--against", "as-set")
    assert "wait_most_ms" not in same["sides"]["other"]["changed"]


def test_what_is_printed_says_where_it_cuts_in_and_what_was_understood(command: Callable[..., str], run: Run) -> None:
    shown = command(str(run.folder), "--as", "phone", *SHORT)
    assert "wait_most_ms 1400 → 250" in shown
    assert "cut in" in shown and "“where is”" in shown
    assert "then: “where is the station?”" in shown
    assert "cut-ins +1" in shown


def test_a_run_is_named_by_its_id(command: Callable[..., str], run: Run, tmp_path: Path) -> None:
    config = tmp_path / "duologue.toml"
    config.write_text(f'[runs]\nfolder = "{run.folder.parent}"\n', "utf-8")
    shown = command("last", "--as", "phone", "--config", str(config))
    assert shown.startswith(run.id)
    with pytest.raises(InputError, match="there is no run"):
        command("never-was", "--config", str(config))


def test_what_cannot_be_heard_again_says_what_to_do(command: Callable[..., str], tmp_path: Path) -> None:
    silent = keep_talk(tmp_path, sound=False)
    with pytest.raises(InputError) as caught:
        command(str(silent.folder))
    assert "dialogue.record_folder" in caught.value.remedy
    with pytest.raises(InputError, match="sets nothing"):
        command(str(keep_talk(tmp_path / "again").folder), "--as", "phone", "--set", "nothing")
