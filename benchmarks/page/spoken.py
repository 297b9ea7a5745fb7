"""From the end of speech to the first sound from the speaker, on the Talk page with the default engines.

Natural callers (:mod:`benchmarks.natural.callers`, the half kept aside) speak into Chromium's microphone, one turn
after another at moments that the file has; where each lies in what the page heard is found by its waveform. So what
they are heard through is in a figure (the browser's echo canceller, noise suppression and gain control), but not what
the browser takes for it. The first sound is the first sample that can be heard, when it passes the device.

Beside it stands what *natural* makes of the same turns on virtual time, three times: of the files
(:mod:`benchmarks.natural.turns`), of the files as this microphone says them, and of the very sound that the page sent
(:mod:`benchmarks.page.again`). Only the last is the same sound, so only what a turn takes beyond it is the page's way.
``SHOW=1`` tells each turn on standard error: page, again, files as said, files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.machine import load, say
from benchmarks.natural.callers import Half, Renderings, Turn, callers, needed
from benchmarks.natural.turns import REPLIES, TIMES, Answered, conversation, house
from benchmarks.natural.world import House
from benchmarks.page.again import EARLY_MS, PARTS, Again, Answer, Received, hear, on_page, received, said_then
from benchmarks.page.browser import MIC_RATE, Captured, visiting, write_wave
from benchmarks.page.house import talk_house
from benchmarks.page.sound import Sent, begun, first_audible, onsets, sounding, sounds
from benchmarks.phone.packets import spread
from benchmarks.table import Row, row
from duologue.app.talking.partners import find_partner
from duologue.audio.pcm import Samples, silence
from duologue.audio.resample import resample
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.settings import load_settings
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
OTHERWISE_MS = 150
"""Two decisions that lie so far apart are not by the same wait."""
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


def placed(sound: Received, script: Script) -> list[tuple[int, int] | None]:
    """Where each turn begins and ends in the sound that the page sent (samples); None: it was not found there."""
    places = onsets(sound.samples, script.sound, script.stretches, REACH)
    return [at if at is None else (at, at + length) for at, (_, length) in zip(places, script.stretches, strict=True)]


def heard_at(captured: Captured, script: Script) -> list[tuple[float, float] | None]:
    """The same as when that was (ms of the page): what a block that is late is late by is in no such time."""
    sound = received(captured.blocks)
    return [each and (sound.at(each[0]), sound.at(each[1])) for each in placed(sound, script)]


@dataclass(frozen=True)
class Turned:
    """A turn: s from its last word to the first sound of its ``answer`` (None: none came), which began with the sound
    ``sent``.
    """

    turn: Turn
    after: float | None
    answer: Answer
    sent: Sent | None = None


def judged(captured: Captured, script: Script, turns: Said) -> list[Turned]:
    """What came of each turn; nothing, where it was not found at the microphone."""
    output = captured.output
    assert output is not None
    places = begun(captured.told)
    answers = sorted(
        (output.clock.at(places[sound.id] + sound.start), number, sound)
        for number, sound in enumerate(sounds(captured.frames))
        if sound.index == 0 and sound.id in places
    )
    times = heard_at(captured, script)
    found: list[Turned] = []
    for number, ((_, turn), heard) in enumerate(zip(turns, times, strict=True)):
        if heard is None:
            say(f"not found at the microphone: {turn.words}")
            found.append(Turned(turn, None, Answer()))
            continue
        begin, end = heard
        following = next((each[0] for each in times[number + 1 :] if each is not None), end + 1000 * LISTEN_S)
        cut = any(begin + EARLY_MS < at < end and sounding(output, at, at + 400) for at, _, _ in answers)
        own = next(((at, sound) for at, _, sound in answers if end <= at < following), None)
        first = first_audible(output, own[0], following) if own is not None else None
        if own is None or first is None:
            found.append(Turned(turn, None, Answer(cut=cut)))
        else:
            parts = on_page(captured, own[1], end, first)
            found.append(Turned(turn, (first - end) / 1000, Answer(parts, cut), own[1]))
    return found


@dataclass(frozen=True)
class Sides:
    """The same turns on the ``page``, and on virtual time: the ``files``, each voice in a conversation of its own; the
    same as ``plain`` as the microphone says them; and ``again``, the ``sound`` that the page sent.
    """

    page: Sequence[Turned]
    files: Sequence[Answered]
    plain: Sequence[Answer]
    again: Sequence[Answer]
    sound: Received


def sides(world: House, captured: Captured, script: Script, turns: Said, hushes: Sequence[float]) -> Sides:
    """Everything on virtual time, beside the page."""
    found = judged(captured, script, turns)
    (_, welcome), *_ = captured.of("welcome")
    member = find_partner(str(welcome["character"]), load_settings())
    replies = [said_then(captured, each.sent) or REPLIES[0] for each in found]
    world.prepare((*REPLIES, *replies), member.persona)
    files = [
        each for voice in dict.fromkeys(voice for voice, _ in turns)
        for each in conversation(world, voice, [turn for v, turn in turns if v == voice], Renderings())
    ]  # fmt: skip
    known = [(at, at + length) for at, length in script.stretches]
    plain = Again(script.sound, known, [round(at * EAR_RATE) for at in hushes], replies)
    sound = received(captured.blocks)
    keys = [sound.place(at) for at, key in captured.keys if key == "Escape"]
    again = hear(world, member, Again(sound.samples, placed(sound, script), keys, replies))
    made = Sides(found, files, hear(world, member, plain), again, sound)
    world.save()
    return made


def rows(small: bool = False) -> list[Row]:
    """The default engines beside what *natural* measures of the same turns."""
    turns = said(6 if small else TURNS)
    renderings = Renderings()
    script = scripted([wave_of(voice, turn, renderings) for voice, turn in turns], LEAD_S, LISTEN_S)
    say(f"{len(turns)} turns, {script.seconds:.0f} s")
    hushes = [(at + length) / EAR_RATE + LISTEN_S - HUSH_S for at, length in script.stretches]
    with TemporaryDirectory() as folder, talk_house() as here:
        captured = spoken(script, here.address, Path(folder), WHO, hushes=hushes)
    both = sides(house(), captured, script, turns, hushes)
    if os.environ.get("SHOW"):
        _show(both)
    return [
        *figures(both),
        row("the browser's way to its device, as it says itself", captured.latency_ms, "ms", "in the figures above"),
    ]


def figures(both: Sides) -> list[Row]:
    """All rows of the turns."""
    made: list[Row] = []
    for name, dictated in (("statements and questions", False), ("dictated", True)):
        made += _waits(name, both, [each.turn.dictated == dictated for each in both.page])
    by_way = _otherwise([each.answer for each in both.page], both.again)
    by_sound = _otherwise(both.again, both.plain)
    silent = sum(each.after is None for each in both.page)
    return [
        *made,
        *_parts(both),
        _cut(both),
        row("turns without an answer", silent, f"of {len(both.page)}", load()),
        row("turns that the page decided by another wait than natural on the very sound", by_way, "", "its way"),
        row("turns that natural did on the very sound, than on the files", by_sound, "", "its sound"),
        *_blocks(both.sound),
    ]


def _cut(both: Sides) -> Row:
    cut = sum(each.answer.cut for each in both.page)
    virtual = (sum(each.cut for each in side) for side in (both.again, both.plain, both.files))
    again, plain, files = (f"{100 * count / len(both.page):.1f}" for count in virtual)
    beside = f"natural on the very sound {again}, on the microphone's files {plain}, on the files {files}; wish ≤ 2"
    return row("cut in, of all turns", 100 * cut / len(both.page), "%", beside)


def _blocks(sound: Received) -> list[Row]:
    """How evenly the microphone's sound was sent."""
    middle, tail = spread(sound.late.tolist())
    beside = f"p95 {tail:.0f}, most {sound.late.max():.0f} of {len(sound.late)}"
    return [
        row("a block of the microphone, later than the soonest, p50", middle, "ms", beside),
        row("the microphone's sound that was not sent", 1000 * sound.missing / EAR_RATE, "ms"),
    ]


def _waits(name: str, both: Sides, chosen: Sequence[bool]) -> list[Row]:
    """The waits of those who are chosen, on each side; and by how much the page's are longer, turn by turn."""
    ours = [each.after for each in compress(both.page, chosen) if each.after is not None]
    again, plain = (
        [each.waited / 1000 for each in compress(side, chosen) if each.waited is not None]
        for side in (both.again, both.plain)
    )
    files = [each.sounded for each in compress(both.files, chosen) if each.sounded is not None]
    if not (ours and again and plain and files):
        return []
    made: list[Row] = []
    told = zip(("p50", "p95"), (0.08, 0.15), *(spread(each) for each in (ours, again, plain, files)), strict=True)
    for which, more, page, *virtual in told:
        natural = "natural on the very sound {:.2f}, on the microphone's files {:.2f}, on the files {:.2f}"
        what = f"{name}: end of speech → first sound from the speaker, {which} of {len(ours)}"
        peer = f"{natural.format(*virtual)}; wish ≤ the first + {more:g}, {load()}"
        made.append(row(what, page, "s", peer, virtual[0] / page))
    beyond = [
        1000 * page.after - virtual.waited
        for page, virtual in compress(zip(both.page, both.again, strict=True), chosen)
        if page.after is not None and virtual.waited is not None
    ]
    middle, tail = spread(beyond) if beyond else (float("nan"), float("nan"))
    what = f"{name}: beyond natural on the very sound, turn by turn"
    return [
        *made,
        row(f"{what}, p50 of {len(beyond)}", middle, "ms", "wish ≤ 80"),
        row(f"{what}, p95", tail, "ms", "wish ≤ 150"),
    ]


def _parts(both: Sides) -> list[Row]:
    """What of that lies where."""
    pairs = [
        (page.answer.parts, virtual.parts)
        for page, virtual in zip(both.page, both.again, strict=True)
        if page.answer.parts and virtual.parts
    ]
    made: list[Row] = []
    for part, until in PARTS.items() if pairs else ():
        ours, theirs = [page[part] for page, _ in pairs], [virtual[part] for _, virtual in pairs]
        (middle, tail), (their_middle, their_tail) = spread(ours), spread(theirs)
        beyond = spread([one - other for one, other in zip(ours, theirs, strict=True)])
        peer = f"p95 {beyond[1]:.0f}; page {middle:.0f}, {tail:.0f}; natural {their_middle:.0f}, {their_tail:.0f}"
        made.append(row(f"{part} ({until}), beyond natural, p50 of {len(pairs)}", beyond[0], "ms", peer))
    return made


def _otherwise(one: Sequence[Answer], other: Sequence[Answer]) -> int:
    """How many turns were decided by another wait."""
    return sum(
        abs(mine.parts["decision"] - theirs.parts["decision"]) > OTHERWISE_MS
        for mine, theirs in zip(one, other, strict=True)
        if mine.parts and theirs.parts
    )


def _show(both: Sides) -> None:
    for page, file, plain, again in zip(both.page, both.files, both.plain, both.again, strict=True):
        told = " ".join(
            f"{part} {page.answer.parts[part]:.0f}/{again.parts[part]:.0f}"
            for part in PARTS
            if page.answer.parts and again.parts
        )
        times = [page.after, *(each.waited and each.waited / 1000 for each in (again, plain)), file.sounded]
        waits = " ".join("none" if each is None else f"{each:.2f}" for each in times)
        print(f"{'CUT' if page.answer.cut else '   '} {waits} {page.turn.words}\n      {told}", file=sys.stderr)
