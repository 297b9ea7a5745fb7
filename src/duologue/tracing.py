"""The trace that work belongs to, as W3C Trace Context has it: read from who asks us, given to whom we ask.

https://www.w3.org/TR/trace-context/: ``traceparent: 00-TRACE-SPAN-FLAGS``, and ``tracestate: KEY=VALUE,…``, which is
the business of whoever wrote it and is passed on with that trace. What is done inside :func:`traced`, also in tasks
that are begun inside, is of that trace, and so are requests to servers of others (:mod:`duologue.hosted`). All of
this is only done while a house exports its traces (:func:`exporting`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

HEADER, STATE_HEADER = "traceparent", "tracestate"
"""Of a request, and of an INVITE."""
_VERSION = "00"
_SHAPE = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST = 512
"""Characters of a ``traceparent`` that is looked at, and of a ``tracestate`` that is passed on."""
_MOST_MEMBERS, _LONG_MEMBER = 32, 128
_MEMBER = re.compile(
    r"([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
SAMPLED = 1


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span: its trace (16 bytes), its own id (8 bytes), what was decided about it (``SAMPLED``: it is kept), and what
    others keep of the trace (``state``, as :func:`read_tracestate` gives it).
    """

    trace: bytes
    span: bytes
    flags: int = SAMPLED
    state: str = ""

    @property
    def header(self) -> str:
        """As it is sent."""
        return f"{_VERSION}-{self.trace.hex()}-{self.span.hex()}-{self.flags:02x}"


def read_traceparent(*values: str) -> TraceContext | None:
    """What a header says; None where there is none, several, or one that is not as it should be: it is ignored."""
    if len(values) != 1 or len(values[0]) > _LONGEST:
        return None
    found = _SHAPE.fullmatch(values[0].strip(" \t"))
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == _VERSION and more) or not (int(trace, 16) and int(span, 16)):
        return None
    return TraceContext(bytes.fromhex(trace), bytes.fromhex(span), int(flags, 16) & SAMPLED)


def read_tracestate(*values: str) -> str:
    """The members of all such headers, as one is sent; empty where there are none, or one is not as it should be, or
    two have one key, or there are more than 32: then all are ignored. Of more than 512 characters the members beyond
    128 go first, then the last ones.
    """
    members = [member for value in values for each in value.split(",") if (member := each.strip(" \t"))]
    if len(members) > _MOST_MEMBERS:
        return ""
    found = [_MEMBER.fullmatch(member) for member in members]
    if len({match[1] for match in found if match}) < len(members):
        return ""
    if len(",".join(members)) > _LONGEST:
        members = [member for member in members if len(member) <= _LONG_MEMBER]
    while len(",".join(members)) > _LONGEST:
        members.pop()
    return ",".join(members)


def read_context(parents: Sequence[str], states: Sequence[str] = ()) -> TraceContext | None:
    """What the headers ``traceparent`` and ``tracestate`` of a request say: without the first the second is nothing."""
    found = read_traceparent(*parents)
    return replace(found, state=read_tracestate(*states)) if found is not None else None


_current: ContextVar[TraceContext | None] = ContextVar("trace", default=None)
_exporters: list[object] = []


@contextmanager
def exporting() -> Generator[None]:
    """Traces are told to a collector while this lasts."""
    token = object()
    _exporters.append(token)
    try:
        yield
    finally:
        _exporters.remove(token)


def is_exported() -> bool:
    """Whether anybody does."""
    return bool(_exporters)


@contextmanager
def traced(context: TraceContext | None) -> Generator[None]:
    """What is done inside belongs to that span; None: to what it belonged to before."""
    token = _current.set(context or _current.get())
    try:
        yield
    finally:
        _current.reset(token)


def current_trace() -> TraceContext | None:
    """That of the caller, while traces are exported."""
    return _current.get() if _exporters else None


def outgoing() -> Sequence[tuple[str, str]]:
    """The headers that a request of the caller's carries."""
    context = current_trace()
    if context is None:
        return ()
    return ((HEADER, context.header), *(((STATE_HEADER, context.state),) if context.state else ()))
