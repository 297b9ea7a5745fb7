"""Log lines: JSON objects, or readable on a terminal, each with wall time and seconds since the start; secrets left
out.

Call :func:`configure` once per process. Before that nothing is hidden: structlog's own defaults print to standard
output.
"""

from __future__ import annotations

import logging
import re
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
    a reader that is gone) is lost and raises nothing; the next one that is taken says how many were (``lines_lost``).
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
    """A stream for lines that may be full or gone: what is told there is never a reason for a show to end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = 0
        self._failed = False

    def write(self, text: str) -> None:
        """A part of a line."""
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # the latter: it is closed
            self._failed = True

    def flush(self) -> None:
        """The line is whole."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._failed = True
        self._lost, self._failed = self._lost + 1 if self._failed else 0, False

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
