"""Real speech for the tests of ears: phrases spoken by flite or espeak-ng, at the ears' rate."""

from __future__ import annotations

import shutil
import subprocess
import wave
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from duologue.audio.pcm import Samples, from_int16
from duologue.audio.resample import resample
from duologue.simulation.spoken import cough, pink, telephone
from duologue.speech.hearing import EAR_RATE

__all__ = ["cough", "pink", "telephone"]
KITCHEN = "please turn on the light in the kitchen"


def read_wav(content: bytes) -> Samples:
    with wave.open(BytesIO(content)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return resample(from_int16(pcm), file.getframerate(), EAR_RATE)


@cache
def flite(text: str, voice: str = "slt") -> Samples:
    """Spoken by flite, or the test is skipped."""
    return _spoken("flite", "-voice", voice, "-t", text, "-o")


@cache
def espeak(text: str, voice: str = "en-us+m3") -> Samples:
    """Spoken by espeak-ng, or the test is skipped."""
    return _spoken("espeak-ng", "-v", voice, text, "-w")


def _spoken(program: str, *arguments: str) -> Samples:
    if shutil.which(program) is None:
        pytest.skip(f"needs the Debian package {program}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        subprocess.run([program, *arguments, str(path)], check=True, capture_output=True, timeout=20)
        return read_wav(path.read_bytes())


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * EAR_RATE), np.float32)


def padded(samples: Samples, before: float = 0.3, after: float = 0.3) -> Samples:
    return np.concatenate([silence(before), samples, silence(after)])


def noise(seconds: float, level: float = 0.05, seed: int = 1) -> Samples:
    return (np.random.default_rng(seed).standard_normal(int(seconds * EAR_RATE)) * level).astype(np.float32)


def in_pink_noise(samples: Samples, decibel: float) -> Samples:
    """The sound in noise that is so much softer than its loud parts."""
    loud = samples[np.abs(samples) > 0.05 * np.abs(samples).max()]
    level = float(np.sqrt(np.mean(loud**2))) * 10 ** (-decibel / 20)
    return samples + pink(len(samples) / EAR_RATE + 0.001, level)[: len(samples)]


def tones(seconds: float, *hertz: float, level: float = 0.15) -> Samples:
    """A hum (50, 100, 150 Hz), a ringback (440, 480 Hz)."""
    at = np.arange(int(seconds * EAR_RATE)) / EAR_RATE
    return (level * np.sum([np.sin(2 * np.pi * each * at) for each in hertz], axis=0)).astype(np.float32)


def breath(seconds: float = 0.8) -> Samples:
    """Soft noise that swells and fades."""
    made = noise(seconds, 0.03, seed=2)
    return made * np.sin(np.pi * np.arange(len(made)) / len(made)).astype(np.float32) ** 2


def click() -> Samples:
    """Two milliseconds, loud."""
    return np.where(np.arange(EAR_RATE // 10) // 16 == 10, 0.8, 0.0).astype(np.float32)
