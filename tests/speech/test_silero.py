"""Silero in one batch: equal to the model as it came, quiet on noise, awake on speech."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from spoken_phrases import KITCHEN, espeak, flite, in_pink_noise, noise, padded, silence, telephone

from duologue.audio.pcm import Samples
from duologue.errors import InputError, InternalError, PeerError
from duologue.speech.hearing import EAR_RATE, VAD_FRAME, VoiceActivity
from duologue.speech.silero import CONTEXT, STATE, Silero, batched, load_session, model_file

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


class _Runs(Protocol):
    def run(self, names: None, feeds: Mapping[str, Samples]) -> Sequence[Samples]: ...


@pytest.fixture(scope="module")
def silero() -> Silero:
    return Silero()


def frames_of(samples: Samples) -> list[Samples]:
    return [samples[at : at + VAD_FRAME] for at in range(0, len(samples) - VAD_FRAME + 1, VAD_FRAME)]


def follow(vad: VoiceActivity, samples: Samples) -> list[float]:
    stream = vad.open()
    found = [vad.step({stream: frame})[stream] for frame in frames_of(samples)]
    vad.forget(stream)
    return found


def as_it_came(session: _Runs, samples: Samples) -> list[float]:
    """The unchanged model over one stream, frame by frame."""
    h = c = np.zeros((1, 1, STATE), np.float32)
    context, found = np.zeros(CONTEXT, np.float32), list[float]()
    for frame in frames_of(samples):
        heard = np.concatenate([context, frame])[None]
        speech, h, c = session.run(None, {"input": heard, "h": h, "c": c})
        context = frame[-CONTEXT:]
        found.append(float(speech[0]))
    return found


def test_a_batch_is_the_model_as_it_came_stream_by_stream(silero: Silero) -> None:
    generator = np.random.default_rng(5)
    sounds = [flite(KITCHEN), espeak("hello there my friend"), noise(2.0)]
    frames = [frames_of(sound)[:40] for sound in sounds]
    expected = [as_it_came(load_session(model_file().read_bytes()), sound)[:40] for sound in sounds]
    streams = [silero.open() for _ in sounds]
    at = [0, 0, 0]
    found: list[list[float]] = [[] for _ in sounds]
    while any(at[n] < 40 for n in range(3)):
        ready = [int(n) for n in generator.permutation(3) if at[n] < 40][: generator.integers(1, 4)]
        for stream, speech in silero.step({streams[n]: frames[n][at[n]] for n in ready}).items():
            found[streams.index(stream)].append(speech)
        for n in ready:
            at[n] += 1
    for stream in streams:
        silero.forget(stream)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("speaker", [flite, espeak])
@pytest.mark.parametrize("line", ["wide", "telephone"])
def test_speech_is_noticed_soon_and_only_speech(silero: Silero, speaker: Callable[[str], Samples], line: str) -> None:
    sound = speaker(KITCHEN)
    sound = sound[int((np.abs(sound) > 0.05).argmax()) :]  # flite begins with a pause
    sound = padded(telephone(sound) if line == "telephone" else sound, 1.0, 1.0)
    found = np.array(follow(silero, sound))
    per_second = EAR_RATE / VAD_FRAME
    inside = found[int(per_second) : -int(per_second)]
    assert found[: int(per_second) - 1].max() < 0.3
    assert (inside > 0.5).mean() > 0.7
    assert int((inside > 0.5).argmax()) <= 4
    assert found[-int(per_second / 2) :].max() < 0.3


def test_silence_noise_and_ringback_are_no_speech(silero: Silero) -> None:
    at = np.arange(3 * EAR_RATE) / EAR_RATE
    ringback = (0.2 * (np.sin(2 * np.pi * 440 * at) + np.sin(2 * np.pi * 480 * at))).astype(np.float32)
    for sound in (silence(3.0), noise(3.0, 0.02), ringback):
        assert (np.array(follow(silero, sound)) > 0.5).mean() < 0.05


def test_speech_is_noticed_after_a_minute_of_noise_on_the_telephone_as_at_once(silero: Silero) -> None:
    said = espeak(KITCHEN)
    for quiet in (1.0, 60.0):
        line = telephone(in_pink_noise(padded(said, before=quiet), 20))
        heard = follow(silero, line)
        begin = int(quiet * EAR_RATE / VAD_FRAME)
        assert max(heard[:begin]) < 0.5
        assert max(heard[begin : begin + 8]) > 0.5, f"nobody was heard after {quiet:g} s"


def test_garbage_does_not_poison_a_stream(silero: Silero) -> None:
    stream = silero.open()
    for value in (np.nan, np.inf, -1e30):
        assert 0.0 <= silero.step({stream: np.full(VAD_FRAME, value, np.float32)})[stream] <= 1.0
    found = [silero.step({stream: frame})[stream] for frame in frames_of(padded(flite(KITCHEN), 1.0))]
    silero.forget(stream)
    assert max(found) > 0.9


def test_many_streams_come_and_go_and_memory_is_used_again(silero: Silero) -> None:
    for _ in range(3):
        streams = [silero.open() for _ in range(50)]
        found = silero.step({stream: noise(1.0)[:VAD_FRAME] for stream in streams})
        assert set(found) == set(streams)
        assert np.ptp(list(found.values())) < 1e-6  # a row that is used again remembers nothing
        for stream in streams:
            silero.forget(stream)
            silero.forget(stream)
    assert silero.streams == 0
    assert silero.step({}) == {}


def test_wrong_use_is_named(silero: Silero) -> None:
    stream = silero.open()
    with pytest.raises(InputError, match=r"\(160,\)"):
        silero.step({stream: np.zeros(160, np.float32)})
    silero.forget(stream)
    with pytest.raises(InternalError, match="not open"):
        silero.step({stream: np.zeros(VAD_FRAME, np.float32)})


def test_a_file_of_another_make_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / "other.onnx"
    strange.write_bytes(b"\x08\x08")
    with pytest.raises(PeerError, match="not known"):
        Silero(strange)
    with pytest.raises(PeerError, match="not known"):
        batched(batched(model_file().read_bytes()))


def test_faster_whisper_itself_is_not_imported() -> None:
    code = (
        "import sys; from duologue.speech.silero import Silero; Silero();"
        " sys.exit(sorted({'faster_whisper', 'ctranslate2', 'torch'} & set(sys.modules)) != [])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
