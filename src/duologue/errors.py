"""The few exceptions of the house: whose fault it is, and what to do next.

``what`` was wrong, ``where`` (a file and key, an option, an address) and the ``remedy`` (the next step) make one
sentence each; the command line prints them as they are and the web API returns them as problem details. None of the
three holds a secret that this process knows.
"""

from __future__ import annotations

from typing import NoReturn, cast

from duologue.redaction import redacted


class DuologueError(Exception):
    """The root. Raise one of the four kinds below, never this one."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = redacted(what)
        self.where = redacted(where)
        self.remedy = redacted(remedy)
        super().__init__(
            self.what, self.where, self.remedy
        )  # all three, so that the error crosses a process boundary whole

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        step = f" {self.remedy}" if self.remedy else ""
        return f"{self.what.rstrip('.')}{place}.{step}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.remedy))


def _rebuild(kind: type[DuologueError], what: str, where: str, remedy: str) -> DuologueError:
    return kind(what, where=where, remedy=remedy)


class InputError(DuologueError):
    """The user's input, settings or files are wrong; nothing was changed."""


class PeerError(DuologueError):
    """The other end (an engine, a server, a disk, a child process) failed or broke its promise."""


class InternalError(DuologueError):
    """Our own fault: an invariant of ours does not hold."""


class ClosedError(DuologueError):
    """The thing was closed or cancelled while somebody still waited for it."""


def in_words(error: BaseException) -> str:
    """``error`` as one line for a ledger: ours speaks for itself, a stranger's is named by its kind."""
    return str(error) if isinstance(error, DuologueError) else redacted(f"{type(error).__name__}: {error}")


def first_cause(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """What happened first in a group, and in the groups inside it: the one cause that a caller is told."""
    error = failures.exceptions[0]
    return (
        first_cause(cast("BaseExceptionGroup[BaseException]", error))
        if isinstance(error, BaseExceptionGroup)
        else error
    )


def raise_first(failures: BaseExceptionGroup[BaseException]) -> NoReturn:
    """Raise the :func:`first_cause` of a group that was caught; what failed beside it is noted there.

    The group itself is let go. Behind what it holds (as its cause, or its context) it closes a circle, and another one
    with its own traceback, for ``TaskGroup`` has it in a variable (until Python 3.13): all that the frames on the way
    hold, a whole conversation, would be there until the collector comes.
    """
    first = first_cause(failures)
    context = first.__context__
    _note_beside(first, failures)
    try:
        raise first
    finally:
        first.__context__ = context  # raised where the group is handled, it has that behind it
        del first, context, failures


def _note_beside(first: BaseException, failures: BaseExceptionGroup[BaseException]) -> None:
    for other in _let_go(failures):
        if other is not first:
            first.add_note(f"Beside it: {in_words(other)}")


def _let_go(failures: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """What is in a group, and in the groups inside it, which are left without their frames."""
    failures.__traceback__ = None
    found: list[BaseException] = []
    for error in failures.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += _let_go(cast("BaseExceptionGroup[BaseException]", error))
        else:
            found.append(error)
    return found
