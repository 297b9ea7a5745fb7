"""A language is added by one file; where there is none, no English stands in for it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from duologue.dialogue.replies.chunker import Chunker
from duologue.dialogue.replies.chunker_speech import speakable
from duologue.errors import InputError
from duologue.language.chat import instructions, messages
from duologue.language.engine import Line, Moment, Prompt
from duologue.language.improv import Improv
from duologue.language.languages import ENGLISH, SHIPPED, Language, knows, load_language
from duologue.language.persona import Persona, parse_persona
from duologue.language.text import clean
from duologue.speech.reading import read
from duologue.speech.whisper.engine import Whisper, WhisperSettings

GERMAN, FRENCH = load_language("de"), load_language("fr")
APOLOGIES = '[apologies]\nhearing = "Zu?"\nthinking = "Zi?"\nvoicing = "Za?"\n'


def spoken(text: str, language: Language) -> list[str]:
    chunker = Chunker(language=language)
    return [each.spoken for each in chunker.feed(text) + chunker.finish() if each.spoken]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Am 3. Mai kommt Dr. Weiß, z.B. um 9 Uhr.", "Er bleibt bis zum 12. Juni."],
        ["Siehe Nr. 7 und Abb. 3.", "Das ist alles."],
        ["Sie ist 30.", "Der Mann ist älter."],
        ["Obst, Brot usw. sind da.", "Guten Appetit!"],
    ],
)
def test_german_sentences_end_where_german_does(sentences: list[str]) -> None:
    assert spoken(" ".join(sentences), GERMAN) == sentences


def test_english_would_cut_german_short() -> None:
    text = "Am 3. Mai kommt Herr Weiß, z.B. um 9 Uhr. Siehe Abb. 3."
    assert (
        spoken(text, ENGLISH) != spoken(text, GERMAN) == ["Am 3. Mai kommt Herr Weiß, z.B. um 9 Uhr.", "Siehe Abb. 3."]
    )


def test_stage_directions_are_those_of_the_language() -> None:
    assert speakable("(laughs) Ja *seufzt* gut") == "Ja seufzt gut"
    assert speakable("(laughs) Ja *seufzt* gut", (), GERMAN) == "(laughs) Ja gut"


def test_no_english_word_is_put_into_a_language_without_a_file() -> None:
    for text in ("20 °C & 3 × 4", "ada@example.org", "$5.50", "v2.3.4", "≤ 3 km/h", "voir https://example.org ici"):
        assert speakable(text, (), FRENCH) == read(text, FRENCH.reading).spoken == text
    assert speakable(f"`{'x' * 50}`", (), FRENCH) == ""
    assert spoken("Voir p. ex. Le chat. Il dort, etc. Il rêve.", FRENCH)[-1] == "Il rêve."
    assert clean("*laughs* Bonjour.", (), FRENCH) == "laughs Bonjour."
    assert FRENCH.fillers == () and not FRENCH.known


def test_prompts_are_in_the_speakers_language() -> None:
    rita = Persona("rita", "Rita", "Du bist Rita.", opinions=("Tee hilft", "Regen auch"), language=GERMAN)
    prompt = replace(Prompt.by(rita, topic="Regen", lines=(Line("rita", "Hallo."),)), moment=Moment.OPENING)
    english = re.compile(r"\b(?:you|the|and|answer|what|nobody|topic)\b", re.IGNORECASE)
    found = "\n".join(each["content"] for each in messages(prompt))
    assert "Tee hilft; Regen auch" in found and "Worüber ihr sprecht: Regen" in found and "(Du beginnst.)" in found
    assert "(Seit einer Weile" in found
    assert not english.search(found), english.search(found)
    shown = instructions(replace(prompt, others=(Persona("bo", "Bo", "Du bist Bo.", language=GERMAN),)))
    assert "Mit dir auf der Bühne: Bo." in shown and not english.search(shown)


def test_engines_that_know_few_languages_say_so() -> None:
    assert knows(Improv(), "en-GB") and not knows(Improv(), "de")
    assert knows(Whisper(WhisperSettings(model="base")), "de")
    assert knows(object(), "de")


def test_a_character_brings_a_language_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "languages").mkdir()
    (tmp_path / "languages" / "xx.toml").write_text(f'fillers = ["Zum."]\ndeflections = ["Zo."]\n{APOLOGIES}')
    found = parse_persona({"description": "Zim.", "language": "xx"}, tmp_path / "persona.toml")
    assert found.language.known and found.language.tag == "xx"
    assert found.fillers == ("Zum.",) and found.deflections == ("Zo.",)
    assert found.language.prompts == ENGLISH.prompts  # what it says nothing of
    assert found.language.apologies.missed == found.language.apologies.hearing == "Zu?"  # in its own words
    own = parse_persona({"description": "Zim.", "language": "xx", "fillers": ["Zi."]}, tmp_path / "persona.toml")
    assert own.fillers == ("Zi.",)


@pytest.mark.parametrize(
    ("text", "where", "remedy"),
    [
        ("[turns]\nclosings = 'a'", "turns.closings", "Did you mean 'closing'"),
        ("[prompts.talk]\nmiddle = 'Zu {name}.'", "prompts.talk.middle", "{others}, {guest}"),
        ("[[reading]]\nrules = [['a']]", "reading", ""),
        ("x = [", "xx.toml", "Mend that line"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, where: str, remedy: str) -> None:
    file = tmp_path / "languages" / "xx.toml"
    file.parent.mkdir()
    file.write_text(f"deflections = ['Zo.']\n{APOLOGIES}{text}")
    with pytest.raises(InputError) as error:
        load_language("xx", tmp_path)
    assert where in error.value.where and remedy in error.value.remedy
    file.write_text(f"deflections = ['Zo.']\ndirections = '('\n{APOLOGIES}")
    with pytest.raises(InputError, match="regular expression"):
        load_language("xx", tmp_path)


def test_what_ships_says_all_that_english_does() -> None:
    for file in SHIPPED.glob("*.toml"):
        found = load_language(file.stem)
        given = found.model_dump(exclude_unset=True)
        for part in ("apologies", "turns", "sentences", "prompts"):
            assert set(given[part]) == set(ENGLISH.model_dump(exclude_unset=True)[part]), (file, part)
