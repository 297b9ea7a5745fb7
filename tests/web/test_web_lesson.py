"""A whole lesson over a real socket, spoken by rendered voices: heard by grammars, scored, rated, kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_web_talk import site

from duologue.app.talk import messages as say
from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.client import TalkClient, TalkWish, talk_with
from duologue.speech.espeak.engine import Espeak
from duologue.speech.hearing import EAR_RATE
from duologue.speech.pronunciation import goodness
from duologue.speech.voicing.voicing import Voicing
from duologue.tutor.lesson import Exercise, shipped_lessons

pytestmark = [pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(300)]
VOICE = "en-us+f5?rate=140"
BLOCK = EAR_RATE // 50


async def rendered(*texts: str) -> Mapping[str, Samples]:
    voice = Espeak()
    await voice.warm_up()
    try:
        found: dict[str, Samples] = {}
        for text in texts:
            spoken = await Voicing(voice).voice(text, VOICE, speaker="learner", utterance_id="u")
            found[text] = resample(spoken.utterance.samples, spoken.utterance.rate, EAR_RATE)
        return found
    finally:
        await voice.close()


class Learner:
    """Speaks into a microphone whose clock runs on."""

    def __init__(self, client: TalkClient) -> None:
        self._client = client
        self._at = 0

    async def speak(self, sound: Samples) -> None:
        """With the button held: the turn ends when it is let go."""
        self._client.push(True)
        await asyncio.sleep(0.1)
        edge = np.zeros(EAR_RATE // 4, np.float32)
        whole = np.concatenate([edge, sound, edge])
        for begin in range(0, len(whole), BLOCK):
            block = whole[begin : begin + BLOCK]
            self._client.hear(self._at, block)
            self._at += len(block)
            await asyncio.sleep(len(block) / EAR_RATE)
        self._at += EAR_RATE
        self._client.push(False)


def asked(client: TalkClient) -> say.TalkExercise | None:
    return next((one for one in client.exercises.values() if one.state == "asked"), None)


async def heard_a_word(client: TalkClient, turns: int) -> None:
    """The tutor has begun to say its next turn: what it does counts. The rest of it is known."""
    await client.until(lambda: sum(not turn.person for turn in client.turns) > turns)
    await client.until(lambda: any(chunk.state == "playing" for chunk in client.chunks.values()))
    await asyncio.sleep(0.3)
    client.interrupt()
    await client.until(lambda: client.standing == "quiet")


async def test_a_lesson_is_gone_through_by_voice(tmp_path: Path) -> None:
    lesson = shipped_lessons()[0]
    wrong = "good night"
    sounds = await rendered(*(exercise.answers[0] for exercise in lesson.exercises), wrong)
    flags: dict[str, Any] = {"store.url": f"sqlite:///{tmp_path}/store.db"}
    async with site(**flags) as here:
        wish = TalkWish("tutor", microphone=True, lesson=lesson.name, translate="de", person="learner")
        async with talk_with(here.url, wish) as client:
            learner = Learner(client)
            async with asyncio.timeout(200):
                await heard_a_word(client, 0)
                for number, exercise in enumerate(lesson.exercises):
                    if number == 1:
                        await answered(client, learner, sounds[wrong])
                        assert list(client.judged.values())[-1].because.startswith("Good night is")
                    await answered(client, learner, sounds[exercise.answers[0]], until_over=exercise)
            assert client.lesson is not None and client.lesson.state == "over"
            assert client.lesson.right == len(lesson.exercises) and client.lesson.first >= len(lesson.exercises) - 2
            spoken = [judged for judged in client.judged.values() if judged.verdict != "wrong"]
            assert not any(judged.written for judged in spoken)
            if goodness.TRUSTED:
                scores = [word.score for judged in spoken for word in judged.words if word.state != "missing"]
                assert None not in scores and np.median([score or 0 for score in scores]) > 50
            await client.until(lambda: client.vocabulary is not None and client.vocabulary.count == 5)
            assert client.vocabulary is not None and client.vocabulary.kept
        async with talk_with(here.url, TalkWish("tutor", person="learner")) as client:
            await client.until(lambda: client.vocabulary is not None)
            assert client.vocabulary is not None and client.vocabulary.count == 5  # another day


async def answered(
    client: TalkClient, learner: Learner, sound: Samples, until_over: Exercise | None = None, tries: int = 3
) -> None:
    """Say it; where it was not understood, again."""
    card = asked(client)
    assert card is not None
    for _ in range(tries):
        judged, turns = len(client.judged), sum(not turn.person for turn in client.turns)
        await learner.speak(sound)
        await client.until(lambda: len(client.judged) > judged)  # noqa: B023 (it is over before the next)
        over = client.lesson is not None and client.lesson.state == "over"
        if not over:
            await heard_a_word(client, turns)
        if until_over is None or over or client.exercises[card.id].state != "asked":
            return
    raise AssertionError(f"not understood: {list(client.judged.values())[-tries:]}")
