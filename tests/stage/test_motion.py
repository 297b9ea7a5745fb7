"""What an eye would catch: jumps, fights between layers of motion, poses that depend on how one got there."""

from __future__ import annotations

import gc
import itertools
import math
import random
import weakref
from dataclasses import replace

import numpy as np
import pytest

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.stage.motion.motion import REMEMBERED, WIDE_EYED, Motion
from duologue.stage.motion.pose import MAX_HEAD_ANGLE, MAX_SHIFT, Brows, Expression, Lids, Mouth, Pose
from duologue.stage.timeline import SceneTimeline, TimelineUtterance

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

FRAME = RATE // 30
RADIUS = 220.0
"""From the neck to the top of a head (stage pixels): how far out a turn of the head is seen."""
SOUNDS = "m eI b i: b 0 b _: D @ p l V m 3 w U d p r I f 3: f aI v a p @L z"
TEXTS = (
    "Maybe Bob the plumber would prefer five apples, but people love power! Wow, no way! Ha ha ha.",
    "That is wrong, and you never listen! Really? I suppose it could be the best cheese of all.",
)


def line(name: str, speaker: str, text: str = TEXTS[0], seconds: float = 5.0, expression: str = "") -> Utterance:
    names = SOUNDS.split()
    step = RATE * 80 // 1000
    count = round(seconds / 0.08)
    marks = tuple(
        Mark(MarkKind.PHONEME, names[index % len(names)], index * step, (index + 1) * step, stressed=index % 4 == 1)
        for index in range(count)
    )
    return Utterance(name, speaker, text, np.zeros(count * step, np.float32), RATE, marks, "espeak", expression)


def scene() -> SceneTimeline:
    """Six turns of five seconds, a third of a second apart."""
    timeline = SceneTimeline()
    for turn in range(6):
        spoken = line(f"line {turn}", ("chad", "virgin")[turn % 2], TEXTS[turn % 2])
        timeline.add(TimelineUtterance(spoken, turn % 2, RATE + turn * (5 * RATE + RATE // 3)))
    return timeline


def film(motion: Motion, timeline: SceneTimeline, frames: range, *, tv_on: bool = False) -> list[tuple[Pose, ...]]:
    return [motion.poses(frame * FRAME, timeline, tv_on=tv_on) for frame in frames]


def steps(first: Pose, second: Pose) -> float:
    """The most that any point of a head moved between two poses (stage pixels)."""
    across = second.head[0] + second.body[0] - first.head[0] - first.body[0]
    down = second.head[1] + second.body[1] - first.head[1] - first.body[1]
    turned = math.radians(abs(second.head_angle - first.head_angle)) * RADIUS
    return math.hypot(across, down) + turned


def assert_smooth(shots: list[tuple[Pose, ...]], limit: float = 2.0) -> None:
    for number, (before, after) in enumerate(itertools.pairwise(shots)):
        for first, second in zip(before, after, strict=True):
            assert steps(first, second) < limit, f"frame {number}"
            assert math.hypot(second.head[0] - first.head[0], second.head[1] - first.head[1]) < 1.5


@pytest.mark.parametrize("seed", range(6))
def test_nothing_jumps(seed: int) -> None:
    shots = film(Motion(seed), scene(), range(36 * 30))
    assert_smooth(shots)


def test_a_pose_does_not_depend_on_how_one_came_there() -> None:
    timeline = scene()
    frames = list(range(0, 30 * 30, 7))
    straight = {frame: Motion(4).poses(frame * FRAME, timeline) for frame in frames}
    random.Random(1).shuffle(frames)
    motion = Motion(4)
    assert {frame: motion.poses(frame * FRAME, timeline) for frame in frames} == straight


def test_seeds_differ() -> None:
    assert Motion(1).poses(RATE, SceneTimeline()) != Motion(2).poses(RATE, SceneTimeline())


def test_it_is_alive_when_nothing_happens() -> None:
    shots = film(Motion(1), SceneTimeline(), range(20 * 30))
    for seat in range(2):
        poses = [shot[seat] for shot in shots]
        assert len({pose.gaze for pose in poses}) > 20
        assert {pose.lids for pose in poses} == set(Lids)
        assert {pose.brows for pose in poses} <= {Brows.NEUTRAL, Brows.RAISED}
        assert max(pose.body[1] for pose in poses) - min(pose.body[1] for pose in poses) > 2.0
        assert {pose.mouth for pose in poses} == {Mouth.X}


def test_poses_stay_within_what_is_baked() -> None:
    for pose in (pose for shot in film(Motion(3), scene(), range(36 * 30)) for pose in shot):
        assert abs(pose.head_angle) <= MAX_HEAD_ANGLE
        assert max(map(abs, (*pose.head, *pose.body))) <= MAX_SHIFT
        assert max(map(abs, pose.gaze)) <= 1.0


def test_the_mouth_is_speech_and_nothing_else_while_speaking() -> None:
    motion = Motion(1)
    for expression in Expression:
        utterance = line(f"as {expression}", "chad", expression=expression)
        track = motion.plan(utterance).mouth
        timeline = SceneTimeline()
        timeline.add(TimelineUtterance(utterance, 0, RATE))
        for at in range(RATE + track.begin, RATE + track.end, FRAME):
            assert motion.poses(at, timeline)[0].mouth is track.shape_at(at - RATE)


def test_an_expression_shows_at_rest_and_passes() -> None:
    motion, timeline = Motion(1), SceneTimeline()
    smiling = line("smile", "chad", expression="smile")
    timeline.add(TimelineUtterance(smiling, 0, 0))
    end = len(smiling.samples)
    assert motion.poses(end + RATE // 3, timeline)[0].mouth is Mouth.SMILE
    assert motion.poses(end + 3 * RATE, timeline)[0].mouth is Mouth.X


def test_only_the_speakers_mouth_moves() -> None:
    shots = film(Motion(1), scene(), range(30, 5 * 30))
    assert len({shot[0].mouth for shot in shots}) > 5
    assert {shot[1].mouth for shot in shots} <= {Mouth.X, Mouth.SMILE, Mouth.FROWN}


def test_lips_close_before_the_first_sample() -> None:
    motion, timeline = Motion(1), SceneTimeline()
    timeline.add(TimelineUtterance(line("m", "chad"), 0, RATE))
    assert motion.poses(RATE - FRAME, timeline)[0].mouth is Mouth.A


def test_an_interrupted_mouth_closes_at_once_and_the_body_does_not_jump() -> None:
    motion, timeline = Motion(2), SceneTimeline()
    timeline.add(TimelineUtterance(line("cut", "chad"), 0, 0))
    before = film(motion, timeline, range(60))
    timeline.cut(60 * FRAME)
    after = film(motion, timeline, range(60, 120))
    assert_smooth([*before, *after])
    assert {shot[0].mouth for shot in after[4:]} <= {Mouth.X, Mouth.SMILE, Mouth.FROWN}
    assert after[5][0].brows is Brows.RAISED
    assert film(motion, timeline, range(60)) == before


@pytest.mark.parametrize("seed", range(4))
def test_lines_that_come_late_and_go_early_do_not_make_a_body_jump(seed: int) -> None:
    """As a stage does it: a line is known when it begins, and pruned when it has faded."""
    motion, timeline, lines = Motion(seed), SceneTimeline(), list(scene())
    shots: list[tuple[Pose, ...]] = []
    for frame in range(36 * 30):
        at = frame * FRAME
        while lines and lines[0].start < at + FRAME:
            timeline.add(lines.pop(0))
        shots.append(motion.poses(at, timeline))
        timeline.prune(at - 6 * RATE)
    assert_smooth(shots)
    whole = film(motion, scene(), range(36 * 30))
    bodies = [[(pose.head, pose.body, pose.head_angle) for pose in shot] for shot in shots]
    assert bodies == [[(pose.head, pose.body, pose.head_angle) for pose in shot] for shot in whole]


def test_the_tv_moves_eyes_and_never_heads() -> None:
    off, on = (film(Motion(1), SceneTimeline(), range(600), tv_on=tv_on) for tv_on in (False, True))
    assert [[pose.gaze for pose in shot] for shot in off] != [[pose.gaze for pose in shot] for shot in on]
    assert [[replace(pose, gaze=(0, 0)) for pose in shot] for shot in off] == [
        [replace(pose, gaze=(0, 0)) for pose in shot] for shot in on
    ]


def test_after_a_skip_the_mouth_goes_on_where_it_stopped() -> None:
    motion, timeline, skipping = Motion(1), scene(), scene()
    skip = 77 * FRAME
    skipping.shift(skip)
    for frame in range(30, 30 * 30):
        mouths = [pose.mouth for pose in motion.poses(frame * FRAME, timeline)]
        assert mouths == [pose.mouth for pose in motion.poses(frame * FRAME + skip, skipping)]


def test_surprise_keeps_the_eyes_open_for_a_moment() -> None:
    motion, timeline = Motion(1), SceneTimeline()
    timeline.add(TimelineUtterance(line("oh", "chad", seconds=20.0, expression="surprise"), 0, 0))
    shots = film(motion, timeline, range(600))
    assert {shot[0].lids for shot in shots[: WIDE_EYED // FRAME]} == {Lids.OPEN}
    assert Lids.CLOSED in {shot[0].lids for shot in shots}


def test_listeners_react() -> None:
    timeline = SceneTimeline()
    timeline.add(TimelineUtterance(line("joke", "chad"), 0, 0))
    shots = [shot for seed in range(6) for shot in film(Motion(seed), timeline, range(8 * 30))]
    assert Mouth.SMILE in {shot[1].mouth for shot in shots}
    assert Brows.NEUTRAL in {shot[1].brows for shot in shots} and len({shot[1].brows for shot in shots}) > 1


def test_plans_are_remembered_within_bounds() -> None:
    motion = Motion(1)
    first = line("0", "chad", seconds=0.5)
    plan = motion.plan(first)
    assert motion.plan(first) is plan
    for number in range(1, REMEMBERED + 1):
        motion.plan(line(str(number), "chad", seconds=0.5))
    assert motion.plan(first) is not plan
    assert motion.plan(first) == plan


def test_what_is_queued_does_not_push_out_the_plan_of_what_is_on_air() -> None:
    motion = Motion(1)
    plan = motion.plan(on_air := line("on air", "chad", seconds=0.5))
    for number in range(2 * REMEMBERED):
        motion.plan(line(str(number), "chad", seconds=0.5))
        assert motion.plan(on_air) is plan


def test_a_remembered_plan_keeps_no_sound() -> None:
    motion = Motion(1)
    spoken = line("0", "chad", seconds=0.5)
    sound = weakref.ref(spoken.samples)
    motion.plan(spoken)
    del spoken
    gc.collect()
    assert sound() is None


def test_an_empty_house_has_no_poses() -> None:
    assert Motion(1, seats=0).poses(0, SceneTimeline()) == ()
    assert len(Motion(1, seats=3).poses(0, SceneTimeline())) == 3


def test_who_has_no_words_yet_thinks_visibly_and_moves_without_a_jump() -> None:
    timeline, still = SceneTimeline(), SceneTimeline()
    for each in (timeline, still):
        each.add(TimelineUtterance(line("a", "chad"), 0, RATE))
    timeline.ponder(1, 4 * RATE)
    for each in (timeline, still):
        each.add(TimelineUtterance(line("b", "virgin"), 1, 10 * RATE))
    frames = range(5 * 30, 13 * 30)
    acted, kept = film(Motion(7), timeline, frames), film(Motion(7), still, frames)
    thinking = [poses[1] for poses in acted[70:140]]
    assert sum(pose.brows is Brows.RAISED for pose in thinking) == len(thinking)
    away = [pose.gaze for pose in thinking if abs(pose.gaze[1]) > 0.3]
    assert len(away) > 20  # where people look who think
    assert max(steps(a[1], b[1]) for a, b in itertools.pairwise(acted)) < 4.0
    assert [poses[0].head for poses in acted[:20]] == [poses[0].head for poses in kept[:20]]
