"""A conversation in another language than English, with sound: what is known of a language is data."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from test_simulation_aloud import Tone

from duologue.app.talking.talking import Partner
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.session.session import SessionEngines
from duologue.dialogue.turns.vocabulary import Note, Report
from duologue.language.fake import FakeLanguage
from duologue.language.languages import load_language
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona, load_persona
from duologue.simulation.runner import PLAIN
from duologue.simulation.scenario import Scenario
from duologue.simulation.spoken_room import aloud
from duologue.simulation.spoken_runner import SpokenOutcome, run_spoken
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness, evenly

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the Debian package espeak-ng is missing")

GERMAN = replace(PLAIN, language=load_language("de"), fillers=load_language("de").fillers)
REPLY = "Der Zug nach Bonn fährt um neun Uhr ab, z.B. von Gleis 3. Das ist gleich hier hinten."
SCRIPT: list[dict[str, object]] = [
    {"pause": 500},
    {"say": "Wann fährt der Zug und [900] von welchem Gleis"},
    {"wait": "sound"},
    {"backchannel": "genau", "after_s": 1.0},
    {"wait": "reply"},
]


def held(persona: Persona, voice: str, script: list[dict[str, object]], heard: list[str], reply: str) -> SpokenOutcome:
    """The script in a voice of espeak's, transcripts as they are scripted: one for each stretch."""
    data = {
        "name": "x", "shows": "x", "replies": [reply], "script": script, "caller": {"voice": voice},
        "expect": {"replies": 1, "cut_ins": 0},
    }  # fmt: skip
    chosen = Scenario.model_validate(data)

    async def run() -> SpokenOutcome:
        clock = LoopClock(SECOND)
        ears = FakeHearing([Hearing(evenly(each, 0.1, 0.15), latency=100 * MILLISECOND) for each in heard], clock=clock)
        await ears.warm_up()
        partner = Partner(persona, SessionEngines(Loudness(0.01), ears, FakeLanguage(), Tone(), Moderator()))
        found = await run_spoken(chosen, partner, utter=aloud(chosen.caller, chosen.script), clock=clock)
        assert {each.language for each in ears.calls} == {persona.language.name}
        return found

    return simulate(run())


def notes(found: SpokenOutcome) -> list[Note]:
    return [each.item.note for each in found.outcome.log.entries if isinstance(each.item, Report)]


@needs_espeak
def test_a_german_conversation_by_german_words() -> None:
    heard = ["wann fährt der zug und", "von welchem gleis", "genau"]
    found = held(GERMAN, "espeak:de", SCRIPT, heard, REPLY)
    assert not found.outcome.failed, found.outcome.failed
    assert [line.text for line in found.outcome.context] == ["wann fährt der zug und von welchem gleis", REPLY]
    assert Note.FALSE_ALARM in notes(found) and Note.INTERRUPTED not in notes(found)
    assert [each.text for each in found.outcome.log.acts if each.step.backchannel] == ["genau"]


@needs_espeak
def test_english_words_would_have_cut_in_and_given_way() -> None:
    heard = ["wann fährt der zug und", "von welchem gleis", "genau"]
    found = held(PLAIN, "espeak:de", SCRIPT, heard, REPLY)
    assert found.outcome.measures.counts["cut_ins"] or Note.INTERRUPTED in notes(found)


XX = """
fillers = ["Zum."]
deflections = ["Zo lu."]
[apologies]
hearing = "Zu ka?"
thinking = "Zi ka?"
voicing = "Za ka?"
[turns]
backchannels = "brum"
open = "zop"
[sentences]
always = "blx."
"""


@needs_espeak
def test_a_language_is_added_by_one_file(tmp_path: Path) -> None:
    (tmp_path / "languages").mkdir()
    (tmp_path / "languages" / "xx.toml").write_text(XX)
    (tmp_path / "persona.toml").write_text('name = "zu"\nlanguage = "xx"\ndescription = "Zu lu."\n')
    zu = load_persona(tmp_path)
    script: list[dict[str, object]] = [
        {"pause": 500},
        {"say": "Lamu seti kano zop [900] beru nati lamo"},
        {"wait": "sound"},
        {"backchannel": "brum", "after_s": 1.0},
        {"wait": "reply"},
    ]
    heard = ["lamu seti kano zop", "beru nati lamo", "brum"]
    found = held(zu, "espeak:eo", script, heard, "Nora blx. Kima & teso lano fira. Sumo lira kane.")
    assert not found.outcome.failed, found.outcome.failed
    heard_of_ours = "Nora blx. Kima & teso lano fira. Sumo lira kane."
    assert [line.text for line in found.outcome.context] == ["lamu seti kano zop beru nati lamo", heard_of_ours]
    assert Note.FALSE_ALARM in notes(found) and Note.INTERRUPTED not in notes(found)


@needs_espeak
def test_its_apology_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "languages").mkdir()
    (tmp_path / "languages" / "xx.toml").write_text(XX)
    (tmp_path / "persona.toml").write_text('name = "zu"\nlanguage = "xx"\ndescription = "Zu lu."\n')
    script: list[dict[str, object]] = [{"pause": 500}, {"say": "Lamu seti kano"}, {"wait": "reply"}]
    found = held(load_persona(tmp_path), "espeak:eo", script, [""], "Nora.")
    assert [line.text for line in found.outcome.context] == ["Zu ka?"]
