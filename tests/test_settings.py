from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from duologue.errors import InputError
from duologue.settings import Settings, installed_model, load_models_folder, load_settings
from duologue.settings_parts import Size
from duologue.tokens import Scope


class Talker(BaseModel):
    """An engine's part, as a stranger's package would bring it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speed: int = 100
    api_key: SecretStr | None = None


def _models(name: str, group: str = "") -> type[BaseModel] | None:
    if name in ("improv", "espeak"):
        return None
    return Talker if name == "talker" else installed_model(name, group)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _load(flags: dict[str, object] | None = None, *, file: str = "") -> Settings:
    if file:
        Path("duologue.toml").write_text(file)
    return load_settings(flags, models=_models)


def _sources(settings: Settings) -> dict[str, tuple[str, str]]:
    return {row.key: (row.value, row.source) for row in settings.rows()}


def test_defaults() -> None:
    settings = _load()
    assert (settings.show.size, settings.show.fps, settings.llm, settings.tts) == ((1920, 1080), 30, "improv", "espeak")
    assert all(row.source == "default" for row in settings.rows())
    assert settings.engine("improv") is None


def test_each_layer_covers_the_one_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_SHOW__TURNS", "6")
    monkeypatch.setenv("DUOLOGUE_SHOW__FPS", "25")
    monkeypatch.setenv("DUOLOGUE_SHOW__CAST", "a, b")
    monkeypatch.setenv("DUOLOGUE_SHOW__LIGHTS__LAMP", "false")
    settings = _load(
        {"show.fps": 24, "show.seed": None},
        file='[show]\nturns = 4\nfps = 20\nroom = "attic"\nsize = "1280x720"\n[show.lights]\ndaylight = "night"\n',
    )
    show = settings.show
    assert (show.turns, show.fps, show.room, show.cast) == (6, 24, "attic", ("a", "b"))
    assert (show.lights.daylight, show.lights.lamp) == ("night", False)
    assert (show.size.width, show.size.height, str(show.size)) == (1280, 720, "1280x720")
    sources = _sources(settings)
    assert sources["show.fps"] == ("24", "flag --fps")
    assert sources["show.turns"] == ("6", "environment DUOLOGUE_SHOW__TURNS")
    assert sources["show.room"] == ("attic", "duologue.toml")
    assert sources["show.seed"] == ("–", "default")


def test_a_file_by_name(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[web]\nport = 9000\n")
    settings = load_settings(config=other, models=_models)
    assert _sources(settings)["web.port"] == ("9000", str(other))
    with pytest.raises(InputError, match="no such settings file"):
        load_settings(config=tmp_path / "nix.toml", models=_models)


@pytest.mark.parametrize(
    ("key", "value", "where", "remedy"),
    [
        ("show.fps", 31, "flag --fps", "Allowed: 10, 12"),
        ("show.fps", "many", "flag --fps", ""),
        ("show.size", "1920", "flag --size", "1920x1080"),
        ("show.size", "1921x1080", "flag --size", "Even"),
        ("show.size", "99999x99999", "flag --size", "3840"),
        ("show.turns", 0, "flag --turns", "Turns"),
        ("show.cast", "", "flag --cast", ""),
        ("show.trun", 3, "flag --trun", "'turns'"),
        ("show.encoder", "vp9", "flag --encoder", "h264_vaapi"),
        ("show.lights.daylight", "noon", "flag --daylight", "'night'"),
        ("web.port", 70000, "flag --port", ""),
        ("web.host", "0.0.0.0", "flag --host", "DUOLOGUE_WEB__TOKEN"),
        ("web.cors_origins", "example.org", "flag --cors-origins", "https://example.org"),
        ("web.cors_origins", "*,https://a.example/page", "flag --cors-origins", "https://example.org"),
        ("web.token", "short", "flag --token", "8 characters"),
        ("engines.llm", "talkre", "flag --llm", "Known"),
        ("engines.talker.spede", 1, "flag --spede", "'speed'"),
        ("engines.talker.speed", "fast", "flag --speed", ""),
        ("engines.improv.speed", 1, "flag --speed", "Remove"),
        ("engines.lmm", "improv", "flag --lmm", "'llm'"),
        ("nonsense.key", 1, "flag --key", "Known: chains, dialogue"),
        ("web.fps", 25, "flag --fps", "Did you mean 'show.fps'? Known: accounts"),
        ("show.lights", "day", "flag --lights", "Its keys: daylight, lamp."),
        ("phone.accounts", 3, "flag --accounts", "[[phone.accounts]]"),
    ],
)
def test_a_wrong_value_names_key_source_and_what_is_allowed(key: str, value: object, where: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        _load({key: value})
    error = caught.value
    assert error.where == where
    assert remedy in error.remedy
    assert error.remedy
    assert key.split(".")[1] in error.what or key in ("engines.llm", "web.host", "nonsense.key")


def test_wrong_values_of_file_and_environment_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError) as caught:
        _load(file="[show]\nfps = 31\n[web]\nport = -1\n")
    assert caught.value.where == "duologue.toml"
    assert "web.port" in caught.value.remedy, "the others are named too"
    Path("duologue.toml").unlink()
    monkeypatch.setenv("DUOLOGUE_SHOW__FPS", "31")
    with pytest.raises(InputError) as caught:
        _load()
    assert caught.value.where == "environment DUOLOGUE_SHOW__FPS"


def test_a_ledger_has_room_for_one_file_at_least() -> None:
    with pytest.raises(InputError, match="keep_mb, 10, is below file_mb, 64"):
        _load(file="[ledger]\nkeep_mb = 10\n")


SEVERAL = """
[show]
size = "640x360"
turns = 6
[shows.day]
topic = "tea"
[shows.late-night]
topic = "owls"
turns = 4
[shows.late-night.lights]
daylight = "night"
[ledger]
folder = "ledgers"
"""


def test_each_of_several_shows_has_what_its_table_says_and_else_the_common() -> None:
    settings = _load(file=SEVERAL)
    each = settings.each_show()
    assert list(each) == [one.name for one in each.values()] == ["day", "late-night"]
    day, late = each["day"].show, each["late-night"].show
    assert (day.topic, day.turns, day.size) == ("tea", 6, (640, 360))
    assert (late.topic, late.turns, late.size, late.lights.daylight) == ("owls", 4, (640, 360), "night")
    assert [str(one.ledger.folder) for one in each.values()] == ["ledgers", "ledgers"], "one ledger for the house"
    assert each["day"].engine("improv") is None and not each["day"].shows
    sources = _sources(settings)
    assert sources["shows.day.turns"] == sources["show.turns"] == ("6", "duologue.toml")
    assert sources["shows.late-night.lights.daylight"] == ("night", "duologue.toml")
    assert sources["shows.day.fps"] == ("30", "default")


def test_a_flag_is_for_every_show_that_does_not_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_SHOWS__DAY__FPS", "25")
    settings = _load({"show.turns": 9}, file=SEVERAL)
    assert [each.show.turns for each in settings.each_show().values()] == [9, 4]
    assert [each.show.fps for each in settings.each_show().values()] == [25, 30]
    assert _sources(settings)["shows.day.turns"] == ("9", "flag --turns")


def test_one_show_needs_no_table() -> None:
    settings = _load({"show.topic": "tea"})
    assert settings.each_show() == {"show": settings} and settings.name == "show"
    assert not any(row.key.startswith("shows") for row in settings.rows())


@pytest.mark.parametrize(
    ("table", "what", "remedy"),
    [
        ("[shows.Day]\nturns = 3", "'Day' is no name of a show", "Small letters"),
        ("[shows.day]\nturms = 3", "shows.day.turms", "turns"),
        ("[shows.day]\nfps = 31", "31 frames", "Allowed"),
        ("[show]\nrecord = 'a.mp4'\n[shows.a]\n[shows.b]", "the shows a and b record to one file", "[shows.b]"),
    ],
)
def test_shows_that_cannot_be(table: str, what: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        _load(file=table)
    assert what in caught.value.what and remedy in caught.value.remedy and caught.value.where == "duologue.toml"


TOKENS = """
[web.tokens.guest]
env = "GUEST_TOKEN"
scopes = ["talk"]
[web.tokens.desk]
token = "correct horse"
scopes = ["stage", "talk"]
[web.tokens.onlooker]
token = "battery staple"
"""


def test_tokens_have_names_and_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUEST_TOKEN", "let the guest in")
    monkeypatch.setenv("DUOLOGUE_WEB__TOKENS__ROBOT__TOKEN", "beep beep beep")
    monkeypatch.setenv("DUOLOGUE_WEB__TOKENS__ROBOT__SCOPES", "line, admin")
    settings = _load({"web.host": "0.0.0.0"}, file=TOKENS)  # no web.token is needed then
    assert {name: (each.secret, each.scopes) for name, each in settings.web.tokens.items()} == {
        "guest": ("let the guest in", (Scope.TALK,)),
        "desk": ("correct horse", (Scope.STAGE, Scope.TALK)),
        "onlooker": ("battery staple", ()),
        "robot": ("beep beep beep", (Scope.LINE, Scope.ADMIN)),
    }
    sources = _sources(settings)
    assert sources["web.tokens.guest.env"] == ("GUEST_TOKEN", "duologue.toml")
    assert sources["web.tokens.desk.token"] == ("********", "duologue.toml")
    assert sources["web.tokens.desk.scopes"] == ("stage, talk", "duologue.toml")
    assert sources["web.tokens.robot.scopes"][1] == "environment DUOLOGUE_WEB__TOKENS__ROBOT__SCOPES"
    assert {"let the guest in", "correct horse", "battery staple", "beep beep beep"} <= set(settings.secrets())


@pytest.mark.parametrize(
    ("table", "what", "remedy"),
    [
        ("[web.tokens.Guest]\ntoken = '12345678'", "'Guest' is no name of a token", "Small letters"),
        ("[web.tokens.guest]\ntoken = '1234567'", "too short", "At least 8"),
        ("[web.tokens.guest]\nscopes = ['talk']", "one place", "token or env"),
        ("[web.tokens.guest]\ntoken = '12345678'\nenv = 'X'", "one place", "token or env"),
        ("[web.tokens.guest]\ntoken = '12345678'\nscopes = ['root']", "web.tokens.guest.scopes", "admin"),
        ("[web.tokens.guest]\ntoken = '12345678'\nscope = ['talk']", "web.tokens.guest.scope", "scopes"),
    ],
)
def test_tokens_that_cannot_be(table: str, what: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        _load(file=table)
    assert what in caught.value.what and remedy in caught.value.remedy and caught.value.where == "duologue.toml"
    assert "1234567" not in str(caught.value)


def test_unknown_variables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_SHWO__FPS", "25")
    with pytest.raises(InputError) as caught:
        _load()
    assert "DUOLOGUE_SHWO__FPS" in caught.value.where
    assert "'show'" in caught.value.remedy


@pytest.mark.parametrize(
    ("variable", "remedy"),
    [
        ("PORT", "Did you mean DUOLOGUE_WEB__PORT?"),
        ("TOKEN", "Did you mean DUOLOGUE_WEB__TOKEN?"),
        ("web_port", "Did you mean DUOLOGUE_WEB__PORT?"),
        ("SHOW_TV__FILM", "Did you mean DUOLOGUE_SHOW__TV__FILM?"),
        ("ENGINES_OPENAI_MODEL", "Two underscores stand between a section and its key, as in DUOLOGUE_WEB__PORT."),
    ],
)
def test_a_variable_without_its_section_or_an_underscore_is_told_as_it_is_meant(
    variable: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DUOLOGUE_{variable}", "x")
    with pytest.raises(InputError) as caught:
        _load()
    assert caught.value.remedy == remedy


@pytest.mark.parametrize("text", ["[show", "show = 3", "[[show]]\nfps = 1"])
def test_a_file_that_is_no_settings(text: str) -> None:
    with pytest.raises(InputError) as caught:
        _load(file=text)
    assert "duologue.toml" in caught.value.where


def test_a_path_in_a_file_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("DUOLOGUE_MODELS", "~/models")
    settings = _load(file='[runs]\nfolder = "~/runs"\n[engines]\ntts = "piper"\n[engines.piper]\nfolder = "~/voices"\n')
    assert settings.runs.folder == Path("/home/ada/runs")
    assert settings.models_folder == load_models_folder() == Path("/home/ada/models")
    assert _sources(settings)["engines.piper.folder"][0] == "/home/ada/voices"


@pytest.mark.parametrize(
    "variable", ["DUOLOGUE_MODELS", "DUOLOGUE_RUNS__FOLDER", "DUOLOGUE_SHOW__RECORD", "DUOLOGUE_ENGINES__PIPER__FOLDER"]
)
def test_an_empty_path_does_not_stand_for_the_working_directory(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "")
    with pytest.raises(InputError) as caught:
        _load()
    assert caught.value.what.endswith(": an empty path names nothing")
    assert caught.value.where == f"environment {variable}"


@pytest.mark.parametrize(
    "written", ['folder = ""', "folder = 5", 'folder = "~nobody-of-that-name/models"', "files = 1"]
)
def test_a_wrong_folder_of_models_names_its_key_and_source(written: str) -> None:
    Path("duologue.toml").write_text(f"[models]\n{written}\n")
    with pytest.raises(InputError) as caught:
        load_models_folder()
    assert caught.value.what.startswith(f"models.{written.split()[0]}: ")
    assert caught.value.where == "duologue.toml"


def test_a_file_that_is_no_text() -> None:
    Path("duologue.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="the settings file is no text in UTF-8"):
        _load()


def test_an_engines_part_is_checked_by_its_own_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINES__TALKER__API_KEY", "very-secret-key")
    settings = _load({"engines.llm": "talker", "engines.talker.speed": "120"})
    part = settings.engine("talker")
    assert isinstance(part, Talker)
    assert part.speed == 120
    assert _sources(settings)["engines.talker.speed"] == ("120", "flag --speed")
    assert "very-secret-key" not in repr(settings.rows()) + repr(settings)
    assert _sources(settings)["engines.talker.api_key"][0] == "********"


def test_secrets_are_masked() -> None:
    settings = _load({"web.token": "a-long-token", "web.host": "0.0.0.0"})
    assert "a-long-token" not in repr(settings.rows())
    assert not settings.web.loopback
    assert settings.web.token is not None
    assert settings.web.token.get_secret_value() == "a-long-token"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert _load({"web.host": host}).web.loopback


def test_settings_are_read_only() -> None:
    settings = _load()
    with pytest.raises(ValidationError):
        settings.show = settings.show  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError):
        settings.show.fps = 25  # pyright: ignore[reportAttributeAccessIssue]


def test_a_size_is_a_size() -> None:
    assert _load({"show.size": Size((640, 360))}).show.size == (640, 360)
    assert _load({"show.size": "1280×720"}).show.size == (1280, 720)


def test_installed_engines_are_found() -> None:
    model = installed_model("espeak")
    assert model is not None
    assert "rate" in model.model_fields
    with pytest.raises(InputError, match="no engine"):
        installed_model("nothing")


@pytest.mark.parametrize(
    ("key", "value", "what", "where", "remedy"),
    [
        ("engines.stt", "nosuch", "no engine 'nosuch' that hears", "flag --stt", "Known: openai_hearing, pocketsphinx"),
        ("engines.tts", "pocketsphinx", "no engine 'pocketsphinx' that speaks", "flag --tts", "espeak"),
        ("engines.stt", "whisper", "needs engines.whisper.model (", "flag --stt", "docs/engines/whisper.md"),
        ("engines.tts", "piper,espeak", "needs engines.piper.folder", "flag --tts", "Or leave piper out"),
        ("engines.tts", "kokoro", "kokoro-v1.0.onnx), and engines.kokoro.voices (", "flag --tts",
         'model = "…", voices = "…"'),
        ("engines.llm", "openai", "needs engines.openai.model", "flag --llm", "set DUOLOGUE_ENGINES__OPENAI__MODEL."),
    ],
)  # fmt: skip
def test_an_engine_that_cannot_be_made_says_what_it_needs(
    key: str, value: str, what: str, where: str, remedy: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_settings({key: value})
    error = caught.value
    assert what in error.what and error.where == where and remedy in error.remedy


def test_every_engine_of_ours_that_needs_a_setting_has_its_page() -> None:
    pages = Path(__file__).parents[1] / "docs" / "engines"
    for group in ("tts", "llm", "stt"):
        for point in entry_points(group=f"duologue.{group}"):
            model = installed_model(point.name, f"duologue.{group}")
            if model is not None and any(each.is_required() for each in model.model_fields.values()):
                assert (pages / f"{point.name.replace('_', '-')}.md").is_file()


def test_the_page_of_settings_names_every_key_and_default() -> None:
    page = (Path(__file__).parents[1] / "docs" / "settings.md").read_text("utf-8")
    for row in _load().rows():
        value = "" if row.value == "–" else f"`{row.value}`"
        assert f"| `{row.key}` | {value} |" in page, row.key


def test_the_secrets_that_no_log_may_show_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_WEB__TOKEN", "a-very-secret-token")
    assert load_settings().secrets() == ("a-very-secret-token",)
    monkeypatch.setenv("ELEVENLABS_API_KEY", "a-key")
    assert load_settings({"engines.tts": "elevenlabs"}).secrets() == ("a-very-secret-token", "a-key")


def test_lists_of_an_engines_own_part_may_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI_SPEECH__VOICES", "alloy, verse")
    monkeypatch.setenv("DUOLOGUE_ENGINES__OPENAI_SPEECH__INSTRUCTIONS", "Slowly, please.")
    part = load_settings({"engines.tts": "openai_speech"}).engine("openai_speech")
    assert part is not None
    assert part.model_dump()["voices"] == ("alloy", "verse")
    assert part.model_dump()["instructions"] == "Slowly, please."
    assert load_settings(assigned={"engines.openai_speech.voices": "nova"}).engine("openai_speech") is not None
