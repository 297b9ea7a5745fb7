from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.text import Text
from typer.testing import CliRunner

from duologue.cli.main import COMMANDS, INTERRUPTED, UNREAD, build, run
from duologue.cli.output import known_errors
from duologue.cli.settings import settings
from duologue.errors import InputError, InternalError, PeerError
from duologue.places import packs_folder

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

CHAD = packs_folder() / "characters" / "chad"


def _invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(words), list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _process(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "duologue", *words],
        capture_output=True, text=True, timeout=60, cwd=cwd, check=False,
    )  # fmt: skip


def test_help_lists_every_command_and_loads_none() -> None:
    code = "import sys; from duologue.cli.main import build; build(['--help']); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert not [
        name for name in ("numpy", "cv2", "fastapi", "pydantic", "av", "importlib.metadata") if f"'{name}'" in loaded
    ]
    exit_code, output = _invoke("--help")
    assert exit_code == 0
    assert all(name in output for name in COMMANDS)
    assert "Examples" in output


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_has_help(name: str) -> None:
    exit_code, output = _invoke(name, "--help")
    assert exit_code == 0
    assert re.search(r"[Ee]xample|For instance", output) or name == "pack"


def _helps(command: Any) -> Iterator[str]:
    """All that a command says of itself, and of its options and commands."""
    for each in (command, *command.params):
        yield getattr(each, "help", None) or ""
    for each in getattr(command, "commands", {}).values():
        yield from _helps(each)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_no_word_of_help_is_taken_for_markup(name: str) -> None:
    """``[runs]`` was printed as nothing: "as  says"."""
    for text in _helps(typer.main.get_command(build([name]))):
        assert Text.from_markup(text).plain == text.replace("\\[", "[")


def test_a_recording_is_not_written_over_the_film_on_the_tv(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"the film")
    for words in (["render", "tea", "-o", str(film)], ["show", "--record", str(film)]):
        with pytest.raises(InputError, match="the same file"):
            _invoke(*words, "--tv", str(film))
    assert film.read_bytes() == b"the film"


@pytest.mark.parametrize(
    "wrong",
    [
        ("tea", "--tv", "nope"), ("tea", "--encoder", "vp9"), ("tea", "--cast", "chad,nobody"),
        ("tea", "--room", "attic"), ("tea" * 200,), ("tea", "--record", "nowhere/a.mp4"), ("tea", "--record", "."),
        ("tea", "--ledger", "/dev/null/ledger"),
    ],
    ids=lambda wrong: " ".join(wrong)[:20],
)  # fmt: skip
def test_a_show_that_cannot_be_promises_no_address(wrong: tuple[str, ...]) -> None:
    told = _process("show", "--port", "0", *wrong)
    assert told.returncode == 2 and told.stderr.startswith("error:") and "http://" not in told.stderr


def test_a_line_that_nobody_answers_promises_no_address() -> None:
    told = _process("phone", "--as", "nobody", "--port", "0", "--listen", "127.0.0.1:0")
    assert told.returncode == 2 and told.stderr.startswith("error: there is nobody called 'nobody'")


def test_version() -> None:
    assert _invoke("--version")[1].startswith("duologue 0.")


def test_settings_as_a_table_and_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOLOGUE_SHOW__TURNS", "7")
    assert "environment DUOLOGUE_SHOW__TURNS" in _invoke("settings")[1]
    rows = json.loads(_invoke("settings", "--json", "--set", "show.fps=25")[1])
    assert {"key": "show.turns", "value": "7", "source": "environment DUOLOGUE_SHOW__TURNS"} in rows
    assert {"key": "show.fps", "value": "25", "source": "--set show.fps"} in rows


def test_settings_of_one_table_are_told_with_what_they_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    header, *lines = _invoke("settings", "web")[1].splitlines()
    assert header.split() == ["key", "value", "source", "what"]
    assert all(line.startswith("web.") for line in lines) and len(lines) > 5
    assert "The port to listen on; 0 takes a free one." in next(line for line in lines if line.startswith("web.port "))
    (only,) = json.loads(_invoke("settings", "show.tv.film", "--json")[1])
    assert only["key"] == "show.tv.film"


@pytest.mark.parametrize(("word", "meant"), [("port", "'web.port'"), ("shwo", "'show'")])
def test_settings_that_there_are_not_are_told_as_they_are_meant(
    word: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"Did you mean {meant}"):
        settings(word)


def test_settings_whose_names_are_a_persons_own_are_shown_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written = """
    phone.dialogue.barge_ms = 700
    phone.audiosocket.called.40325ec2-5efd-4bd3-805f-53576e581d13 = "sales"
    [[phone.accounts]]
    user = "1001"
    registrar = "pbx.example.org"
    dialogue = { silence_seconds = 40 }
    """
    Path("duologue.toml").write_text(written, "utf-8")
    rows = [line.split() for line in _invoke("settings")[1].splitlines()]
    for key, value in (
        ("phone.dialogue.barge_ms", "700"),
        ("phone.audiosocket.called.40325ec2-5efd-4bd3-805f-53576e581d13", "sales"),
        ("phone.accounts[0].dialogue.silence_seconds", "40.0"),
    ):
        assert [key, value, "duologue.toml"] in rows


def test_an_error_is_said_in_words_and_exits_2(tmp_path: Path) -> None:
    result = _process("settings", "--set", "show.fps=31", cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "error: show.fps: 31 frames per second" in result.stderr
    assert "where: --set show.fps" in result.stderr
    assert "Allowed" in result.stderr
    assert "Traceback" not in result.stderr


def test_pack_check(tmp_path: Path) -> None:
    assert _invoke("pack", "check", str(CHAD))[0] == 0
    exit_code, output = _invoke("pack", "check", str(tmp_path))
    assert exit_code == 1
    assert "no such file" in output
    exit_code, output = _invoke("pack", "check", "--json", str(tmp_path))
    assert exit_code == 1
    assert json.loads(output)[str(tmp_path)][0]["severity"] == "error"


def test_say_writes_a_wav(tmp_path: Path) -> None:
    target = tmp_path / "hello.wav"
    exit_code, output = _invoke("say", "Hello there.", "-o", str(target), "--voice", "en-us+m3")
    assert exit_code == 0
    assert "2 words" in output
    with wave.open(str(target)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48000, 1, 2)
        assert 0.2 < file.getnframes() / 48000 < 3


def test_say_with_an_unknown_voice_or_an_impossible_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nobody"):
        _invoke("say", "Hello", "-o", str(tmp_path / "a.wav"), "--voice", "nobody")
    with pytest.raises(InputError, match="there is no folder"):  # before anything is spoken
        _invoke("say", "Hello", "-o", str(tmp_path / "no" / "a.wav"), "--tts", "nobody-who-could-speak")


@pytest.mark.parametrize("words", [("openapi",), ("lesson", "list"), ("--help",)], ids=" ".join)  # typer, rich, both
def test_whoever_reads_no_further_is_told_nothing_and_no_check_has_failed(words: tuple[str, ...]) -> None:
    """The exit code was 1: ``duologue report --against … | head`` told that something got worse."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread:
        told = subprocess.run(
            [sys.executable, "-m", "duologue", *words],
            stdout=unread,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert (told.returncode, told.stderr) == (UNREAD, b"")


@pytest.mark.parametrize("words", [("lesson", "list"), ("openapi",)], ids=" ".join)  # by rich, and by typer
def test_a_full_disk_below_the_output_is_told_in_words(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(
            [sys.executable, "-m", "duologue", *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert told.stderr.startswith("error: what it prints cannot be written: No space left on device.\n")


def test_what_the_locale_cannot_write_is_escaped(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "duologue", "models"], capture_output=True, timeout=60, check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "XDG_DATA_HOME": str(tmp_path)},
    )  # fmt: skip
    assert told.stderr == b"" and b"\\u2013 whisper-tiny.en" in told.stdout


@pytest.mark.parametrize("while_loading", ["typer", "duologue.cli.output"])
def test_ctrl_c_while_the_command_line_is_loaded_leaves_no_trace(while_loading: str) -> None:
    code = f"""if True:
    import sys

    class Pressed:
        def find_spec(self, name, path, target=None):
            if name == {while_loading!r}:
                raise KeyboardInterrupt

    sys.meta_path.insert(0, Pressed())
    sys.argv = ["duologue", "lesson", "list"]
    from duologue.__main__ import main

    main()"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (INTERRUPTED, "", "")


def test_openapi_prints_the_schema(tmp_path: Path) -> None:
    assert "/api/conversations" in json.loads(_invoke("openapi")[1])["paths"]
    _invoke("openapi", "-o", str(tmp_path / "api.json"))
    assert "paths" in json.loads((tmp_path / "api.json").read_text())
    with pytest.raises(PeerError, match="cannot be written"):
        _invoke("openapi", "-o", str(tmp_path / "nowhere" / "api.json"))


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("the topic is empty", where="TOPIC", remedy="Say one."), 2),
        (InternalError("odd"), 2),
        (ExceptionGroup("tasks", [PeerError("gone"), ExceptionGroup("more", [InputError("no [/] such")])]), 2),
        (KeyboardInterrupt(), INTERRUPTED),
        (SystemExit(1), 1),
        (SystemExit(None), 0),
    ],
)
def test_how_a_command_ends(error: BaseException, code: int) -> None:
    assert run(lambda: _raise(error)) == code


def test_ctrl_c_while_a_class_is_made_is_ctrl_c() -> None:
    """In the middle of an import it came out as a RuntimeError, with a trace."""

    class Pressed:
        def __set_name__(self, owner: type, name: str) -> None:
            raise KeyboardInterrupt

    assert run(lambda: type("Loaded", (), {"it": Pressed()})) == INTERRUPTED
    with pytest.raises(RuntimeError, match="another"):
        run(lambda: _raise(RuntimeError("another")))


def test_a_strangers_error_is_not_hidden() -> None:
    group = ExceptionGroup("tasks", [PeerError("gone"), ZeroDivisionError()])
    assert known_errors(group) is None
    with pytest.raises(ExceptionGroup):
        run(lambda: _raise(group))


def test_shell_completion_knows_commands_and_options() -> None:
    for words, expected in (("duologue pack ", "new"), ("duologue show --", "--turns"), ("duologue ver", "verify")):
        code = "from duologue.cli.main import main; import sys; sys.argv = ['duologue']; main()"
        environment = {**os.environ, "_DUOLOGUE_COMPLETE": "complete_bash", "COMP_WORDS": words}
        environment["COMP_CWORD"] = str(len(words.split(" ")) - 1)
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment, check=False
        )
        assert expected in result.stdout.split()


def test_a_mistyped_command_gets_a_guess() -> None:
    exit_code, output = _invoke("sho")
    assert exit_code == 2
    assert "show" in output
