"""From the end of speech to the first sound from the speaker, on the Talk page with the default engines.

Natural callers (:mod:`benchmarks.natural_callers`, the half kept aside) speak into Chromium's microphone, one turn
after another at moments that the file has; where each lies in what the page heard is found by its waveform. So what
they are heard through is in a figure (the browser's echo canceller, noise suppression and gain control), but not what
the browser takes for it. The first sound is the first sample that can be heard, when it passes the device. Beside it
stands what :mod:`benchmarks.natural_turns` makes of the very same turns on virtual time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.machine import load, say
from benchmarks.natural_callers import Half, Renderings, Turn, callers, needed
from benchmarks.natural_turns import REPLIES, TIMES, Answered, conversation, house
from benchmarks.page_browser import MIC_RATE, Captured, visiting, write_wave
from benchmarks.page_house import talk_house
from benchmarks.page_sound import begun, first_audible, onsets, sounding, sounds
from benchmarks.phone_packets import spread
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples, silence
from duologue.audio.resample import resample
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.speech.hearing import EAR_RATE

TURNS = 40
WHO = "Robin"
LEAD_S = 4.0
"""Of silence, while the conversation begins."""
LISTEN_S = 6.5
"""After each turn: for the answer…"""
HUSH_S = 1.5
"""… which is cut off by Esc so long before the next turn: who speaks into an answer is another figure."""
REACH = EAR_RATE // 4
Said = list[tuple[str, Turn]]


@dataclass(frozen=True)
class Script:
    """What the microphone says: at the ears' rate, and where each turn's sound begins in it, and how long it is."""

    sound: Samples
    stretches: tuple[tuple[int, int], ...]

    @property
    def seconds(self) -> float:
        """Of all of it."""
        return len(self.sound) / EAR_RATE


def said(turns: int) -> Said:
    """The first turns of the half that was kept aside, voice after voice."""
    everybody = callers(Half.ASIDE, TIMES)
    found = list(islice(((voice, turn) for voice, own in everybody.items() for turn in own), turns))
    Renderings().make(needed({voice: [turn for v, turn in found if v == voice] for voice, _ in found}))
    return found


def scripted(waves: Sequence[Samples], lead: float, listen: float) -> Script:
    """Sounds one after another, each with the time to answer it behind it (s)."""
    parts: list[Samples] = [silence(round(lead * EAR_RATE))]
    stretches: list[tuple[int, int]] = []
    at = len(parts[0])
    for wave in waves:
        stretches.append((at, len(wave)))
        parts += [wave, silence(round(listen * EAR_RATE))]
        at += len(parts[-2]) + len(parts[-1])
    return Script(np.concatenate(parts), tuple(stretches))


def wave_of(voice: str, turn: Turn, sounds_: Renderings) -> Samples:
    """A turn as it is said, its pauses inside."""
    parts: list[Samples] = []
    for sound, pause in sounds_.phrases(voice, turn):
        parts += [sound, silence(pause * EAR_RATE // 1000)]
    return np.concatenate(parts)[: -1 or None]


def spoken(
    script: Script, address: str, folder: Path, who: str, *, first: str = "", hushes: Sequence[float] = ()
) -> Captured:
    """A visit whose microphone says the script; ``first`` is written before that, and Esc is pressed at ``hushes`` (s
    of the script).
    """
    file = folder / "microphone.wav"
    write_wave(file, resample(script.sound, EAR_RATE, MIC_RATE))
    with visiting(address, file) as visit:
        visit.begin(who, listens=True)
        began = SYSTEM_CLOCK.now()
        if first:
            visit.say(first)
        for at in (*hushes, script.seconds + 1.0):
            visit.wait(max(0.0, at - (SYSTEM_CLOCK.now() - began) / SECOND))
            if at < script.seconds:
                visit.page.keyboard.press("Escape")
        return visit.take()


def heard_at(captured: Captured, script: Script) -> list[tuple[float, float] | None]:
    """When each turn began and ended where the page heard it (ms); None: it was not found there."""
    microphone = captured.microphone
    assert microphone is not None
    heard = resample(microphone.samples, microphone.rate, EAR_RATE)
    scale = microphone.rate / EAR_RATE
    found: list[tuple[float, float] | None] = []
    for at, (_, length) in zip(onsets(heard, script.sound, script.stretches, REACH), script.stretches, strict=True):
        found.append(
            None if at is None else (microphone.at(round(at * scale)), microphone.at(round((at + length) * scale)))
        )
    return found


@dataclass(frozen=True)
class Turned:
    """A turn: s from its last word to the first sound of its answer (None: none came), and whether one began before
    its end.
    """

    turn: Turn
    after: float | None
    cut: bool


def judged(captured: Captured, script: Script, turns: Said) -> list[Turned]:
    """What came of each turn that was heard."""
    output = captured.output
    assert output is not None
    places = begun(captured.told)
    answers = [
        output.clock.at(places[sound.id] + sound.start)
        for sound in sounds(captured.frames)
        if sound.index == 0 and sound.id in places
    ]
    times = heard_at(captured, script)
    found: list[Turned] = []
    for number, ((_, turn), heard) in enumerate(zip(turns, times, strict=True)):
        if heard is None:
            say(f"not found at the microphone: {turn.words}")
            continue
        begin, end = heard
        following = next((each[0] for each in times[number + 1 :] if each is not None), end + 1000 * LISTEN_S)
        own = sorted(at for at in answers if end <= at < following)
        first = first_audible(output, own[0], following) if own else None
        cut = any(begin + 100 < at < end and sounding(output, at, at + 400) for at in answers)
        found.append(Turned(turn, None if first is None else (first - end) / 1000, cut))
    return found


def _simulated(turns: Said) -> list[Answered]:
    world, renderings = house(), Renderings()
    world.prepare(REPLIES)
    found = [
        each for voice in dict.fromkeys(voice for voice, _ in turns)
        for each in conversation(world, voice, [turn for v, turn in turns if v == voice], renderings)
    ]  # fmt: skip
    world.save()
    return found


def rows(small: bool = False) -> list[Row]:
    """The default engines beside what *natural* measures of the same turns."""
    turns = said(6 if small else TURNS)
    renderings = Renderings()
    script = scripted([wave_of(voice, turn, renderings) for voice, turn in turns], LEAD_S, LISTEN_S)
    simulated = _simulated(turns)
    say(f"{len(turns)} turns, {script.seconds:.0f} s")
    with TemporaryDirectory() as folder, talk_house() as here:
        hushes = [(at + length) / EAR_RATE + LISTEN_S - HUSH_S for at, length in script.stretches]
        captured = spoken(script, here.address, Path(folder), WHO, hushes=hushes)
    found = judged(captured, script, turns)
    made: list[Row] = []
    for name, dictated in (("statements and questions", False), ("dictated", True)):
        ours = [each.after for each in found if each.after is not None and each.turn.dictated == dictated]
        virtual = [
            each.sounded for each in simulated if each.sounded is not None and each.turn.dictated == dictated
        ]  # fmt: skip
        if ours and virtual:
            made += _times(f"{name}: end of speech → first sound from the speaker", ours, virtual)
    cut, theirs = (100 * sum(each.cut for each in group) / max(1, len(group)) for group in (found, simulated))
    return [
        *made,
        row("cut in, of all turns", cut, "%", f"natural {theirs:.1f}; wish ≤ 2"),
        row("turns without an answer", sum(each.after is None for each in found), f"of {len(found)}", load()),
        row("the browser's way to its device", captured.latency_ms, "ms", "in the figures above"),
    ]


def _times(what: str, ours: Sequence[float], virtual: Sequence[float]) -> list[Row]:
    (middle, tail), (theirs, their_tail) = spread(ours), spread(virtual)
    return [
        row(f"{what}, p50 of {len(ours)}", middle, "s", f"natural {theirs:.2f}; wish ≤ that + 0.08, {load()}"),
        row(f"{what}, p95", tail, "s", f"natural {their_tail:.2f}; wish ≤ that + 0.15"),
    ]
