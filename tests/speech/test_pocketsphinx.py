"""PocketSphinx in its process: dictation, domain models, grammars, and workers that die."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import pytest
from spoken_phrases import KITCHEN, espeak, flite, padded
from stt_conformance import SttConformance, check, hear, in_blocks, told

from duologue.audio.pcm import Samples
from duologue.errors import InputError, PeerError
from duologue.speech.hearing import EAR_RATE, Expected, SpeechToText, Transcript
from duologue.speech.pocketsphinx.engine import PocketSphinx, PocketSphinxSettings
from duologue.speech.pocketsphinx.words import dictionary_words, number_words, plain, pronounce, written_words

pytestmark = pytest.mark.slow  # models are loaded and sound is understood: not for every save

DOMAIN = (
    "Please turn on the light in the kitchen.",
    "Turn off the light in the bathroom!",
    "Is the Zorblax door open?",
    "Good night, house.",
)
DRILL = """#JSGF V1.0;
grammar drill;
public <answer> = [please] turn ( /2/ on | off {off} ) the ( light | zorblax ) ; // and no more
"""


class TestPocketSphinxConforms(SttConformance):
    long_seconds = 15  # it has no windows that a long stretch would fill, and hears at a third of real time

    def make(self) -> SpeechToText:
        return PocketSphinx()


@pytest.fixture
async def ears() -> AsyncIterator[PocketSphinx]:
    engine = PocketSphinx(PocketSphinxSettings(restarts=1))
    await engine.warm_up()
    yield engine
    await engine.close()


async def final(engine: SpeechToText, sound: Samples, expected: Expected | None = None) -> Transcript:
    return check(await hear(engine, padded(sound), expected), len(padded(sound)) / EAR_RATE)


async def test_a_domain_model_understands_what_open_dictation_does_not(ears: PocketSphinx) -> None:
    sound = espeak("turn off the light in the bathroom", "en-us+f5")
    assert (await final(ears, sound, Expected(phrases=DOMAIN))).text == "turn off the light in the bathroom"
    assert (await final(ears, sound)).text != "turn off the light in the bathroom"
    assert "zorblax" in (await final(ears, flite("is the zorblax door open"), Expected(phrases=DOMAIN))).text


async def test_a_grammar_allows_only_its_sentences(ears: PocketSphinx) -> None:
    expected = Expected(grammar=DRILL)
    assert (await final(ears, flite("turn off the zorblax"), expected)).text == "turn off the zorblax"
    assert (await final(ears, flite("please turn on the light"), expected)).text == "please turn on the light"
    assert (await final(ears, flite("turn on the light"))).confidence > 0.5


@pytest.mark.parametrize(
    "grammar", ["nonsense", "#JSGF V1.0; grammar g; public <g> = (a | ;", "#JSGF V1.0; grammar g;"]
)
async def test_a_broken_grammar_is_the_callers_fault(ears: PocketSphinx, grammar: str) -> None:
    with pytest.raises(InputError, match="grammar"):
        await final(ears, flite("yes"), Expected(grammar=grammar))
    assert "kitchen" in (await final(ears, flite(KITCHEN))).text
    assert ears.restarts == 0


async def test_more_models_than_are_kept_and_one_used_again(ears: PocketSphinx) -> None:
    for number in (*range(10), 0):
        expected = Expected(grammar=f"#JSGF V1.0; grammar g{number}; public <g> = hello there | good night house;")
        assert (await final(ears, flite("good night house"), expected)).text == "good night house"


async def test_words_are_where_they_are_spoken(ears: PocketSphinx) -> None:
    once = padded(flite("turn on the light"), 0.5, 0.5)
    transcript = await final(ears, np.concatenate([once, once]), Expected(phrases=("turn on the light",)))
    assert transcript.text == "turn on the light turn on the light"
    first, second = transcript.words[0].start, transcript.words[4].start
    assert abs((second - first) - len(once)) < EAR_RATE * 0.06


async def test_a_killed_worker_is_replaced_and_the_stretch_told_again(ears: PocketSphinx) -> None:
    expected = await final(ears, flite(KITCHEN))
    found: list[Transcript] = []
    killed = False
    async for transcript in ears.listen(told(in_blocks(padded(flite(KITCHEN))))):
        found.append(transcript)
        if not killed:
            killed = True
            os.kill(ears.pids[0], signal.SIGKILL)
    assert check(found, 10).text == expected.text
    assert ears.restarts == 1


async def test_a_worker_that_dies_again_and_again_is_an_error_and_the_next_stretch_works(ears: PocketSphinx) -> None:
    async def deadly() -> AsyncIterator[Samples]:
        for block in in_blocks(padded(flite(KITCHEN)), EAR_RATE // 2):
            yield block
            for pid in ears.pids:
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(PeerError, match="killed by signal 9"):
        async for _ in ears.listen(deadly()):
            pass
    assert "kitchen" in (await final(ears, flite(KITCHEN))).text


async def test_a_hanging_worker_is_replaced() -> None:
    ears = PocketSphinx(PocketSphinxSettings(patience_s=1.0))
    await ears.warm_up()
    os.kill(ears.pids[0], signal.SIGSTOP)
    assert "kitchen" in (await final(ears, flite(KITCHEN))).text
    assert ears.restarts >= 1
    await ears.close()


async def test_more_stretches_than_listeners_wait_for_their_turn() -> None:
    ears = PocketSphinx(PocketSphinxSettings(listeners=1))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(final(ears, flite(KITCHEN))) for _ in range(3)]
    assert len({task.result().text for task in tasks}) == 1
    assert len(ears.pids) == 1
    await ears.close()


async def test_listening_does_not_hold_the_loop(ears: PocketSphinx, loop_guard: None) -> None:
    assert (await final(ears, flite(KITCHEN))).text


def test_text_becomes_dictionary_words() -> None:
    assert dictionary_words("Don’t say “42”, o'clock!") == ("don't", "say", "forty", "two", "o'clock")
    assert [(word.text, word.offset) for word in written_words("¡Zörb, 007!")] == [("Zörb", 1), ("007", 7)]
    assert dictionary_words(" …—!? ") == ()
    assert [(word.text, word.spoken) for word in written_words("Dr. Li, $5.50 at 3:30?")] == [
        ("Dr", ("doctor",)), ("Li", ("li",)), ("5.50", ("five", "dollars", "and", "fifty", "cents")), ("at", ("at",)),
        ("3:30", ("three", "thirty")),
    ]  # fmt: skip
    assert dictionary_words("R & B: 3.5% of 2,012, the 21st") == (
        "r", "and", "b", "three", "point", "five", "percent", "of", "two", "thousand", "twelve", "the", "twenty",
        "first",
    )  # fmt: skip
    assert dictionary_words("12th, 30th, 100th") == ("twelfth", "thirtieth", "one", "hundredth")
    assert number_words("1203045") == ("one", "million", "two", "hundred", "three", "thousand", "forty", "five")
    assert number_words("0") == ("zero",)
    assert number_words("007") == ("zero", "zero", "seven")
    assert len(number_words("9" * 12)) == 12
    assert number_words("1" * 4301) == ("one",) * 4301


def test_new_words_can_be_pronounced() -> None:
    assert pronounce("zorb") == "Z AO R B"
    assert pronounce("shake") == "SH AE K"
    assert pronounce("happy") == "HH AE P IY"
    assert pronounce("日本") != ""
    assert {len(phone) for phone in pronounce("qualxticeyoungh").split()} <= {1, 2}


def test_fillers_are_no_words() -> None:
    assert [plain(word) for word in ("<s>", "[NOISE]", "++UH++", "(NULL)", "and(2)", "it's")] == [
        "", "", "", "", "and", "it's",
    ]  # fmt: skip
