"""A topic as a person types it becomes a phrase that fits in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.improv.topic import is_plural, understand


@pytest.mark.parametrize(
    ("typed", "name", "short", "plural", "kind"),
    [
        ("pineapple on pizza", "pineapple on pizza", "pineapple", False, "food"),
        ("Is the moon landing tape boring?", "the moon landing tape", "the tape", False, "space"),
        ("my cat", "this cat", "this cat", False, "animal"),
        ("My neighbours", "these neighbours", "these neighbours", True, "people"),
        ("quantum computing for dogs", "quantum computing for dogs", "quantum computing", False, "tech"),
        ("Should robots be allowed to vote?", "robots", "robots", True, "tech"),
        ("Why do cats purr?", "cats", "cats", True, "animal"),
        ("What is love?", "love", "love", False, "people"),
        ("How to fold a fitted sheet", "folding a fitted sheet", "folding a fitted sheet", False, "activity"),
        ("Can you microwave fish?", "microwaving fish", "microwaving fish", False, "activity"),
        ("how do I ask for a raise?", "asking for a raise", "asking for a raise", False, "activity"),
        ("Is it too late to learn the bagpipes?", "learning the bagpipes", "learning the bagpipes", False, "activity"),
        ("Would a bear make a good flatmate?", "a bear", "the bear", False, "animal"),
        ("Are houseplants listening to us?", "houseplants", "houseplants", True, "home"),
        ("Do old houses creak?", "old houses", "old houses", True, "home"),
        ("Why is the queue next to ours always faster?", "the queue next to ours", "the queue", False, "people"),
        ("the end of the world, but on a weekday", "the end of the world", "the end of the world", False, "thing"),
        ("cats vs dogs", "cats versus dogs", "this rivalry", False, "thing"),
        ("tabs or spaces", "tabs versus spaces", "this rivalry", False, "thing"),
        ("Who would win, a bear or a shark?", "a bear versus a shark", "this rivalry", False, "thing"),
        (
            "Are we alone in the universe?",
            "being alone in the universe",
            "being alone in the universe",
            False,
            "activity",
        ),
        ("Pineapple belongs on pizza", "pineapple", "pineapple", False, "food"),
        ("iPhone chargers", "iPhone chargers", "iPhone chargers", True, "tech"),
        ("Monday mornings", "Monday mornings", "Monday mornings", True, "work"),
        ("Paris", "Paris", "Paris", False, "place"),
        ("🍕", "the slice of pizza", "the slice of pizza", False, "food"),
        ("pizza 🍕🍕", "pizza", "pizza", False, "food"),
        ("¿Por qué los gatos?", "“Por qué los gatos”", "that question", False, "thing"),
        ("私の猫", "私の猫", "私の猫", False, "thing"),
        ("???", "that silence", "that silence", False, "thing"),
    ],
)
def test_topics_are_read(typed: str, name: str, short: str, plural: bool, kind: str):
    topic = understand(typed)
    assert (topic.name, topic.short, topic.plural, topic.kind) == (name, short, plural, kind)


@pytest.mark.parametrize(
    ("typed", "claim"),
    [
        ("Is the moon landing tape boring?", "the moon landing tape is boring"),
        ("Is a hot dog a sandwich?", "a hot dog is a sandwich"),
        ("Should robots vote?", "robots should vote"),
        ("Would a bear make a good flatmate?", "a bear would make a good flatmate"),
        ("Are aliens real?", "aliens are real"),
        ("Pineapple belongs on pizza", "pineapple belongs on pizza"),
        ("Why do cats purr?", ""),
        ("my cat", ""),
    ],
)
def test_what_a_question_claims(typed: str, claim: str):
    assert understand(typed).claim == claim


@pytest.mark.parametrize(
    ("phrase", "plural"),
    [
        ("cats", True), ("cat", False), ("dogs in hats", True), ("a hat for dogs", False), ("salt and pepper", True),
        ("physics", False), ("children", True), ("the news", False), ("these sheep", True), ("glass", False),
        ("bus", False),
    ],
)  # fmt: skip
def test_number(phrase: str, plural: bool):
    assert is_plural(phrase) is plural


@given(st.text(max_size=200))
def test_any_text_gives_a_short_phrase(text: str):
    topic = understand(text)
    assert topic.name.strip() and topic.short.strip() and topic.words
    assert len(topic.name.split()) <= 12
    assert "\n" not in topic.name
