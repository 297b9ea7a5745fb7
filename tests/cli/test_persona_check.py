"""`duologue persona check`, as a person would type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.cli.main import build
from duologue.errors import InputError
from duologue.language.evaluation import INTERVIEW
from duologue.places import packs_folder

PHONE = packs_folder() / "personas" / "phone.toml"


def check(*arguments: str) -> tuple[int, str]:
    words = ("persona", "check", *arguments)
    result = CliRunner().invoke(build(words), words)
    if isinstance(result.exception, InputError):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("name", ["phone", "chad", "virgin"])
def test_who_ships_has_no_fault(name: str) -> None:
    code, output = check(name)
    assert code == 0, output
    assert f"> {INTERVIEW[3]}" in output
    assert f"{len(INTERVIEW)} answers, 100% without a fault" in output


def test_a_fault_is_told_and_fails(tmp_path: Path) -> None:
    stern = tmp_path / "stern.toml"
    stern.write_text(
        PHONE.read_text("utf-8").replace('"as per"', '"your parcel"').replace('"phone"', '"stern"'), "utf-8"
    )
    said = tmp_path / "said.txt"
    said.write_text("My parcel never came.\n\nThanks.\n", "utf-8")
    code, output = check(str(stern), "--lines", str(said))
    assert code == 1
    assert "! phrase: “your parcel”" in output
    assert "2 answers, 50% without a fault: phrase 1" in output
    code, output = check(str(stern), "--lines", str(said), "--json")
    result = json.loads(output)
    assert (code, result["share_good"], result["findings"][0]["rule"]) == (1, 0.5, "phrase")
    assert [answer["said"] for answer in result["answers"]] == ["My parcel never came.", "Thanks."]


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    for arguments, words in (
        (("phon",), "nobody called"),
        (("phone", "--lines", str(tmp_path / "none.txt")), "cannot be read"),
        (("phone", "--lines", str(tmp_path / "empty.txt")), "no line"),
        (("phone", "--llm", "gpt"), "no engine"),
    ):
        with pytest.raises(InputError, match=words):
            check(*arguments)
