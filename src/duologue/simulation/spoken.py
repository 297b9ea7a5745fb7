"""Real sound for simulated callers: voices of programs, coughs and noise made by rule, the band of a telephone.

All of it is mono float32 at :data:`~duologue.speech.hearing.EAR_RATE`, and the same for the same arguments.
"""

from __future__ import annotations

import shutil
import subprocess
import wave
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from duologue.audio.pcm import Samples, from_int16
from duologue.audio.resample import resample
from duologue.errors import InputError, PeerError
from duologue.speech.hearing import EAR_RATE

PROGRAMS = {"espeak": "espeak-ng", "flite": "flite"}
"""Who can speak: the name in a scenario, and the program, which is also the name of its Debian package."""
USUAL_PACE = 170.0
LONGEST_SECONDS = 20.0
"""A program that speaks for longer than this over one phrase is stopped."""
_AUDIBLE = 0.01
"""Of the loudest sample: what is softer at the ends of a phrase is silence."""


def speak(text: str, voice: str, words_per_minute: float = USUAL_PACE) -> Samples:
    """``text`` as a program says it, cut to what sounds. ``voice`` is ``espeak:en-us+f3`` or ``flite:slt``; at its
    usual pace it says about :data:`USUAL_PACE` words a minute.

    Raises :class:`InputError` for an unknown program, or one of flite's voices that is not there, :class:`PeerError`
    when it is not installed or fails.
    """
    said = spoken(text, voice, words_per_minute)
    loud = np.flatnonzero(np.abs(said) > _AUDIBLE * np.abs(said).max(initial=0.0))
    if not len(loud):
        raise PeerError(f"{voice} gave no sound for {text[:60]!r}", where="caller.voice", remedy="Take another voice.")
    return said[loud[0] : loud[-1] + 1]


@cache
def spoken(text: str, voice: str, words_per_minute: float = USUAL_PACE) -> Samples:
    """The same with the silence at its ends."""
    name, _, variant = voice.partition(":")
    program = PROGRAMS.get(name)
    if program is None or not variant:
        remedy = "Write espeak:en-us+f3 or flite:slt."
        raise InputError(f"there is no voice {voice!r} for a caller", where="caller.voice", remedy=remedy)
    if shutil.which(program) is None:
        remedy = f"Install the Debian package {program}."
        raise PeerError(f"the program {program} is not there", where=f"caller.voice {voice}", remedy=remedy)
    if name == "espeak":
        options = ["-v", variant, "-s", f"{words_per_minute:.0f}", text, "-w"]
    else:
        stretch = f"duration_stretch={USUAL_PACE / words_per_minute:.3f}"
        if variant not in (known := _flite_voices()):  # flite itself would take another one, without a word
            remedy = f"Take one of {', '.join(known)}."
            raise InputError(f"flite has no voice {variant!r}", where="caller.voice", remedy=remedy)
        options = ["-voice", variant, "--setf", stretch, "-t", text, "-o"]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "spoken.wav"
        try:
            subprocess.run([program, *options, str(file)], check=True, capture_output=True, timeout=LONGEST_SECONDS)
            return _read(file)
        except (OSError, subprocess.SubprocessError, wave.Error, EOFError) as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else b""
            why = said.decode("utf-8", "replace").strip() or str(error)
            raise PeerError(f"{program} failed: {why}", where=f"caller.voice {voice}") from error


@cache
def _flite_voices() -> tuple[str, ...]:
    listed = subprocess.run(["flite", "-lv"], check=False, capture_output=True, timeout=LONGEST_SECONDS)
    return tuple(sorted(listed.stdout.decode("utf-8", "replace").partition(":")[2].split()))


def _read(file: Path) -> Samples:
    with wave.open(str(file)) as sound:
        pcm = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        return resample(from_int16(pcm), sound.getframerate(), EAR_RATE)


def telephone(samples: Samples) -> Samples:
    """Through an 8 kHz line and back."""
    return resample(resample(samples, EAR_RATE, 8_000), 8_000, EAR_RATE)


def pink(seconds: float, level: float, seed: int = 7) -> Samples:
    """Noise that falls by 3 dB an octave, ``level`` RMS."""
    count = int(seconds * EAR_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    made = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), count)
    return (made * level / np.sqrt(np.mean(made**2))).astype(np.float32)


def loudness(samples: Samples) -> float:
    """RMS of the loud parts."""
    loud = samples[np.abs(samples) > 0.05 * np.abs(samples).max(initial=0.0)]
    return float(np.sqrt(np.mean(loud**2))) if len(loud) else 0.0


def cough(seed: int = 1, seconds: float = 0.35) -> Samples:
    """Two bursts of shaped noise with a little voice in them."""
    count = int(seconds * EAR_RATE)
    at = np.arange(count) / EAR_RATE
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    pitch = np.fft.rfftfreq(count, 1 / EAR_RATE)
    spectrum *= np.exp(-(((pitch - 900) / 600) ** 2)) + 0.5 * np.exp(-(((pitch - 2200) / 700) ** 2))
    burst = np.fft.irfft(spectrum, count) * (1 - np.exp(-at / 0.004)) * np.exp(-at / 0.09)
    voice = np.sum([np.sin(2 * np.pi * 140 * k * at) / k for k in range(1, 12)], axis=0) * np.exp(-at / 0.06)
    burst += 0.08 * np.abs(burst).max() * voice
    both = np.concatenate([burst, np.zeros(EAR_RATE // 10), 0.7 * burst])
    return (0.5 * both / np.abs(both).max()).astype(np.float32)
