"""How a session of the Realtime API is to be, as far as it was told: values that each update merges into. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from duologue.app.realtime.messages import (
    AudioFormat,
    EventError,
    FunctionTool,
    SessionFields,
    Transcription,
    TurnDetection,
)
from duologue.dialogue.turns.policy import Policy
from duologue.language.persona import Persona
from duologue.language.tools import RemoteTool, Toolbox

TOOL_SECONDS = 30.0
"""A client has so long to run what it is asked to."""
NEVER_MS = 24 * 3_600_000
"""Fillers are nobody's answer here: none are muttered."""
EAGER_MS = {"low": (700, 2_800), "high": (250, 700)}
"""The silence that ends a turn lies between these; medium and auto: where the settings say."""

_PCM, _USUAL = AudioFormat(), TurnDetection(type="server_vad")


@dataclass(frozen=True, slots=True)
class RealtimeConfig:
    """A session. ``voice`` empty: the character's own. ``detection`` None: the client says when a turn is over."""

    model: str
    modality: str = "audio"
    instructions: str = ""
    heard: AudioFormat = _PCM
    spoken: AudioFormat = _PCM
    detection: TurnDetection | None = _USUAL
    transcription: Transcription | None = None
    voice: str = ""
    tools: tuple[FunctionTool, ...] = ()
    choice: str = "auto"
    tokens: int | None = None

    def merged(self, fields: SessionFields) -> RealtimeConfig:
        """With what was told; what was left out is as it was. Null turns turn detection and transcription off."""
        changes: dict[str, Any] = {}
        if fields.output_modalities:
            changes["modality"] = fields.output_modalities[0]
        if fields.instructions is not None:
            changes["instructions"] = fields.instructions
        if fields.tools is not None:
            changes["tools"] = _distinct(fields.tools)
        if fields.tool_choice is not None:
            changes["choice"] = fields.tool_choice
        if fields.max_output_tokens is not None:
            changes["tokens"] = None if fields.max_output_tokens == "inf" else fields.max_output_tokens
        if fields.audio and (given := fields.audio.input):
            if given.format is not None:
                changes["heard"] = _fitting(given.format, "session.audio.input.format.rate")
            if "turn_detection" in given.model_fields_set:
                changes["detection"] = given.turn_detection
            if "transcription" in given.model_fields_set:
                changes["transcription"] = given.transcription
        if fields.audio and (wanted := fields.audio.output):
            if wanted.format is not None:
                changes["spoken"] = _fitting(wanted.format, "session.audio.output.format.rate")
            if wanted.named:
                changes["voice"] = wanted.named
        return replace(self, **changes)

    def wire(self, session: str, expires_at: int, voice: str) -> dict[str, object]:
        """As the protocol has it; ``voice`` is what the character's own is called."""
        return {
            "type": "realtime", "object": "realtime.session", "id": session, "model": self.model,
            "expires_at": expires_at, "output_modalities": [self.modality], "instructions": self.instructions,
            "tools": [tool.model_dump(exclude_none=True) for tool in self.tools], "tool_choice": self.choice,
            "max_output_tokens": self.tokens or "inf", "tracing": None, "truncation": "auto", "prompt": None,
            "include": None,
            "audio": {
                "input": {
                    "format": self.heard.wire(), "noise_reduction": None,
                    "transcription": self.transcription and self.transcription.model_dump(exclude_none=True),
                    "turn_detection": self._detection(),
                },
                "output": {"format": self.spoken.wire(), "voice": self.voice or voice, "speed": 1.0},
            },
        }  # fmt: skip

    def _detection(self) -> dict[str, object] | None:
        if self.detection is None:
            return None
        told = self.detection.model_dump(exclude_none=True)
        return {"create_response": True, "interrupt_response": True, **told}

    # What it means to a conversation

    def policy(self, usual: Policy) -> Policy:
        """How turns are taken."""
        changes: dict[str, Any] = {"filler_ms": NEVER_MS, "asks": 0}  # nobody asks a client into its silence
        if self.tools:
            changes["reply_ms"] = usual.reply_ms + round(TOOL_SECONDS * 1000)
        found = self.detection
        if found is not None:
            changes["answers"] = found.create_response is not False
            changes["half_duplex"] = usual.half_duplex or found.interrupt_response is False
            least, most = EAGER_MS.get(found.eagerness or "auto", (usual.wait_least_ms, usual.wait_most_ms))
            if found.silence_duration_ms is not None:
                least = most = found.silence_duration_ms
            changes |= {"wait_least_ms": least, "wait_most_ms": most}
        return replace(usual, **changes)

    def persona(self, own: Persona, system: str = "") -> Persona:
        """Who speaks: the character, told what the client's instructions and ``system`` messages say."""
        told = "\n".join(filter(None, (own.description, self.instructions, system)))
        words = own.max_words if self.tokens is None else max(1, self.tokens * 3 // 4)
        return replace(own, description=told, max_words=words)

    @property
    def toolbox(self) -> Toolbox:
        """What the client runs."""
        if self.choice == "none":
            return Toolbox([])
        return Toolbox([
            RemoteTool(tool.name, tool.description or "", tool.parameters or {}, limit_seconds=TOOL_SECONDS)
            for tool in self.tools
        ])  # fmt: skip


def _distinct(tools: list[FunctionTool]) -> tuple[FunctionTool, ...]:
    names: Mapping[str, FunctionTool] = {tool.name: tool for tool in tools}
    if len(names) < len(tools):
        raise EventError("Two tools have one name.", param="session.tools")
    return tuple(tools)


def _fitting(form: AudioFormat, param: str) -> AudioFormat:
    rate = 24_000 if form.type == "audio/pcm" else 8_000
    if form.rate not in (None, rate):
        raise EventError(f"{form.type} has {rate} samples a second here.", param=param)
    return form
