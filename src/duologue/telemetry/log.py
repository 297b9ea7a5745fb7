"""Log lines: JSON objects, or readable on a terminal, each with wall time and seconds since the start; secrets left
out.

Call :func:`configure` once per process. Before that nothing is hidden: structlog's own defaults print to standard
output.
"""

from __future__ import annotations

import io
import logging
import re
import select
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.redaction import REDACTED, hide, redacted

LogFormat = Literal["auto", "json", "text"]
PORTION = 400
"""Characters that are written at once: a pipe that takes anything takes a page (PIPE_BUF), however they are encoded."""
PATIENCE_MS = 100
"""For a reader who is behind; then lines are lost until they have read."""
# A trace is made before the redactor, never by the renderer behind it, and without local variables: they hold secrets.
_TRACE_AS_DATA = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
_SECRET_KEY = re.compile(r"(key|token|secret|password|authorization)$", re.IGNORECASE)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry ``component=name``."""
    return cast(FilteringBoundLogger, structlog.get_logger(component=name))


def is_text(log_format: LogFormat, stream: TextIO | None = None) -> bool:
    """Whether lines are for a person to read: ``auto`` is text on a terminal and JSON elsewhere."""
    return log_format == "text" or (log_format == "auto" and (stream or sys.stderr).isatty())


def configure(
    log_format: LogFormat = "auto",
    level: str = "info",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Set logging up for this process, as :func:`is_text` decides; to standard error by default.

    ``secrets`` are values that must never appear, whatever the key. Lines of the standard library's ``logging`` (of
    libraries that we use) come out in the same form. A line that the stream does not take (a full disk, a terminal or
    a reader that is gone, or stopped) is lost, raises nothing and is not waited for; the next one that is taken says
    how many were (``lines_lost``).
    """
    hide(*secrets)
    out = stream if stream is not None else sys.stderr
    as_text = is_text(log_format, out)
    lines = _Lines(out)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        Stamp(clock),
        lines.confess,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info if as_text else _TRACE_AS_DATA,
        Redactor(),
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, lines)),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_logging(shared, renderer, lines, threshold)


class _Lines:
    """A stream for lines that may be full or gone, or that nobody reads: what is told there is never a reason for a
    show to end, or to stand still.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._parts: list[str] = []
        self._rest = ""
        """Of the newest line that was taken, what the stream had no room for."""
        self._full = False
        self._lost = 0

    def write(self, text: str) -> None:
        """A part of a line."""
        self._parts.append(text)

    def flush(self) -> None:
        """The line is whole."""
        line, self._parts = "".join(self._parts), []
        try:
            self._rest = self._give(self._rest)
            left = line if self._rest else self._give(line)
        except (OSError, ValueError):  # the latter: it is closed
            left, self._rest = line, ""
        if left == line:
            self._lost += 1
        else:
            self._lost, self._rest = 0, left

    def _give(self, text: str) -> str:
        """What of it the stream has no room for."""
        while text and self._has_room():
            self._stream.write(text[:PORTION])
            self._stream.flush()
            text = text[PORTION:]
        return text

    def _has_room(self) -> bool:
        """Whether a portion can be written without waiting. One who reads slowly is waited for once, for a moment."""
        try:
            number = self._stream.fileno()
        except io.UnsupportedOperation:  # it is no file
            return True
        asked = select.poll()
        asked.register(number, select.POLLOUT)
        self._full = not asked.poll(0 if self._full else PATIENCE_MS)
        return not self._full

    def confess(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """As structlog's processors are called: the next line says how many before it were lost."""
        if self._lost:
            event["lines_lost"] = self._lost
        return event


def _adopt_standard_logging(shared: list[Processor], renderer: Processor, out: _Lines, threshold: int) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_component, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.INFO))  # at debug level libraries write every packet


def _name_component(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    event["component"] = record.name
    return event


class Stamp:
    """Adds ``time`` (ISO 8601, UTC, milliseconds) and ``elapsed`` (seconds since this was made, three places)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.now()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """As structlog's processors are called."""
        wall = datetime.fromtimestamp(self._clock.wall() / SECOND, UTC)
        event["time"] = wall.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event["elapsed"] = round((self._clock.now() - self._start) / SECOND, 3)
        return event


class Redactor:
    """Blots out values under keys that name a secret (``…key``, ``…token``, ``…secret``…), and whatever is known to be
    secret anywhere (:mod:`duologue.redaction`).
    """

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """As structlog's processors are called."""
        return {key: self._clean(key, value) for key, value in event.items()}

    def _clean(self, key: str, value: object) -> object:
        if _SECRET_KEY.search(key) and value not in (None, ""):
            return REDACTED
        if isinstance(value, Mapping):
            mapping = cast(Mapping[object, object], value)
            return {redacted(str(name)): self._clean(str(name), inner) for name, inner in mapping.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean("", inner) for inner in cast(Iterable[object], value)]
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return redacted(value)
        text = str(value)
        clean = redacted(text)
        return value if clean == text else clean
