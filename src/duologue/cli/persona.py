"""``duologue persona``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duologue.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duologue.language.evaluation import Evaluation
    from duologue.language.persona import Persona
    from duologue.settings import Settings

app = typer.Typer(help="Hear how a persona answers, and judge it. Example: duologue persona check phone")


@app.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]
    """With a callback the one command keeps its name."""


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A character or persona by name, or its folder or file.")],
    llm: Annotated[str | None, typer.Option(help="The engines that think, e.g. openai.")] = None,
    lines: Annotated[Path | None, typer.Option(help="What is said to it, a line each, instead of our own.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and lines give the improviser's same answers.")] = 0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Interview a persona, and judge each answer as it was written: length, questions, banned phrases, plain speech.

    Exits 1 if an answer has a fault. Example: duologue persona check phone --llm openai
    """
    import asyncio

    from duologue.app.talking.partners import find_partner
    from duologue.language.evaluation import INTERVIEW, evaluate
    from duologue.settings import load_settings
    from duologue.telemetry.log import configure

    settings = load_settings({"engines.llm": llm}, config=config)
    configure(settings.telemetry.log_format, "warning", secrets=settings.secrets())
    persona = find_partner(name, settings).persona
    said = INTERVIEW if lines is None else _read(lines)
    replies = asyncio.run(_interview(settings, persona, said, seed))
    result = evaluate(persona, replies)
    typer.echo(_as_json(said, replies, result) if as_json else _as_text(said, replies, result))
    if result.findings:
        raise typer.Exit(1)


def _read(file: Path) -> tuple[str, ...]:
    from duologue.errors import InputError
    from duologue.text_files import read_text

    said = tuple(line.strip() for line in read_text(file, "the list of lines").splitlines() if line.strip())
    if not said:
        raise InputError("there is no line in the file", where=str(file), remedy="Write one a line.")
    return said


async def _interview(settings: Settings, persona: Persona, said: Sequence[str], seed: int) -> list[str]:
    from duologue.app.engines.engines import create_llm
    from duologue.app.spending.spending import open_spending
    from duologue.language.evaluation import interview

    async with open_spending(settings) as spending:
        model = create_llm(settings, meter=spending)
        try:
            await model.warm_up()
            return await interview(model, persona, said, seed)
        finally:
            await model.close()


def _as_text(said: Sequence[str], replies: Sequence[str], result: Evaluation) -> str:
    from duologue.plurals import counted

    faults = {number: [f for f in result.findings if f.reply == number] for number in range(len(replies))}
    rows: list[str] = []
    for number, (text, reply) in enumerate(zip(said, replies, strict=True)):
        rows += [f"> {text}", f"  {' '.join(reply.split())}"]
        rows += [f"  ! {fault.rule}: {fault.detail}" for fault in faults[number]]
    counts = ", ".join(f"{rule} {count}" for rule, count in result.counts().items()) or "no faults"
    rows += [
        "",
        f"{counted(result.replies, 'answer')}, {result.share_good:.0%} without a fault: {counts}",
        f"{result.mean_words:.1f} words and {result.mean_seconds:.1f} s each, {result.share_asking:.0%} ask something",
    ]
    return "\n".join(rows)


def _as_json(said: Sequence[str], replies: Sequence[str], result: Evaluation) -> str:
    import json
    from dataclasses import asdict

    answers = [{"said": text, "reply": reply} for text, reply in zip(said, replies, strict=True)]
    return json.dumps({**asdict(result), "answers": answers}, ensure_ascii=False, indent=2)
