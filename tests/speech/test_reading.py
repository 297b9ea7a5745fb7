"""What is read aloud of what is written, and which written word each spoken one belongs to."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from duologue.language.languages import ReadingRules, load_language
from duologue.speech.reading import language_of, read
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
    ("Acme Inc. made it, Zeta, Inc. sold it.", "Acme, Incorporated made it, Zeta, Incorporated sold it."),
    ("Come at 7:00.", "Come at 7 o'clock."),
    ("On 2026-11-22 we met.", "On November 22nd, 20 26 we met."),
    ("On 3/14/2026.", "On March 14th, 20 26."),
    ("On March 3 and May 11.", "On March 3rd and May 11th."),
    ("In 1984 or in the 1990s.", "In 19 84 or in the 19 nineties."),
    ("In 1905.", "In 19 oh 5."),
    ("Half is 1/2, not 3/4.", "Half is a half, not three quarters."),
    ("Call 555-0199.", "Call 5 5 5, 0 1 9 9."),
    ("Ring +1 202 555 0123 now.", "Ring plus 1, 2 0 2, 5 5 5, 0 1 2 3 now."),
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
    # Sums that are not dollars and cents
    ("It is $1.5, $2.5, $3.999, $0.5 or $0.01.", "It is 1.5 dollars, 2.5 dollars, 3.999 dollars, 50 cents or 1 cent."),
    ("From $1.2bn to $5k, £3M or US$10.",
     "From 1.2 billion dollars to 5 thousand dollars, 3 million pounds or 10 US dollars."),
    ("He owes -$5, $5-10 or $20-$30 million.", "He owes minus 5 dollars, 5 to 10 dollars or 20 to 30 million dollars."),
    ("It is $20/month, ¥500, or 5 EUR.", "It is 20 dollars per month, 500 yen, or 5 euros."),
    ("It costs $1, $1.00, £1, or €1; $1,000 or $1.005.",
     "It costs 1 dollar, 1 dollar, 1 pound, or 1 euro; 1,000 dollars or 1.005 dollars."),
    # Comparisons, which the voice passes over; menus, which it may
    ("If x < 5 and y>3, or a < b and price > -100.",
     "If x is less than 5 and y is greater than 3, or a is less than b and price is greater than -100."),
    ("Open Settings > Privacy, x >= 3.", "Open Settings > Privacy, x >= 3."),
    # Tags are not read, and words in angle brackets are
    ("<b>Now</b> <a href='x.html'>go</a><br/> on.", "Now go on."),
    ("Say <your name> now, when x<y and y>z.", "Say <your name> now, when x is less than y and y is greater than z."),
    # Emoji are not read, whichever block they are of
    ("A ⭐ star, ⏰ late, 1️⃣ first, ▶️ play, 🏴󠁧󠁢󠁥󠁮󠁧󠁿 flag.", "A star, late, 1 first, play, flag."),
    # Numbers that are not counted
    ("Call 1-800-555-0199 or +1 (202) 555-0123.", "Call 1, 8 0 0, 5 5 5, 0 1 9 9 or plus 1, 2 0 2, 5 5 5, 0 1 2 3."),
    ("Call +44 20 7946 0958 or 020 7946 0958.", "Call plus 4 4, 2 0, 7 9 4 6, 0 9 5 8 or 0 2 0, 7 9 4 6, 0 9 5 8."),
    ("Ring 07700 900123, dial 911.", "Ring 0 7 7 0 0, 9 0 0 1 2 3, dial 9 1 1."),
    ("Read pages 100-1000 in 450-1200 days.", "Read pages 100 to 1000 in 450 to 12 hundred days."),
    # Times, scores, dates, years
    ("It is 12:00 a.m. or 5:30pm, 9am-5pm.", "It is 12am or 5 30pm, 9am to 5pm."),
    ("They won 3:2; see John 3:5.", "They won 3 to 2; see John 3 5."),
    ("It took 1:02:03.", "It took 1:02:03."),
    ("On 3 March, 25/12/2026 and March 3-5.", "On the 3rd of March, December 25th, 20 26 and March 3rd to 5th."),
    ("Mar. 3, Jul. 4, Sept. 2nd, Mon. to Fri., 1 Jan. 2025.",
     "March 3rd, July 4th, September 2nd, Monday to Friday, the 1st of January 20 25."),
    ("The 1984 games (1879), 1990-1995, the 1900s.", "The 19 84 games (18 79), 19 90 to 19 95, the 19 hundreds."),
    ("In 2000 or 2005, 2,048 of them.", "In 2000 or 2005, 2,048 of them."),
    # Kings, wars, chapters
    ("Henry VIII, Elizabeth I, Chapter IV of World War II.",
     "Henry the eighth, Elizabeth the first, Chapter 4 of World War 2."),
    ("Mary I love you, the part I like; act V, an IV.", "Mary I love you, the part I like; act 5, an IV."),
    # Fractions, signs, measures
    ("Take 1 1/2 cups, 2½ spoons, 5/8 of it: 7/10.",
     "Take 1 and a half cups, 2 and a half spoons, 5 eighths of it: 7 out of 10."),
    ("A 50/50 chance, 24x7, 5 - 3 = 2.", "A 50 50 chance, 24 by 7, 5 minus 3 = 2."),
    ("It is 1 km, 1 lb, 10 m², 5 ft. tall, 12 oz and 5 mm.",
     "It is 1 kilometre, 1 pound, 10 square metres, 5 feet tall, 12 ounces and 5 millimetres."),
    ("Wait 5 min or 20 ° C.", "Wait 5 minutes or 20 degrees Celsius."),
    # Addresses, abbreviations, what is written for a page
    ("See https://www.example.com/docs or b.co.uk.", "See example dot com slash docs or b dot co dot uk."),
    ("He is at 221B Baker St. London, see Fig. 3, Vol. II.",
     "He is at 221B Baker Street London, see figure 3, volume 2."),
    ("Ms Li, a.k.a. Bob, w/o a C#, order #A-12.", "Miz Li, also known as Bob, without a C sharp, order number A-12."),
    ("<b>It</b> is **so** \U0001f600 `good`.", "It is so good."),
    ("STOP IT NOW! I MEAN IT, the NHS IT said.", "STOP it NOW! I MEAN it, the NHS IT said."),
    ("See https://www.example.com/docs?id=7#x.", "See example dot com slash docs."),
    ("See http://docs.example.org/3/a.html, or x.io/a/b-1.", "See docs dot example dot org, or x dot io."),
    ("At http://127.0.0.1:8081/ now, or http://[::1.", "At a link now, or a link."),
    ("Write to ada.b_c+d@mail.example.org!", "Write to ada dot b underscore c plus d, at mail dot example dot org!"),
    ("Python 3.11.2, v2.0.1, 127.0.0.1, 3.14.",
     "Python 3 point 11 point 2, version 2 point 0 point 1, 127 dot 0 dot 0 dot 1, 3.14."),
    ("Install version v3.1.4.", "Install version 3 point 1 point 4."),
    ("a → b, x == 1, get_user(), 5*3, 5 * 3, 2**3, x^2.",
     "a to b, x equals 1, get user, 5 times 3, 5 times 3, 2 to the power of 3, x squared."),
    ("Signs the voice knows: 3 × 4, 3 ± 1, ≤ 5, 30°, A & B.", "Signs the voice knows: 3 × 4, 3 ± 1, ≤ 5, 30°, A & B."),
    # What stands in nobody's way but was read as it stands
    ("My number is 555 0199, or 555.0123.", "My number is 5 5 5, 0 1 9 9, or 5 5 5, 0 1 2 3."),
    ("Call 555 2368. The bill has 555 2000 rows.", "Call 5 5 5, 2 3 6 8. The bill has 555 2000 rows."),
    ("My card is 4111 1111 1111 1111.", "My card is 4 1 1 1, 1 1 1 1, 1 1 1 1, 1 1 1 1."),
    ("It is 5$, 1 $, €5,50, $20/mo.", "It is 5 dollars, 1 dollar, 5 euros and 50 cents, 20 dollars per month."),
    ("Rooms 3 - 5, 5% – 10%, 9 AM - 5 PM, 10 000.", "Rooms 3 to 5, 5% to 10%, 9 AM to 5 PM, 10,000."),
    ("On 2024/07/08 in the 80's, Rocky IV, this IV.", "On July 8th, 20 24 in the eighties, Rocky 4, this IV."),
    ("The 1/2 cup, 5/6 of it, on 5/6.", "The half cup, 5 sixths of it, on 5/6."),
    ("He/she and/or 10 dB at 60 fps, 100 KB/s, 00:00.",
     "He or she and or 10 decibels at 60 frames a second, 100 kilobytes a second, midnight."),
    ("Open Mon-Fri 9-5, Sat 10-2, Mon.-Fri., 9 a.m.-5 p.m.; the sun sat.",
     "Open Monday to Friday 9 to 5, Saturday 10 to 2, Monday to Friday, 9 a.m. to 5 p.m.; the sun sat."),
    ("5th Ave. & 42nd St. near it, tel. 555 0101.", "5th Avenue & 42nd Street near it, telephone 5 5 5, 0 1 0 1."),
    ("A$7, 3bn, 5m people, 5m of it, 2024/25, 7/11, 3/16 inch.",
     "7 Australian dollars, 3 billion, 5 million people, 5 metres of it, 20 24 25, 7 11, 3 sixteenths inch."),
    # Sounds that espeak-ng spells
    ("Hm. Mm, shh!", "hmm. hmm, shush!"),
    ("Hmmm, mm-hm, MHM!", "hmm, um-hum, um-hum!"),
    ("Pfft… cats, brrr. Hmmph, sh!", "puff, cats, burr. humf, shush!"),
    ("The hammer and the pffts of rhythm, Hmong, run.sh.", "The hammer and the pffts of rhythm, Hmong, run.sh."),
)  # fmt: skip
GERMAN = (
    ("Das kostet 3,50 €.", "Das kostet 3 Euro 50."),
    ("Um 17:30 Uhr.", "Um 17 Uhr 30."),
    ("Am 5. Mai.", "Am fünften Mai."),
    ("Der 3. Oktober 1990.", "Der dritte Oktober neunzehnhundert 90."),
    ("Obst, z. B. Äpfel usw.", "Obst, zum Beispiel Äpfel und so weiter."),
    ("Dr. Meier, Nr. 5.", "Doktor Meier, Nummer 5."),
    ("Das Spiel endete 3:2, um 1 Uhr.", "Das Spiel endete 3 zu 2, um ein Uhr."),
    ("Für 0,5 €, 5,5 €, 1,05 € oder € 5.", "Für 50 Cent, 5 Euro 50, ein Euro 5 oder 5 Euro."),
    ("Es sind 1 Mio. €, 2 Mrd. Euro, 3,50 EUR.", "Es sind eine Million Euro, 2 Milliarden Euro, 3 Euro 50."),
    ("Am 03.05.2026, am 24.12. und vom 1. bis 3. Juni.",
     "Am dritten Mai 2026, am vierundzwanzigsten Dezember und vom ersten bis dritten Juni."),
    ("Im 19. Jahrhundert die 2. Liga, Version 3.5.", "Im neunzehnten Jahrhundert die zweite Liga, Version 3.5."),
    ("Mo.-Fr. 9-17 Uhr, Fr. Schulz.", "Montag bis Freitag 9 bis 17 Uhr, Frau Schulz."),
    ("Ludwig XIV., Elisabeth II., Kapitel IV.", "Ludwig der Vierzehnte, Elisabeth die Zweite, Kapitel 4."),
    ("1 Std., 5 mm, 2 l, 1 kg.", "eine Stunde, 5 Millimeter, 2 Liter, ein Kilogramm."),
    ("Tel. 030 901820, +49 30 901820.", "Telefon 0 3 0, 9 0 1 8 2 0, plus 4 9, 3 0, 9 0 1 8 2 0."),
    ("1990-1995, 1/2, 2 1/2.", "neunzehnhundert 90 bis neunzehnhundert 95, ein halb, 2 einhalb."),
    ("o.Ä., i.d.R., zzgl., in der EU.", "oder Ähnliches, in der Regel, zuzüglich, in der E U."),
    ("Hmm, https://www.beispiel.de.", "hm, beispiel Punkt de."),
    ("Siehe https://www.beispiel.de/hilfe?id=7, frag a.b@c.de.",
     "Siehe beispiel Punkt de Schrägstrich hilfe, frag a Punkt b, ät c Punkt de."),
    ("a → b, ~5, #3, #zurück, v2.0.1, 3 - 5.", "a zu b, etwa 5, Nummer 3, Hashtag zurück, Version 2.0.1, 3 bis 5."),
    ("$5.50, £5, 5,50 €/Std., 20 €/Monat.", "5 Dollar 50, 5 Pfund, 5 Euro 50 pro Stunde, 20 Euro pro Monat."),
    ("Ruf 555 0199 an, 2/7, 24/7.", "Ruf 5 5 5, 0 1 9 9 an, 2 Siebtel, 24 7."),
    ("Mo-Fr 9-17 Uhr, Sa 10-14 Uhr, So - na ja.",
     "Montag bis Freitag 9 bis 17 Uhr, Samstag 10 bis 14 Uhr, So - na ja."),
    ("Papst Johannes Paul II.", "Papst Johannes Paul der Zweite."),
    ("Nr.2, Kap. III, mind. 5, inkl. MwSt., 50/50, 2024/25, 5 l/100 km.",
     "Nummer 2, Kapitel 3, mindestens 5, inklusive Mehrwertsteuer, 50 50, 2024 25, 5 Liter auf 100 Kilometer."),
    ("60 Hz, 10 dB, 80 °F.", "60 Hertz, 10 Dezibel, 80 Grad Fahrenheit."),
    # A number at the end of a sentence is no ordinal
    ("Ich bin 30. Meine Schwester ist 25.", "Ich bin 30. Meine Schwester ist 25."),
    ("Er ist 31. Sie kommt am 31. Dezember.", "Er ist 31. Sie kommt am einunddreißigsten Dezember."),
    ("Bis um 8. Bis dann, zwischen 3 und 5. Danach nicht.", "Bis um 8. Bis dann, zwischen 3 und 5. Danach nicht."),
    ("In der 3. Klasse, zu ihrem 50. Geburtstag, eine 2. Chance, im 1. oder 2. Stock.",
     "In der dritten Klasse, zu ihrem fünfzigsten Geburtstag, eine zweite Chance, im ersten oder zweiten Stock."),
    ("Vom 1. bis zum 3. Juni.", "Vom ersten bis zum dritten Juni."),
    ("Wenn x < 5 und 3 > 2, dann ⭐.", "Wenn x kleiner als 5 und 3 größer als 2, dann."),
)  # fmt: skip


def plainly(spoken: str) -> str:
    """Blanks do not sound, however many there are."""
    return re.sub(r" (?=[,.])", "", " ".join(spoken.split()))


@pytest.mark.parametrize(("written", "spoken"), ENGLISH)
def test_english_is_read_as_it_is_said(written: str, spoken: str) -> None:
    assert plainly(read(written, load_language("en").reading).spoken) == spoken


@pytest.mark.parametrize(("written", "spoken"), GERMAN)
def test_german_is_read_as_it_is_said(written: str, spoken: str) -> None:
    assert plainly(read(written, load_language("de").reading).spoken) == spoken


def test_each_spoken_word_belongs_to_a_written_one() -> None:
    text = "It made $1.2 million, said Dr. Who at 5:05."
    found = read(text, load_language("en").reading)
    pairs = [(found.spoken[word.begin : word.end], word.written.text) for word in found.words]
    assert pairs == [
        ("It", "It"), ("made", "made"), ("1.2", "1.2"), ("million", "1.2"), ("dollars", "million"), ("said", "said"),
        ("Doctor", "Dr"), ("Who", "Who"), ("at", "at"), ("5", "5:05"), ("oh-5", "5:05"),
    ]  # fmt: skip


def test_a_unit_and_an_abbreviation_keep_the_words_that_they_are() -> None:
    for text in ("It took 1500 km at 5 p.m. sharp.", "At 12 Main St. in town, 6 ft. of it."):
        found = read(text, load_language("en").reading)
        assert list(dict.fromkeys(word.written for word in found.words)) == list(spoken_words(text))


@example("→ - next")
@given(st.text(alphabet="hmpfvsrz.-$15/ aé😀→<", max_size=40))
def test_each_place_leads_to_the_written_text_in_order(text: str) -> None:
    found = read(text, load_language("en").reading)
    assert len(found.places) == len(found.spoken)
    assert list(found.places) == sorted(found.places)
    assert all(0 <= place < len(text) for place in found.places)


def test_places_of_what_was_told_are_those_of_its_words() -> None:
    text = "So 2026-11-22 was $1.2 million."
    found = read(text, load_language("en").reading)
    owners = [text[found.places[word.begin] :].split()[0] for word in found.words]
    assert owners == ["So", *["2026-11-22"] * 4, "was", "$1.2", "$1.2", "million."]


@pytest.mark.parametrize(
    ("voice", "tag"),
    [("en-us", "en"), ("gmw/en-US", "en"), ("English (America)", "en"), ("de", "de"), ("German", "de"),
     ("fr-fr", "fr"), ("cmn", "cmn"), ("roa/fr", "fr"), ("Welsh", "und"), ("", "und")],
)  # fmt: skip
def test_the_language_of_a_voice_is_known_however_it_is_named(voice: str, tag: str) -> None:
    assert language_of(voice).name == tag


def test_of_two_rules_the_first_has_the_letters() -> None:
    rules = ReadingRules.model_validate({"rules": [["ab", "x"], ["bc", "y"], ["c", "z"]]})
    assert read("abc bc", [rules]).spoken == "xz y"


def test_rules_are_tried_where_their_own_expression_is_found() -> None:
    rules = ReadingRules.model_validate({"where": "!", "rules": [["ab", "x"]]})
    assert [read(text, [rules]).spoken for text in ("ab!", "ab")] == ["x!", "ab"]
    with pytest.raises(ValidationError, match="no regular expression"):
        ReadingRules.model_validate({"where": "(", "rules": []})


@given(st.text(alphabet="aA1 .,$€:/-'\"…@#5\n", max_size=60))
def test_words_stay_in_order_and_within_the_text(text: str) -> None:
    for tag in ("en", "de"):
        found = read(text, load_language(tag).reading)
        offsets = [word.written.offset for word in found.words]
        assert offsets == sorted(offsets)
        assert {word.written for word in found.words} <= set(spoken_words(text))
        assert [found.spoken[word.begin : word.end] for word in found.words] == [
            word.text for word in spoken_words(found.spoken)
        ] or not spoken_words(text)
