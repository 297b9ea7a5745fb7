"""``duologue replay``: a kept talk, heard again by today's code and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from duologue.cli.options import ConfigOption, JsonOption, SttOption

if TYPE_CHECKING:
    from duologue.settings import Settings
    from duologue.simulation.recorded_talk import RecordedTalk
    from duologue.simulation.replay import ReplayedTalk
    from duologue.simulation.replay_run import ReplayWish
    from duologue.simulation.replay_table import HeardSide, ReplayRow

AS_SET = "as-set"
"""The value of ``--against`` that changes nothing."""
MOST_TROUBLES = 8


def replay(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A talk or a call whose sound was kept: its run (duologue runs; last), or a ledger."
        ),
    ] = "last",
    assign: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting to hear it with, dialogue.wait_most_ms=800."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against", metavar="KEY=VALUE",
            help=f"Hear it with this setting too, instead of --set, and say what differs; {AS_SET}: as it is set.",
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Think and voice the replies anew; else they are those of then.")
    ] = False,
    character: Annotated[str, typer.Option("--as", help="Who answers, where that is not who answered then.")] = "",
    stt: SttOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:  # fmt: skip
    """Hear a kept talk or call again, with the ears, the settings and the code of today, on virtual time: would this
    wait, this cut-in, this misheard word still happen?

    The person does what they did then, to the sample; replies are those of then, as long as they were and after as
    long as they took. What the ears take now counts. Sound is kept where dialogue.record_folder (calls: phone.record)
    names a folder.

    Examples: duologue replay last · duologue replay last --set dialogue.wait_most_ms=600 · duologue replay call-9f3a
    --set dialogue.wait_least_ms=250 --against dialogue.wait_least_ms=500 --json
    """
    from duologue.cli.report import source_of
    from duologue.simulation.recorded_talk import read_talk
    from duologue.simulation.replay_run import ReplayWish
    from duologue.simulation.replay_table import rows_of, side_of

    source = source_of(run, config)
    talk = read_talk(source.path, source.name)
    wish = ReplayWish(anew, character)
    asked = {"now": assign or []} if against is None else {"now": assign or [], "other": against}
    sides = [side_of("then", talk.turns, talk.endings)]
    heard: dict[str, ReplayedTalk] = {}
    changes: dict[str, Mapping[str, tuple[object, object]]] = {}
    for name, pairs in asked.items():
        settings = _settings(talk, pairs, config, stt, wish)
        heard[name], changes[name] = _heard(talk, settings, wish)
        sides.append(side_of(name, heard[name].turns, heard[name].endings, talk.turns))
    rows = rows_of(sides)
    if as_json:
        _print_json(source.name, talk, sides, rows, heard, changes)
    else:
        _print(source.name, talk, sides, rows, heard, changes)


def _settings(
    talk: RecordedTalk, pairs: Sequence[str], config: Path | None, stt: str | None, wish: ReplayWish
) -> Settings:
    from duologue.app.engines.languages import languages_of
    from duologue.app.talking.partners import find_persona
    from duologue.cli.settings import assigned
    from duologue.models.automatic import Use
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    name = wish.character or talk.character
    spoken = languages_of([find_persona(name)]) if _known(name) else frozenset({"en"})
    flags: dict[str, object] = {"engines.stt": stt}
    if not wish.anew:
        flags["engines.llm"] = "improv"  # nobody thinks: nothing is loaded for it
    changes = assigned([pair for pair in pairs if pair != AS_SET])
    settings = load_settings(flags, assigned=changes, config=config, use=Use(spoken, shows=False, talks=True))
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    return settings


def _known(name: str) -> bool:
    from duologue.app.talking.partners import partner_names

    return name in partner_names()


def _heard(
    talk: RecordedTalk, settings: Settings, wish: ReplayWish
) -> tuple[ReplayedTalk, Mapping[str, tuple[object, object]]]:
    from duologue.simulation.replay_run import changed_since, partner_of, run_replay

    _, policy = partner_of(talk, settings, wish.character)
    return run_replay(talk, settings, wish), changed_since(talk, policy)


def _pairs(sides: Sequence[HeardSide]) -> list[tuple[HeardSide, HeardSide]]:
    """What is held against what: each against then, and two settings against each other."""
    then, *others = sides
    found = [(then, other) for other in others]
    return [*found, (others[1], others[0])] if len(others) > 1 else found


def _print(
    name: str, talk: RecordedTalk, sides: Sequence[HeardSide], rows: Sequence[ReplayRow],
    heard: Mapping[str, ReplayedTalk], changes: Mapping[str, Mapping[str, tuple[object, object]]],
) -> None:  # fmt: skip
    from duologue.simulation.replay_table import as_lines, difference, difference_line

    typer.echo(f"{name}: {talk.seconds:.1f} s of a person with {talk.character}")
    if not talk.worded:
        typer.echo("Its words were not kept (runs.words): what was understood then, and what was typed, is not known.")
    for side, changed in changes.items():
        told = ", ".join(f"{key} {_short(one)} → {_short(other)}" for key, (one, other) in changed.items())
        typer.echo(f"{side}: engines at work for {heard[side].worked:.1f} s; " + (told or "turns are taken as then"))
    for line in as_lines(sides, rows, talk.began, worded=talk.worded):
        typer.echo(line)
    for before, after in _pairs(sides):
        typer.echo(difference_line(difference(rows, before, after)))
    for side, found in heard.items():
        for trouble in found.troubles[:MOST_TROUBLES]:
            typer.echo(f"{side}: {trouble}")


def _short(value: object) -> str:
    from duologue.plurals import counted

    return counted(len(cast("frozenset[str]", value)), "word") if isinstance(value, frozenset) else f"{value}"


def _print_json(
    name: str, talk: RecordedTalk, sides: Sequence[HeardSide], rows: Sequence[ReplayRow],
    heard: Mapping[str, ReplayedTalk], changes: Mapping[str, Mapping[str, tuple[object, object]]],
) -> None:  # fmt: skip
    import json
    from dataclasses import asdict

    from duologue.clock import SECOND
    from duologue.simulation.replay_table import difference, misheard
    from duologue.telemetry.lines import plain

    def seconds(at: int) -> float:
        return round((at - talk.began) / SECOND, 3)

    made = {
        "run": name, "of": talk.of, "character": talk.character, "seconds": round(talk.seconds, 3),
        "words_kept": talk.worded,
        "turns": [
            {
                side: asdict(turn) | {"begin": seconds(turn.begin), "end": seconds(turn.end)}
                for side, turn in row.turns.items()
            } | {"other_words": [side.name for side in sides[1:] if misheard(row, "then", side.name)]}
            for row in rows
        ],
        "sides": {
            side.name: {
                "answers": len(side.turns), "wait_ms": asdict(side.spread) if side.spread else None,
                "cut_ins": side.cut_ins,
                "too_early": [
                    {"at": seconds(each.at), "why": each.why, "wait_ms": each.wait_ms, "said": each.said}
                    for each in side.too_early
                ],
                **_told(heard.get(side.name), changes.get(side.name, {})),
            }
            for side in sides
        },
        "differences": [asdict(difference(rows, before, after)) for before, after in _pairs(sides)],
    }  # fmt: skip
    typer.echo(json.dumps(plain(made), indent=2, ensure_ascii=False))


def _told(found: ReplayedTalk | None, changed: Mapping[str, tuple[object, object]]) -> dict[str, object]:
    if found is None:
        return {}
    return {
        "worked_s": round(found.worked, 3), "changed": {key: list(pair) for key, pair in changed.items()},
        "troubles": list(found.troubles),
    }  # fmt: skip
