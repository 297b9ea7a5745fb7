"""Who is talked to: found by name, with the engines that the settings name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from duologue.app.talking.chat import open_chat
from duologue.app.talking.partners import find_partner
from duologue.app.talking.talking import open_partner, open_talk
from duologue.app.talking.text import Deaf, WrittenVoice
from duologue.app.talking.turn_policy import policy_changes, talk_policy
from duologue.dialogue.session.session import SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.errors import ClosedError, InputError
from duologue.language.engine import Prompt
from duologue.language.persona import parse_persona
from duologue.places import packs_folder
from duologue.settings import Settings, load_settings

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings()


def test_partners_by_name_by_folder_and_by_file(settings: Settings) -> None:
    assert find_partner("virgin", settings).persona.name == "virgin"
    assert find_partner(str(packs_folder() / "characters" / "chad"), settings).name == "chad"
    robin = find_partner("phone", settings)
    assert (robin.name, robin.title, robin.persona.max_sentences) == ("phone", "Robin", 3)
    assert robin.voices == find_partner("chad", settings).voices
    assert find_partner(str(packs_folder() / "personas" / "phone.toml"), settings) == robin


@pytest.mark.parametrize(("name", "words"), [("chat", "'chad'"), ("phon", "'phone'"), ("", "nobody"), ("x.toml", "no")])
def test_an_unknown_partner_gets_a_guess(settings: Settings, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_partner(name, settings)


async def test_a_partner_that_only_writes_needs_neither_voice_nor_ears(settings: Settings) -> None:
    async with open_partner(settings, "chad", hears=False, speaks=False) as partner:
        assert isinstance(partner.engines.voice, WrittenVoice)
        assert isinstance(partner.engines.ears, Deaf)
        async with open_chat(partner, SessionOptions(topic="tea")) as chat:
            assert "tea" in await chat.begin()
            answer = await chat.ask("Why do people drink tea?")
    assert answer
    assert [line.speaker for line in chat.lines] == ["chad", "person", "chad"]
    assert chat.lines[-1].text == answer


async def test_several_partners_share_all_their_engines(settings: Settings) -> None:
    async with open_talk(settings) as talk, talk.open("chad") as chad, talk.open("virgin") as virgin:
        assert chad.engines.activity is virgin.engines.activity
        assert chad.engines.ears is virgin.engines.ears
        assert chad.engines.model is virgin.engines.model
        assert chad.engines.voice is not virgin.engines.voice  # the engine is one, each has its own voice in it


async def test_what_is_voiced_beforehand_is_voiced_once_for_all_conversations_of_a_character(
    settings: Settings,
) -> None:
    async with open_talk(settings) as talk:
        async with talk.open("chad", hears=False) as one, talk.open("chad", hears=False) as other:
            assert one.engines.stock is other.engines.stock
            async with talk.open("virgin", hears=False) as stranger:
                assert stranger.engines.stock is not one.engines.stock
        async with talk.open("chad", hears=False) as later:
            assert later.engines.stock is one.engines.stock


async def test_its_engines_are_closed_at_the_end(settings: Settings) -> None:
    async with open_partner(settings, "chad", hears=False, speaks=False) as partner:
        pass
    with pytest.raises(ClosedError):
        await anext(aiter(partner.engines.model.write(Prompt(partner.persona, (), "tea"))))


def test_every_field_of_the_policy_can_be_set_and_begins_as_it_is(settings: Settings) -> None:
    changes = policy_changes(settings)
    unset = {"half_duplex", "tail_ms", "backchannels", "answers"}  # as the way to talk, the language, a client needs it
    assert changes.keys() | unset == {each.name for each in fields(Policy)}
    assert not changes.keys() & unset
    own = {name: getattr(Policy(), name) for name in changes} | {"asks": 1}
    assert changes == own


def test_a_persona_takes_turns_its_own_way_unless_this_start_says_otherwise(tmp_path: Path) -> None:
    config = tmp_path / "duologue.toml"
    config.write_text("[dialogue]\nbarge_ms = 700\nsorry = 1\nclear_ms = 400\n")
    turns = {"barge_ms": 900, "sorry": 3, "backchannels": ["Aha"]}
    persona = parse_persona({"description": "x", "dialogue": turns}, tmp_path / "persona.toml")
    policy = talk_policy(load_settings({"dialogue.sorry": 5}, config=config), persona)
    assert (policy.barge_ms, policy.sorry, policy.clear_ms) == (900, 5, 400)
    assert policy.backchannels == {"aha"}
    on_a_line = talk_policy(load_settings({"dialogue.sorry": 5}, config=config), persona, {"barge_ms": 800, "sorry": 4})
    assert (on_a_line.barge_ms, on_a_line.sorry, on_a_line.clear_ms) == (800, 5, 400)


@pytest.mark.parametrize(("key", "value"), [("sorry", 99), ("barge", 900), ("wait_least_ms", "soon")])
def test_what_a_persona_cannot_set_is_named_with_its_file(tmp_path: Path, key: str, value: object) -> None:
    file = tmp_path / "persona.toml"
    with pytest.raises(InputError) as caught:
        parse_persona({"description": "x", "dialogue": {key: value}}, file)
    assert f"{file}: dialogue.{key}" in caught.value.where


def test_a_wait_of_a_persona_that_contradicts_the_settings_is_named(tmp_path: Path) -> None:
    turns = {"wait_least_ms": 1_000}
    persona = parse_persona({"name": "bo", "description": "x", "dialogue": turns}, tmp_path / "p.toml")
    with pytest.raises(InputError, match="above") as caught:
        talk_policy(load_settings({"dialogue.wait_most_ms": 500}), persona)
    assert "persona bo" in caught.value.where
    with pytest.raises(InputError, match="above") as caught:
        talk_policy(load_settings({}), persona, {"wait_most_ms": 500})
    assert "persona bo on the phone" in caught.value.where


def test_turns_are_taken_as_the_settings_say(settings: Settings) -> None:
    assert talk_policy(settings) == Policy(asks=1)
    assert talk_policy(settings, half_duplex=True, tail_ms=400) == Policy(half_duplex=True, tail_ms=400, asks=1)
    set_so = load_settings(
        {
            "dialogue.speculate": False,
            "dialogue.half_duplex": False,
            "dialogue.wait_least_ms": 400,
            "dialogue.wait_most_ms": 900,
            "dialogue.filler_seconds": 0.8,
            "dialogue.reply_seconds": 6,
            "dialogue.silence_seconds": 45,
            "dialogue.silence_asks": 3,
            "dialogue.doubt_ms": 250,
            "dialogue.barge_ms": 900,
            "dialogue.filler_every_seconds": 6,
            "dialogue.turn_seconds": 60,
        }
    )
    wanted = Policy(
        speculate=False, wait_least_ms=400, wait_most_ms=900, filler_ms=800, reply_ms=6000, silence_ms=45_000,
        asks=3, doubt_ms=250, barge_ms=900, filler_every_ms=6000, turn_ms=60_000,
    )  # fmt: skip
    assert talk_policy(set_so, half_duplex=True) == wanted
    assert policy_changes(set_so)["half_duplex"] is False
    with pytest.raises(InputError, match="above"):
        load_settings({"dialogue.wait_least_ms": 900, "dialogue.wait_most_ms": 300})
