"""A small lesson for tests."""

from __future__ import annotations

import tomllib

from duologue.tutor.lesson import Lesson, parse_lesson

TEXT = """
title = "Small"
level = "A1"
about = "Something small."
intro = "Let us begin."
outro = "That was it."

[[vocabulary]]
word = "good morning"
meaning = "A greeting."
translations = { de = "guten Morgen" }

[[vocabulary]]
word = "thank you"
meaning = "Said for a gift."

[[exercise]]
kind = "repeat"
text = "Good morning to you."
hint = "The R is soft."
translations = { de = "Guten Morgen." }
words = ["good morning"]

[[exercise]]
kind = "choice"
ask = "Somebody gives you a flower. What do you say?"
options = ["Thank you.", "Goodbye."]
answers = ["Thank you."]
hint = "It is polite."
words = ["thank you"]
mistakes = [{ said = "Goodbye.", because = "That is for leaving." }]

[[exercise]]
kind = "answer"
ask = "How old are you? Say twenty."
answers = ["I am twenty.", "I am twenty years old."]
mistakes = [{ said = "I have twenty years.", because = "In English you are an age." }]

[[exercise]]
kind = "write"
ask = "Write the day after Monday."
answers = ["Tuesday"]
hint = "It begins with a T."
"""


def small_lesson(text: str = TEXT) -> Lesson:
    """Four exercises, one of each kind."""
    return parse_lesson(tomllib.loads(text), "small", "small.toml")
