from __future__ import annotations

from pathlib import Path

import pytest

from duologue.cli.main import build, run
from duologue.cli.warm import fill, read_list
from duologue.errors import InputError, PeerError
from duologue.speech.fake import Behaviour, FakeSpeech
from duologue.speech.speech_cache import CachedSpeech, SpeechCache


def test_a_list_is_read_once_each_and_without_remarks(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\ufeffHello.\n\n# a remark\n  Bye. \nHello.\n", "utf-8")
    assert read_list(path) == ["Hello.", "Bye."]
    path.write_text("# nothing\n")
    with pytest.raises(InputError, match="no line"):
        read_list(path)
    with pytest.raises(InputError, match=r"the list cannot be read: is a directory \("):
        read_list(tmp_path)
    with pytest.raises(InputError, match=r"the list cannot be read: no such file or directory \("):
        read_list(tmp_path / "nowhere.txt")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"the list is no text in UTF-8 \("):
        read_list(path)


async def test_lines_are_made_found_or_told_of(tmp_path: Path) -> None:
    fake = FakeSpeech([Behaviour(), Behaviour(error=PeerError("busy"))])
    engine = CachedSpeech(fake, SpeechCache(tmp_path, 1_000_000))
    await engine.warm_up()
    done: list[int] = []
    jobs = [("Hello.", "low"), ("Bye.", "low"), ("Hello.", "low"), ("…", "low"), ("Bye.", "nobody")]
    tally = await fill(engine, jobs, done.append)
    assert (tally.made, tally.there, tally.entries, done) == (1, 1, 1, [1, 2, 3, 4, 5])
    for what, problem in zip(("busy", "nothing was kept", "nobody"), tally.problems, strict=True):
        assert what in problem
    assert (await fill(engine, jobs[:2], done.append)).made == 1


def command(words: list[str]) -> int:
    return run(lambda: build(words)(words))


def test_the_command_fills_the_cache_and_finds_it_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUOLOGUE_SPEECH_CACHE__FOLDER", str(tmp_path / "cache"))
    monkeypatch.setenv("DUOLOGUE_SPEECH_CACHE__SKIP", "nobody")
    path = tmp_path / "list.txt"
    path.write_text("Hello there.\nGoodbye.\n")
    assert command(["warm", str(path)]) == 0
    assert "4 made, 0 there already, 0 failed; the cache holds 4 lines" in capsys.readouterr().out
    assert command(["warm", str(path), "--as", "chad"]) == 0
    assert "0 made, 2 there already" in capsys.readouterr().out


def test_an_engine_that_is_not_kept_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "list.txt"
    path.write_text("Hello.\n")
    assert command(["warm", str(path)]) == 2
    assert "the speech of espeak is not kept" in capsys.readouterr().err
