"""Encoders of sound: none has a thread of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from duologue.audio.encoding import FORMATS, encoder
from duologue.audio.pcm import RATE
from duologue.audio.recording_file import OpusWriter
from duologue.broadcast.encoder import AudioEncoder
from duologue.phone.media.codecs import G722, OPUS

SECOND = np.zeros(RATE, np.float32)


def _telephone(folder: Path) -> Callable[[], object]:
    made = [(form.encoder(20), np.zeros(form.packet, np.float32)) for form in (OPUS, G722)]
    return lambda: [each.encode(sound) for each, sound in made]


def _recording(folder: Path) -> Callable[[], object]:
    made = OpusWriter(folder / "a.opus", 1)
    return lambda: made.write(SECOND)


def _speech(folder: Path) -> Callable[[], object]:
    made = [encoder(name) for name in FORMATS]
    return lambda: [each.feed(SECOND) for each in made]


def _show(folder: Path) -> Callable[[], object]:
    made = AudioEncoder(1)
    return lambda: made.encode(SECOND.reshape(-1, 1))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted by /proc")
@pytest.mark.parametrize("kind", [_telephone, _recording, _speech, _show])
def test_no_encoder_has_a_thread_of_its_own(kind: Callable[[Path], Callable[[], object]], tmp_path: Path) -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before, cores = threads(), os.sched_getaffinity(0)
    held = [kind(tmp_path) for _ in range(3)]
    for encode in held:
        encode()
        encode()
    assert threads() == before
    assert os.sched_getaffinity(0) == cores, "and it runs where it ran"


def test_a_system_that_forbids_it_gets_its_sound_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int, cores: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    assert G722.encoder(20).encode(np.zeros(G722.packet, np.float32))
