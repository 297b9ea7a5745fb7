"""``duologue report``: why an answer was slow, and whether a show stuttered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from duologue.evidence.changes import ReportComparison
    from duologue.evidence.report import EvidenceReport, ReportSource
    from duologue.evidence.summary import PartSummary
    from duologue.telemetry.ledger import CallRecord, TakeoverRecord, TurnRecord

_SHORT = 40
"""Characters of a question that are shown."""
_MOST_STEPS = 10
"""Steps and skips of a show that are shown one by one."""

FIRST_ENTRIES = 20
"""Of a run, among which are its beginning and its first frame."""


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Runs (duologue runs lists them; last: the newest, which is the default), or files and folders that"
            " show, talk or simulate wrote with --ledger.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write a page (.html), Markdown (.md) or JSON (.json) to a file.")
    ] = None,
    as_md: Annotated[bool, typer.Option("--md", help="Print Markdown.")] = False,
    as_json: JsonOption = False,
    against: Annotated[
        str | None,
        typer.Option(
            help="An older run: say what changed beyond noise (-o: in the report, too); exit with 1 if something got"
            " worse."
        ),
    ] = None,
    trace: Annotated[Path | None, typer.Option(help="Write a trace for Perfetto or chrome://tracing.")] = None,
    budgets: Annotated[Path | None, typer.Option(help="A file of budgets (docs/evidence.md).")] = None,
    since: Annotated[str, typer.Option(help="From here on alone: so long after a run began, as 3:20.")] = "",
    until: Annotated[str, typer.Option(help="Until here alone, counted in the same way.")] = "",
    config: ConfigOption = None,
) -> None:
    """Say why something was slow, or that nothing was: of shows their frames and their silences, of talks and calls
    each answer, stage by stage.

    The stages add up to the silence between the person's last word and the answer's first; see docs/latency.md.

    Examples: duologue report · duologue report last -o report.html · duologue report new --against old
    """
    from duologue.errors import InputError
    from duologue.evidence.budgets import read_budgets
    from duologue.evidence.forms import check_kind
    from duologue.evidence.report import read_report

    if as_md and as_json:
        raise InputError("a report is printed in one form", where="--md, --json", remedy="Give one; -o writes another.")
    if out is not None:
        check_kind(out.suffix.lower())
    named = dict.fromkeys(source_of(name, config) for name in runs or ["last"])  # one that is named twice is one
    sources = [_part(source, since, until) for source in named]
    if trace is not None:
        _write_trace(trace, sources, aside=as_md or as_json)
        if out is None and against is None and not (as_md or as_json):
            return
    limits = read_budgets(budgets)
    found = read_report(sources, limits)
    if against is not None:
        old = source_of(against, config)
        found.compared = _compared(found, read_report([old], limits), old.name)
    _give(found, out, as_md=as_md, as_json=as_json)


def _give(found: EvidenceReport, out: Path | None, *, as_md: bool, as_json: bool) -> None:
    """Write it, or print it; of a comparison what changed."""
    from duologue.evidence.forms import shaped

    if out is not None:
        pieces = shaped(found, out.suffix.lower())
        write_report(out, pieces, " ".join(found.verdict), aside=as_md or as_json)
    if found.compared is not None:
        _tell_changes(found.compared, as_json=as_json)
    elif as_md or as_json:
        for piece in shaped(found, ".md" if as_md else ".json"):
            typer.echo(piece, nl=False)
    elif out is None:
        _print(found)


def source_of(name: str, config: Path | None) -> ReportSource:
    """A run by its id, or a ledger by its path."""
    from duologue.cli.runs import shelf_of
    from duologue.evidence.report import ReportSource

    path = Path(name)
    if path.exists() or len(path.parts) > 1 or path.suffix:
        return ReportSource(name, path)
    run = shelf_of(config).find(name)
    return ReportSource(run.id, run.folder)


def _part(source: ReportSource, since: str, until: str) -> ReportSource:
    """The same, or a stretch of it. Raises :class:`InputError`."""
    if not (since or until):
        return source
    from dataclasses import replace

    from duologue.errors import InputError
    from duologue.telemetry.ledger_span import RunSpan

    began, newest = _times(source.path, all_of_it=not until)
    begins = began + _nanoseconds(since, "--since")
    ends = began + _nanoseconds(until, "--until") if until else newest
    if begins >= ends and until:
        raise InputError("there is nothing between the two", where="--since, --until", remedy="The first is earlier.")
    if begins >= ends:
        long = f"it is {(newest - began) / 1e9:.1f} s long"
        raise InputError(f"this run was over by then: {long}", where="--since", remedy="Give an earlier time.")
    return replace(source, span=RunSpan(begins, ends))


def _times(path: Path, *, all_of_it: bool) -> tuple[int, int]:
    """When a run began, and its newest entry (Unix ns); without ``all_of_it`` that is not looked for. Raises
    :class:`InputError`.
    """
    from duologue.errors import InputError
    from duologue.telemetry.run_shelf import digest_of, read_digest

    digest = read_digest(path)
    if digest is None or (all_of_it and not digest.over):  # of one that goes on, or was cut off, it is some time old
        digest = digest_of(path, None if all_of_it else FIRST_ENTRIES)
    if digest is None:
        raise InputError("this is no run: its beginning is not known", where=str(path), remedy="Read all of it.")
    return digest.began, digest.newest


def _nanoseconds(text: str, where: str) -> int:
    """Of ``3:20``, ``1:03:20`` or ``200`` seconds."""
    from duologue.clock import SECOND
    from duologue.errors import InputError

    seconds = 0.0
    try:
        for piece in text.split(":") if text else ():
            seconds = 60 * seconds + float(piece)
        return round(seconds * SECOND)
    except (ValueError, OverflowError) as error:  # the latter: of infinity no nanoseconds are made
        raise InputError(f"{text!r} is no time", where=where, remedy="Write 3:20, for example.") from error


def _print(found: EvidenceReport) -> None:
    for line in _verdict(found):
        typer.echo(line)
    for part in found.parts:
        told = list(_told(part))
        for line in (_head(part), *told) if told else ():
            typer.echo(line)
    for line in _summary(found.parts):
        typer.echo(line)
    for line in _missing(found):
        typer.echo(line)


def _verdict(found: EvidenceReport) -> Iterator[str]:
    """How it went, what to mend first, and what took longer than its budget."""
    from duologue.evidence.findings import UNFELT

    yield " ".join(found.verdict)
    if found.worst and not any(each.felt for each in found.worst):
        yield UNFELT
    yield from (f"{number}. {each.what} {each.remedy}" for number, each in enumerate(found.worst, 1))
    for each in found.budgets:
        if each.over:
            yield (
                f"over its budget of {each.limit_ms:g} ms: {each.name}, {each.over:,} of {each.count:,} times;"
                f" 95 % within {each.p95_ms:.0f} ms, {each.most_ms:.0f} at most"
            )
    yield ""


def write_report(out: Path, pieces: Iterable[str], said: str, *, aside: bool = False) -> None:
    """Write what a report is made of, and say its verdict: ``aside`` where the output is for a program. Raises
    :class:`PeerError`.
    """
    from duologue.errors import PeerError

    try:
        with out.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(pieces)
    except OSError as error:
        raise PeerError(
            f"the report cannot be written: {error.strerror}", where=str(out), remedy="Check -o."
        ) from error
    typer.echo(f"{out}: {said}", err=aside)


def _write_trace(out: Path, sources: Sequence[ReportSource], *, aside: bool) -> None:
    from itertools import chain

    from duologue.errors import PeerError
    from duologue.evidence.trace import write_trace
    from duologue.plurals import counted
    from duologue.telemetry.ledger_reader import LedgerReader
    from duologue.telemetry.run_shelf import digest_of

    ordered = sorted(sources, key=lambda source: began.began if (began := digest_of(source.path, 1)) else 0)
    entries = chain.from_iterable(LedgerReader(source.path, span=source.span) for source in ordered)
    try:
        with out.open("w", encoding="utf-8", errors="backslashreplace") as file:
            count = write_trace(entries, file)
    except OSError as error:
        what = f"the trace cannot be written: {error.strerror}"
        raise PeerError(what, where=str(out), remedy="Check --trace.") from error
    typer.echo(f"{out}: {counted(count, 'event')}; open it at ui.perfetto.dev or chrome://tracing.", err=aside)


def _compared(found: EvidenceReport, older: EvidenceReport, old: str) -> ReportComparison:
    from duologue.evidence.changes import ReportComparison
    from duologue.evidence.comparison import compare, gone

    return ReportComparison(old, compare(found, older), gone(found, older))


def _tell_changes(compared: ReportComparison, *, as_json: bool) -> None:
    """Print what changed; leave with 1 if something got worse, or is not there any more."""
    from duologue.evidence.changes import as_lines, gone_words

    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(compared), indent=2, ensure_ascii=False))
    else:
        for line in (*as_lines(compared.changes), *gone_words(compared.gone)):
            typer.echo(line)
    if compared.worse:
        raise typer.Exit(1)


def _head(part: PartSummary) -> str:
    people = [each for each in part.conversations if each.person]
    about = f" ({people[0].scenario})" if people and people[0].scenario else ""
    return f"{part.of}{about}"


def _told(part: PartSummary) -> Iterator[str]:
    """What there is to say of it; of the house often nothing."""
    if part.show or part.columns:
        yield from _frames(part)
    if part.call is not None:
        yield _call(part.call)
    for taken in part.takeovers:
        yield _taken(taken)
    for worker, times in part.restarts.items():
        yield f"  {worker} was started again {times} times" if times > 1 else f"  {worker} was started again"
    for cause, times in Counter(part.failures).items():
        yield f"  it failed {times} times: {cause}" if times > 1 else f"  it failed: {cause}"
    yield from _turns(part)


def _call(call: CallRecord) -> str:
    """A line for what a call was, and how it ended."""
    if not call.answered:
        return f"  {call.ends}: {f'refused with {call.status}, ' if call.status else 'not answered, '}{call.reason}"
    quality = f"loss {call.loss_percent:.1f} % at most, jitter {call.jitter_ms:.0f} ms at most"
    length = (call.ended - call.answered) / 1e9
    return (
        f"  {call.ends} ({call.carrier} {call.codec}): {length:.1f} s with {call.character}; {quality}; {call.reason}"
    )


def _taken(taken: TakeoverRecord) -> str:
    """A line for an operator who had the call."""
    spoke = "" if taken.spoke else ", and never spoke"
    return f"  {taken.operator} had the call for {(taken.ended - taken.began) / 1e9:.1f} s{spoke}: {taken.why}"


def _frames(part: PartSummary) -> Iterator[str]:
    frames = part.frames
    yield (
        f"  frames {frames.frames}, late {frames.late}, over budget {frames.over_budget}, left out {frames.skipped};"
        f" each {part.frame_ms(0.5):.1f} ms p50, {part.frame_ms(0.99):.1f} p99, {frames.largest_ms:.1f} at most"
    )
    if frames.causes:
        yield "  causes " + ", ".join(f"{cause.value} {count}" for cause, count in frames.causes.most_common())
    for step in part.steps[:_MOST_STEPS]:
        yield f"  step {step.before.name.lower()} → {step.step.name.lower()} at frame {step.frame}: {step.why}"
    for skip in part.skips[:_MOST_STEPS]:
        yield f"  skip from frame {skip.first} to {skip.following}, being {skip.late_ms:.0f} ms late"
    more = sum(max(0, len(each) - _MOST_STEPS) for each in (part.steps, part.skips))
    if more:
        yield f"  and {more} more"


def _turns(part: PartSummary) -> Iterator[str]:
    """A line for each answer to a person, and one for each thing that went wrong with a turn."""
    questions = {record.id: record.text for record in part.turns if record.kind == "person"}
    for record in part.turns:
        if record.operator:
            wrote = "said" if record.kind == "person" else "wrote"
            yield f"  {f'the operator {wrote}':<37}  {_short(record.text)}"
        elif record.kind == "answer" and (record.question or not part.show):
            yield f"  {_waited(record)}  {_short(questions.get(record.question, ''))}"
        for trouble in filter(None, (record.failure, *record.handovers)):
            yield f"             {_named(record, questions)}: {trouble}"
    for ending in part.endings:
        if ending.outcome == "went_on":
            yield f"             too early: {ending.wait_ms:.0f} ms ({ending.why}) after “{_short(ending.said)}”"


def _summary(parts: list[PartSummary]) -> Iterator[str]:
    """The stages of all talks together, and of each show."""
    from duologue.evidence.summary import PartSummary

    shows = [part for part in parts if part.show or part.columns]
    turns = (turn for part in parts if part not in shows for turn in part.turns)
    talks = PartSummary("talks", turns=[turn for turn in turns if turn.spoken_to])  # a greeting answers nobody
    if "silence" in talks.stages:
        yield from _table("ms", "answers", talks, leave=("speaking", "waits"))
    elif not shows:
        yield "No answer to speech is in it."
    for show in shows:
        yield from _table(f"{show.of}, ms", "turns", show)


def _table(title: str, what: str, part: PartSummary, leave: Sequence[str] = ()) -> Iterator[str]:
    stages = {name: spread for name, spread in part.stages.items() if name not in leave}
    if stages:
        yield f"{title:<16}{'p50':>8}{'p95':>8}{'most':>8}   {what}"
    for name, spread in stages.items():
        yield f"{name.replace('_', ' '):<16}{spread.p50:8.0f}{spread.p95:8.0f}{spread.most:8.0f}   {spread.count}"


def _missing(found: EvidenceReport) -> Iterator[str]:
    from duologue.plurals import counted

    if dropped := sum(part.dropped for part in found.parts):
        yield f"{counted(dropped, 'line is', 'lines are')} missing: more waited than may, or the disk took no more."
    if found.torn:
        yield f"{counted(found.torn, 'line was', 'lines were')} torn (the machine stopped, or its disk was full)."
    for kind, count in found.unknown.items():
        yield f"Passed over: {counted(count, 'line')} of a kind that is not known here, {kind}."


def _waited(record: TurnRecord) -> str:
    from duologue.telemetry.turns import silence_ms

    stages = silence_ms(record)
    if not stages:
        return f"{'–':>8} {record.state if record.question else 'spoke first':<28}"
    slowest = max(stages, key=lambda name: stages[name])
    why = f" ({record.why})" if slowest == "endpointing" and record.why else ""
    most = f"{slowest.replace('_', ' ')} {stages[slowest]:.0f}{why}"
    return f"{sum(stages.values()):5.0f} ms {most:<28}"


def _named(record: TurnRecord, questions: Mapping[str, str]) -> str:
    """Its number in its conversation, who spoke, and what was said, or to what: ``turn 3 (ada to “and snow?”)``."""
    from duologue.evidence.chapters import label

    question = questions.get(record.question, "")
    said = label(record.speaker, _short(question or record.text), answers=bool(question))
    return f"turn {record.number} ({said})"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
