"""What one person's remark is, and what it is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.improv.remark import remark


@pytest.mark.parametrize(
    ("text", "kind", "subject"),
    [
        ("Hello", "hello", ""),
        ("good morning", "hello", ""),
        ("Hello?", "hello", ""),
        ("Who am I talking to?", "self", ""),
        ("You are no help at all!", "tease", ""),
        ("That is not what I asked.", "again", ""),
        ("Really?", "again", ""),
        ("My dog died this morning.", "sad", "your dog"),
        ("What was the address of your website again?", "what", "the address of my website"),
        ("my neighbour painted the fence", "about", "your neighbour"),
        ("what's the weather like", "what", "the weather"),
        ("how old are you", "many", ""),
        ("maybe", "statement", ""),
        ("the red door", "word", "the red door"),
        ("Hi, when do you open?", "when", ""),
        ("hello how are you", "well", ""),
        ("What do you think about pizza?", "what", "pizza"),
        ("do you like The Beatles?", "yesno", "The Beatles"),
        ("Is a hot dog a sandwich?", "yesno", "a hot dog"),
        ("What is the capital of France?", "what", "the capital of France"),
        ("Can you tell me about your job?", "yesno", "my job"),
        ("What time is it?", "what", ""),
        ("why", "why", ""),
        ("???", "again", ""),
        ("what?", "again", ""),
        ("thank you very much", "thanks", ""),
        ("you are great", "praise", ""),
        ("you are stupid", "tease", ""),
        ("Goodbye", "bye", ""),
        ("ok", "yes", ""),
        ("no", "no", ""),
        ("pizza", "word", "pizza"),
        ("asdf qwer", "word", "asdf qwer"),
        ("My cat is sick", "sad", "your cat"),
        ("I lost my keys yesterday", "sad", "your keys"),
        ("I love pizza", "about", "pizza"),
        ("I think that the moon landing was fake", "about", "the moon landing"),
        ("it's raining today", "statement", ""),
        ("because I want to", "statement", ""),
        ("12345", "statement", ""),
        ("", "statement", ""),
    ],
)
def test_kind_and_subject(text: str, kind: str, subject: str):
    found = remark(text)
    assert (found.kind, found.subject) == (kind, subject)


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str):
    found = remark(text)
    assert found.kind
    assert len(found.subject.split()) <= 8
