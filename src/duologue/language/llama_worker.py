"""The process in which a GGUF runs: ``python -m duologue.language.llama_worker FD``.

A process because a model's fault is a crash of its process, and because drawing a token holds the GIL now and then.
Answers are written piece by piece, each when the engine asks for it: so who is waited for goes first, and there is
nothing to cancel in here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from duologue.child import serve
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.errors import ClosedError, DuologueError, PeerError
from duologue.language.llama_messages import (
    AnswerFailed,
    AnswerPiece,
    Done,
    GgufLoaded,
    GoOn,
    LlamaAnswer,
    LoadGguf,
    Write,
)
from duologue.language.llama_model import LlamaModel, LlamaWriting, load

PIECE = 40 * MILLISECOND
"""So long tokens are drawn before their text is given (ns); the first is given at once, as is each portion that was
read."""


def _answer(model: LlamaModel, begun: dict[int, LlamaWriting], request: Write | GoOn) -> LlamaAnswer:
    """The answer to one request. What the library raises fails that answer: the others may still go well."""
    for number in request.over:
        if (gone := begun.pop(number, None)) is not None:
            gone.close()
    number = request.number
    try:
        if isinstance(request, Write):
            begun[number] = model.write(request)
        writing = begun[number]
        text = _drawn(writing)
        if text is not None:
            return AnswerPiece(number, text, writing.prompt, writing.kept, writing.written)
        del begun[number]
        return Done(number, writing.unbound, writing.limited)
    except ClosedError:
        raise
    except DuologueError as error:
        failure = error
    except Exception as error:  # of a model that the user chose, and of libraries beneath it: anything
        what = f"the model could not go on: {type(error).__name__}: {error}"
        failure = PeerError(what, where="llama-cpp-python", remedy="It is asked again.")
    if (broken := begun.pop(number, None)) is not None:
        broken.close()
    return AnswerFailed(number, failure)


def _drawn(writing: LlamaWriting) -> str | None:
    """The next piece; None: it is over."""
    first, text = not writing.begun, next(writing, None)
    until = SYSTEM_CLOCK.now() + PIECE
    while text and not first and SYSTEM_CLOCK.now() < until and (more := next(writing, None)) is not None:
        text += more
    return text


def _begin(first: object) -> tuple[GgufLoaded, Callable[[object], LlamaAnswer]]:
    assert isinstance(first, LoadGguf)
    model, begun = load(first), dict[int, LlamaWriting]()

    def answer(message: object) -> LlamaAnswer:
        assert isinstance(message, Write | GoOn)
        return _answer(model, begun, message)

    return GgufLoaded(), answer


if __name__ == "__main__":
    sys.exit(serve(_begin, lambda error: AnswerFailed(-1, error)))
