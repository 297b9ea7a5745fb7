"""What is read aloud of what is written, and which written word each spoken one belongs to."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.language.languages import load_language
from duologue.speech.reading import read
from duologue.speech.words import spoken_words

ENGLISH = (
    ("Wait... what?", "Wait, what?"),
    ("And then…", "And then."),
    ("It costs $3.50 today.", "It costs 3 dollars and 50 cents today."),
    ("It costs $1.", "It costs 1 dollar."),
    ("It costs £1.20, $1.01 or €1.05.", "It costs 1 pound and 20 pence, 1 dollar and 1 cent or 1 euro and 5 cents."),
    ("It made $1.2 million.", "It made 1.2 million dollars."),
    ("Pay £1,200.99 or €5.", "Pay 1,200 pounds and 99 pence or 5 euros."),
    ("At 5:30 or 5:05.", "At 5 30 or 5 oh-5."),
    ("From 2:10-3:40, or 9:05 – 10:00.", "From 2 10 to 3 40, or 9 oh-5 to 10 o'clock."),
    ("Acme Inc. made it, Zeta, Inc. sold it.", "Acme , Incorporated made it, Zeta, Incorporated sold it."),
    ("Come at 7:00.", "Come at 7 o'clock."),
    ("On 2026-11-22 we met.", "On November 22nd, 2026 we met."),
    ("On 3/14/2026.", "On March 14th, 2026."),
    ("On March 3 and May 11.", "On March 3rd and May 11th."),
    ("In 1984 or in the 1990s.", "In 19 84 or in the 19 nineties."),
    ("In 1905.", "In 19 oh 5."),
    ("Half is 1/2, not 3/4.", "Half is a half, not three quarters."),
    ("Call 555-0199.", "Call 5 5 5, 0 1 9 9."),
    ("Ring +1 202 555 0123 now.", "Ring 2 0 2, 5 5 5, 0 1 2 3 now."),
    ("Apt. 4, said the Ph.D. student.", "Apartment 4, said the P H D student."),
    ("Pages 10-12.", "Pages 10 to 12."),
    ("At 20 km/h and 5kg.", "At 20 kilometres an hour and 5 kilograms."),
    ("She is 6'2\".", "She is 6 foot 2."),
    ("No. 5 and #7.", "number 5 and number 7."),
    ("He lives at 12 Main St., near Dr. Jones.", "He lives at 12 Main Street, near Doctor Jones."),
    ("St. Paul met Mrs. Smith.", "Saint Paul met Missus Smith."),
    ("J. R. Smith left.", "J R Smith left."),
    ("Cats vs. dogs, etc.", "Cats versus dogs, et cetera."),
    ("Fruit, e.g. apples.", "Fruit, for example apples."),
    ("Write to a@b.com.", "Write to a, at b dot com."),
    ("No rule here: 42 apples, 1,234,567 pears, 10%.", "No rule here: 42 apples, 1,234,567 pears, 10%."),
)  # fmt: skip
GERMAN = (
    ("Das kostet 3,50 €.", "Das kostet 3 Euro 50."),
    ("Um 17:30 Uhr.", "Um 17 Uhr 30."),
    ("Am 5. Mai.", "Am fünften Mai."),
    ("Der 3. Oktober 1990.", "Der dritte Oktober neunzehnhundert 90."),
    ("Obst, z. B. Äpfel usw.", "Obst, zum Beispiel Äpfel und so weiter."),
    ("Dr. Meier, Nr. 5.", "Doktor Meier, Nummer 5."),
)


@pytest.mark.parametrize(("written", "spoken"), ENGLISH)
def test_english_is_read_as_it_is_said(written: str, spoken: str) -> None:
    assert read(written, load_language("en").reading.rules).spoken == spoken


@pytest.mark.parametrize(("written", "spoken"), GERMAN)
def test_german_is_read_as_it_is_said(written: str, spoken: str) -> None:
    assert read(written, load_language("de").reading.rules).spoken == spoken


def test_each_spoken_word_belongs_to_a_written_one() -> None:
    text = "It made $1.2 million, said Dr. Who at 5:05."
    found = read(text, load_language("en").reading.rules)
    pairs = [(found.spoken[word.begin : word.end], word.written.text) for word in found.words]
    assert pairs == [
        ("It", "It"), ("made", "made"), ("1.2", "1.2"), ("million", "1.2"), ("dollars", "million"), ("said", "said"),
        ("Doctor", "Dr"), ("Who", "Who"), ("at", "at"), ("5", "5:05"), ("oh-5", "5:05"),
    ]  # fmt: skip


def test_of_two_rules_the_first_has_the_letters() -> None:
    rules = ((re.compile("ab"), "x"), (re.compile("bc"), "y"), (re.compile("c"), "z"))
    assert read("abc bc", rules).spoken == "xz y"


@given(st.text(alphabet="aA1 .,$€:/-'\"…@#5\n", max_size=60))
def test_words_stay_in_order_and_within_the_text(text: str) -> None:
    for tag in ("en", "de"):
        found = read(text, load_language(tag).reading.rules)
        offsets = [word.written.offset for word in found.words]
        assert offsets == sorted(offsets)
        assert {word.written for word in found.words} <= set(spoken_words(text))
        assert [found.spoken[word.begin : word.end] for word in found.words] == [
            word.text for word in spoken_words(found.spoken)
        ] or not spoken_words(text)
