"""Each rule of lip sync by itself, and what must hold for any line whatever."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.stage.lipsync import lipsync
from duologue.stage.lipsync import timing as lipsync_timing
from duologue.stage.lipsync.lipsync import LEAD, MouthTrack, animate, mouth_track
from duologue.stage.lipsync.phonemes import DEMANDS, PAUSE, UNKNOWN, sounds
from duologue.stage.lipsync.sources import Phone, from_sound, from_words, phones_of, spell
from duologue.stage.lipsync.timing import MS, SHORTEST, TWEEN_SHORTEST, Hold, Weight, settle, tween, vary
from duologue.stage.motion.pose import Mouth

FRAME = RATE // 30


def line(*sounds_and_ms: tuple[str, int], start: int = 0) -> list[Phone]:
    """Phones one after another, lengths in ms; SIL is a pause."""
    phones: list[Phone] = []
    at = start
    for sound, length in sounds_and_ms:
        phones.append(Phone(sound, at * MS, (at + length) * MS))
        at += length
    return phones


def shapes(holds: list[Hold]) -> str:
    return "".join(hold.shape.value for hold in holds)


def utterance(names: list[tuple[str, int]], alphabet: str = "espeak", rate: int = RATE) -> Utterance:
    """Marks one after another, lengths in ms."""
    marks: list[Mark] = []
    at = 0
    for name, length in names:
        end = at + length * rate // 1000
        marks.append(Mark(MarkKind.PHONEME, name, at, end))
        at = end
    return Utterance("u", "chad", "", np.zeros(at, np.float32), rate, tuple(marks), alphabet)


def spans(track: MouthTrack) -> list[tuple[int, int, Mouth]]:
    return [
        (start, end, shape) for (start, end), shape in zip(itertools.pairwise(track.starts), track.shapes, strict=False)
    ]


# names of sounds


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aI@", ("AY", "AX")), ("aU3", ("AW", "ER")), ("@L", ("AX", "L")), ("I2", ("IH",)), ("oU", ("OW",)),
        ("3:", ("ER",)), ("A@", ("AA", "R")), ("O:", ("AO",)), ("i:;", ("IY",)), ("t2", ("T",)), ("t#", ("T",)),
        ("l^", ("L",)), ("@2", ("AX",)), ("tS", ("CH",)), ("dZ", ("JH",)), ("'eI", ("EY",)), ("0", ("AA",)),
        ("0#", ("AA",)), ("n-", ("AX", "N")), ("_:", (PAUSE,)), ("_", (PAUSE,)), ("_!", (PAUSE,)), ("", (PAUSE,)),
        ("?", ("Q",)), ("☃", (UNKNOWN,)), ("kj", ("K", "Y")),
    ],
)  # fmt: skip
def test_espeak_names(name: str, expected: tuple[str, ...]) -> None:
    assert sounds(name, "espeak") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aɪ", ("AY",)), ("oʊ", ("OW",)), ("t͡ʃ", ("CH",)), ("ɜː", ("ER",)), ("ɔːɹ", ("AO", "R")), ("əl", ("AX", "L")),
        ("ˈiː", ("IY",)), ("ɾ", ("D",)), ("ᵻ", ("IH",)), ("aʊɚ", ("AW", "ER")), ("☃", (UNKNOWN,)),
    ],
)  # fmt: skip
def test_ipa_names(name: str, expected: tuple[str, ...]) -> None:
    assert sounds(name, "ipa") == expected


def test_arpabet_names() -> None:
    assert (sounds("AH0", "arpabet"), sounds("sil", "arpabet"), sounds("QQ", "arpabet")) == (
        ("AH",), (PAUSE,), (UNKNOWN,),
    )  # fmt: skip


@pytest.mark.parametrize("voice", ["en-us", "en-gb"])
@pytest.mark.peer
def test_every_name_that_espeak_gives_for_english_is_known(voice: str) -> None:
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("needs the Debian package espeak-ng")
    text = (
        "The quick brown fox jumps over lazy dogs, chewing judged measures; thin things, power, fire, little bottles, "
        "poor Europe's cure, button, hour, beer, bear, bore, bird, boy, huge onions, which vision, singing loch."
    )
    told = subprocess.run(
        [program, "-q", "-x", "--sep= ", "-v", voice, text], capture_output=True, text=True, check=True
    )
    names = told.stdout.split()
    assert len(names) > 100
    assert [name for name in names if UNKNOWN in sounds(name, "espeak")] == []


# shapes


@pytest.mark.parametrize(
    ("sound", "shape"),
    [("P", "A"), ("IY", "B"), ("EH", "C"), ("AA", "D"), ("AO", "E"), ("UW", "F"), ("V", "G"), ("L", "H"), ("W", "F")],
)
def test_a_sound_has_its_shape(sound: str, shape: str) -> None:
    assert shapes(animate(line((sound, 200))))[0] == shape


def test_a_diphthong_spends_60_percent_on_its_first_shape() -> None:
    first, second, *_ = animate(line(("AY", 400)))
    assert (first.shape, second.shape) == (Mouth.D, Mouth.C)  # D to B leads through C
    assert sum(hold.length for hold in (first, second)) == 240 * MS


def test_consonants_take_the_shape_of_the_vowel_they_lead_to() -> None:
    assert shapes(animate(line(("T", 100), ("UW", 200))))[0] == "F"
    assert shapes(animate(line(("T", 100), ("AA", 200))))[0] == "B"
    assert shapes(animate(line(("HH", 100), ("AA", 200))))[0] == "D"


def test_a_long_stressed_open_vowel_opens_wide() -> None:
    phone = Phone("EH", 0, 200 * MS, stressed=True)
    assert animate([phone])[0].shape is Mouth.D
    assert animate([Phone("EH", 0, 200 * MS)])[0].shape is Mouth.C
    assert [animate([Phone("IH", 0, 100 * MS, stressed)])[0].shape for stressed in (True, False)] == [Mouth.C, Mouth.B]


# closures


@pytest.mark.parametrize(("previous", "lead"), [(60, 40), (160, 80), (500, 120)])
def test_a_closure_begins_early_by_half_the_sound_before_it(previous: int, lead: int) -> None:
    holds = lipsync._shape(line(("AA", previous), ("M", 150), ("AA", 200)))  # pyright: ignore[reportPrivateUsage]
    closure = next(hold for hold in holds if hold.shape is Mouth.A)
    assert closure.start == (previous - lead) * MS


def test_lips_are_closed_before_the_line_begins_with_a_closure() -> None:
    track = mouth_track(utterance([("m", 100), ("A", 200)]))
    assert track.begin < -40 * MS
    assert track.shape_at(-1) is Mouth.A


def test_a_stop_opens_with_its_burst() -> None:
    holds = animate(line(("AA", 200), ("P", 200), ("AA", 200)))
    closure = next(hold for hold in holds if hold.shape is Mouth.A)
    assert closure.end == (200 + 120) * MS


# pauses


@pytest.mark.parametrize(("pause", "expected"), [(100, "DB"), (200, "DCB"), (500, "DCXB")])
def test_pauses_hold_relax_or_rest(pause: int, expected: str) -> None:
    holds = animate(line(("AA", 300), (PAUSE, pause), ("IY", 300)))
    middle = [hold for hold in holds if not hold.tween]
    assert shapes(middle) == expected


def test_the_mouth_closes_slowly_and_pops_open() -> None:
    holds = animate(line(("AA", 300)))
    assert shapes(holds) == "DC"
    assert holds[0].start == 0
    assert holds[-1].end == 300 * MS + lipsync.CLOSING


# times


def test_in_between_shapes_lead_over_wide_jumps() -> None:
    for pair, between in (("DA", "C"), ("DB", "C"), ("DG", "C"), ("CF", "E"), ("FC", "E"), ("DF", "E"), ("HF", "E")):
        first, second = (Mouth(letter) for letter in pair)
        holds = [
            Hold(0, 300 * MS, first, Weight.VOWEL), Hold(300 * MS, 600 * MS, second, Weight.VOWEL),
        ]  # fmt: skip
        led = tween(holds)
        assert shapes(led)[:2] == pair[0] + between
        assert 40 * MS <= led[1].length <= 80 * MS
        assert led[1].end == 300 * MS


def test_nothing_leads_from_closed_to_open() -> None:
    led = tween([Hold(0, 300 * MS, Mouth.A, Weight.CLOSURE), Hold(300 * MS, 600 * MS, Mouth.D, Weight.VOWEL)])
    assert shapes(led)[:2] == "AD"


def test_a_short_shape_spares_nothing_for_leading_over() -> None:
    led = tween([Hold(0, 100 * MS, Mouth.D, Weight.VOWEL), Hold(100 * MS, 400 * MS, Mouth.B, Weight.VOWEL)])
    assert shapes(led) == "DB"


def test_a_frozen_mouth_is_varied() -> None:
    held = [Hold(at * MS, (at + 260) * MS, Mouth.B, Weight.VOWEL) for at in (0, 260, 520)]
    assert shapes(vary(held)) == "BCB"
    assert shapes(vary(held[:2])) == "BB"
    quick = [Hold(at * MS, (at + 200) * MS, Mouth.B, Weight.VOWEL) for at in (0, 200, 400)]
    assert shapes(vary(quick)) == "BBB"


def test_a_short_shape_borrows_from_the_earlier_neighbour_first() -> None:
    holds = [
        Hold(0, 200 * MS, Mouth.D, Weight.VOWEL), Hold(200 * MS, 230 * MS, Mouth.A, Weight.CLOSURE),
        Hold(230 * MS, 430 * MS, Mouth.D, Weight.VOWEL),
    ]  # fmt: skip
    _, closure, _ = settle(holds)
    assert (closure.start, closure.end) == (160 * MS, 230 * MS)


def test_what_matters_less_goes_when_time_is_short() -> None:
    holds = [
        Hold(0, 70 * MS, Mouth.D, Weight.VOWEL), Hold(70 * MS, 90 * MS, Mouth.B, Weight.CONSONANT),
        Hold(90 * MS, 120 * MS, Mouth.A, Weight.CLOSURE), Hold(120 * MS, 190 * MS, Mouth.D, Weight.VOWEL),
        Hold(190 * MS, 260 * MS, Mouth.E, Weight.VOWEL),
    ]  # fmt: skip
    assert "A" in shapes(settle(holds))
    assert "B" not in shapes(settle(holds))


# other sources


def test_letters_stand_in_for_phonemes() -> None:
    assert spell("phone") == ["F", "OW", "N"] or spell("phone")[0] == "F"
    assert spell("cheese")[:2] == ["CH", "IY"]
    assert spell("привет") == ["AH"]
    word = Mark(MarkKind.WORD, "bomb", 0, RATE // 2)
    phones = from_words((word,), RATE)
    assert (phones[0].start, phones[-1].end) == (0, RATE // 2)
    track = mouth_track(Utterance("u", "chad", "bomb", np.zeros(RATE // 2, np.float32), RATE, (word,)))
    assert Mouth.A in track.shapes


def test_the_sound_stands_in_for_words() -> None:
    time = np.arange(RATE) / RATE
    loud = (0.5 * np.sin(2 * np.pi * 700 * time)).astype(np.float32)
    hiss = np.random.default_rng(0).normal(0, 0.2, RATE).astype(np.float32)
    quiet = np.zeros(RATE, np.float32)
    phones = from_sound(np.concatenate([loud, quiet, hiss]), RATE)
    found = {phone.sound for phone in phones if phone.end - phone.start > RATE // 2}
    assert found == {"AA", PAUSE, "S"}
    assert from_sound(quiet, RATE) == []


def test_silence_keeps_the_mouth_shut() -> None:
    track = mouth_track(Utterance("u", "chad", "", np.zeros(RATE, np.float32)))
    assert {track.shape_at(at) for at in range(0, RATE, 1000)} == {Mouth.X}
    assert mouth_track(Utterance("u", "chad", "", np.zeros(0, np.float32))).shapes == (Mouth.X,)


def test_a_lower_rate_gives_the_same_mouth() -> None:
    names = [("b", 100), ("A", 200), ("f", 100), ("u:", 200)]
    assert mouth_track(utterance(names, rate=24_000)) == mouth_track(utterance(names))


# whatever the line

_NAMES = "p b m f v l t s k r w h A a I i: u: O: @ aI oU aU@ @L _: _ ? S"
_LINES = st.lists(st.tuples(st.sampled_from(_NAMES.split()), st.integers(5, 900)), min_size=1, max_size=40)


@given(_LINES)
def test_a_track_is_sorted_covers_the_line_and_ends_in_rest(names: list[tuple[str, int]]) -> None:
    track = mouth_track(utterance(names))
    assert list(track.starts) == sorted(set(track.starts))
    assert len(track.starts) == len(track.shapes)
    assert track.shapes[-1] is Mouth.X
    voiced = [(start, end) for start, end, name in _times(names) if PAUSE not in sounds(name, "espeak")]
    if voiced:
        assert track.begin <= voiced[0][0]
        assert track.end >= voiced[-1][1] - LEAD
    assert all(first is not second for first, second in itertools.pairwise(track.shapes))


@given(_LINES)
def test_no_shape_flickers(names: list[tuple[str, int]]) -> None:
    holds = animate(phones_of(utterance(names)))
    assert all(first.end == second.start for first, second in itertools.pairwise(holds))
    assert all(hold.length >= (TWEEN_SHORTEST if hold.tween else SHORTEST) for hold in holds)
    assert all(hold.shape is not Mouth.X or hold.length >= SHORTEST for hold in holds)


@given(_LINES)
def test_no_closure_is_ever_lost(names: list[tuple[str, int]]) -> None:
    """Around every P, B and M the lips are seen closed for at least a frame, and not after the sound is over."""
    track = mouth_track(utterance(names))
    closed = [(start, end) for start, end, shape in spans(track) if shape is Mouth.A]
    assert all(end - start >= FRAME for start, end in closed)
    for start, end, name in _times(names):
        if any(DEMANDS[sound].closure for sound in sounds(name, "espeak")):
            earliest = start - LEAD - lipsync.CLOSURE_LEAD[1] - SHORTEST
            assert any(shut < end and shut_end > earliest for shut, shut_end in closed), name


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Mouth)[:9]), st.integers(1, 300), st.sampled_from(list(Weight))), max_size=30
    )
)
def test_settling_any_holds_ends_and_keeps_closures(parts: list[tuple[Mouth, int, Weight]]) -> None:
    holds: list[Hold] = []
    at = 0
    for shape, length, weight in parts:
        closed = weight is Weight.CLOSURE
        holds.append(Hold(at, at + length * MS, Mouth.A if closed else shape, weight))
        at += length * MS
    settled = settle(holds)
    inner = settled[1:-1]
    assert all(hold.length >= lipsync_timing.SHORTEST for hold in inner)
    if any(hold.weight is Weight.CLOSURE for hold in holds):
        assert Mouth.A in {hold.shape for hold in settled}


def _times(names: list[tuple[str, int]]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    at = 0
    for name, length in names:
        end = at + length * RATE // 1000
        found.append((at, end, name))
        at = end
    return found
