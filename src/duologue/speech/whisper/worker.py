"""The process in which Whisper runs: ``python -m duologue.speech.whisper.worker FD``.

One for all who are listened to. It steps back behind whoever draws a frame or sends a packet: what it computes was said
some tenths of a second ago, and a frame is due now.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from duologue.child import serve
from duologue.errors import DuologueError, InputError, PeerError
from duologue.priority import lower_this_process
from duologue.speech.whisper.messages import LoadWhisper, Pass, PassFailed, WhisperAnswer, WhisperLoaded
from duologue.speech.whisper.model import WhisperModel, check_folder, silence

WARM_SECONDS = 10.0


def _load(request: LoadWhisper) -> tuple[WhisperModel, float]:
    """The model, and the CPU time that a pass took: the second, as libraries plan with the first."""
    check_folder(Path(request.folder))
    try:
        model = WhisperModel(request)
        taken = 0.0
        for _ in range(2):
            began = time.process_time()
            model.run(Pass(-1, silence(round(WARM_SECONDS * 100)), WARM_SECONDS, "en"))
            taken = time.process_time() - began
    except DuologueError:
        raise
    except Exception as error:  # CTranslate2 and tokenizers raise what they like over a broken file
        raise InputError(
            f"Whisper's model cannot be loaded: {error}", where=f"engines.whisper.model = {request.folder}",
            remedy="Fetch it again (duologue models get whisper-tiny.en), or give a model converted for CTranslate2.",
        ) from error  # fmt: skip
    return model, taken


def answer(model: WhisperModel, request: Pass) -> WhisperAnswer:
    """Make a pass; what goes wrong is an answer too."""
    try:
        return model.run(request)
    except DuologueError as error:
        return PassFailed(request.number, error)
    except Exception as error:  # as above
        return PassFailed(
            request.number, PeerError(f"Whisper failed: {error}", where=f"{request.seconds:.1f} s of sound")
        )


def _begin(first: object) -> tuple[WhisperLoaded, Callable[[object], WhisperAnswer]]:
    assert isinstance(first, LoadWhisper)
    model, taken = _load(first)

    def answered(message: object) -> WhisperAnswer:
        assert isinstance(message, Pass)
        return answer(model, message)

    return WhisperLoaded(model.multilingual, taken), answered


if __name__ == "__main__":
    lower_this_process()
    sys.exit(serve(_begin, lambda error: PassFailed(-1, error)))
