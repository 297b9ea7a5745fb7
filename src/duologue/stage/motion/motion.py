"""Motion: from the scene timeline to poses. Speech over expression over idle.

``poses(at, …)`` is a pure function of the seed, the timeline and the sample, so a show can be drawn ahead, drawn
again, or drawn offline. What costs time is planned once for a line (:meth:`Motion.plan`, from any thread) and
remembered. A line does nothing before its first sample, except that lips close early, and its traces fade after its
last, so that adding, cutting and pruning lines never makes a body jump.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sin, tanh

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Utterance
from duologue.stage.lipsync.lipsync import MouthTrack, mouth_track
from duologue.stage.motion.expression import BROW_TIME, Accent, Beat, Score, score
from duologue.stage.motion.gaze import LEFT_SEAT, RIGHT_SEAT, FloorSpan, Gaze, Geometry
from duologue.stage.motion.life import BLINK, Life, lids_since, nod
from duologue.stage.motion.noise import ease, key, unit
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, MAX_SHIFT, Brows, Expression, Lids, Mouth, Pose
from duologue.stage.timeline import MEMORY, SceneTimeline, TimelineUtterance

REMEMBERED = 24
"""Plans that are kept."""
LINGER = RATE
"""How long an expression outlasts its line."""
FADE = 0.5
"""Seconds in which a speaker's motion dies away."""
_RELEASE = RATE * 8 // 100
"""How long the mouth of an interrupted speaker takes to close."""
_ACCENT_LEAD = RATE * 10 // 100
_ACCENT_LAST = RATE * 47 // 100
WIDE_EYED = RATE * 6 // 5
"""For how long nothing closes the lids of who is surprised."""


@dataclass(frozen=True, slots=True)
class LinePlan:
    """What a line does to the bodies: its mouth, its score, and a blink at its end (samples after it; -1: none)."""

    mouth: MouthTrack
    score: Score
    accents: tuple[int, ...]
    end_blink: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A line on the timeline with its plan, at one instant: ``local`` is the sample within the line."""

    spoken: TimelineUtterance
    plan: LinePlan
    local: int
    end: int

    @property
    def fade(self) -> float:
        """1 while it is heard, then down to 0."""
        return 1.0 - ease((self.local - self.end) / RATE / FADE)

    @property
    def strength(self) -> float:
        """The speaker's liveliness: up within 0.4 s, down with :attr:`fade`."""
        return ease(self.local / RATE / 0.4) * self.fade


class Motion:
    """The bodies of a show: one for each of ``seats``, each with its :class:`Geometry` (default: left, right,
    left…).
    """

    def __init__(self, seed: int, seats: int = 2, geometry: Sequence[Geometry] | None = None) -> None:
        self._seed = seed
        places = geometry or [LEFT_SEAT if seat % 2 == 0 else RIGHT_SEAT for seat in range(seats)]
        self._bodies = [_Body(seed, seat, place) for seat, place in enumerate(places)]
        # keyed by what tells lines apart and not by the line, whose sound would stay in memory with it
        self._plans: OrderedDict[tuple[str, str, int], LinePlan] = OrderedDict()
        self._lock = threading.Lock()

    def plan(self, utterance: Utterance) -> LinePlan:
        """Plan a line, or remember its plan. About 1 ms for 10 s of speech: call it off the frame path, from any
        thread.
        """
        line = (utterance.id, utterance.text, len(utterance.samples))
        with self._lock:
            known = self._plans.get(line)
            if known is not None:
                self._plans.move_to_end(line)  # what every frame asks for outlasts what is queued
                return known
        planned = _plan(utterance, self._seed)
        with self._lock:
            self._plans[line] = planned
            while len(self._plans) > REMEMBERED:
                self._plans.popitem(last=False)
        return planned

    def poses(self, at: int, timeline: SceneTimeline, *, tv_on: bool = False) -> tuple[Pose, ...]:
        """The poses at show sample ``at``, in seat order."""
        near = [spoken for spoken in timeline if spoken.start - RATE <= at <= spoken.end + MEMORY]
        lines = [self._line(spoken, at) for spoken in near]
        begun = [line for line in lines if line.local >= 0]
        floors = [
            FloorSpan(line.spoken.seat, line.spoken.start, line.spoken.end, line.plan.score.thinks) for line in begun
        ]
        thoughts = timeline.thoughts(at)
        if thoughts:
            floors += [FloorSpan(each.seat, each.start, each.end, thinks=False, silent=True) for each in thoughts]
            floors.sort(key=_start)
        return tuple(body.pose(at, lines, begun, floors, tv_on) for body in self._bodies)

    def _line(self, spoken: TimelineUtterance, at: int) -> _Line:
        return _Line(spoken, self.plan(spoken.utterance), at - spoken.start, spoken.end - spoken.start)


def _plan(utterance: Utterance, seed: int) -> LinePlan:
    planned = score(utterance, seed)
    chance = key(seed, "end blink", utterance.speaker, utterance.text)
    blink = round((0.05 + 0.35 * unit(chance, 1)) * RATE) if unit(chance, 0) < 0.7 else -1
    return LinePlan(mouth_track(utterance), planned, tuple(accent.at for accent in planned.accents), blink)


class _Body:
    """One seat."""

    def __init__(self, seed: int, seat: int, geometry: Geometry) -> None:
        self._seat = seat
        self._life = Life(seed, seat)
        self._gaze = Gaze(seed, seat, geometry)
        self._lean = 1.0 if geometry.other[0] >= 0 else -1.0

    def pose(
        self, at: int, lines: Sequence[_Line], begun: Sequence[_Line], floors: Sequence[FloorSpan], tv_on: bool
    ) -> Pose:
        own = [line for line in begun if line.spoken.seat == self._seat]
        heard = [line for line in begun if line.spoken.seat != self._seat]
        thinking = _thinking(self._seat, at, floors)
        face = _PENSIVE if thinking > 0.5 else _face(own, heard)
        speech = _mouth([line for line in lines if line.spoken.seat == self._seat])
        angle, head, body = self._carriage(at, own, heard, floors)
        angle, head = angle + 1.6 * self._lean * thinking, (head[0], head[1] - 1.4 * thinking)
        return Pose(
            mouth=speech or _REST.get(face.beat.expression, Mouth.X),
            lids=self._lids(at, own, face),
            brows=self._brows(at, face),
            gaze=self._gaze.direction(at, floors, tv_on=tv_on),
            head_angle=_soft(angle, MAX_HEAD_ANGLE),
            head=(_soft(head[0], MAX_SHIFT), _soft(head[1], MAX_SHIFT)),
            body=(_soft(body[0], MAX_SHIFT), _soft(body[1], MAX_SHIFT)),
        )

    def _carriage(
        self, at: int, own: Sequence[_Line], heard: Sequence[_Line], floors: Sequence[FloorSpan]
    ) -> tuple[float, tuple[float, float], tuple[float, float]]:
        """Angle of the head, its place, the body's place: idle life, more of it in speech, then nods and gestures."""
        life = self._life
        lively = max((line.strength for line in own), default=0.0)
        breath, weight = life.breath(at), life.weight(at)
        turn = self._gaze.head_turn(at, floors)
        angle = 1.0 * (1.0 + 0.8 * lively) * life.tilt(at) + 0.9 * turn[0]
        across = 1.3 * (1.0 + 0.8 * lively) * life.sway(at) + 2.0 * turn[0] + 1.0 * self._lean * lively
        down = -0.4 * breath + 1.0 * turn[1]
        for line in own:
            force = _accents(line)
            down += 2.2 * force
            angle += 0.5 * self._lean * force
            tilt, drop = _gestures(line.plan.score.beats, line.local, line.fade)
            angle, down = angle + self._lean * tilt, down + drop
        for line in heard:
            tilt, drop = _listening(line)
            angle, down = angle - self._lean * tilt, down + drop
        body = (3.6 * weight + 0.6 * lively * life.sway(at), -1.9 * breath)
        return angle, (across, down), body

    def _brows(self, at: int, face: _Face) -> Brows:
        lifted = face.accent or (face.beat is _CALM and self._life.brows_lift(at))
        return Brows.RAISED if lifted and face.beat.brows is Brows.NEUTRAL else face.beat.brows

    def _lids(self, at: int, own: Sequence[_Line], face: _Face) -> Lids:
        beat = face.beat
        if beat.expression is Expression.SURPRISE and face.since < WIDE_EYED:
            return Lids.OPEN
        for line in own:
            if line.plan.end_blink >= 0 and 0 <= (since := line.local - line.end - line.plan.end_blink) < BLINK:
                return lids_since(since)
        blinking = self._life.lids(at)
        return Lids.HALF if blinking is Lids.OPEN and beat.expression in _SQUINTS and beat.strength > 0.6 else blinking


_REST: dict[Expression, Mouth] = {
    Expression.SMILE: Mouth.SMILE, Expression.LAUGH: Mouth.SMILE, Expression.ANGER: Mouth.FROWN,
}  # fmt: skip
_SQUINTS = {Expression.LAUGH, Expression.ANGER, Expression.DOUBT}
_THOUGHT = 0.5
"""Seconds in which a head is raised in thought, and lowered again."""
_CALM = Beat(0, 0)
_STARTLED = Beat(0, 0, Expression.SURPRISE, Brows.RAISED, 0.6)


def _mouth(lines: Sequence[_Line]) -> Mouth | None:
    """The mouth that speech asks for, None when there is none: the newest line that has begun to move it."""
    for line in reversed(lines):
        track = line.plan.mouth
        if not track.begin <= line.local < track.end:
            continue
        if line.spoken.interrupted and line.local >= line.end:
            return Mouth.B if line.local < line.end + _RELEASE else None
        return track.shape_at(line.local)
    return None


@dataclass(frozen=True, slots=True)
class _Face:
    """The beat to show, how many samples it has been shown, and whether an accent lifts the brows."""

    beat: Beat
    since: int = 0
    accent: bool = False


_PENSIVE = _Face(Beat(0, 0, Expression.NEUTRAL, Brows.RAISED, 0.4))


def _start(floor: FloorSpan) -> int:
    return floor.start


def _thinking(seat: int, at: int, floors: Sequence[FloorSpan]) -> float:
    """How much who sits there thinks what to say, 0…1."""
    return max(
        (
            ease((at - floor.start) / RATE / _THOUGHT) * (1.0 - ease((at - floor.end) / RATE / _THOUGHT))
            for floor in floors
            if floor.silent and floor.seat == seat
        ),
        default=0.0,
    )


def _face(own: Sequence[_Line], heard: Sequence[_Line]) -> _Face:
    """One's own line comes first, then what one heard."""
    if own and own[-1].local < own[-1].end + LINGER:
        line = own[-1]
        if line.spoken.interrupted and line.local >= line.end:
            return _Face(_STARTLED, line.local - line.end)
        beats = line.plan.score.beats
        beat = line.plan.score.beat_at(line.local) or (beats[-1] if beats else _CALM)
        return _Face(beat, line.local - beat.start, _brow(line.plan.score.accents, line))
    for line in reversed(heard):
        for response in reversed(line.plan.score.responses):
            beat = response.beat
            if response.heard <= line.end and beat.start <= line.local < beat.end:
                return _Face(beat, line.local - beat.start)
    return _Face(_CALM)


def _brow(accents: Sequence[Accent], line: _Line) -> bool:
    index = bisect_left(line.plan.accents, line.local + _ACCENT_LEAD) - 1
    return index >= 0 and accents[index].brow and line.local < min(accents[index].at + BROW_TIME, line.end)


def _accents(line: _Line) -> float:
    """The nods of the accents now, 0…1; each begins a little before its syllable, none before the line."""
    first = bisect_left(line.plan.accents, line.local - _ACCENT_LAST)
    force = 0.0
    for accent in line.plan.score.accents[first : first + 3]:
        force += accent.strength * nod((line.local - max(0, accent.at - _ACCENT_LEAD)) / RATE)
    return force * line.fade


def _gestures(beats: Sequence[Beat], local: int, fade: float) -> tuple[float, float]:
    """What expressions do to the head: (tilt in degrees towards the other, drop in pixels)."""
    tilt = drop = 0.0
    for beat in beats:
        shown = (
            beat.strength
            * fade
            * ease((local - beat.start) / RATE / 0.35)
            * (1 - ease((local - beat.end) / RATE / 0.5))
        )
        if shown <= 0.0:
            continue
        match beat.expression:
            case Expression.LAUGH:
                drop += shown * (0.7 * sin(2 * pi * 4.2 * (local - beat.start) / RATE) - 0.6)
                tilt -= 0.8 * shown
            case Expression.SURPRISE:
                drop -= 2.2 * shown
            case Expression.DOUBT:
                tilt += 1.5 * shown
            case Expression.ANGER:
                drop += 1.6 * shown
            case Expression.SMILE:
                tilt += 0.6 * shown
            case Expression.NEUTRAL:
                drop -= 0.8 * shown if beat.brows is Brows.RAISED else 0.0
    return tilt, drop


def _listening(line: _Line) -> tuple[float, float]:
    """A listener's gestures and nods about what it has heard of a line."""
    tilt = drop = 0.0
    for response in line.plan.score.responses:
        if response.heard > line.end or line.local <= response.beat.start:
            continue
        if response.nod:
            drop += 2.4 * response.nod * nod((line.local - response.beat.start) / RATE, 0.2, 0.36)
        else:
            more_tilt, more_drop = _gestures((response.beat,), line.local, 1.0)
            tilt, drop = tilt + more_tilt, drop + more_drop
    return tilt, drop


def _soft(value: float, limit: float) -> float:
    """``value`` bent so that it never passes ``limit``, and hardly bent when small."""
    return limit * tanh(value / limit)
