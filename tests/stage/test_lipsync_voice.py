"""Lip sync on what the embedded voice really says: its own names, its own timing."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from duologue.audio.pcm import RATE
from duologue.speech.espeak.engine import engine
from duologue.speech.voicing.voicing import Voicing
from duologue.stage.lipsync.lipsync import CLOSURE_LEAD, LEAD, mouth_track
from duologue.stage.lipsync.phonemes import DEMANDS, UNKNOWN, sounds
from duologue.stage.lipsync.timing import SHORTEST
from duologue.stage.motion.expression import score
from duologue.stage.motion.pose import Mouth

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

LINES = (
    "I made a top one list for tonight. Number one: cheese. End of list. I don't believe in second place. Questions?",
    "Honestly, maybe there is something to the idea that people want to be surprised by a bowl of soup, now and then.",
    "Power is simple. You walk in, you smile, you leave, and nobody asks about the rest of it, do they?",
    "Peter Piper picked a peck of pickled peppers; five very brave wolves whistled all the way to Birmingham.",
)


@pytest.fixture
async def voicing() -> AsyncIterator[Voicing]:
    tts = engine()
    await tts.warm_up()
    yield Voicing(tts)
    await tts.close()


@pytest.mark.parametrize("voice", ["en-us+m3", "en-us+f5", "en-gb"])
async def test_the_embedded_voice_gets_a_believable_mouth(voicing: Voicing, voice: str) -> None:
    shown: Counter[Mouth] = Counter()
    changes, heard = 0, 0
    for number, text in enumerate(LINES):
        line = (await voicing.voice(text, voice, speaker="chad", utterance_id=str(number))).utterance
        track = mouth_track(line)
        names = [(mark, sounds(mark.text, line.alphabet)) for mark in line.phonemes()]
        assert [mark.text for mark, found in names if UNKNOWN in found] == []
        spans = [(*span, shape) for span, shape in zip(itertools.pairwise(track.starts), track.shapes, strict=False)]
        closed = [(start, end) for start, end, shape in spans if shape is Mouth.A]
        for mark, found in names:
            if any(DEMANDS[sound].closure for sound in found):
                earliest = mark.start - LEAD - CLOSURE_LEAD[1] - SHORTEST
                assert any(shut < mark.end and opened > earliest for shut, opened in closed), mark
        for start, end, shape in spans:
            shown[shape] += end - start
        changes += len(spans)
        heard += len(line.samples)
        assert score(line, 1).accents
    share = {shape: time / shown.total() for shape, time in shown.items()}
    assert set(share) >= {Mouth.A, Mouth.B, Mouth.C, Mouth.D, Mouth.E, Mouth.F, Mouth.G, Mouth.H}
    assert share[Mouth.B] < 0.55
    assert 0.05 < share[Mouth.A] < 0.3
    assert 6 < changes / (heard / RATE) < 13
