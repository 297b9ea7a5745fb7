"""The evaluation of replies, and the phone persona by its own measure."""

from __future__ import annotations

import pytest

from duologue.language.chat import messages
from duologue.language.engine import Line, Moment, Prompt
from duologue.language.evaluation import Rule, evaluate, interview
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.persona import Persona, load_persona
from duologue.places import packs_folder

PHONE = load_persona(packs_folder() / "personas" / "phone.toml")

WARM = (
    "Oh no, that's a nasty surprise. I'll look it up, what's the name on the order?",
    "Sure, I can do that. It'll take me a minute.",
    "I don't know that one, I'm sorry. I can ask and ring you back tonight.",
    "You're right, it came twice. I've taken one off.",
    "It's open till six today.",
    "Bye now. Take care on the ice!",
)
BUREAUCRATIC = (
    "Please be advised that your request has been received. As per our policy, processing will take five days.",
    "Your call is important to us. Is there anything else I can assist you with today?",
    "Kindly hold. We are unable to process your request at this time due to the fact that the system is down.",
    "As an AI language model, I do not have access to that information.",
)


def rules(persona: Persona, *replies: str) -> list[Rule]:
    return [finding.rule for finding in evaluate(persona, replies).findings]


def test_warm_plain_and_brief_replies_pass():
    result = evaluate(PHONE, WARM)
    assert result.findings == () and result.share_good == 1.0
    assert result.replies == 6 and 5 < result.mean_words < 16 and result.mean_seconds < 6
    assert result.share_asking == pytest.approx(1 / 6)


@pytest.mark.parametrize("reply", BUREAUCRATIC)
def test_bureaucratic_replies_do_not(reply: str):
    assert Rule.PHRASE in rules(PHONE, reply)


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        ("word " * 41 + ".", Rule.WORDS),
        ("extraordinarily " * 14 + "long.", Rule.SECONDS),
        ("I see. I do. I will. I can.", Rule.SENTENCES),
        ("Is it red? Or is it blue?", Rule.QUESTIONS),
        ("I KINDLY ask you.", Rule.PHRASE),
        ("I don’t hesitate, so please\ndon't  hesitate.", Rule.PHRASE),
        ("I think that " + "the thing you told me " * 5 + "is fine.", Rule.LONG_SENTENCE),
        ("- I have\n- two things", Rule.WRITTEN),
        ("See https://example.com for it.", Rule.WRITTEN),
        ("The office opens at nine and closes at five on every weekday except for public holidays.", Rule.STIFF),
        ("😀", Rule.EMPTY),
        ("", Rule.EMPTY),
    ],
)  # fmt: skip
def test_each_rule_finds_its_fault(reply: str, rule: Rule):
    assert rule in rules(PHONE, reply)


def test_a_phrase_counts_only_as_whole_words():
    assert rules(Persona("x", "X", "", avoid=("as per",)), "I have a person, as personal as it gets.") == []
    assert rules(Persona("x", "X", ""), "Kindly hold.") == []


def test_findings_are_counted_by_rule_and_tied_to_their_reply():
    result = evaluate(PHONE, ["It's fine.", "Kindly, as per you?", "Is it? Is it?"])
    assert result.counts() == {Rule.PHRASE: 2, Rule.QUESTIONS: 1}
    assert [finding.reply for finding in result.findings] == [1, 1, 2]
    assert result.findings[0].detail == "“Kindly”" and result.share_good == pytest.approx(1 / 3)
    assert evaluate(PHONE, []).share_good == 1.0


def test_the_phone_persona_keeps_to_its_own_measure():
    result = evaluate(PHONE, [*PHONE.deflections, *PHONE.fillers])
    assert result.findings == ()
    assert PHONE.max_seconds <= 15 and PHONE.max_words <= 45 and PHONE.max_sentences <= 3 and len(PHONE.avoid) > 20


def test_its_prompt_is_that_of_a_conversation_and_says_what_to_avoid():
    sent = messages(Prompt(PHONE, (), "", (Line("Caller", "Hello?"),), Moment.ANSWER))
    assert "Never say: your call is important to us;" in sent[0]["content"]
    whole = " ".join(message["content"] for message in sent)
    assert "show" not in whole and "audience" not in whole and "Hello?" in sent[-1]["content"]


async def test_an_interview_is_one_conversation():
    model = FakeLanguage([ScriptedReply("I'm here."), ScriptedReply("It's open till six.")])
    assert await interview(model, PHONE, ["Hello?", "When do you close?"]) == ["I'm here.", "It's open till six."]
    assert model.prompts[1].lines == (
        Line("Caller", "Hello?"), Line("phone", "I'm here."), Line("Caller", "When do you close?"),
    )  # fmt: skip
