"""What a reader is told first: a verdict, the two things that are most worth mending, and what the data cannot show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from duologue.clock import SECOND
from duologue.evidence.budgets import Budgets
from duologue.evidence.causes import Culprit
from duologue.evidence.chapters import ShowChapter, TalksChapter
from duologue.evidence.incidents import Incident, by_cause
from duologue.evidence.stalls import Stall
from duologue.evidence.waits import STAGE_WORDS, TurnWait
from duologue.evidence.words import capital, clock, figure, named, stretch, times, was, when
from duologue.plurals import counted

FEW = 100
"""Values below which a 99th percentile is the largest of them."""
STEAL_ALARM = 5.0
"""Percent: above it no program on the machine can be in time."""
CROWDED, THEIRS = 90.0, 50.0
"""Percent of all cores that are busy in the median second, and of them by others: all that we do is slow then."""
REMEDIES = {
    Culprit.COMPOSE: "Draw less at once: a smaller picture (show.size), or the TV's film at a lower rate.",
    Culprit.ENCODE: "Give the encoder less: a smaller picture, a lower rate, or a hardware encoder (show.encoder).",
    Culprit.GARBAGE: "This should not be: report it with this page.",
    Culprit.STOLEN: "Nothing on this machine can help: find a host that leaves it its cores.",
    Culprit.BUSY: "Run fewer other programs beside it, or give it more cores.",
    Culprit.ENGINE: "Choose a lighter engine, or one on another machine; duologue doctor measures those that are set.",
    Culprit.DISK: "Write to another disk (show.record, runs.folder), or to none.",
    Culprit.NETWORK: "Look at the way to the other end: its loss and its jitter are below.",
    Culprit.DEATH: "See the log for what ended it; report it with this page.",
    Culprit.STOPPED: "Find who sends it signals: a person at a terminal, a debugger, what freezes containers.",
    Culprit.UNKNOWN: "A trace (--trace) shows that second in full.",
}
STAGE_REMEDIES = {
    "endpointing": "It is a choice: a smaller dialogue.wait_most_ms shortens the longest, and cuts into more pauses.",
    "transcript": "A lighter model for the ears, or one on another machine.",
    "first_token": "A shorter prompt, a smaller model, or one on another machine.",
    "first_sentence": "A faster model; replies that begin with a short sentence.",
    "voice": "A quicker voice, or lines that were warmed up (duologue warm).",
    "sending": "The house's own way to the far end was held: what else stood still is told below.",
    "playout": "The far end plays late: look at its jitter buffer and its way.",
    "floor": "The far end says late what it has played.",
}


@dataclass(frozen=True, slots=True)
class WorthMending:
    """Something worth mending. ``lost_ms`` is what people waited for it, or did not see, in all; where nobody did
    (``felt`` is False), it is a small part of what it took.
    """

    lost_ms: float
    what: str
    remedy: str
    felt: bool = True


UNFELT = "Nothing that anybody saw, or waited for. What came nearest to it:"
"""Said before things of which none was felt."""
_UNFELT = 0.02
"""What a time that nobody felt weighs beside one that somebody did."""


def verdict(shows: Sequence[ShowChapter], talks: TalksChapter | None, budgets: Budgets) -> list[str]:
    """Three sentences, where the records have as many: how it went, why, and how much room there was."""
    found = [*map(_of_show, shows[:2])]
    if len(shows) > 2:
        late = sum(each.late + each.left_out for each in shows[1:])
        found = [found[0], f"{len(shows) - 1} more shows had {late:,} late or missing frames."]
    if talks is not None:
        found = [*found[: 2 if not shows else 1], _of_talks(talks, budgets)]
    found += [_of_causes(shows), *map(_nearest, shows[:1]), _slowest(talks), _cut_off(talks), _of_machine(shows, talks)]
    return [each for each in found if each][:3] or ["There is nothing in it that could be judged."]


def _of_show(show: ShowChapter) -> str:
    if not show.frames:
        return f"{capital(named(show.of))} made no frame."
    bad = [
        f"{many:,} {words}"
        for many, words in (
            (show.late, f"{was(show.late)} ready late, by up to {_most_late(show):.0f} ms"),
            (show.left_out, f"{was(show.left_out)} left out"),
        )
        if many
    ]
    wait = max((gap.waited_ms for gap in show.gaps), default=0.0)
    said = f"the longest wait for an engine between turns was {wait:.0f} ms" if show.gaps else "no two turns met in it"
    if show.gaps and wait < 1:
        said = "nobody waited for an engine between its turns"
    frames = " and ".join(bad) if bad else "none was late or missing"
    return f"Of {counted(show.frames, 'frame')} in {stretch(show.seconds)} of {named(show.of)} {frames}; {said}."


def _most_late(show: ShowChapter) -> float:
    return max((each.worst_ms for each in show.incidents if each.kind == "late"), default=0.0)


def _of_talks(talks: TalksChapter, budgets: Budgets) -> str:
    if talks.answers is None:
        return "No answer to speech is in it."
    limit = budgets.answer_ms
    over = sum(row.total_ms > limit for row in talks.rows)
    clock = " on virtual time" if talks.virtual else ""
    middle, most = talks.answers.p50 / 1000, talks.answers.most / 1000
    if talks.answers.count == 1:
        return (
            f"One answer came{clock}, after {most:.2f} s, {'longer' if over else 'no longer'} than {limit / 1000:g} s."
        )
    return (
        f"{talks.answers.count:,} answers came{clock}, half of them within {middle:.2f} s, the slowest after"
        f" {most:.2f} s, {f'{over:,}' if over else 'none'} took longer than {limit / 1000:g} s."
    )


def _of_causes(shows: Sequence[ShowChapter]) -> str:
    incidents = [each for show in shows for each in show.incidents if each.kind != "over budget"]
    blamed = sum((by_cause(incidents, kind) for kind in ("late", "left out")), start=by_cause((), ""))
    if not blamed:
        return ""
    (cause, many), total = blamed.most_common(1)[0], blamed.total()
    of_those = f"{many:,} of those {total:,} frames" if total > 1 else "that frame"
    if cause is Culprit.UNKNOWN:
        return f"What was recorded names no cause for {of_those}."
    if many == total:
        return f"{f'All {total:,} are' if total > 1 else 'It is'} the doing of: {cause}."
    return f"{of_those} {'is' if many == 1 else 'are'} the doing of: {cause}."


def _nearest(show: ShowChapter) -> str:
    """Of a show in which no frame was late, how much of the lead was left."""
    leads = [lead for _, lead in show.timeline[-1].points] if show.timeline else []
    if show.late or show.left_out or show.cost is None or not leads:
        return ""
    middle = f"half of them took {show.cost.p50:.1f} ms or less, of {show.budget_ms:.1f} ms that a frame has"
    return f"The frame that came nearest to its due time was ready {min(leads):.0f} ms before it; {middle}."


def _slowest(talks: TalksChapter | None) -> str:
    if talks is None or not talks.slowest or talks.answers is None or talks.answers.count < 2:
        return ""
    wait = talks.slowest[0]
    stage = STAGE_WORDS.get(wait.stage, wait.stage)
    return f"The slowest lost {wait.stage_ms:.0f} of its {wait.ms:.0f} ms with {stage}."


def _cut_off(talks: TalksChapter | None) -> str:
    """Of what was said: what somebody wrote was over when they sent it."""
    if talks is None or not (total := _spoken(talks)):
        return ""
    many = talks.too_early
    went_on = "the person went on before they heard the answer"
    if total == 1:
        return f"The turn was taken to be over too early: {went_on}." if many else _NOT_EARLY
    if not many:
        return f"None of {total:,} turns was taken to be over too early: nobody went on before they heard the answer."
    return f"{many:,} of {total:,} turns {was(many)} taken to be over too early: {went_on}."


_NOT_EARLY = "The turn was not taken to be over too early: nobody went on before they heard the answer."


def _spoken(talks: TalksChapter) -> int:
    """Turns that somebody spoke, of those that were answered."""
    return talks.decisions.total() - talks.decisions["typed"]


def _of_machine(shows: Sequence[ShowChapter], talks: TalksChapter | None) -> str:
    steal = [each.steal for each in (*shows, *((talks,) if talks else ())) if each.steal is not None]
    if any(each.p95 > STEAL_ALARM for each in steal):
        return f"The host took {max(each.p95 for each in steal):.0f} % of the CPU time away in the worst seconds."
    busy = [each.busy for each in (*shows, *((talks,) if talks else ())) if each.busy is not None]
    if busy and busy[0].most > 0:
        if round(busy[0].p50) == round(busy[0].most):
            return f"All programs together kept the cores {busy[0].most:.0f} % busy, in most seconds of it."
        return (
            f"In the median second all programs together kept the cores {busy[0].p50:.0f} % busy,"
            f" {busy[0].most:.0f} % at most."
        )
    return ""


def worst(
    shows: Sequence[ShowChapter], talks: TalksChapter | None, budgets: Budgets, most: int = 2
) -> list[WorthMending]:
    """The ``most`` that cost people most, the worst first; fewer where there is less to mend."""
    found = [
        *(each for show in shows for each in (*_frames(show), *_silences(show), *_stood_still(show.stalls))),
        *((*_answers(talks, budgets), *_stood_still(talks.stalls)) if talks is not None else ()),
    ]
    return sorted(found, key=lambda each: (not each.felt, -each.lost_ms))[:most]


def _frames(show: ShowChapter) -> Iterator[WorthMending]:
    """What viewers did not see in time, by cause; frames over their budget that the lead hid were felt by nobody."""
    for kind in ("late", "left out", "over budget"):
        for cause, many in by_cause(show.incidents, kind).items():
            some = [each for each in show.incidents if each.kind == kind and each.attribution.cause is cause]
            most = max(some, key=lambda each: each.worst_ms)
            frames = f"{many:,} frame{'s' * (many != 1)}"
            happened = {
                "late": f"{frames} {was(many)} ready late, by up to {most.worst_ms:.0f} ms",
                "left out": f"{frames} {was(many)} left out, {most.count:,} of them in a row",
                "over budget": f"{frames} took longer than {show.budget_ms:.1f} ms, and {was(many)} in time all the"
                f" same: {most.worst_ms:.0f} ms at most",
            }[kind]
            at = clock((most.at - show.began) / SECOND)
            felt = kind != "over budget"
            yield WorthMending(
                _lost(some, show.budget_ms) * (1.0 if felt else _UNFELT),
                f"{capital(named(show.of))}: {happened}, at {at}. {_why(cause, most.attribution.why)}",
                REMEDIES[cause] if felt else f"Nothing, as long as they are in time. {REMEDIES[cause]}",
                felt,
            )


def _why(cause: Culprit, why: str) -> str:
    return f"{capital(why)} ({'cause unknown' if cause is Culprit.UNKNOWN else cause})."


def _lost(incidents: Sequence[Incident], budget_ms: float) -> float:
    return sum(
        each.worst_ms - budget_ms if each.kind == "over budget" else max(each.worst_ms, each.count * budget_ms)
        for each in incidents
    )


def _silences(show: ShowChapter) -> Iterator[WorthMending]:
    by_stage: dict[str, list[TurnWait]] = {}
    for wait in show.waits:
        by_stage.setdefault(wait.stage, []).append(wait)
    for stage, waits in by_stage.items():
        lost = sum(wait.ms for wait in waits)
        if lost >= 1:
            yield WorthMending(
                lost,
                f"{capital(named(show.of))}: {len(waits):,} silence{'s' * (len(waits) != 1)} {was(len(waits))} longer"
                f" than chosen, {lost / 1000:.1f} s in all, by {STAGE_WORDS.get(stage, 'an engine')}.",
                STAGE_REMEDIES.get(stage, REMEDIES[Culprit.ENGINE]),
            )


def _answers(talks: TalksChapter, budgets: Budgets) -> Iterator[WorthMending]:
    """What made answers slow: the stage in which those beyond the budget lost most, else the slowest stage of all."""
    over = [wait for wait in talks.slowest if wait.ms > budgets.answer_ms]
    by_stage: dict[str, list[TurnWait]] = {}
    for wait in over:
        by_stage.setdefault(wait.stage, []).append(wait)
    for waits in by_stage.values():
        lost = sum(wait.ms - budgets.answer_ms for wait in waits)
        many = f"{len(waits):,} answers" if len(waits) > 1 else "One answer"
        yield WorthMending(
            lost,
            f"{many} took longer than {budgets.answer_ms / 1000:g} s, mostly by {_reason(waits[0])}.",
            (_crowded(talks) if waits[0].cause is Culprit.ENGINE and not waits[0].late else "") + _remedy(waits[0]),
        )
    if cut := talks.counts["interruptions"]:
        yield WorthMending(
            400.0 * cut, f"{times(cut)} a person spoke into an answer.",
            "It was too long, or it came into a pause of theirs: then dialogue.wait_least_ms is too short for them.",
        )  # fmt: skip
    if talks.too_early:
        rules = ", ".join(f"{rule or 'other'} {many:,}" for rule, many in talks.too_early_by.most_common(3))
        yield WorthMending(
            400.0 * talks.too_early * _UNFELT,
            f"{times(talks.too_early)} a turn was taken to be over too early, by the rule: {rules}. The person went on"
            " before they heard the answer, which was taken back.",
            "No rule waits shorter than dialogue.wait_least_ms. Where the sound was kept, duologue replay tells what"
            " another value does.",
            felt=False,
        )
    if apologies := talks.counts["apologies"]:
        yield WorthMending(
            apologies * budgets.answer_ms, f"{times(apologies)} a character could do no more than apologise.",
            "Which engine failed, and how, is said below, under what failed.",
        )  # fmt: skip
    if not over and talks.answers is not None and talks.stages:
        stage, spread = max(talks.stages.items(), key=lambda each: each[1].p50)
        if spread.p50 >= 100:
            one = spread.count == 1
            spent = f"{spread.p50:.0f} ms" if one else f"{spread.p50:.0f} ms or more"
            who = "The answer" if one else "Half of the answers"
            where = f"{STAGE_WORDS.get(stage, stage)}, the largest part of the silence before {'it' if one else 'them'}"
            kept = f"{'It did not take' if one else 'None took'} longer than {budgets.answer_ms / 1000:g} s."
            yield WorthMending(
                spread.p50,
                f"{who} spent {spent} with {where}. {kept}",
                STAGE_REMEDIES.get(stage, ""),
            )


def _crowded(talks: TalksChapter) -> str:
    """Where other programs had the cores all along, no second stands out, and every engine looks slow."""
    if talks.busy is None or talks.others is None or talks.busy.p50 < CROWDED or talks.others.p50 < THEIRS:
        return ""
    return f"Other programs had {talks.others.p50:.0f} % of all cores in the median second: first run fewer of them. "


def _remedy(wait: TurnWait) -> str:
    """Of the stage, unless something beside it held it."""
    if wait.cause is not None and wait.cause in (
        Culprit.STOLEN,
        Culprit.BUSY,
        Culprit.GARBAGE,
        Culprit.DEATH,
        Culprit.STOPPED,
    ):
        return REMEDIES[wait.cause]
    return STAGE_REMEDIES.get(wait.stage, REMEDIES[Culprit.UNKNOWN])


def _stood_still(stalls: Sequence[Stall]) -> Iterator[WorthMending]:
    """Packets that were late or got lost; by the main loop and the recorder alone nobody was kept waiting."""
    alike: dict[tuple[str, Culprit], list[Stall]] = {}
    for stall in stalls:
        alike.setdefault((stall.what, stall.attribution.cause), []).append(stall)
    for (what, cause), some in alike.items():
        most = max(some, key=lambda stall: stall.size)
        felt = what.startswith("packets")
        lost = sum(stall.attribution.lost_ms for stall in some)
        yield WorthMending(
            lost if felt else lost * _UNFELT,
            f"{capital(what)}: {times(len(some)).lower()}, at most {figure(most.size)} {most.unit}."
            f" {_why(cause, most.attribution.why)}",
            REMEDIES[cause],
            felt,
        )


def _reason(wait: TurnWait) -> str:
    return wait.why if wait.cause is not None else f"{STAGE_WORDS.get(wait.stage, wait.stage)}: {wait.why}"


def cannot_tell(shows: Sequence[ShowChapter], talks: TalksChapter | None, missing: Sequence[str]) -> list[str]:
    """What is not in the records, so that nobody reads it into the figures."""
    found = list(missing)
    for show in shows:
        if show.frames:
            found.append(
                f"Whether viewers of {named(show.of)} saw every frame: these are frames as they were made. duologue"
                " verify plays the delivered stream."
            )
        if show.frames and not show.kinds:
            found.append(f"What the frames of {named(show.of)} were spent on: they do not say what was in them.")
        if show.incidents and show.steal is None:
            found.append(f"Whether the machine was to blame in {named(show.of)}: it was not measured.")
        if show.first_number > 0:
            found.append(f"What was before frame {show.first_number:,} of {named(show.of)}: it is not kept any more.")
        if show.unexamined:
            found.append(
                f"Why {counted(show.unexamined, 'more frame')} over budget took long: the slowest were examined."
            )
        if show.frames and not show.over:
            found.append(f"How {named(show.of)} ended: it goes on, or was cut off.")
        if show.cost is not None and show.cost.count < FEW:
            few = counted(show.cost.count, "frame has", "frames have")
            found.append(f"The tail of {named(show.of)}'s frame times: {few} no 99th percentile.")
    return [*found, *(_beyond_talks(talks) if talks is not None else ())]


def _beyond_talks(talks: TalksChapter) -> Iterator[str]:
    if talks.virtual:
        yield "How long engines really take, and anything of the machine: the clock of a simulation is its own."
    if talks.answers is not None and talks.answers.count < FEW:
        yield f"The tail of the answers: of {talks.answers.count} the 99th percentile is the slowest one."
    if talks.calls and talks.loss is None:
        yield "How good the way to the callers was: it was not measured."
    if talks.cut_off:
        yield f"How {talks.cut_off:,} of them ended: they go on, or were cut off."
    if cut := talks.counts["interruptions"]:
        who = "the one" if cut == 1 else f"the {cut:,}"
        yield f"Whether {who} who spoke into an answer cut in, or had only paused."
    silent = talks.parts - talks.recorded if _spoken(talks) or talks.voices else 0
    of = f" of {silent:,} of them" if talks.recorded and silent else ""
    if silent:
        yield f"What was misheard{of}, and whether voices sounded well: their sound was not kept."
    if talks.recorded:
        yield (
            "What was misheard, and whether voices sounded well: it can be heard, but not read here. The Evidence page"
            " plays what was kept, duologue replay hears it again."
        )


def conversations(talks: TalksChapter, zone: tzinfo) -> str:
    """What talks and calls a chapter is of, when they began, and how long all of them were together."""
    many = f"{talks.parts:,}"
    if talks.calls == talks.parts:
        what = "one call" if talks.parts == 1 else f"{many} calls"
    else:
        what = "one talk" if talks.parts == 1 else f"{many} conversations"
        what += f", {talks.calls:,} of them calls" if talks.calls else ""
    together = " in all" if talks.parts > 1 else ""
    kept = ""
    if talks.recorded:
        kept = (
            "; the sound was kept" if talks.recorded == talks.parts else f"; of {talks.recorded:,} the sound was kept"
        )
    virtual = ", on virtual time" * talks.virtual
    return f"{when(talks.wall_ns, talks.seconds, zone)}{together}; {what}{virtual}{kept}."
