"""The command ``duologue``: finds the command's file, runs it, and says plainly what went wrong.

Only the file of the command that was asked for is imported, so that ``duologue --help`` answers at once.
"""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Annotated

import typer

from duologue.errors import DuologueError, PeerError
from duologue.redaction import redacted

STDOUT = 1
"""The descriptor of standard output."""
INTERRUPTED, UNREAD = 130, 141
"""The exit codes of a command that Ctrl-C ended, and of one whose reader has left, as shells expect them."""


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """Where a command's code is: a function, or a :class:`typer.Typer` with commands of its own."""

    module: str
    name: str
    help: str
    group: bool = False


COMMANDS = {
    "show": CommandPlace("duologue.cli.show", "show", "Put a show on air."),
    "serve": CommandPlace("duologue.cli.serve", "serve", "Run what the settings switch on: shows, talks, phone."),
    "phone": CommandPlace("duologue.cli.phone", "phone", "Answer the telephone as a character."),
    "dial": CommandPlace("duologue.cli.dial", "dial", "Call somebody, for a character to talk with."),
    "render": CommandPlace("duologue.cli.render", "render", "Render a show to a file, as fast as the machine can."),
    "verify": CommandPlace("duologue.cli.verify", "verify", "Prove that a stream or file has no missing frame."),
    "talk": CommandPlace("duologue.cli.talk", "talk", "Talk with a character."),
    "tutor": CommandPlace("duologue.cli.tutor", "tutor", "Practise a lesson: no language model is needed."),
    "lesson": CommandPlace("duologue.cli.lesson", "app", "List the lessons, or check one of your own.", True),
    "say": CommandPlace("duologue.cli.say", "say", "Speak a text into a WAV file."),
    "warm": CommandPlace("duologue.cli.warm", "warm", "Fill the speech cache from a list of lines."),
    "transcribe": CommandPlace("duologue.cli.transcribe", "transcribe", "Write down what is said in a file."),
    "simulate": CommandPlace("duologue.cli.simulate", "simulate", "Hold scripted conversations on virtual time."),
    "runs": CommandPlace("duologue.cli.runs", "app", "List what was kept of shows, talks and calls.", True),
    "report": CommandPlace("duologue.cli.report", "report", "Say why something was slow, or prove that nothing was."),
    "replay": CommandPlace("duologue.cli.replay", "replay", "Hear a kept talk or call again, by today's settings."),
    "bench": CommandPlace("duologue.cli.bench", "bench", "Measure this installation, and hold it against budgets."),
    "analyze": CommandPlace("duologue.cli.analyze", "analyze", "Read the logs of earlier systems."),
    "pack": CommandPlace("duologue.cli.pack", "app", "Check a character or room, or make one from pictures.", True),
    "persona": CommandPlace("duologue.cli.persona", "app", "Hear how a persona answers, and judge it.", True),
    "models": CommandPlace("duologue.cli.models", "app", "Fetch natural voices and ears, and say what is here.", True),
    "store": CommandPlace("duologue.cli.store", "app", "Say what is kept of people, and bring it up to date.", True),
    "export": CommandPlace("duologue.cli.people", "export", "Print all that is kept of a person, as JSON."),
    "forget": CommandPlace("duologue.cli.people", "forget", "Delete all that is kept of a person."),
    "backup": CommandPlace("duologue.cli.backup", "backup", "Copy the store into a file."),
    "restore": CommandPlace("duologue.cli.backup", "restore", "Put a copy in the place of the store."),
    "token": CommandPlace("duologue.cli.token", "app", "Make, list and revoke tokens for others.", True),
    "usage": CommandPlace("duologue.cli.usage", "usage", "Say what engines were asked for, and what that cost."),
    "doctor": CommandPlace("duologue.cli.doctor", "doctor", "Say what this machine carries, and what is missing."),
    "settings": CommandPlace("duologue.cli.settings", "settings", "Show every setting and where it came from."),
    "openapi": CommandPlace("duologue.cli.openapi", "openapi", "Print the web API's schema as JSON."),
}
EPILOG = (
    'Examples: [cyan]duologue show "pineapple on pizza"[/] · [cyan]duologue render "my cat" -o cat.mp4 --turns 4[/] · '
    "[cyan]duologue verify http://127.0.0.1:8081/stream/index.m3u8 --seconds 30[/] · [cyan]duologue doctor[/]"
)


def build(words: Sequence[str]) -> typer.Typer:
    """The application for a command line: the commands that it names are loaded, the others only listed."""
    app = typer.Typer(
        name="duologue", help="Characters that talk, live.", epilog=EPILOG, no_args_is_help=True,
        rich_markup_mode="rich", pretty_exceptions_enable=False,
    )  # fmt: skip
    app.callback()(_root)
    for name, place in COMMANDS.items():
        if name not in words:
            app.command(name, help=place.help)(_listed)
        elif place.group:
            app.add_typer(getattr(import_module(place.module), place.name), name=name)
        else:
            app.command(name)(getattr(import_module(place.module), place.name))
    return app


def _listed() -> None:
    """A command that this run only lists."""


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # 20 ms that only this needs

        sys.stdout.write(f"duologue {version('duologue')}\n")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Characters that talk, live."""


def _words() -> list[str]:
    """The command line, or the one that the shell wants completed."""
    return [
        *sys.argv[1:],
        *os.environ.get("COMP_WORDS", "").split(),
        *os.environ.get("_TYPER_COMPLETE_ARGS", "").split(),
    ]


def run(command: Callable[[], object]) -> int:
    """Run a command and answer with its exit code; trouble that we know is said in words, without a traceback."""
    from duologue.cli.output import USER_ERROR, complain, known_errors

    try:
        command()
    except DuologueError as error:
        complain(error)
        return USER_ERROR
    except (BrokenPipeError, BaseExceptionGroup) as group:
        if _is_unread():
            return UNREAD
        if isinstance(group, BrokenPipeError):
            raise
        errors = known_errors(group)
        if errors is None:
            raise
        for error in errors:
            complain(error)
        return USER_ERROR
    except OSError as error:
        if not _is_refused():
            raise
        what = f"what it prints cannot be written: {error.strerror}"
        complain(PeerError(what, where="standard output", remedy="Make room, or send it elsewhere."))
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except RuntimeError as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        return INTERRUPTED  # it came while a class was made, in ``__set_name__``: Python up to 3.11 wraps that
    except SystemExit as leaving:
        if isinstance(
            leaving.__context__, BrokenPipeError
        ):  # typer's and rich's code for it is 1: a check found something
            _write_nowhere()  # rich has seen to that: what we write to looks read by now
            return UNREAD
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return 0


def _is_unread() -> bool:
    """Whoever read our standard output has left (``| head``); then nothing more is written to it."""
    poll = select.poll()
    poll.register(STDOUT, 0)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    _write_nowhere()
    return True


def _is_refused() -> bool:
    """The disk that our standard output goes to takes no more of it; then nothing more is written to it."""
    try:
        os.write(STDOUT, b"\n")  # a stray line, where it was another file that failed: its trace follows
    except OSError:
        _write_nowhere()
        return True
    return False


def _write_nowhere() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)


def show_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print what nobody foresaw, for a report: its trace, without the secrets in the messages."""
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))


def main() -> None:
    """The entry point of the command line."""
    sys.excepthook = show_fault
    reconfigure: Callable[..., None] | None = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:  # a tick has no place in ISO 8859-1, nor a file's broken name in UTF-8
        reconfigure(errors="backslashreplace")
    sys.exit(run(lambda: build(_words())()))
