"""What becomes of a file that somebody sends: an utterance, or an error that says what is wrong with it."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.resampler import AudioResampler  # noqa: TID251 (it makes the frames that an encoder takes)
from broken_sound import BROKEN, OPEN_ENDED
from guest_doubles import tone, wav
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.app.models import ClipMark, UtteranceRequest
from duologue.app.show.clips import MAX_SECONDS, clip_utterance, decode, read_clip
from duologue.audio.pcm import RATE, Samples
from duologue.errors import InputError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import MarkKind, Utterance
from duologue.stage.motion.pose import Expression
from few_examples import examples


def encoded(samples: Samples, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    output: Any = av.open(file, "w", format=container)
    with output:
        stream = output.add_stream(codec, rate=RATE)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = AudioResampler(
            stream.codec_context.format, "mono", RATE, frame_size=stream.codec_context.frame_size or 1024
        )
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()


def said(audio: bytes, **fields: object) -> Utterance:
    return clip_utterance(UtteranceRequest.model_validate({"character": "chad", **fields}), audio, "u1")


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp3", "libmp3lame"), ("ogg", "libopus"), ("flac", "flac"), ("mp4", "aac"), ("adts", "aac"), ("webm", "libopus"),
     ("matroska", "aac"), ("aiff", "pcm_s16be"), ("caf", "pcm_s16le"), ("au", "pcm_s16be"), ("mpegts", "aac")],
)  # fmt: skip
def test_any_single_file_is_read(container: str, codec: str) -> None:
    samples = decode(encoded(tone(1.0), container, codec))
    assert len(samples) / RATE == pytest.approx(1.0, abs=0.06)
    assert float(np.sqrt(np.mean(samples**2))) == pytest.approx(0.3 / 2**0.5, abs=0.02)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_any_rate_becomes_the_house_rate(rate: int) -> None:
    assert len(decode(wav(tone(1.0, rate), rate))) == pytest.approx(RATE, abs=96)


def test_silence_at_both_ends_goes_and_marks_stay_with_their_sound() -> None:
    quiet = np.zeros(RATE, np.float32)
    sound = wav(np.concatenate([quiet, tone(2.0), quiet]))
    words = [{"text": "hello", "start": 1000, "end": 1900}, {"text": "world", "start": 1950, "end": 3000}]
    utterance = said(sound, text="Hello? hello, world!", marks=words, expression="smile")
    assert utterance.duration == pytest.approx(2.0, abs=0.05)
    first, second = utterance.words()
    assert (first.offset, second.offset) == (7, 14)
    assert first.start / RATE == pytest.approx(0.01, abs=0.011)
    assert (second.end - first.start) / RATE == pytest.approx(2.0, abs=0.02)
    assert (utterance.expression, utterance.alphabet, utterance.engine) == (Expression.SMILE, "", "clip")


def test_marks_may_come_in_any_order() -> None:
    words = [{"text": "that", "start": 600, "end": 900}, {"text": "that", "start": 0, "end": 300}]
    utterance = said(wav(tone(1.0)), text="That is that, that is.", marks=words[::-1])
    again = said(wav(tone(1.0)), text="That is that, that is.", marks=words)
    assert again.words() == utterance.words()
    assert [mark.offset for mark in again.words()] == [8, 14]


def test_phonemes_name_their_alphabet() -> None:
    utterance = said(
        wav(tone(1.0)), alphabet="arpabet", marks=[{"text": "AA1", "start": 0, "end": 900, "kind": "phoneme"}]
    )
    assert utterance.alphabet == "arpabet"
    assert [mark.kind for mark in utterance.marks] == [MarkKind.PHONEME]


def test_too_loud_floating_point_is_brought_down() -> None:
    assert float(np.abs(decode(encoded(tone(1.0) * 1e30, "wav", "pcm_f32le"))).max()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("audio", "what"),
    [
        (b"", "empty"),
        (b"no sound at all " * 100, "no sound that can be read"),
        (wav(tone(1.0))[:40], "no sound that can be read"),
        (wav(np.zeros(RATE, np.float32)), "silent"),
        (wav(np.zeros(0, np.float32)), "silent"),
        (wav(tone(MAX_SECONDS + 1.0, 8_000), 8_000), "longer than 120 s"),
        (encoded(np.full(RATE, np.nan, np.float32), "wav", "pcm_f32le"), "not numbers"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n", "no sound"),
        (b"ffconcat version 1.0\nfile 'secret.wav'\n", "no sound"),
    ],
    ids=["empty", "garbage", "header", "silence", "nothing", "long", "nan", "playlist", "concat"],
)
def test_what_cannot_be_said_is_named(audio: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what) as raised:
        said(audio)
    assert raised.value.where == "audio" and raised.value.remedy


@pytest.mark.parametrize(("audio", "what"), BROKEN.values(), ids=BROKEN)
def test_a_header_that_is_wrong_is_told_of(audio: bytes, what: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=what) as raised:
        said(audio)
    assert raised.value.where == "audio" and raised.value.remedy
    (tmp_path / "sound.wav").write_bytes(audio)
    with pytest.raises(InputError, match=what) as raised:
        read_clip(tmp_path / "sound.wav")
    assert raised.value.where == str(tmp_path / "sound.wav")


@pytest.mark.parametrize("audio", OPEN_ENDED)
def test_a_file_from_a_pipe_that_does_not_know_its_length_is_read(audio: bytes) -> None:
    assert len(decode(audio)) == RATE / 2


@pytest.mark.parametrize("rate", [8_000, 44_100, RATE])
def test_what_the_ears_are_given_is_brought_to_their_rate_and_little_more_is_held(rate: int) -> None:
    audio, wanted = wav(tone(60.0, rate), rate), 60 * EAR_RATE
    tracemalloc.start()
    try:
        sound = decode(audio, rate=EAR_RATE)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(sound) == wanted
    np.testing.assert_allclose(sound[500:-500], tone(60.0, EAR_RATE)[500:-500], atol=2e-3)
    assert most < 1.5 * sound.nbytes


def test_a_picture_without_sound_is_refused() -> None:
    file = io.BytesIO()
    output: Any = av.open(file, "w", format="matroska")
    with output:
        stream = output.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        output.mux(stream.encode(av.VideoFrame(64, 64, "yuvj420p")))
        output.mux(stream.encode(None))
    with pytest.raises(InputError, match="no stream of sound"):
        decode(file.getvalue())


@pytest.mark.parametrize(("start", "end"), [(500.0, 400.0), (900.0, 1200.0), (5000.0, 5100.0)])
def test_a_mark_outside_the_sound_is_refused(start: float, end: float) -> None:
    with pytest.raises(InputError, match="not inside the clip of 1000 ms") as raised:
        said(wav(tone(1.0)), marks=[ClipMark(text="a", start=0, end=10), ClipMark(text="b", start=start, end=end)])
    assert raised.value.where == "marks[1]"


@settings(deadline=None, max_examples=examples(60))
@given(data=st.data())
def test_damaged_files_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(1, 12))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        utterance = said(bytes(whole[:cut]))
    except InputError as error:
        assert error.where == "audio" and error.remedy
    else:
        assert len(utterance.samples) > 0 and bool(np.isfinite(utterance.samples).all())


FILES = [
    wav(tone(0.3)), encoded(tone(0.3), "mp3", "libmp3lame"), encoded(tone(0.3), "flac", "flac"),
    encoded(tone(0.3), "mp4", "aac"), encoded(tone(0.3), "ogg", "libopus"), encoded(tone(0.3), "wav", "pcm_f32le"),
]  # fmt: skip
