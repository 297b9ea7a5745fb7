"""What is known of a language is data; where nothing is, that is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from session_doubles import ADA, Says, Talk

from duologue.dialogue.listening.endpointing import AdaptivePatience, Trust, judge, judge_guessed, trust
from duologue.dialogue.turns.policy import BACKCHANNELS
from duologue.dialogue.turns.vocabulary import EngineFailed, Note, Stage
from duologue.errors import InputError, PeerError
from duologue.language.fake import ScriptedReply
from duologue.language.languages import load_language
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing_fake import Hearing

GERMAN = load_language("de")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Ich möchte einen Tisch bestellen.", "asks for something"),
        ("Ich habe angerufen, aber keiner hat geantwortet.", "two clauses"),
        ("Ich habe gestern angerufen.", "finished"),
    ],
)
def test_ears_that_guess_hear_in_german_who_asks_for_something_and_a_second_clause(text: str, why: str) -> None:
    assert judge_guessed(text, GERMAN.turns) == why


@pytest.mark.parametrize("language", ["en", "de", "en-GB", "DE"])
def test_a_language_is_whole(language: str) -> None:
    found = load_language(language)
    assert found.known and set(found.apologies.model_dump()) == {
        Stage.HEARING, Stage.THINKING, Stage.VOICING, "missed", "spent", "moment",
    }  # fmt: skip
    for part in (found.turns, found.sentences):
        groups = {name: getattr(part, name) for name in type(part).model_fields if name not in ("known", "ordinals")}
        assert all(word == word.casefold() for group in groups.values() for word in group)
        assert [name for name, group in groups.items() if not group] in ([], ["letters_that_are_words"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ich komme morgen und", "trailing"),
        ("ich möchte einen", "leaning"),
        ("meine nummer ist null eins", "dictation"),
        ("meine nummer ist dreißig vier", "dictation"),
        ("wann fährt der zug", "question without mark"),
        ("wir sehen uns am freitag", "closing word"),
        ("genau", "whole"),
        ("Wann fährt der Zug?", "question"),
    ],
)
def test_german_is_judged_by_its_own_words(text: str, why: str) -> None:
    assert judge(text, GERMAN.turns) == why
    assert AdaptivePatience(GERMAN.turns).wait(text).why == why


def test_without_words_pauses_and_marks_decide() -> None:
    none = load_language("fr").turns
    assert not none.known and none.backchannels == frozenset()
    texts = ("je voudrais un", "c'est à vous et", "y a t il", "a b c")
    assert {judge(text, none) for text in texts} == {"unsure"}
    assert judge("Oui?", none) == "question" and judge("oui", none) == "few words"
    assert trust("et si", 0.9, True, 150, none) is Trust.FULL
    assert trust("and if", 0.9, True, 150) is Trust.DOUBT


@pytest.mark.parametrize("language", ["../en", "", "e1"])
def test_what_is_no_language_reads_no_file(language: str) -> None:
    with pytest.raises(InputError, match="is no language"):
        load_language(language)


def talk_in(language: str, *script: Says, hearing: list[Hearing] | None = None) -> Talk:
    talk = Talk(
        script, [ScriptedReply("Es ist Mittag und die Sonne steht hoch über der ganzen Stadt")] * 9, hearing=hearing
    )
    talk.persona = replace(ADA, language=load_language(language))
    return simulate(talk.run())


@pytest.mark.parametrize(("language", "spoken"), [("en", "en"), ("de", "de"), ("fr", "en")])
def test_an_apology_is_in_the_language_of_the_conversation(language: str, spoken: str) -> None:
    talk = talk_in(language, Says(1.0, "wie spät ist es"), hearing=[Hearing(error=PeerError("deaf"))])
    assert talk.context() == [("ada", load_language(spoken).apologies.hearing)]
    assert talk.ears.calls[0].language == language
    told = [item for _, item in talk.log if isinstance(item, EngineFailed) and "no words of" in item.what]
    assert [item.stage for item in told] == ([Stage.HEARING] if language == "fr" else [])


def test_a_backchannel_is_one_in_its_own_language() -> None:
    assert "stimmt" not in BACKCHANNELS
    script = Says(1.0, "wie spät ist es bitte Ada"), Says(5.0, "stimmt")
    assert Note.FALSE_ALARM in talk_in("de", *script).notes()
    assert Note.INTERRUPTED in talk_in("en", *script).notes()
