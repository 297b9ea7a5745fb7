"""The character's side of a session of the Realtime API: replies as responses, their sound as deltas of items.

A reply of the dialogue is a response, but for two things that the protocol has no word for. A far end of this kind can
neither hold sound nor forget one sentence of several, so a voice over ours ends the response; if it was nothing, the
rest of the reply is a response of its own. And a response that asks the client to run something ends with that; the
reply goes on in the next one, when the client wants it.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from duologue.app.realtime.items import RealtimeItem, RealtimeItems, RealtimeSegment, joined, words_between, words_from
from duologue.app.realtime.settings import RealtimeConfig
from duologue.app.realtime.sound import DeltaWriter
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE
from duologue.clock import SECOND, Clock
from duologue.dialogue.ports import PlayEnded
from duologue.dialogue.replies.text import ReplyCap
from duologue.dialogue.turns.vocabulary import (
    Apologise,
    AudioGrew,
    AudioReady,
    Effect,
    EngineFailed,
    Event,
    ReplyBegun,
    ReplyFinished,
    SentenceReady,
    Stage,
    VoiceSentence,
)
from duologue.language.counting import count_tokens
from duologue.language.tools import ToolCall
from duologue.speech.utterance import Utterance

KEPT_REPLIES = 20
Tell = Callable[..., None]
"""``tell(type, **fields)``: an event for the client."""


@dataclass(slots=True)
class _Reply:
    """A reply of the dialogue: ``count`` sentences so far, which of them were ``sent`` whole, which are ``over`` at the
    client, which cannot be voiced.
    """

    count: int = 0
    sent: set[int] = field(default_factory=set[int])
    over: set[int] = field(default_factory=set[int])
    failed: set[int] = field(default_factory=set[int])
    finished: bool = False
    cut: bool = False
    failure: str = ""
    prompt: int = 0
    kept: int = 0
    utterances: dict[str, Utterance] = field(default_factory=dict[str, Utterance])
    items: list[RealtimeItem] = field(default_factory=list[RealtimeItem])

    @property
    def told(self) -> bool:
        """All of it, as far as it is written, has left."""
        return all(index in self.sent or index in self.failed for index in range(self.count))


@dataclass(slots=True)
class RealtimeResponse:
    """What the client knows a reply, or a part of one, as. ``calls``: it asked the client to run something."""

    id: str
    reply: str
    config: RealtimeConfig
    metadata: dict[str, str] | None
    output: list[RealtimeItem] = field(default_factory=list[RealtimeItem])
    message: RealtimeItem | None = None
    calls: bool = False
    called: bool = False


class RealtimeAnswers:
    """See the module. Give :meth:`take` what the session's observer sees, and :meth:`order` what the far end is to do.

    ``context`` counts the tokens that a model is told now.
    """

    def __init__(
        self, tell: Tell, items: RealtimeItems, conversation: str, voice: str, clock: Clock, context: Callable[[], int]
    ) -> None:
        self._tell = tell
        self._items = items
        self._conversation = conversation
        self._voice = voice
        self._clock = clock
        self._context = context
        self._replies: OrderedDict[str, _Reply] = OrderedDict()
        self._writers: dict[str, DeltaWriter] = {}
        self.active: RealtimeResponse | None = None
        self.config: RealtimeConfig | None = None
        """What the next response is like."""
        self.metadata: dict[str, str] | None = None
        self.limits: Callable[[], list[dict[str, object]]] = list

    # What happens

    def begin(self, reply: str) -> None:
        """``reply`` counts: it is a response from now on."""
        if self.active is not None:
            self.finish("cancelled", "turn_detected")
        assert self.config is not None
        self._reply(reply)
        self.active = RealtimeResponse(self._items.new_id("resp"), reply, self.config, self.metadata)
        self.metadata = None
        self._tell("response.created", response=self._wire(self.active, "in_progress"))
        self._tell("rate_limits.updated", rate_limits=self.limits())

    def take(self, item: Event | Effect) -> None:
        """Something about replies that was decided or is ready."""
        match item:
            case ReplyBegun(reply, prompt, kept):
                known = self._reply(reply)
                known.prompt, known.kept = prompt, kept
            case SentenceReady(reply, text) if text.strip():
                self._reply(reply).count += 1
            case VoiceSentence(reply, index) | Apologise(reply, index):
                known = self._reply(reply)
                known.count = max(known.count, index + 1)
                known.finished = known.finished or isinstance(item, Apologise)
            case AudioReady(reply, _, utterance) | AudioGrew(reply, _, utterance):
                self._reply(reply).utterances[utterance.id] = utterance
            case ReplyFinished(reply, cut=cut):
                known = self._reply(reply)
                known.finished, known.cut = True, cut is not ReplyCap.NONE
                self.conclude()
            case PlayEnded(utterance):
                reply, _, index = utterance.rpartition("/")
                if reply in self._replies and index.isdecimal():
                    self._replies[reply].over.add(int(index))
            case EngineFailed(Stage.THINKING, what, reply=reply) if reply:
                known = self._reply(reply)
                known.finished, known.failure = True, what
            case EngineFailed(Stage.VOICING, what, reply=reply, index=index) if reply and index >= 0:
                known = self._reply(reply)
                known.failed.add(index)
                known.failure = what
            case _:
                pass

    def call(self, reply: str, call: ToolCall) -> None:
        """The client is to run something; see :meth:`conclude` for when it is told that this was all."""
        response = self._responding(reply)
        response.calls = True
        item = RealtimeItem(
            self._items.new_id(), "function_call", status="in_progress", call_id=call.id, name=call.name, reply=reply
        )
        place = len(response.output)
        self._open(response, item)
        item.arguments, item.status = call.arguments, "completed"
        where = {"response_id": response.id, "item_id": item.id, "output_index": place, "call_id": call.id}
        self._tell("response.function_call_arguments.delta", **where, delta=call.arguments)
        self._tell("response.function_call_arguments.done", **where, name=call.name, arguments=call.arguments)
        self._close(response, item)

    def conclude(self, *, called: bool = False) -> None:
        """Say that the response is over, if it is: all that it will be has left. ``called``: the client was asked for
        all that it was to be asked for. Where something failed, an apology may follow: then it is over with the reply.
        """
        response = self.active
        if response is None:
            return
        response.called = response.called or (called and response.calls)
        reply = self._reply(response.reply)
        whole = reply.finished and bool(reply.sent) and not reply.failed
        if reply.told and (whole or response.called):
            self._complete(response)

    def _complete(self, response: RealtimeResponse) -> None:
        reply = self._reply(response.reply)
        if reply.failure:
            self.finish("failed", reply.failure)
        elif reply.finished and reply.cut and response.config.tokens is not None:
            self.finish("incomplete", "max_output_tokens")
        else:
            self.finish("completed")

    def settle(self, reply: str, heard: str, interrupted: bool, *, by_client: bool = False) -> None:
        """It is over, and ``heard`` is what of it enters the context."""
        if self.active is not None and self.active.reply == reply:
            if interrupted:
                self.finish("cancelled", _reason(by_client))
            else:
                self._complete(self.active)
        known = self._replies.get(reply)
        rest = heard
        for item in known.items if known else ():
            item.known = True
            if item.kind == "message":
                item.line, rest = rest, ""

    def withdraw(self, reply: str, *, by_client: bool = False) -> None:
        """Nobody heard a word of it."""
        if self.active is not None and self.active.reply == reply:
            self.finish("cancelled", _reason(by_client))

    def finish(self, status: str, reason: str = "") -> None:
        """The response is over."""
        response, self.active = self.active, None
        if response is None:
            return
        if response.message is not None:
            self._close_message(response, "completed" if status in ("completed", "failed") else "incomplete")
        self._tell("response.done", response=self._wire(response, status, reason))

    # What the far end is to do

    def order(self, message: FarEndMessage, *, by_client: bool) -> None:
        """Sound as deltas, and the end of a response whose sound is not to be played."""
        if message.kind is MessageKind.CLEAR:
            self._writers.clear()
            for reply in self._replies.values():
                reply.sent &= reply.over  # the others are sent again, if they are to be heard
            if self.active is not None and self.active.message is not None:
                self.finish("cancelled", _reason(by_client))
        elif message.samples is not None and (message.kind is MessageKind.PLAY or self._tells(message.id)):
            self._sound(message)

    def _tells(self, utterance_id: str) -> bool:
        """The response that goes on is at that utterance; the rest of one that is over is nobody's."""
        item = self.active.message if self.active is not None else None
        return item is not None and bool(item.segments) and item.segments[-1].utterance == utterance_id

    def _sound(self, message: FarEndMessage) -> None:
        reply, _, index = message.id.rpartition("/")
        response = self._responding(reply)
        utterance = self._reply(reply).utterances.get(message.id)
        item = response.message or self._open_message(response)
        gap = 0
        if message.kind is MessageKind.PLAY:
            gap = self._gap(item, message.gap)
            item.segments.append(RealtimeSegment(message.id, message.start, item.total + gap))
            if response.config.modality == "audio":
                self._writers[message.id] = DeltaWriter(response.config.spoken)
            if utterance is not None:
                self._say(response, item, words_from(utterance, message.start))
        assert message.samples is not None
        item.segments[-1].length += len(message.samples)
        item.total += gap + len(message.samples)
        if (writer := self._writers.get(message.id)) is not None:
            made = writer.pause(gap) if gap else b""
            made += writer.feed(message.samples, last=not message.more)
            item.first_sent = item.first_sent or self._clock.now()
            if made:
                sound = base64.b64encode(made).decode()
                self._tell("response.output_audio.delta", **_place(response, item), delta=sound)
        if not message.more:
            self._writers.pop(message.id, None)
            if index.isdecimal():
                self._reply(reply).sent.add(int(index))
            self.conclude()

    def _gap(self, item: RealtimeItem, samples: int) -> int:
        """The pause between two sentences; none where the client has nothing left to play."""
        if not item.total or not item.first_sent:
            return 0
        played_out = item.first_sent + item.total * SECOND // RATE
        return samples if self._clock.now() < played_out else 0

    def _say(self, response: RealtimeResponse, item: RealtimeItem, text: str) -> None:
        delta = f" {text}" if item.text and text else text
        item.text = (item.text or "") + delta
        kind = "output_audio_transcript" if response.config.modality == "audio" else "output_text"
        if delta:
            self._tell(f"response.{kind}.delta", **_place(response, item), delta=delta)

    # What was heard

    def truncate(self, item: RealtimeItem, milliseconds: int) -> list[tuple[RealtimeSegment, int]]:
        """Nothing after that was heard: the words go. Gives how far each utterance was played."""
        heard = item.heard_to(milliseconds)
        reply = self._replies.get(item.reply)
        if milliseconds < item.length_ms:
            item.status = "incomplete"
            known = reply.utterances if reply else {}
            item.text = joined(
                words_between(known[each.utterance], each.start, end) for each, end in heard if each.utterance in known
            )
        return heard

    def sent(self, reply: str) -> list[tuple[str, int]]:
        """All utterances of it that left, and how far."""
        known = self._replies.get(reply)
        found = (each for item in (known.items if known else ()) for each in item.segments)
        return [(each.utterance, each.start + each.length) for each in found]

    # Events

    def _responding(self, reply: str) -> RealtimeResponse:
        if self.active is None or self.active.reply != reply:
            self.begin(reply)
        assert self.active is not None
        return self.active

    def _open(self, response: RealtimeResponse, item: RealtimeItem) -> None:
        response.output.append(item)
        self._reply(response.reply).items.append(item)
        previous = self._items.add(item)
        self._tell(
            "response.output_item.added", response_id=response.id, output_index=len(response.output) - 1,
            item=item.wire(),
        )  # fmt: skip
        self._tell("conversation.item.added", previous_item_id=previous, item=item.wire())

    def _close(self, response: RealtimeResponse, item: RealtimeItem) -> None:
        self._tell(
            "response.output_item.done", response_id=response.id, output_index=response.output.index(item),
            item=item.wire(),
        )  # fmt: skip
        self._tell("conversation.item.done", previous_item_id=self._items.before(item), item=item.wire())

    def _open_message(self, response: RealtimeResponse) -> RealtimeItem:
        audio = response.config.modality == "audio"
        form = "output_audio" if audio else "output_text"
        item = RealtimeItem(
            self._items.new_id(), role="assistant", form=form, status="in_progress", reply=response.reply
        )  # fmt: skip
        response.message = item
        self._open(response, item)
        part = {"type": "audio", "transcript": ""} if audio else {"type": "text", "text": ""}
        self._tell("response.content_part.added", **_place(response, item), part=part)
        return item

    def _close_message(self, response: RealtimeResponse, status: str) -> None:
        item, response.message = response.message, None
        assert item is not None
        item.status = status
        where, text = _place(response, item), item.text or ""
        if response.config.modality == "audio":
            self._tell("response.output_audio.done", **where)
            self._tell("response.output_audio_transcript.done", **where, transcript=text)
            part = {"type": "audio", "transcript": text}
        else:
            self._tell("response.output_text.done", **where, text=text)
            part = {"type": "text", "text": text}
        self._tell("response.content_part.done", **where, part=part)
        self._close(response, item)

    def _wire(self, response: RealtimeResponse, status: str, reason: str = "") -> dict[str, object]:
        config = response.config
        over = status != "in_progress"
        return {
            "id": response.id, "object": "realtime.response", "conversation_id": self._conversation, "status": status,
            "status_details": _details(status, reason), "output": [item.wire() for item in response.output],
            "output_modalities": [config.modality], "max_output_tokens": config.tokens or "inf",
            "audio": {"output": {"format": config.spoken.wire(), "voice": config.voice or self._voice}},
            "metadata": response.metadata, "usage": self._usage(response) if over else None,
        }  # fmt: skip

    def _usage(self, response: RealtimeResponse) -> dict[str, object]:
        reply = self._reply(response.reply)
        written = count_tokens(joined((item.text or "") + item.arguments for item in response.output))
        told = reply.prompt or self._context()
        return {
            "total_tokens": told + written, "input_tokens": told, "output_tokens": written,
            "input_token_details": {"text_tokens": told, "audio_tokens": 0, "cached_tokens": reply.kept},
            "output_token_details": {"text_tokens": written, "audio_tokens": 0},
        }  # fmt: skip

    def _reply(self, name: str) -> _Reply:
        known = self._replies.setdefault(name, _Reply())
        while len(self._replies) > KEPT_REPLIES:
            self._replies.popitem(last=False)
        return known


def _place(response: RealtimeResponse, item: RealtimeItem) -> dict[str, object]:
    return {
        "response_id": response.id, "item_id": item.id, "output_index": response.output.index(item),
        "content_index": 0,
    }  # fmt: skip


def _reason(by_client: bool) -> str:
    return "client_cancelled" if by_client else "turn_detected"


def _details(status: str, reason: str) -> dict[str, object] | None:
    match status:
        case "cancelled" | "incomplete":
            return {"type": status, "reason": reason}
        case "failed":
            error = {"type": "server_error", "code": "engine_failed", "message": reason}
            return {"type": status, "error": error}
        case _:
            return None
