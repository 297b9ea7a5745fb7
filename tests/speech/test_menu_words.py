"""PocketSphinx and the words of a line's menu, by telephone: real voices over G.711."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from spoken_phrases import flite, padded

from duologue.app.calls.menu import BESIDE, Menu
from duologue.audio import g711
from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.language.languages import Telephone
from duologue.settings_phone import TransferSettings
from duologue.speech.hearing import EAR_RATE, Expected
from duologue.speech.pocketsphinx.engine import PocketSphinx

pytestmark = pytest.mark.slow  # a real engine, and a minute of speech

MENU = Menu(
    {
        "human": TransferSettings(to="200", digit="0", words=("a human", "somebody")),
        "front-desk": TransferSettings(to="201", digit="1"),
        "office": TransferSettings(to="202"),
    },
    Telephone(),
)
SAID = {
    "a human": "200", "somebody": "200", "zero": "200", "front desk": "201", "one": "201", "office": "202",
    "office please": "202", **dict.fromkeys(BESIDE, ""),
}  # fmt: skip
VOICES = ("slt", "rms", "awb")


async def by_telephone(samples: Samples) -> AsyncIterator[Samples]:
    """As it comes out of G.711."""
    narrow = g711.decode(g711.encode(resample(padded(samples), EAR_RATE, 8000), "mu"), "mu")
    wide = resample(narrow.astype(np.float32), 8000, EAR_RATE)
    for at in range(0, len(wide), 320):
        yield wide[at : at + 320]


async def test_the_words_of_a_menu_are_told_apart_on_a_telephone() -> None:
    """What is none of its words is taken for one of them seldom."""
    ears = PocketSphinx()
    expected = Expected(grammar=MENU.grammar, telephone=True)
    assert ears.hears(expected)
    missed: list[tuple[str, str, str]] = []
    wrong: list[tuple[str, str, str]] = []
    try:
        await ears.warm_up()
        for voice in VOICES:
            for words, to in SAID.items():
                text = ""
                async for heard in ears.listen(by_telephone(flite(words, voice)), expected):
                    text = heard.text
                chosen = MENU.chosen(text)
                found = chosen.to if chosen else ""
                if found != to:
                    (wrong if found else missed).append((voice, words, text))
    finally:
        await ears.close()
    total = len(VOICES) * len(SAID)
    assert len(missed) + len(wrong) <= total // 10, (missed, wrong)
    assert len(wrong) <= total // 20, wrong
