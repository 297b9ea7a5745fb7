"""LiveKit Agents' program: the same callers, ears, thought and voice as ours, through its own session on its defaults.

Only the ends are ours: an input that hands in frames, zero-time engines, and its own room output whose track is read
here and not by a server, so that its native pacer is what is measured. In ``endpoint`` and ``listen`` its Silero is
used; ``endpoint`` decides by the default of a session without keys (the small turn detector inside its package), or by
voice activity alone with the variant ``vad``. Interruptions need 50 ms of speech here (its default is 0.5 s),
since what is measured begins with its own decision.

Run in its environment, from the root of the repository: ``python -m benchmarks.peers.livekit.run --mode reply``.
"""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import version

import numpy as np
from benchmarks.voice import probe
from livekit import rtc
from livekit.agents import Agent, AgentSession, APIConnectOptions, inference, llm, stt, tts, utils
from livekit.agents.inference import vad as its_vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN
from livekit.agents.voice import agent_activity, agent_session, io
from livekit.agents.voice.room_io._output import _ParticipantAudioOutput as RoomOutput

WATCHED = 5
"""Sessions whose pace is measured."""


class Loudness:
    """Voice activity that costs nothing, in the place of the model inside LiveKit's own analysis."""

    def predict(self, pcm: np.ndarray) -> float:
        return float(np.abs(pcm).max() > 1600)

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


class Source(io.AudioInput):
    def __init__(self, caller: probe.Caller, seconds: float) -> None:
        super().__init__(label="caller")
        self._frames = caller.frames(seconds)

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await anext(self._frames)
        return rtc.AudioFrame(frame.tobytes(), probe.RATE, 1, len(frame))


class Sink(RoomOutput):
    """Its room output; the track goes to :meth:`watch` and not to a room."""

    def __init__(self, log: probe.Log, *, watched: bool) -> None:
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        super().__init__(None, sample_rate=probe.VOICE_RATE, num_channels=1, track_publish_options=options)
        self._log = log
        self._watched = watched
        self._first = True
        self._stream: rtc.AudioStream | None = None

    async def _publish_track(self) -> None:
        track = rtc.LocalAudioTrack.create_audio_track(self._track_name, self._audio_source)
        if self._watched:
            self._stream = rtc.AudioStream.from_track(
                track=track, sample_rate=probe.VOICE_RATE, num_channels=1, frame_size_ms=probe.FRAME_MS
            )
        self._subscribed_fut.set_result(None)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if self._first:
            self._first = False
            self._log.handed.append(probe.now())
        await super().capture_frame(frame)

    def flush(self) -> None:
        self._first = True
        super().flush()

    async def watch(self) -> None:
        """What leaves its pacer."""
        if self._stream is None:
            return
        async for event in self._stream:
            if np.frombuffer(event.frame.data, np.int16).any():
                self._log.sent.append(probe.now())


class Ears(stt.STT):
    def __init__(self, caller: probe.Caller) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self._caller = caller

    async def _recognize_impl(self, buffer, *, language=NOT_GIVEN, conn_options) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, language=NOT_GIVEN, conn_options=DEFAULT_API_CONNECT_OPTIONS) -> EarsStream:
        return EarsStream(self, conn_options, probe.Segments(self._caller))


class EarsStream(stt.RecognizeStream):
    def __init__(self, ears: Ears, options: APIConnectOptions, segments: probe.Segments) -> None:
        super().__init__(stt=ears, conn_options=options)
        self._segments = segments

    async def _run(self) -> None:
        async for _ in self._input_ch:
            found = self._segments.poll()
            if found is None:
                continue
            text, final = found
            kind = stt.SpeechEventType.FINAL_TRANSCRIPT if final else stt.SpeechEventType.INTERIM_TRANSCRIPT
            self._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=[stt.SpeechData(language="en", text=text)]))


class ZeroThought(llm.LLM):
    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_) -> ThoughtStream:
        return ThoughtStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class ThoughtStream(llm.LLMStream):
    async def _run(self) -> None:
        for number, word in enumerate(probe.ANSWER.split()):
            delta = llm.ChoiceDelta(role="assistant", content=word if number == 0 else f" {word}")
            self._event_ch.send_nowait(llm.ChatChunk(id="zero", delta=delta))


class ZeroSpeech(tts.TTS):
    def __init__(self, sound: bytes) -> None:
        capabilities = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=capabilities, sample_rate=probe.VOICE_RATE, num_channels=1)
        self.sound = sound

    def synthesize(self, text: str, *, conn_options=DEFAULT_API_CONNECT_OPTIONS) -> SpeechStream:
        return SpeechStream(tts=self, input_text=text, conn_options=conn_options)


class SpeechStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=probe.VOICE_RATE,
            num_channels=1,
            mime_type="audio/pcm",
            frame_size_ms=probe.FRAME_MS,
        )
        output_emitter.push(self._tts.sound)
        output_emitter.flush()


def options(asked: probe.Arguments) -> dict[str, object]:
    """Of turn-taking: its defaults, but for what the module says."""
    chosen: dict[str, object] = {}
    if asked.mode == "interrupt":
        chosen["interruption"] = {"min_duration": 0.05}  # 0 would stop it without any speech
    if asked.mode != "endpoint" or asked.variant == "vad":
        chosen["turn_detection"] = "vad"
    return chosen


class Conversation:
    """One session with its caller and its log."""

    def __init__(self, asked: probe.Arguments, caller: probe.Caller, *, watched: bool) -> None:
        self.log = probe.Log()
        self.caller = caller
        self._seconds = probe.SETTLE_SECONDS + asked.seconds
        self._sink = Sink(self.log, watched=watched)
        self.session = AgentSession(
            stt=Ears(caller),
            vad=inference.VAD(),
            llm=ZeroThought(),
            tts=ZeroSpeech(probe.answer_pcm(asked.mode)),
            turn_handling=options(asked),
            aec_warmup_duration=None,
        )
        self.session.on("user_state_changed", self._on_user_state)

    def _on_user_state(self, event) -> None:
        if event.new_state == "speaking":
            self.log.interrupted.append(probe.now())

    async def start(self) -> None:
        await self._sink.start()
        self.session.output.audio = self._sink
        await self.session.start(Agent(instructions="Answer."))
        CONVERSATIONS[id(self.session)] = self

    async def watch(self) -> None:
        await self._sink.watch()

    def begin(self) -> None:
        self.caller.begin()
        self.session.input.audio = Source(self.caller, self._seconds)


CONVERSATIONS: dict[int, Conversation] = {}


class NotedActivity(agent_activity.AgentActivity):
    """Notes the moment at which LiveKit has decided that a turn is over."""

    def on_end_of_turn(self, info) -> bool:
        if found := CONVERSATIONS.get(id(self._session)):
            found.log.decided.append(probe.now())
        return super().on_end_of_turn(info)


async def run(asked: probe.Arguments) -> dict[str, object]:
    """All sessions at once."""
    people = probe.callers(asked)
    if asked.mode not in ("listen", "endpoint"):
        its_vad._NativeVAD = Loudness
    else:
        its_vad._NativeVAD().close()
    meter = probe.Meter()
    # reading a track costs Python time that a room would not: only a few of many are read
    watched = 0 if asked.mode == "listen" else WATCHED
    conversations = [Conversation(asked, caller, watched=n < watched) for n, caller in enumerate(people)]
    for each in conversations:
        await each.start()
    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(each.watch()) for each in conversations]
        for each in conversations:
            each.begin()
        await meter.watch(asked.seconds)
        for task in watching:
            task.cancel()
    variant = f", {asked.variant}" if asked.variant else ""
    name = f"livekit-agents {version('livekit-agents')}{variant}"
    return probe.report(name, asked, people, [each.log for each in conversations], meter)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    agent_session.AgentActivity = NotedActivity
    # closing a session waits for what it says, one after the other: with a hundred, minutes after the last figure
    probe.main(run, leave=True)
