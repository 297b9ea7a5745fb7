"""Which engine `auto` takes: by language, by what is asked of it, by figures taken on this machine."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from duologue.app.doctor.doctor import missing_models
from duologue.app.engines.vitals import EngineVitals, engine_view
from duologue.chains import EngineHealth
from duologue.models import choosing, figures
from duologue.models.automatic import Candidate, Use, notices, pick_ears, pick_voice
from duologue.models.catalogue import Model
from duologue.models.choosing import choose
from duologue.models.entries import GEMMA_270M, KOKORO, MODELS, PIPER_JOE, WHISPER_BASE, WHISPER_TINY_EN
from duologue.models.figures import Figures, this_machine
from duologue.models.shelf import ModelShelf
from duologue.settings import load_settings

SHOW, TALK = Use(), Use(shows=False, talks=True)


def voice(model: Model, first: float, factor: float) -> Candidate:
    return Candidate(model, True, True, Figures("", first_sound_ms=first, factor=factor))


def ears(model: Model, final: float) -> Candidate:
    return Candidate(model, True, True, Figures("", final_ms=final))


def test_without_a_model_the_embedded_stand_in_and_say_what_is_lost() -> None:
    nothing = [Candidate(model, False) for model in MODELS]
    speaks, hears = pick_voice(nothing, SHOW), pick_ears(nothing, SHOW)
    assert (speaks.engine, hears.engine) == ("espeak", "pocketsphinx")
    assert speaks.why == "no model is here, so the voice is a robot's"
    assert speaks.remedy == hears.remedy == "duologue models get natural"
    assert pick_ears(nothing, Use(frozenset({"fr"}))).remedy == "duologue models get whisper-base"
    assert notices([speaks])[0].startswith("Espeak stands in: no model is here")


def test_the_first_sound_decides_a_talk_and_the_factor_a_show() -> None:
    both = [voice(KOKORO, 900, 0.4), voice(PIPER_JOE, 140, 0.08)]
    assert pick_voice(both, SHOW).model is KOKORO  # the more natural, and it keeps up
    assert pick_voice(both, TALK).model is PIPER_JOE
    assert pick_voice(both, Use(shows=True, talks=True)).model is PIPER_JOE
    assert pick_voice([voice(KOKORO, 900, 0.8), both[1]], SHOW).model is PIPER_JOE
    alone = pick_voice(both[:1], TALK)
    assert alone.engine == "espeak" and "too slow to answer here: first sound after 900 ms" in alone.why
    assert pick_voice(both, SHOW).why == "kokoro, first sound after 900 ms, 0.40 of real time here"
    assert pick_voice(both, Use(frozenset({"fr"}))).engine == "espeak"


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (Candidate(KOKORO, True, False), 'the package kokoro_onnx is not: pip install "duologue[kokoro]"'),
        (Candidate(PIPER_JOE, True, True), "was not measured on this machine: duologue models get piper-joe"),
        (Candidate(PIPER_JOE, True, True, Figures("", trouble="it fell over")), "it fell over"),
        (Candidate(PIPER_JOE, True, True, Figures("")), "piper-joe was not measured"),
    ],
)
def test_a_voice_that_cannot_be_chosen_says_why(candidate: Candidate, why: str) -> None:
    pick = pick_voice([candidate], SHOW)
    assert pick.engine == "espeak" and why in pick.why


def test_the_largest_ears_that_are_quick_else_the_quickest() -> None:
    assert pick_ears([ears(WHISPER_TINY_EN, 40), ears(WHISPER_BASE, 140)], TALK).model is WHISPER_BASE
    assert pick_ears([ears(WHISPER_TINY_EN, 40), ears(WHISPER_BASE, 400)], TALK).model is WHISPER_TINY_EN
    slow = pick_ears([ears(WHISPER_TINY_EN, 840), ears(WHISPER_BASE, 1100)], TALK)
    assert slow.model is WHISPER_TINY_EN and slow.why.endswith("840 ms here, the quickest there is")
    assert (
        pick_ears([ears(WHISPER_TINY_EN, 40), ears(WHISPER_BASE, 1100)], Use(frozenset({"fr"}))).model is WHISPER_BASE
    )
    none = pick_ears([ears(WHISPER_TINY_EN, 5_000)], TALK)
    assert none.engine == "pocketsphinx" and "too slow here: 5000 ms" in none.why


def test_in_a_language_without_a_model_no_command_is_named_that_brings_none() -> None:
    nothing = [Candidate(model, False) for model in MODELS]
    here = [voice(PIPER_JOE, 140, 0.08), ears(WHISPER_TINY_EN, 40), Candidate(WHISPER_BASE, False)]
    german = Use(frozenset({"de"}))
    for candidates in (nothing, here):
        speaks, hears = pick_voice(candidates, german), pick_ears(candidates, german)
        assert (speaks.engine, speaks.remedy) == ("espeak", "")
        assert speaks.why.startswith("none that we know speaks de: name a voice of your own, [engines.piper] folder")
        assert notices([speaks])[0].endswith("a robot's.") and str(speaks).endswith("a robot's")
        assert (hears.engine, hears.remedy) == ("pocketsphinx", "duologue models get whisper-base")
        assert hears.why == "no model that hears de is here, and PocketSphinx hears English only"
    klingon = pick_ears(here, Use(frozenset({"tlh", "en"})))
    assert (klingon.why, klingon.remedy) == (
        "no model that hears en and tlh is here, and PocketSphinx hears English only", "",
    )  # fmt: skip


def test_models_for_tests_are_nobodys_default() -> None:
    assert pick_voice([voice(replace(PIPER_JOE, testing=True), 10, 0.01)], SHOW).engine == "espeak"
    assert GEMMA_270M.testing


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shelf with the default models, as to their names and sizes, measured here."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "models"
    monkeypatch.setenv("DUOLOGUE_MODELS", str(folder))
    for model in (WHISPER_TINY_EN, PIPER_JOE):
        place = folder / model.name
        place.mkdir(parents=True)
        for file in model.files:
            with (place / file.name).open("wb") as out:
                out.truncate(file.size)
        figures.keep(place, Figures(this_machine(), first_sound_ms=140, factor=0.08, final_ms=90))
    return folder


def test_settings_resolve_auto_once_and_say_what_it_came_to(fetched: Path) -> None:
    settings = load_settings()
    assert (settings.tts, settings.stt) == ("piper", "whisper") and settings.models_folder == fetched
    assert settings.voice_pace == 0.08  # a show knows its voice's pace before the first line
    rows = {row.key: row for row in settings.rows()}
    told = rows["engines.tts"]
    assert (told.value, told.source) == ("auto", "default")
    assert told.why == "piper: piper-joe, first sound after 140 ms, 0.08 of real time here"
    assert rows["engines.piper.folder"].value == str(fetched / "piper-joe")
    assert rows["engines.piper.folder"].source == "model piper-joe"
    assert rows["engines.whisper.model"].value == str(fetched / "whisper-tiny.en")
    assert "fine-tuned from “lessac”" in notices(settings.picks.values())[0]


def test_what_is_named_is_used_and_auto_may_stand_in_a_chain(fetched: Path) -> None:
    settings = load_settings({"engines.tts": "espeak", "engines.stt": "auto,pocketsphinx"})
    assert settings.engines.tts == ("espeak",) and settings.engines.stt == ("whisper", "pocketsphinx")
    assert "tts" not in settings.picks and settings.voice_pace is None
    assert load_settings({"engines.tts": "piper"}).rows()  # its files are those that were fetched


def test_files_of_ones_own_always_win(fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINES__PIPER__FOLDER", str(tmp_path / "mine"))
    settings = load_settings()
    rows = {row.key: row for row in settings.rows()}
    assert rows["engines.piper.folder"].value == str(tmp_path / "mine")
    assert settings.picks["tts"].why == "files of your own under [engines.piper]"
    assert settings.voice_pace is None


def test_figures_of_another_machine_or_none_are_not_believed(fetched: Path) -> None:
    place = fetched / "piper-joe"
    figures.keep(place, Figures("another, 64 cores", first_sound_ms=1, factor=0.001))
    assert load_settings().tts == "espeak"
    (place / figures.FILE).write_text("{")
    assert figures.read(place) is None and load_settings().tts == "espeak"


def test_a_change_of_cores_is_told_with_the_command_that_measures_anew(fetched: Path) -> None:
    figures.keep(fetched / "piper-joe", Figures("Z80, 4 cores", first_sound_ms=140, factor=0.08))
    (told,) = notices([load_settings().picks["tts"]])
    assert (
        "piper-joe is here, and was measured on Z80, 4 cores, which this is not: duologue models get piper-joe" in told
    )


def test_figures_of_a_folder_that_may_only_be_read_are_kept_apart(
    fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, real = fetched / "piper-joe", Path.write_text
    (place / figures.FILE).unlink()

    def refused(path: Path, data: str, encoding: str) -> int:
        if path.is_relative_to(fetched):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, data, encoding)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refused)
        figures.keep(place, Figures(this_machine(), first_sound_ms=140, factor=0.09))
    assert not (place / figures.FILE).exists() and load_settings().voice_pace == 0.09
    figures.keep(place, Figures(this_machine(), first_sound_ms=140, factor=0.07))
    shutil.rmtree(place)
    assert figures.read(place) is None, "figures beside a model replace those apart"


def test_figures_of_an_engine_as_it_was_are_not_believed(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "REVISION", figures.REVISION + 1)
    assert figures.read(fetched / "piper-joe") is None and load_settings().tts == "espeak"


def test_an_engine_whose_package_is_not_installed_is_not_chosen(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        return None

    place = fetched / KOKORO.name
    place.mkdir()
    for file in KOKORO.files:
        with (place / file.name).open("wb") as out:
            out.truncate(file.size)
    figures.keep(place, Figures(this_machine(), first_sound_ms=140, factor=0.08))
    assert load_settings().tts == "kokoro"
    monkeypatch.setattr(choosing, "find_spec", nothing)
    assert load_settings().tts == "piper"  # which needs no package of its own
    shutil.rmtree(fetched / PIPER_JOE.name)
    settings = load_settings()
    assert settings.tts == "espeak" and "the package kokoro_onnx is not" in settings.picks["tts"].why


def test_half_a_model_is_none(fetched: Path) -> None:
    (fetched / "whisper-tiny.en" / "model.bin").unlink()
    assert not ModelShelf(fetched).has(WHISPER_TINY_EN)
    assert load_settings().stt == "pocketsphinx"


def test_choosing_touches_nothing_that_is_set(tmp_path: Path) -> None:
    chosen = choose({"tts": ("espeak",)}, {}, tmp_path, SHOW)
    assert chosen.names == {"tts": ("espeak",)} and not chosen.picks and not chosen.tables


def test_the_catalogue_is_whole() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert model.licence and model.maker and model.revision and model.languages and model.files
        for file in model.files:
            assert len(file.sha256) == 64 and file.size > 0 and file.members
        assert set(model.options.values()) <= {".", *(file.name for file in model.files)}
    assert len(KOKORO.voices) == 54 and len(KOKORO.packages) == 5 and len(WHISPER_BASE.languages) == 99


def test_the_doctor_and_the_page_say_what_is_missing_or_where_a_voice_comes_from(fetched: Path) -> None:
    settings = load_settings()
    assert missing_models(settings) == []
    speaks = EngineVitals("tts", EngineHealth("piper"))
    note = engine_view(speaks, settings.picks).note
    assert note.startswith("piper-joe, first sound after 140 ms") and "duologue models get kokoro" in note
    assert engine_view(EngineVitals("tts", EngineHealth("espeak")), settings.picks).note == ""
    ModelShelf(fetched).remove(PIPER_JOE)
    settings = load_settings()
    (missing,) = missing_models(settings)
    assert (missing.needed, missing.command) == ("a voice like a person's", "duologue models get natural")
    assert "Espeak stands in" in engine_view(EngineVitals("tts", EngineHealth("espeak")), settings.picks).note
