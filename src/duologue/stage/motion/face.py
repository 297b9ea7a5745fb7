"""A face without a stage: what a character does, sampled 30 times a second and written down for whoever draws it.

It is the motion of the stage, of one character who looks at us. What it does while nobody speaks is one endless
track, in blocks; a line is a track of its own, laid over that wherever it begins: mouth, lids, brows and gaze are the
line's while it lasts, and what it does to head and body is added. So who draws needs no model of anything, and no clock
but that of the sound. ``frontend/src/core/face.ts`` reads it; both are held against the same file of examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from zlib import crc32

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Utterance
from duologue.stage.motion.gaze import AT_US, Geometry
from duologue.stage.motion.motion import FADE, LINGER, Motion
from duologue.stage.motion.pose import Brows, Lids, Mouth, Pose
from duologue.stage.timeline import SceneTimeline, TimelineUtterance

FRAMES_PER_SECOND = 30
FRAME = RATE // FRAMES_PER_SECOND
"""Samples of a frame."""
BLOCK = 20 * FRAMES_PER_SECOND
"""Frames of a block of idle life."""
MOST_FRAMES = 120 * FRAMES_PER_SECOND
"""A line's track ends here, whatever is still said."""
STEPS = 100
"""Gazes, degrees and pixels are written as whole hundredths."""
MOUTHS = {mouth: letter for mouth, letter in zip(Mouth, "ABCDEFGHXsf", strict=True)}
LIDS = {lids: lids.value[0] for lids in Lids}
BROWS = {Brows.NEUTRAL: "n", Brows.RAISED: "r", Brows.KNIT: "k", Brows.WORRIED: "w"}
VALUES = 7
"""Of a frame, in :attr:`FaceTrack.values`."""
_FRONT = Geometry(other=AT_US, camera=AT_US, tv=AT_US)
_PHASE = 60 * RATE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """Frames one after another, the first being frame ``first`` of whatever the track is of (below 0: lips close before
    the first sound). ``mouths``, ``lids`` and ``brows`` have a letter for each frame, ``values`` seven whole numbers:
    gaze (x, y), angle of the head, place of the head (x, y) and of the body (x, y), as a
    :class:`~duologue.stage.motion.pose.Pose` has them, in hundredths. Of a line all but the gaze is what it adds.
    """

    first: int
    mouths: str
    lids: str
    brows: str
    values: tuple[int, ...]

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.mouths)


def seed_of(character: str) -> int:
    """The one by which a character lives, the same wherever it is drawn."""
    return crc32(character.encode())


def idle_track(character: str, block: int) -> FaceTrack:
    """Block ``block`` (from 0) of what it does while nobody speaks; the next one goes on from it."""
    motion, nobody = _motion(character), SceneTimeline()
    first = block * BLOCK
    return _written(first, [motion.poses(at * FRAME, nobody)[0] for at in range(first, first + BLOCK)])


def line_track(character: str, utterance: Utterance) -> FaceTrack:
    """What a line does, from where its lips first move until its traces have faded."""
    motion, spoken, nobody = _motion(character), SceneTimeline(), SceneTimeline()
    spoken.add(TimelineUtterance(utterance, seat=0, start=_PHASE))
    length = len(utterance.samples) * RATE // utterance.rate
    first = min(0, motion.plan(utterance).mouth.begin // FRAME)
    last = -(-(length + max(LINGER, round(FADE * RATE))) // FRAME)
    frames = range(first, min(last, first + MOST_FRAMES))
    pairs = [(motion.poses(at, spoken)[0], motion.poses(at, nobody)[0]) for at in (_PHASE + n * FRAME for n in frames)]
    return _written(first, [_added(*pair) for pair in pairs])


def laid(idle: Pose, line: Pose | None) -> Pose:
    """A line over idle life, as whoever draws lays it."""
    if line is None:
        return idle
    return Pose(
        line.mouth, line.lids, line.brows, line.gaze, idle.head_angle + line.head_angle,
        (idle.head[0] + line.head[0], idle.head[1] + line.head[1]),
        (idle.body[0] + line.body[0], idle.body[1] + line.body[1]),
    )  # fmt: skip


def read(track: FaceTrack, frame: int) -> Pose | None:
    """Frame ``frame`` as it was written; None beside the track."""
    index = frame - track.first
    if not 0 <= index < track.frames:
        return None
    look_x, look_y, angle, head_x, head_y, body_x, body_y = (
        value / STEPS for value in track.values[VALUES * index : VALUES * (index + 1)]
    )
    return Pose(
        _of(MOUTHS.items(), track.mouths[index]), _of(LIDS.items(), track.lids[index]),
        _of(BROWS.items(), track.brows[index]), (look_x, look_y), angle, (head_x, head_y), (body_x, body_y),
    )  # fmt: skip


def _of(letters: Iterable[tuple[T, str]], letter: str) -> T:
    return next(value for value, each in letters if each == letter)


def _motion(character: str) -> Motion:
    return Motion(seed_of(character), seats=1, geometry=[_FRONT])


def _added(line: Pose, idle: Pose) -> Pose:
    return Pose(
        line.mouth, line.lids, line.brows, line.gaze, line.head_angle - idle.head_angle,
        (line.head[0] - idle.head[0], line.head[1] - idle.head[1]),
        (line.body[0] - idle.body[0], line.body[1] - idle.body[1]),
    )  # fmt: skip


def _written(first: int, poses: Sequence[Pose]) -> FaceTrack:
    return FaceTrack(
        first,
        "".join(MOUTHS[pose.mouth] for pose in poses),
        "".join(LIDS[pose.lids] for pose in poses),
        "".join(BROWS[pose.brows] for pose in poses),
        tuple(
            round(STEPS * value) for pose in poses for value in (*pose.gaze, pose.head_angle, *pose.head, *pose.body)
        ),
    )
