"""One line of the show, written and voiced whatever the engines do: a time limit, a second try, an answer in character.

The reading and the voicing themselves are the session's as well (:mod:`duologue.dialogue.replies.replies`). The show
differs in this: nobody waits for its first sentence, so a line is written to its end before it is voiced, a refused or
broken one can be replaced as a whole, and an engine that broke off is asked again before what came of it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from duologue.chains import FailureMoment, Handover, telling
from duologue.clock import Clock
from duologue.dialogue.ports import Voiced
from duologue.dialogue.replies.replies import ReplyEnding, SentenceVoicing, StreamBegun, deflection, read_reply
from duologue.dialogue.replies.text import SpokenPart
from duologue.language.engine import LanguageModel, Prompt
from duologue.language.moderation import Moderator
from duologue.streams import limited
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.traces import span_id, trace_id
from duologue.tracing import TraceContext, traced

Changed = Callable[[TurnRecord], None]
"""Called with the record each time that it changed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an engine may take for one line (seconds), and how often it is asked."""

    write_seconds: float = 20.0
    voice_seconds: float = 20.0
    tries: int = 2


@dataclass(slots=True)
class _Draft:
    """What has come of one try."""

    text: str = ""
    refused: bool = False
    failure: str = ""


class Writer:
    """Writes and voices lines, and tells of each step through ``changed``."""

    def __init__(
        self,
        models: Mapping[str, LanguageModel],
        voicing: SentenceVoicing,
        moderator: Moderator,
        clock: Clock,
        changed: Changed,
        limits: Limits,
    ) -> None:
        self._models = models
        self._voicing = voicing
        self._moderator = moderator
        self._clock = clock
        self._changed = changed
        self._limits = limits
        self._said_spent = False

    async def write(self, prompt: Prompt, record: TurnRecord) -> str:
        """The text of the turn, fit to be voiced; never raises for an engine's failure.

        A line that moderation refuses, and a line that the engine fails to give in all tries, is replaced by one of the
        persona's deflections; ``record`` says so. That every engine has reached a cap of the day is said once,
        honestly.
        """
        record.asked = self._clock.now()
        self._changed(record)
        handed: list[Handover] = []
        with telling(handed.append), traced(TraceContext(trace_id(record.id), span_id(f"{record.id} chat"))):
            text = await self._try_write(prompt, record)
        spent = bool(handed) and handed[-1].moment is FailureMoment.CAP and not handed[-1].successor
        record.text = text or self._instead(prompt, spent=spent)
        self._said_spent = spent
        record.text_complete = self._clock.now()
        record.state = "voicing"
        self._changed(record)
        return record.text

    def _instead(self, prompt: Prompt, *, spent: bool) -> str:
        """What is said in the place of a line that there is not."""
        honest = spent and not self._said_spent
        return prompt.speaker.language.apologies.spent if honest else deflection(prompt)

    async def voice(self, record: TurnRecord, text: str, utterance_id: str) -> Voiced | None:
        """The sound of ``text``, all of the turn or a part; None, with ``record.failure``, when the voice fails in all
        tries.
        """
        with traced(TraceContext(trace_id(record.id), span_id(f"{record.id} voice"))):
            attempt = await self._voicing.voice(text, record.speaker, utterance_id)
        for failure in attempt.failures:
            note_failure(record, "voice", failure)
        return attempt.voiced

    async def _try_write(self, prompt: Prompt, record: TurnRecord) -> str:
        """The text of the first try that went well, else the longest part of one that broke off, else nothing."""
        best = ""
        for _ in range(self._limits.tries):
            draft = _Draft()
            limit = self._limits.write_seconds
            try:
                async with limited(limit):
                    await self._read(prompt, record, draft)
            except TimeoutError:
                draft.failure = f"no answer in {limit:g} s"
            if draft.refused:
                record.refused += 1
                return ""
            if draft.text and not draft.failure:
                return draft.text
            note_failure(record, "language", draft.failure or "it answered nothing that can be spoken")
            best = max(best, draft.text, key=len)
        return best

    async def _read(self, prompt: Prompt, record: TurnRecord, draft: _Draft) -> None:
        """Fill ``draft`` as the reply is written, so that a time limit leaves what came until then."""
        async with aclosing(read_reply(self._models[prompt.speaker.name], prompt, self._moderator)) as items:
            async for item in items:
                match item:
                    case StreamBegun():
                        record.first_token = self._clock.now()
                    case SpokenPart(text=text):
                        draft.text = f"{draft.text} {text}".strip()
                    case ReplyEnding(refused=refused, failure=failure):
                        draft.refused, draft.failure = refused, failure
                    case _:
                        pass  # structured chunks: the show has no place for what goes with them


def note_failure(record: TurnRecord, part: str, what: str) -> None:
    """Add a failure to the record."""
    record.failure = "; ".join(filter(None, (record.failure, f"{part}: {what}")))
