"""``duologue lesson``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="List the lessons, or check one of your own.\n\nExample: duologue lesson check my-lesson.toml",
    no_args_is_help=True,
)


@app.command("list")
def list_lessons() -> None:
    """The lessons that ship, the easiest first."""
    from rich.markup import escape

    from duologue.cli.output import complain, console
    from duologue.tutor.lesson import broken_lessons, shipped_lessons

    out = console()
    for lesson in shipped_lessons():
        count = len(lesson.exercises)
        out.print(f"[bold]{lesson.name}[/]  {lesson.level}, {count} exercises: {escape(lesson.about)}")
    for error in broken_lessons():
        complain(error)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Lessons (docs/lessons.md).")],
) -> None:
    """Read a lesson as it would be held, and say what is wrong with it. Exits 1 if something is.

    Example: duologue lesson check my-lesson.toml
    """
    from rich.markup import escape

    from duologue.cli.output import complain, console
    from duologue.errors import InputError
    from duologue.plurals import counted
    from duologue.tutor.checking import remarks
    from duologue.tutor.lesson import load_lesson

    out, wrong = console(), False
    for file in files:
        try:
            lesson = load_lesson(file)
        except InputError as error:
            complain(error)
            wrong = True
            continue
        out.print(f"[bold]{escape(lesson.title)}[/] ({lesson.level}): {counted(len(lesson.exercises), 'exercise')}, "
                  f"{counted(len(lesson.vocabulary), 'word')}. It can be held.")  # fmt: skip
        for remark in remarks(lesson):
            out.print(f"  {escape(remark)}")
    if wrong:
        raise typer.Exit(1)
