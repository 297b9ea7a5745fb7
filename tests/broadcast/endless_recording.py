"""A process that records without end; the test kills it. ``argv[1]`` is the file."""

from __future__ import annotations

import sys
from pathlib import Path

from duologue.broadcast.boxes import moved
from duologue.broadcast.fmp4 import VIDEO_TIMESCALE, init_segment
from duologue.broadcast.recorder import ProgrammeRecorder
from programme import Programme, whole

programme = Programme().encode(whole(240))  # eight seconds are a whole number of AAC units
recorder = ProgrammeRecorder(Path(sys.argv[1]))
recorder.begin(programme.format, init_segment(programme.format))
segments = programme.segments()
for second in range(10**9):
    later = second // 8 * 8
    data = moved(segments[second % 8].data, {1: later * VIDEO_TIMESCALE, 2: later * 48_000})
    recorder.write(data)
    while recorder.state.waiting > 20:
        pass
    if recorder.state.segments > 30:
        sys.stdout.write("recording\n")
        sys.stdout.flush()
