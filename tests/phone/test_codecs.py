"""Sound to packets and back, in every format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.pcm import Samples
from duologue.errors import InputError
from duologue.phone.media.codecs import FORMATS, OPUS, Format


def _tone(form: Format, packets: int, frequency: float = 440.0) -> Samples:
    at = np.arange(packets * form.packet) / form.rate
    return (0.3 * np.sin(2 * np.pi * frequency * at)).astype(np.float32)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_tone_survives(form: Format) -> None:
    sound = _tone(form, 50)
    encoder, decoder = form.encoder(20), form.decoder()
    packets = [encoder.encode(sound[start : start + form.packet]) for start in range(0, len(sound), form.packet)]
    heard = np.concatenate([decoder.decode(packet) for packet in packets])
    assert len(heard) == len(sound)
    assert max(map(len, packets)) <= 160 + 10
    spectrum = np.abs(np.fft.rfft(heard[form.rate // 4 :]))
    loudest = float(np.argmax(spectrum)) * form.rate / len(heard[form.rate // 4 :])
    assert loudest == pytest.approx(440, abs=5)
    assert np.sqrt(np.mean(heard[form.rate // 4 :] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_timestamps_count_the_formats_clock(form: Format) -> None:
    assert form.clock_ticks(form.packet) == form.ticks == form.clock // 50


@pytest.mark.parametrize("milliseconds", [10, 30, 60])
@pytest.mark.parametrize("form", [form for form in FORMATS if form is not OPUS], ids=lambda form: form.name)
def test_packets_of_any_length_are_understood(form: Format, milliseconds: int) -> None:
    sound = _tone(form, 3)
    encoder, decoder = form.encoder(20), form.decoder()
    data = b"".join(encoder.encode(sound[start : start + form.packet]) for start in range(0, len(sound), form.packet))
    size = len(data) * milliseconds // 60
    assert len(decoder.decode(data[:size])) == form.rate * milliseconds // 1000


@given(st.sampled_from(FORMATS), st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_nonsense_is_sound_or_is_named(form: Format, payloads: list[bytes]) -> None:
    decoder = form.decoder()
    for payload in payloads:
        try:
            sound = decoder.decode(payload)
        except InputError as error:
            assert form.name in error.what
        else:
            assert np.isfinite(sound).all()


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_packet_without_a_payload_is_no_sound_and_ends_nothing(form: Format) -> None:
    """Telephones send such packets to keep a way through NAT open; to FFmpeg one is the end of the stream."""
    sound = _tone(form, 2)
    encoder, decoder = form.encoder(20), form.decoder()
    first, second = (encoder.encode(sound[at : at + form.packet]) for at in (0, form.packet))
    heard = [len(decoder.decode(payload)) for payload in (first, b"", second)]
    assert heard == [form.packet, 0, form.packet]
