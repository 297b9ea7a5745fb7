"""What a report tells, as plain values: a chapter for each show, and one for all talks and calls together.

Renderers (HTML, Markdown, JSON) take these and compute nothing.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from duologue.clock import SECOND, milliseconds
from duologue.evidence.columns import MachineColumns
from duologue.evidence.incidents import Incident, ShowEvidence
from duologue.evidence.percentiles import Percentiles
from duologue.evidence.spent import EngineUse, together
from duologue.evidence.stalls import Stall, disk_held, loop_held, packets_late, packets_lost
from duologue.evidence.summary import PartSummary
from duologue.evidence.surroundings import Surroundings
from duologue.evidence.waits import TurnWait, answer_ms, usual_stages, wait_of
from duologue.plurals import counted
from duologue.telemetry.ledger import EndingOutcome, EndingRecord, TurnRecord
from duologue.telemetry.turns import STAGES, silence_ms, stages_ms

MOST_POINTS = 480
"""Of a line in a plot."""
BINS = 60
MOST_ROWS = 60
"""Of a waterfall: more cannot be read."""
SILENT_STAGES = STAGES[:-1]
"""Those of the silence before a turn."""
SEEN_MS = 0.5
"""A stage that never took longer has no row and no colour."""
OF_ALL_CORES = "(of all cores)"
"""Ends the name of a figure of the machine that is a percentage of all cores, and not of one."""
KINDS = ("speech", "tv", "caption", "lights", "nothing of these")
"""Of work in a frame. A frame may be of several."""
MOST_RATE = 60.0
"""Characters a second: what is faster is no speech, but a fault of its record."""


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A figure over time: ``points`` are (seconds since the beginning, value)."""

    name: str
    unit: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bars:
    """How often values fell between ``edges``: one count less than there are edges."""

    edges: list[float]
    counts: list[int]


@dataclass(slots=True)
class Gap:
    """The silence before a turn of a show: ``ms`` of it were there, ``chosen_ms`` were wanted."""

    at: float
    speaker: str
    ms: float
    chosen_ms: float
    waited_ms: float


@dataclass(slots=True)
class WaterfallRow:
    """A turn in a waterfall: ``at`` is seconds since the beginning, ``stages`` ms that follow each other. ``words`` are
    those of the turn, or, if it ``answers``, of the question.
    """

    at: float
    of: str
    speaker: str
    words: str
    stages: dict[str, float]
    total_ms: float
    notes: list[str] = field(default_factory=list[str])
    answers: bool = False

    @property
    def label(self) -> str:
        """Who, and what about."""
        return label(self.speaker, self.words, answers=self.answers)

    def shown(self, stage: str) -> str:
        """What a stage took, as a cell has it (ms); empty: it has none."""
        return f"{self.stages[stage]:.0f}" if stage in self.stages else ""


def slowest(rows: Sequence[WaterfallRow]) -> list[WaterfallRow]:
    """Of many the slowest, in their order."""
    places = sorted(range(len(rows)), key=lambda place: -rows[place].total_ms)[:MOST_ROWS]
    return [rows[place] for place in sorted(places)]


def stages_seen(rows: Sequence[WaterfallRow]) -> list[str]:
    """The stages of the silence before a turn that took any time, in order."""
    return [name for name in SILENT_STAGES if any(row.stages.get(name, 0.0) >= SEEN_MS for row in rows)]


def label(speaker: str, words: str, *, answers: bool) -> str:
    """Who says something (``words``), or, where that ``answers``, to what."""
    if not words:
        return speaker
    return f"{speaker} to “{words}”" if answers else f"{speaker}: {words}"


@dataclass(slots=True)
class ShowChapter:
    """A show. Times are ms, or seconds since its beginning."""

    of: str
    title: str
    wall_ns: int
    seconds: float
    fps: float
    budget_ms: float
    lead_ms: float
    frames: int
    late: int
    over_budget: int
    left_out: int
    half_rate: int
    first_number: int
    over: bool
    cost: Percentiles | None
    kinds: dict[str, tuple[Percentiles, int]]
    """By the work in a frame: percentiles of its time, and how many were over budget."""
    bars: Bars | None
    timeline: list[PlotLine]
    machine: list[PlotLine]
    memory: list[PlotLine]
    steal: Percentiles | None
    busy: Percentiles | None
    """Of all cores, by any program (%)."""
    incidents: list[Incident]
    unexamined: int
    gaps: list[Gap]
    rows: list[WaterfallRow]
    waits: list[TurnWait]
    voices: dict[str, Percentiles]
    stalls: list[Stall]
    """What else stood still."""
    began: int
    """Monotonic ns, of seconds 0."""
    notes: list[str] = field(default_factory=list[str])
    used: dict[str, EngineUse] = field(default_factory=dict[str, EngineUse])
    """What engines were asked for."""
    topics: list[str] = field(default_factory=list[str])
    """What it was about, one after the other; the first is its title."""

    @property
    def silences(self) -> dict[str, Percentiles]:
        """Of the silences between its turns: what was chosen, what there was, what engines added (ms)."""
        found = {
            "chosen": Percentiles.of(gap.chosen_ms for gap in self.gaps),
            "there was": Percentiles.of(gap.ms for gap in self.gaps),
            "added by an engine": Percentiles.of(gap.waited_ms for gap in self.gaps),
        }
        return {name: each for name, each in found.items() if each is not None}


@dataclass(slots=True)
class TalksChapter:
    """All talks and calls."""

    parts: int
    calls: int
    seconds: float
    wall_ns: int
    answers: Percentiles | None
    stages: dict[str, Percentiles]
    rows: list[WaterfallRow]
    slowest: list[TurnWait]
    counts: dict[str, int]
    saved_ms: float
    wasted_ms: float
    too_early: int
    too_early_by: Counter[str]
    """By what rule a person was taken to be done who went on."""
    decisions: Counter[str]
    voices: dict[str, Percentiles]
    loss: Percentiles | None
    jitter: Percentiles | None
    packets: Percentiles | None
    """How late the latest packet of each second left (ms)."""
    machine: list[PlotLine]
    memory: list[PlotLine]
    steal: Percentiles | None
    busy: Percentiles | None
    """Of all cores, by any program (%)."""
    others: Percentiles | None
    """Of all cores, by programs that are none of ours (%)."""
    cut_off: int
    recorded: int
    """Of how many the sound was kept."""
    virtual: bool
    stalls: list[Stall]
    """What stood still or got lost: packets, the main loop, the recorder's disk."""
    began: int
    """Of the first of them (monotonic ns)."""
    notes: list[str] = field(default_factory=list[str])
    used: dict[str, EngineUse] = field(default_factory=dict[str, EngineUse])

    @property
    def way(self) -> list[tuple[str, str, Percentiles]]:
        """Of calls: name, unit and figures of what was measured of the way."""
        found = (
            ("packets missing on the way to us", "%", self.loss), ("jitter", "ms", self.jitter),
            ("latest packet of ours in each second", "ms", self.packets),
        )  # fmt: skip
        return [(name, unit, each) for name, unit, each in found if each is not None]


def show_chapter(show: PartSummary, house: PartSummary | None, wall_ns: int) -> ShowChapter:
    """``wall_ns`` is when it began (Unix ns; 0: unknown)."""
    scene = ShowEvidence(show, house)
    columns, period, began = show.columns, scene.period_ms, show.began
    costs = columns.costs()
    incidents = scene.incidents()
    usual = usual_stages(show.turns)
    waits = [
        replace(wait, at=(turn.on_air - began) / SECOND, label=_asked(turn, {}))
        for turn in show.turns
        if (wait := wait_of(turn, usual, scene.around)) is not None
    ]
    waits.sort(key=lambda each: -each.ms)
    topics = [each.topic for each in show.conversations if each.topic]
    return ShowChapter(
        show.of, topics[0] if topics else " & ".join(show.show.cast if show.show else ()), wall_ns,
        max(0, show.newest - began) / SECOND, 1000 / period, period, scene.lead_ms, show.frames.frames,
        show.frames.late, show.frames.over_budget, show.frames.skipped,
        sum(max(0, each - 1) for each in columns.periods), columns.number[0] if columns else 0, show.over,
        Percentiles.of(costs), _kinds(show, costs, period), bars_of(Counter(costs), period), _frame_lines(show, began),
        *_machine(scene.machine, began), Percentiles.of(scene.machine.figures["steal_percent"]),
        Percentiles.of(scene.machine.figures["busy_percent"]), incidents, scene.unexamined,
        _gaps(show, began), _rows([show], began), waits, _voices([show]),
        [*disk_held(scene.around), *loop_held(scene.around)], began, _trouble([show], house), show.used, topics,
    )  # fmt: skip


def _kinds(show: PartSummary, costs: array[float], period: float) -> dict[str, tuple[Percentiles, int]]:
    """By what was in the frame; empty where the frames do not say."""
    columns = show.columns
    if not columns.worked:
        return {}
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    over: Counter[str] = Counter()
    for cost, work, periods in zip(costs, columns.works(), columns.periods, strict=True):
        for kind in work.split("+") if work else (KINDS[-1],):
            found.setdefault(kind, []).append(cost)
            over[kind] += cost > period * periods
    return {
        kind: (percentiles, over[kind])
        for kind, values in found.items()
        if (percentiles := Percentiles.of(values)) is not None
    }


def bars_of(values: Mapping[float, int], limit: float) -> Bars | None:
    """Up to half again the ``limit`` evenly; what is dearer is in the last one. ``values``: how often each came."""
    if not values:
        return None
    top = max(1.5 * limit, min(max(values), 3 * limit))
    step = top / BINS
    counts = [0] * (BINS + 1)
    for value, times in values.items():
        counts[min(BINS, int(value / step))] += times
    return Bars([round(step * place, 3) for place in range(BINS + 2)], counts)


def _frame_lines(show: PartSummary, began: int) -> list[PlotLine]:
    """The slowest frame and the median of each stretch of time, and how far ahead of its due time the latest was."""
    columns = show.columns
    if not columns:
        return []
    span = max(1, columns.due[-1] - columns.due[0])
    width = max(SECOND, span // MOST_POINTS)
    cells: dict[int, list[int]] = {}
    for place, due in enumerate(columns.due):
        cells.setdefault((due - columns.due[0]) // width, []).append(place)
    most, middle, lead = PlotLine("slowest", "ms", []), PlotLine("median", "ms", []), PlotLine("lead", "ms", [])
    for cell, places in sorted(cells.items()):
        at = round((columns.due[0] - began + cell * width) / SECOND, 2)
        costs = sorted(columns.cost(place) for place in places)
        most.points.append((at, round(costs[-1], 2)))
        middle.points.append((at, round(costs[len(costs) // 2], 2)))
        lead.points.append((at, round(-max(columns.lateness[place] for place in places), 1)))
    return [most, middle, lead]


_OF_ALL = (("all programs", "busy_percent"), ("other programs", "others_percent"), ("stolen", "steal_percent"))


def _machine(machine: MachineColumns, began: int) -> tuple[list[PlotLine], list[PlotLine]]:
    """CPU (% of a core) of each process, what other programs had and what was stolen; memory (MB) of each. The most of
    each stretch of time.
    """
    cpu = [_line(name, "%", machine.at, column, began) for name, column in _busiest(machine.cpu)]
    if machine:
        for name, figure in _OF_ALL:
            cpu.append(_line(f"{name} {OF_ALL_CORES}", "%", machine.at, machine.figures[figure], began))
    return cpu, [_line(name, "MB", machine.at, column, began) for name, column in _busiest(machine.rss)]


def _busiest(columns: dict[str, array[float]]) -> list[tuple[str, array[float]]]:
    """The six that have most; as many lines can be told apart."""
    return sorted(columns.items(), key=lambda each: -sum(each[1]))[:6]


def _line(name: str, unit: str, times: array[int], values: array[float], began: int) -> PlotLine:
    every = max(1, len(values) // MOST_POINTS)
    return PlotLine(
        name, unit,
        [
            (round((times[place] - began) / SECOND, 1), round(max(values[place : place + every]), 2))
            for place in range(0, len(values), every)
        ],
    )  # fmt: skip


def _gaps(show: PartSummary, began: int) -> list[Gap]:
    """The silences between turns that follow each other in one conversation, and were not cut off."""
    heard = sorted((turn for turn in show.turns if turn.on_air and turn.ended), key=lambda turn: turn.on_air)
    return [
        Gap(
            (turn.on_air - began) / SECOND, turn.speaker, round(milliseconds(turn.on_air - before.ended), 1),
            turn.gap_ms, round(turn.waited_ms, 1),
        )
        for before, turn in pairwise(heard)
        if turn.conversation == before.conversation and not before.interrupted and turn.on_air >= before.ended
    ]  # fmt: skip


def _rows(parts: Sequence[PartSummary], began: int, *, answers: bool = False) -> list[WaterfallRow]:
    """Every turn of a character that was asked for, or every one that was an answer to speech and sounded; in order.
    Without a time at which all ``began`` (0) each part counts from its own beginning.
    """
    found: list[WaterfallRow] = []
    for part in parts:
        questions = _questions(part)
        for turn in part.turns:
            if turn.kind in ("person", "filler") or (answers and answer_ms(turn) is None):
                continue
            left_out = ("speaking",) if turn.spoken_to else ("speaking", "playout")  # its place in the queue is chosen
            stages = {name: round(ms, 1) for name, ms in stages_ms(turn).items() if name not in left_out}
            if not stages:
                continue
            start = turn.spoken_to or turn.asked
            found.append(
                WaterfallRow(
                    (start - (began or part.began)) / SECOND, part.of, turn.speaker,
                    questions.get(turn.question) or turn.text, stages, round(sum(stages.values()), 1), _notes(turn),
                    bool(questions.get(turn.question)),
                )
            )  # fmt: skip
    return sorted(found, key=lambda row: row.at) if began else found


def _questions(part: PartSummary) -> dict[str, str]:
    return {turn.id: turn.text for turn in part.turns if turn.kind == "person"}


def _asked(turn: TurnRecord, questions: Mapping[str, str]) -> str:
    """What a turn is called: by its question, else by its own words."""
    question = questions.get(turn.question, "")
    return label(turn.speaker, question or turn.text, answers=bool(question))


def _notes(turn: TurnRecord) -> list[str]:
    found = [
        words
        for on, words in (
            (turn.adopted, f"thought ahead, {turn.saved_ms:.0f} ms saved"),
            (turn.interrupted, "interrupted"),
            (turn.fillers, counted(turn.fillers, "filler")),
            (turn.apologised, "apologised"),
            (turn.queued_ms >= 50, f"{turn.queued_ms:.0f} ms waited for other work of our engines"),
            (turn.cached, f"{turn.cached} of its sentences from the speech cache"),
            (
                turn.prompt_tokens,
                f"{turn.kept_tokens} of {counted(turn.prompt_tokens, 'token was', 'tokens were')} read before",
            ),
            (turn.false_alarms, counted(turn.false_alarms, "false alarm")),
            (turn.echoes, counted(turn.echoes, "echo", "echoes")),
            (turn.state == "withdrawn", "withdrawn"),
            (turn.why, turn.why),
        )
        if on
    ]
    return [
        *found,
        *turn.handovers,
        *filter(None, [turn.failure]),
        *(f"{stage} missed a deadline" for stage in turn.stalls),
    ]


def _voices(parts: Iterable[PartSummary]) -> dict[str, Percentiles]:
    """Characters a second of each voice, in turns that were heard to their end."""
    found: dict[str, list[float]] = {}
    for part in parts:
        for turn in part.turns:
            if turn.kind in ("person", "filler") or turn.interrupted or not turn.text or turn.text != turn.heard:
                continue
            seconds = turn.sound_ms / 1000 or (turn.ended - turn.on_air) / SECOND
            if seconds > 0.3 and len(turn.text) / seconds <= MOST_RATE:
                name = f"{turn.speaker} ({turn.engine})" if turn.engine else turn.speaker
                found.setdefault(name, []).append(len(turn.text) / seconds)
    return {name: each for name, values in found.items() if (each := Percentiles.of(values)) is not None}


def _trouble(parts: Iterable[PartSummary], house: PartSummary | None) -> list[str]:
    """What failed, in words."""
    found: Counter[str] = Counter()
    parts = [*parts, *((house,) if house is not None else ())]
    told = any(part.handovers for part in parts)  # a talk without a house has them in its turns alone
    for part in parts:
        found.update(f"{part.of} failed: {cause}" for cause in part.failures)
        found.update(each.words for each in part.handovers)
        for turn in part.turns:
            found.update([f"a turn: {turn.failure}"] if turn.failure else [])
            found.update(() if told else turn.handovers)
        for worker, times in part.restarts.items():
            found[f"{worker} was started again"] += times
        if part.dropped:
            found[f"{counted(part.dropped, 'line of the ledger is', 'lines of the ledger are')} missing"] += 1
    return [f"{words} ({times} times)" if times > 1 else words for words, times in found.items()]


Placed = tuple[PartSummary, Surroundings]
"""A part, and what its house tells of the time around it."""


def talks_chapter(
    placed: Sequence[Placed],
    house: PartSummary | None,
    shared: Sequence[Placed],
    wall_ns: int,
    *,
    virtual: bool,
) -> TalksChapter:
    """Of talks and calls; ``shared`` is what all calls of a house share, ``house`` that of all of them if it is one.
    ``virtual``: a simulation, whose clock is none.
    """
    parts = [part for part, _ in placed]
    turns = [turn for part in parts for turn in part.turns]
    answers = [each for each in map(answer_ms, turns) if each is not None]
    answered = [turn for turn in turns if answer_ms(turn) is not None]
    usual = usual_stages(answered)
    around = Surroundings(house)
    began = min((part.began for part in parts), default=0)
    axis = began if len(parts) == 1 or house is not None else 0
    questions = {turn: text for part in parts for turn, text in _questions(part).items()}
    waits = [
        replace(wait, at=(turn.spoken_to - (axis or part.began)) / SECOND, label=_asked(turn, questions))
        for part, near in placed for turn in part.turns
        if answer_ms(turn) is not None and (wait := wait_of(turn, usual, near)) is not None
    ]  # fmt: skip
    waits.sort(key=lambda wait: -wait.ms)
    taken: dict[str, list[float]] = {name: [] for name in STAGES}
    for turn in answered:
        for name, value in silence_ms(turn).items():
            taken[name].append(value)
    endings = [ending for part in parts for ending in part.endings]
    early = [_rule(each) for each in endings if each.outcome is EndingOutcome.WENT_ON]
    quality = [record for part in parts for _, record in part.quality]
    lines = [record for part, _ in (*placed, *shared) for _, record in part.packets]
    return TalksChapter(
        len(parts), sum(part.of.startswith("line:") for part in parts),
        sum(max(0, part.newest - part.began) for part in parts) / SECOND, wall_ns, Percentiles.of(answers),
        {name: each for name, values in taken.items() if (each := Percentiles.of(values)) is not None},
        _rows(parts, axis, answers=True), waits, _counts(turns),
        sum(turn.saved_ms for turn in turns if turn.adopted), sum(turn.wasted_ms for turn in turns),
        len(early), Counter(early), Counter(map(_rule, endings)), _voices(parts),
        Percentiles.of(each.loss_percent for each in quality), Percentiles.of(each.jitter_ms for each in quality),
        Percentiles.of(each.late_most_ms for each in lines), *_machine(around.machine, began),
        Percentiles.of(around.machine.figures["steal_percent"]),
        Percentiles.of(around.machine.figures["busy_percent"]),
        Percentiles.of(around.machine.figures["others_percent"]),
        sum(not part.over for part in parts) if not virtual else 0, sum(part.recorded for part in parts), virtual,
        _stalls([*placed, *shared]), began,
        notes=_trouble(parts, house), used=together(part.used for part in parts),
    )  # fmt: skip


def _rule(ending: EndingRecord) -> str:
    return ending.why.partition(",")[0]


def _stalls(placed: Iterable[Placed]) -> list[Stall]:
    """In order; what several runs of one house tell alike is told once."""
    found: dict[tuple[str, str, int], Stall] = {}
    for part, around in placed:
        for stall in (
            *packets_late(part.packets, around), *packets_lost(part.of, part.quality, around),
            *disk_held(around), *loop_held(around),
        ):  # fmt: skip
            found.setdefault((stall.what, stall.of, stall.at), stall)
    return sorted(found.values(), key=lambda stall: stall.at)


def _counts(turns: Sequence[TurnRecord]) -> dict[str, int]:
    """What happened, and how often."""
    return {
        "turns of people": sum(turn.kind == "person" for turn in turns),
        "answers heard": sum(turn.kind == "answer" and turn.on_air > 0 and turn.spoken_to > 0 for turn in turns),
        "said unasked": sum(turn.kind == "answer" and turn.on_air > 0 and not turn.spoken_to for turn in turns),
        "interruptions": sum(turn.interrupted and turn.taken > 0 for turn in turns),
        "false alarms": sum(turn.false_alarms for turn in turns),
        "echoes": sum(turn.echoes for turn in turns),
        "fillers": sum(turn.fillers for turn in turns),
        "apologies": sum(turn.apologised > 0 for turn in turns),
        "missed deadlines": sum(len(turn.stalls) for turn in turns if turn.kind != "person"),
        "thought ahead, and right": sum(turn.adopted for turn in turns),
        "thought ahead in vain": sum(turn.misses for turn in turns),
        "prompt tokens": sum(turn.prompt_tokens for turn in turns),
        "of them read before": sum(turn.kept_tokens for turn in turns),
        "sentences from the speech cache": sum(turn.cached for turn in turns),
    }
