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
from duologue.speech.hearing import EAR_RATE

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


def telephone(samples: Samples) -> Samples:
    """Through an 8 kHz line and back."""
    return resample(resample(samples, EAR_RATE, 8_000), 8_000, EAR_RATE)
