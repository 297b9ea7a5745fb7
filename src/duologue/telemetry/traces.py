"""What a turn or a call is called in traces, for whoever exports them and for the exemplars of metrics."""

from __future__ import annotations

import hashlib

from duologue.tracing import TraceContext


def trace_id(name: str) -> bytes:
    """16 bytes that are this name's for ever."""
    return hashlib.blake2b(name.encode(), digest_size=16).digest()


def span_id(name: str) -> bytes:
    """8 bytes that are this name's for ever."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def conversation_span(conversation: str, parent: TraceContext | None = None) -> TraceContext:
    """The span of a talk or a call, in the trace of who asked for it, else in one of its own."""
    trace = parent.trace if parent is not None else trace_id(conversation)
    return TraceContext(trace, span_id(conversation), state=parent.state if parent is not None else "")
