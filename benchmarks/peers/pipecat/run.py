"""pipecat's program: the same callers, ears, thought and voice as ours, through its own pipeline on its own defaults.

Only the ends are ours: a transport that hands in frames and takes them out (paced as its websocket transports pace),
and zero-time engines. In ``endpoint`` and ``listen`` its Silero is used; ``endpoint`` decides by its default stop
strategy (smart-turn, which its package carries), or by its time-out with the variant ``timeout``. The variant ``lean``
switches off what a pipeline has on by default and can do without: RTVI and turn tracking.

Run in its environment, from the root of the repository: ``python -m benchmarks.peers.pipecat.run --mode reply``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from importlib.metadata import version

import numpy as np
from benchmarks.voice import probe
from loguru import logger
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.websocket.server import WebsocketServerOutputTransport
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy, TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

PARAMS = TransportParams(
    audio_in_enabled=True,
    audio_in_sample_rate=probe.RATE,
    audio_out_enabled=True,
    audio_out_sample_rate=probe.VOICE_RATE,
    audio_out_10ms_chunks=probe.FRAME_MS // 10,
)


LLM_FIELDS = (
    *("model", "system_instruction", "temperature", "max_tokens", "top_p", "top_k", "frequency_penalty"),
    *("presence_penalty", "seed", "filter_incomplete_user_turns", "user_turn_completion_config"),
)
"""What a service without settings must call None."""


class Loudness(VADAnalyzer):
    """Voice activity that costs nothing, inside pipecat's own analysis."""

    def num_frames_required(self) -> int:
        return 512

    def voice_confidence(self, buffer: bytes) -> float:
        return float(np.abs(np.frombuffer(buffer, np.int16)).max() > 1600)


class Source(BaseInputTransport):
    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)


class Sink(BaseOutputTransport):
    """Takes what pipecat writes, at the pace of its own websocket transports."""

    def __init__(self, log: probe.Log) -> None:
        super().__init__(PARAMS)
        self._log = log
        self._speaking = False
        self._send_interval = probe.FRAME_MS / 1000
        self._next_send_time = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._next_send_time = 0.0

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        if any(frame.audio):
            at = probe.now()
            if not self._log.sent or at - self._log.sent[-1] > 200_000_000:
                self._log.handed.append(at)
            self._log.sent.append(at)
        await self._write_audio_sleep()
        return True

    _write_audio_sleep = WebsocketServerOutputTransport._write_audio_sleep


class ScriptedEars(STTService):
    def __init__(self, caller: probe.Caller) -> None:
        super().__init__(settings=STTSettings(model=None, language=None))
        self._segments = probe.Segments(caller)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        found = self._segments.poll()
        if found is None:
            return
        text, final = found
        if final:
            yield TranscriptionFrame(text, "", time_now_iso8601(), finalized=True)
        else:
            yield InterimTranscriptionFrame(text, "", time_now_iso8601())


class ZeroThought(LLMService):
    def __init__(self) -> None:
        super().__init__(settings=LLMSettings(**dict.fromkeys(LLM_FIELDS)))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        for number, word in enumerate(probe.ANSWER.split()):
            await self.push_frame(LLMTextFrame(word if number == 0 else f" {word}"))
        await self.push_frame(LLMFullResponseEndFrame())


class ZeroSpeech(TTSService):
    def __init__(self, sound: bytes) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=probe.VOICE_RATE,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._sound = sound

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        yield TTSAudioRawFrame(self._sound, probe.VOICE_RATE, 1, context_id=context_id)


def strategies(asked: probe.Arguments, log: probe.Log) -> UserTurnStrategies:
    """Its own, with a note of the moment at which each has decided."""

    class Start(VADUserTurnStartStrategy):
        async def trigger_user_turn_started(self) -> None:
            log.interrupted.append(probe.now())
            await super().trigger_user_turn_started()

    class StartByWords(TranscriptionUserTurnStartStrategy):
        async def trigger_user_turn_started(self) -> None:
            log.interrupted.append(probe.now())
            await super().trigger_user_turn_started()

    class TimeOut(SpeechTimeoutUserTurnStopStrategy):
        async def trigger_user_turn_stopped(self) -> None:
            log.decided.append(probe.now())
            await super().trigger_user_turn_stopped()

    class SmartTurn(TurnAnalyzerUserTurnStopStrategy):
        async def trigger_user_turn_stopped(self) -> None:
            log.decided.append(probe.now())
            await super().trigger_user_turn_stopped()

    if asked.mode == "endpoint" and asked.variant != "timeout":
        stop = SmartTurn(turn_analyzer=LocalSmartTurnAnalyzerV3())
    elif asked.mode == "endpoint":
        stop = TimeOut()
    else:
        stop = TimeOut(user_speech_timeout=0.3)  # no figure contains it, and an answer fits between two questions
    return UserTurnStrategies(start=[Start(), StartByWords()], stop=[stop])


class Conversation:
    """One pipeline with its caller and its log."""

    def __init__(self, asked: probe.Arguments, caller: probe.Caller) -> None:
        self.log = probe.Log()
        self.caller = caller
        self.started = asyncio.Event()
        self._source = Source(PARAMS)
        analyzer = SileroVADAnalyzer() if asked.mode in ("listen", "endpoint") else Loudness()
        user = LLMUserAggregatorParams(user_turn_strategies=strategies(asked, self.log), vad_analyzer=analyzer)
        pair = LLMContextAggregatorPair(LLMContext(), user_params=user)
        ears, voice = ScriptedEars(caller), ZeroSpeech(probe.answer_pcm(asked.mode))
        steps = [self._source, ears, pair.user(), ZeroThought(), voice, Sink(self.log), pair.assistant()]
        params = PipelineParams(audio_in_sample_rate=probe.RATE, audio_out_sample_rate=probe.VOICE_RATE)
        lean = {"enable_rtvi": False, "enable_turn_tracking": False} if asked.variant == "lean" else {}
        self.worker = PipelineWorker(Pipeline(steps), params=params, idle_timeout_secs=None, **lean)
        self.worker.add_event_handler("on_pipeline_started", self._on_started)

    async def _on_started(self, worker: PipelineWorker, frame: Frame) -> None:
        self.started.set()

    async def feed(self, seconds: float) -> None:
        async for frame in self.caller.frames(seconds):
            await self._source.push_audio_frame(InputAudioRawFrame(frame.tobytes(), probe.RATE, 1))


async def run(asked: probe.Arguments) -> dict[str, object]:
    """All pipelines at once."""
    people = probe.callers(asked)
    meter = probe.Meter()
    conversations = [Conversation(asked, caller) for caller in people]
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(*(each.worker for each in conversations))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(runner.run())
        for each in conversations:
            await each.started.wait()
        async with asyncio.TaskGroup() as feeding:
            feeding.create_task(meter.watch(asked.seconds))
            for each in conversations:
                each.caller.begin()
                feeding.create_task(each.feed(probe.SETTLE_SECONDS + asked.seconds))
        await runner.cancel()
        await running
    variant = f", {asked.variant}" if asked.variant else ""
    name = f"pipecat {version('pipecat-ai')}{variant}"
    return probe.report(name, asked, people, [each.log for each in conversations], meter)


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    probe.main(run)
