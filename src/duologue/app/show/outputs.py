"""What goes out of a show: its stream, which goes on where the run before left it, and its recording."""

from __future__ import annotations

import asyncio

from duologue.app.bus import BusTopic
from duologue.app.models import Notice
from duologue.app.show.outlet import Outlet, OutletRate
from duologue.app.show.output_models import OutputState, OutputView
from duologue.app.show.stream_memory import StreamMemory
from duologue.broadcast.hls import HlsStore
from duologue.broadcast.recorder import (
    ProgrammeRecorder,
    RecorderEvent,
    RecorderState,
    RecordingContinued,
    RecordingLimits,
    RecordingRemoved,
    RecordingTrouble,
    Why,
)
from duologue.errors import in_words
from duologue.places import cache_folder
from duologue.settings import Settings
from duologue.settings_parts import ShowSettings
from duologue.telemetry.log import get_logger

MEGABYTE = 1_000_000
log = get_logger(__name__)


class ShowOutputs:
    """Of the show of these ``settings``. What becomes of the recording is told on ``bus``, to people. Make it on the
    event loop.
    """

    def __init__(self, settings: Settings, bus: BusTopic) -> None:
        self._loop = asyncio.get_running_loop()
        self._bus = bus
        self._asked = settings.show.record
        port = settings.web.port  # of one that is taken anew with each start nobody follows the stream
        self._memory = StreamMemory(cache_folder() / "stream" / f"{port}-{settings.name}.json" if port else None)
        self.recorder = self._recorder_of(settings.show)
        self._resumed, self._failure = 0, ""  # of the recording
        self._over = False
        self.outlet = Outlet(HlsStore(before=self._memory.before), self.recorder, self._memory.keep)

    def views(self, *, drawn: bool, failure: str) -> tuple[OutputView, ...]:
        """The stream, and the recording if there is one; ``drawn``: there is a stage; ``failure`` is its last."""
        outlet = self.outlet
        rate = outlet.rate if drawn and not self._over else None
        stream = OutputView(
            of=self._bus.name, kind="hls", where="/stream/index.m3u8", state=self._state(rate, begun=outlet.on_air),
            reconnects=outlet.breaks, bits_per_second=_two_digits(rate and rate.bits),
            frames_per_second=rate and round(rate.frames, 1), last_failure=outlet.failure or failure,
        )  # fmt: skip
        return (stream,) if self.recorder is None else (stream, self._recording(self.recorder.state, rate))

    def finish(self) -> None:
        """Nothing more comes."""
        self._over = True

    async def close(self) -> None:
        """The stream's position is kept, and the recording whole, when this returns."""
        self._over = True
        self.outlet.finish()
        await asyncio.to_thread(self._memory.close)
        if self.recorder is not None:
            state = await asyncio.to_thread(self.recorder.finish)
            files = [str(file) for file in state.files]
            log.info("recording.finished", files=files, segments=state.segments, lost=state.dropped)

    def _recording(self, state: RecorderState, rate: OutletRate | None) -> OutputView:
        rate = rate if state.failure is None else None
        file = state.files[-1] if state.files else self._asked
        return OutputView(
            of=self._bus.name, kind="recording", where=file.name if file is not None else "",
            state=self._state(rate, begun=bool(state.segments or state.failure)),
            reconnects=self._resumed, bits_per_second=_two_digits(rate and rate.bits),
            frames_per_second=rate and round(rate.frames, 1), megabytes=round(state.written / MEGABYTE),
            waiting=state.waiting, lost=state.dropped, last_failure=self._failure,
        )  # fmt: skip

    def _state(self, rate: OutletRate | None, *, begun: bool) -> OutputState:
        if self._over:
            return "over"
        return "up" if rate is not None else "down" if begun else "starting"

    def _recorder_of(self, show: ShowSettings) -> ProgrammeRecorder | None:
        if show.record is None:
            return None
        limits = RecordingLimits(show.record_minutes * 60, show.record_mb * MEGABYTE, show.record_keep_mb * MEGABYTE)

        def tell(event: RecorderEvent) -> None:  # in the recorder's thread
            self._loop.call_soon_threadsafe(self.recorded, event)

        return ProgrammeRecorder(show.record, limits, tell)

    def recorded(self, event: RecorderEvent) -> None:
        """What became of the recording."""
        match event:
            case RecordingContinued(path, why, lost):
                log.info("recording.file", file=str(path), why=why, lost=lost)
                if why is Why.RESUMED:
                    self._resumed += 1
                    text = f"The recording goes on in {path.name}; {lost} s are missing."
                    self._bus.notice(Notice(level="info", text=text))
                elif why is Why.START and path != self._asked:
                    log.warning("recording.elsewhere", file=str(path), asked=str(self._asked))
            case RecordingRemoved(path):
                log.info("recording.removed", file=str(path))
            case RecordingTrouble(error):
                log.error("recording.trouble", error=str(error))
                self._failure = in_words(error)
                text = f"{error.what[:1].upper()}{error.what[1:]}."
                self._bus.notice(Notice(level="error", text=text, remedy=error.remedy))


def _two_digits(value: float | None) -> float | None:
    """As a page is told: what is told anew each second should not differ by what nobody can see."""
    return None if value is None else float(f"{value:.2g}")
