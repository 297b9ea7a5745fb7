"""What a show says of itself at its start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.app.doctor.headroom import Cost
from duologue.app.show.cast import load_cast
from duologue.app.show.choices import choices, fields, lines
from duologue.app.show.stage_set import cached_mb
from duologue.cli.main import build
from duologue.cli.serve import announce
from duologue.errors import PeerError
from duologue.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def a_machine_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def said(settings: Settings, cached: float = 0.0, cost: Cost | None = None) -> dict[str, str]:
    cast = load_cast(settings.show.cast, settings.engines.tts)
    return fields(choices(settings, cast, cached_mb=cached, cost=cost))


def test_by_default_everything_is_named_with_its_reason() -> None:
    words = said(load_settings())
    assert words["picture"] == "1920x1080 at 30 a second (default)"
    assert words["encoder"].startswith("libx264 (default: it needs no graphics card")
    assert words["cast"] == "chad and virgin in living-room"
    assert words["speaks"] == "espeak: chad as en-us+m3, virgin as en-us+f5 (default)"
    assert words["thinks"] == "improv (default)"
    assert words["short_of_cpu"].endswith("half the picture rate, then a smaller picture")
    assert words["cache"].startswith("cold")
    assert "headroom" not in words  # nobody has measured


def test_who_set_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_SHOW__FPS", "25")
    words = said(load_settings({"show.size": "1280x720", "show.encoder": "h264_nvenc"}))
    assert words["picture"] == "1280x720 at 25 a second (flag --size, environment DUOLOGUE_SHOW__FPS)"
    assert words["encoder"] == "h264_nvenc (flag --encoder; should it not open, libx264 stands in and that is said)"


def test_a_recording_keeps_its_size() -> None:
    words = said(load_settings({"show.record": "evening.mp4"}))
    assert words["short_of_cpu"].endswith("then half the picture rate (never a smaller one: evening.mp4 records it)")


def test_a_chain_of_engines_names_who_stands_in() -> None:
    words = said(load_settings({"engines.llm": "openai,improv"}, models=lambda name, group: None))
    assert words["thinks"].startswith("openai (") and words["thinks"].endswith("should it fail: improv)")


def test_what_is_on_disk_and_what_the_doctor_saw() -> None:
    words = said(load_settings(), 59.4, Cost(1920, 1080, 30, 1.4, 8.2))
    assert words["cache"] == "59 MB (what was drawn before is not drawn again)"
    assert words["headroom"].startswith("3.5 × what is needed on a free core (a picture took 9.6 ms of 33.3 when")


def test_the_cache_on_disk_is_counted(tmp_path: Path) -> None:
    assert cached_mb() == 0
    shelf = tmp_path / "cache" / "duologue" / "stage" / "packs"
    shelf.mkdir(parents=True)
    (shelf / "a.npz").write_bytes(bytes(2_000_000))
    (shelf / "gone.npz").symlink_to(shelf / "nowhere")
    assert cached_mb() == 2.0


def test_lines_for_a_person_stand_under_each_other() -> None:
    settings = load_settings()
    told = lines(choices(settings, load_cast(settings.show.cast, settings.engines.tts)))
    assert len(told) <= 8
    assert {line[:2] for line in told} == {"  "} and all(len(line) < 200 for line in told)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_it_is_said_in_the_form_of_the_log(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings({"telemetry.log_format": log_format})
    announce(settings, load_cast(settings.show.cast, settings.engines.tts), "http://127.0.0.1:1")
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("The show is at http://127.0.0.1:1  (stream: http://127.0.0.1:1/stream/index.m3u8")
    if log_format == "json":
        (line,) = rest
        told = json.loads(line)
        assert (told["event"], told["thinks"]) == ("show.chosen", "improv (default)")
    else:
        assert rest[0] == "  picture       1920x1080 at 30 a second (default)"
        assert rest[-1].startswith("  voice         Espeak stands in: no model is here, so the voice is a robot's.")
        assert len(rest) == 8


VOICE, EARS = "Espeak stands in", "Pocketsphinx stands in"


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        ({}, [VOICE]),  # nobody is heard
        ({"serve.talk": True}, [VOICE, EARS]),
        ({"serve.show": False, "serve.talk": True}, [VOICE, EARS]),
        ({"serve.show": False, "serve.line": True}, [VOICE, EARS]),
        ({"serve.show": False, "serve.api": True}, [VOICE, EARS]),
        ({"shows.one.topic": "tea", "shows.two.topic": "soup"}, [VOICE]),
        ({"serve.show": False, "serve.talk": True, "engines.tts": "espeak"}, [EARS]),  # what was chosen is not missed
    ],
)
def test_each_start_says_once_what_is_missing_and_what_is_lost(
    flags: dict[str, object], missing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings(flags)
    announce(settings, load_cast(settings.show.cast, settings.engines.tts), "http://127.0.0.1:1")
    told = capsys.readouterr().err
    assert [told.count(each) for each in (VOICE, EARS)] == [each in missing for each in (VOICE, EARS)]
    assert told.count("duologue models get natural") == len(missing)


def test_a_film_and_a_call_out_say_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def film(settings: Settings, output: Path) -> None: ...

    async def nobody(*_: object) -> None:
        raise PeerError("nobody is there")

    monkeypatch.setattr("duologue.cli.render._film", film)
    monkeypatch.setattr("duologue.app.calls.dialling.dial", nobody)
    words = ["render", "tea", "-o", "tea.mp4"]
    made = CliRunner().invoke(build(words), words)
    assert VOICE in made.stderr and EARS not in made.stderr and "duologue models get natural" in made.stderr
    words = ["dial", "sip:1@127.0.0.1:9"]
    called = CliRunner().invoke(build(words), words)
    assert VOICE in called.stderr and EARS in called.stderr
