"""Make the films that ship for the TV: ``python packs/films/make_film.py [FOLDER]``.

Everything in them is drawn and synthesised here, from fixed seeds, and repeats without a seam: every motion has a whole
number of periods in the film's length, and the tails of notes wrap around to its beginning. With the same PyAV the same
bytes come out. 480x270, 30 frames a second, H.264 and AAC 48 kHz stereo.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS, RATE = 480, 270, 30, 48_000
FINE = 2
"""Pictures are drawn this much larger and averaged down: smooth edges."""

Picture: TypeAlias = NDArray[np.uint8]
"""Shape ``(height, width, 3)``, RGB."""
Sound: TypeAlias = NDArray[np.float64]
"""Shape ``(2, samples)``, about -1…1."""
Colour: TypeAlias = tuple[int, int, int]
Points: TypeAlias = Iterable[tuple[float, float]]

# --- drawing, in film coordinates (480x270) on a picture FINE times as large ---


def _fixed(points: Points) -> NDArray[np.int32]:
    """Points for OpenCV with 4 bits of fraction."""
    return np.round(np.array(list(points)) * FINE * 16).astype(np.int32)


def fill(picture: Picture, points: Points, colour: Colour) -> None:
    """A filled polygon."""
    cv2.fillPoly(picture, [_fixed(points)], colour, cv2.LINE_AA, 4)


def stroke(picture: Picture, points: Points, colour: Colour, width: float, *, closed: bool = False) -> None:
    """A line through points."""
    thickness = max(1, round(width * FINE))
    cv2.polylines(picture, [_fixed(points)], closed, colour, thickness, cv2.LINE_AA, 4)


def disc(picture: Picture, x: float, y: float, radius: float, colour: Colour) -> None:
    """A filled circle."""
    centre = (round(x * FINE * 16), round(y * FINE * 16))
    cv2.circle(picture, centre, round(radius * FINE * 16), colour, -1, cv2.LINE_AA, 4)


def gradient(stops: list[tuple[float, Colour]], rows: int) -> Picture:
    """A vertical gradient one pixel wide, shape ``(rows, 1, 3)``; stops are (0…1, colour)."""
    at = np.linspace(0, 1, rows)
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [colour[channel] for _, colour in stops]) for channel in range(3)]
    return np.stack(channels, axis=-1)[:, None, :].astype(np.uint8)


def glow(picture: Picture, lines: Picture, radius: float, strength: float) -> Picture:
    """Add ``lines`` and their blur to a picture, as neon does."""
    halo = cv2.GaussianBlur(lines, (0, 0), radius * FINE)
    lit = picture.astype(np.float32) + lines + halo.astype(np.float32) * strength
    return np.clip(lit, 0, 255).astype(np.uint8)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


# --- night drive: a sun, mountains, a road of neon, and the name of the station ---

HORIZON = 150.0
LETTERS: dict[str, list[list[tuple[float, float]]]] = {
    "D": [[(0, 0), (0.6, 0), (1, 0.35), (1, 0.65), (0.6, 1), (0, 1), (0, 0)]],
    "U": [[(0, 0), (0, 0.75), (0.25, 1), (0.75, 1), (1, 0.75), (1, 0)]],
    "O": [[(0.25, 0), (0.75, 0), (1, 0.25), (1, 0.75), (0.75, 1), (0.25, 1), (0, 0.75), (0, 0.25), (0.25, 0)]],
    "L": [[(0, 0), (0, 1), (0.9, 1)]],
    "G": [
        [(1, 0.2), (0.75, 0), (0.25, 0), (0, 0.25), (0, 0.75), (0.25, 1), (0.75, 1), (1, 0.75), (1, 0.55), (0.6, 0.55)]
    ],
    "E": [[(0.95, 0), (0, 0), (0, 1), (0.95, 1)], [(0, 0.5), (0.75, 0.5)]],
    "T": [[(0, 0), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "V": [[(0, 0), (0.5, 1), (1, 0)]],
}


def lettering(
    picture: Picture, text: str, middle: float, top: float, size: tuple[float, float], colour: Colour
) -> None:
    """Letters of strokes, centred on ``middle``."""
    across, down = size
    step = across * 1.4
    left = middle - (len(text) * step - across * 0.4) / 2
    for number, letter in enumerate(text):
        for line in LETTERS.get(letter, []):
            points = [(left + number * step + x * across, top + y * down) for x, y in line]
            stroke(picture, points, colour, max(1.5, down / 9))


def _palm(picture: Picture, x: float, base: float, size: float, lean: float) -> None:
    """The silhouette of a palm, its foot at ``x``, ``base``."""
    dark = (22, 10, 40)
    top = (x + lean * size * 0.25, base - size)
    stroke(picture, [(x, base), (x + lean * size * 0.06, base - size * 0.5), top], dark, size * 0.05)
    for angle in (-2.9, -2.3, -1.57, -0.85, -0.25, 0.3, 2.85):
        reach = np.array([np.cos(angle), np.sin(angle)]) * size * 0.36
        tip = (top[0] + reach[0], top[1] + reach[1] + size * 0.16)
        bend = (top[0] + reach[0] * 0.6, top[1] + reach[1] * 0.75 - size * 0.02)
        fill(picture, [top, bend, tip, (bend[0], bend[1] + size * 0.07)], dark)


def _sun(picture: Picture, phase: float) -> None:
    """A banded sun, its bands sliding down."""
    radius, height = 62.0, 100
    rows = gradient([(0, (255, 226, 110)), (0.55, (255, 120, 110)), (1, (255, 50, 150))], round(radius * 2) * FINE)
    top, middle = round((HORIZON - height) * FINE), WIDTH * FINE // 2
    for row in range(height * FINE):
        half = np.sqrt(max(0.0, (radius * FINE) ** 2 - (radius * FINE - row) ** 2))
        depth = row / (height * FINE)
        band = (row / FINE - phase * 14) % 14
        if half > 0 and not (depth > 0.42 and band < 8.5 * (depth - 0.42)):
            picture[top + row, middle - int(half) : middle + int(half)] = rows[row, 0]


def _mountains(picture: Picture) -> None:
    rng = np.random.default_rng(11)
    for colour, edge, height in (((58, 24, 92), (130, 60, 170), 46), ((30, 12, 60), (90, 36, 130), 28)):
        xs = np.linspace(-10, WIDTH + 10, 17)
        share = np.clip(np.abs(xs - WIDTH / 2) / (WIDTH / 2), 0.12, 1)
        ridge = [
            (float(x), HORIZON - float(y)) for x, y in zip(xs, rng.uniform(0.35, 1, 17) * height * share, strict=True)
        ]
        fill(picture, [*ridge, (WIDTH + 10, HORIZON), (-10, HORIZON)], colour)
        stroke(picture, ridge, edge, 1)


def _road(lines: Picture, phase: float) -> None:
    """The grid of the ground, coming nearer by one row a beat."""
    for column in range(-14, 15):
        bottom = WIDTH / 2 + column * 74.0
        stroke(lines, [(WIDTH / 2 + column * 9.0, HORIZON), (bottom, HEIGHT)], (150, 30, 150), 0.5)
    for row in range(14):
        depth = row + 1 - phase
        y = HORIZON + (HEIGHT - HORIZON) / max(depth, 0.05) * 0.9
        if y < HEIGHT:
            near = (y - HORIZON) / (HEIGHT - HORIZON)
            stroke(lines, [(0, y), (WIDTH, y)], mix((70, 14, 90), (255, 70, 200), near), 0.5 + near)


def _car(picture: Picture, lines: Picture, x: float, y: float, brake: float) -> None:
    """A low car from behind."""
    fill(picture, [(x - 46, y + 26), (x + 46, y + 26), (x + 44, y + 34), (x - 44, y + 34)], (8, 5, 16))
    fill(
        picture,
        [(x - 44, y), (x - 28, y - 18), (x + 28, y - 18), (x + 44, y), (x + 50, y + 24), (x - 50, y + 24)],
        (26, 20, 52),
    )
    fill(picture, [(x - 24, y - 15), (x + 24, y - 15), (x + 34, y - 1), (x - 34, y - 1)], (94, 58, 130))
    fill(picture, [(x - 24, y - 15), (x - 4, y - 15), (x - 16, y - 1), (x - 34, y - 1)], (160, 96, 170))
    stroke(picture, [(x - 46, y + 1), (x + 46, y + 1)], (90, 70, 150), 1)
    lamp = mix((190, 20, 50), (255, 60, 90), brake)
    for side in (-1, 1):
        fill(
            lines,
            [(x + side * 20, y + 6), (x + side * 44, y + 6), (x + side * 45, y + 12), (x + side * 20, y + 12)],
            lamp,
        )
        fill(
            picture,
            [(x + side * 30, y + 24), (x + side * 46, y + 24), (x + side * 46, y + 34), (x + side * 32, y + 34)],
            (8, 5, 16),
        )


def _sky(stars: NDArray[np.float64], share: float) -> Picture:
    picture = np.zeros((HEIGHT * FINE, WIDTH * FINE, 3), np.uint8)
    horizon = round(HORIZON * FINE)
    picture[:horizon] = gradient(
        [(0, (16, 8, 48)), (0.45, (66, 20, 104)), (0.8, (190, 50, 130)), (1, (255, 130, 110))], horizon
    )
    picture[horizon:] = gradient([(0, (66, 16, 86)), (0.25, (22, 8, 46)), (1, (10, 4, 26))], HEIGHT * FINE - horizon)
    for x, y, phase, times in stars:
        light = 0.55 + 0.45 * np.sin(2 * np.pi * (share * round(times) + phase))
        disc(picture, x, y, 0.9, mix((40, 16, 80), (255, 240, 255), float(light)))
    return picture


def night_drive(number: int, frames: int) -> Picture:
    """One frame of the drive."""
    rng = np.random.default_rng(3)
    stars: NDArray[np.float64] = np.column_stack(
        [
            rng.uniform(0, WIDTH, 46),
            rng.uniform(4, 84, 46),
            rng.uniform(0, 1, 46),
            rng.integers(2, 7, 46).astype(np.float64),
        ]
    )
    share, beats = number / frames, 16 * number / frames
    picture = _sky(stars, share)
    _sun(picture, (share * 8) % 1)
    _mountains(picture)
    lines = np.zeros_like(picture)
    _road(lines, beats % 1)
    for place in sorted(range(8), key=lambda place: -((place - beats / 2) % 8)):
        depth = (place - beats / 2) % 8 + 0.55
        for side in (-1, 1):
            _palm(picture, WIDTH / 2 + side * 205 / depth, HORIZON + 100 / depth, 150 / depth, side * -1.0)
    _car(
        picture,
        lines,
        WIDTH / 2 + 26 * np.sin(2 * np.pi * share * 2),
        214 + np.sin(2 * np.pi * beats) * 0.8,
        1 - beats % 1,
    )
    flicker = 0.25 if number % frames in (3, 4, 8) else 1.0
    lettering(lines, "DUOLOGUE", WIDTH / 2 - 26, 12, (21, 26), mix((0, 0, 0), (90, 240, 255), flicker))
    lettering(lines, "TV", WIDTH / 2 + 136, 12, (21, 26), mix((0, 0, 0), (255, 110, 200), 1 - 0.35 * (beats % 1)))
    return glow(picture, lines, 4, 0.9)


# --- fish tank ---


@dataclass(frozen=True, slots=True)
class Fish:
    """One that crosses the tank ``times`` a loop; negative swims to the left."""

    y: float
    size: float
    times: int
    phase: float
    body: Colour
    stripe: Colour


SHOAL = (
    Fish(70, 20, 1, 0.10, (255, 150, 60), (255, 236, 214)),
    Fish(118, 32, -1, 0.62, (250, 208, 72), (60, 84, 150)),
    Fish(168, 18, 1, 0.45, (240, 96, 110), (255, 214, 190)),
    Fish(150, 15, 2, 0.80, (110, 220, 230), (240, 255, 255)),
    Fish(56, 14, -1, 0.30, (190, 150, 250), (240, 230, 255)),
    Fish(196, 24, -1, 0.05, (255, 128, 84), (255, 240, 220)),
)


def _fish(picture: Picture, fish: Fish, share: float) -> None:
    way = 1 if fish.times > 0 else -1
    along = (share * abs(fish.times) + fish.phase) % 1
    x = -50 + along * (WIDTH + 100) if way > 0 else WIDTH + 50 - along * (WIDTH + 100)
    y = fish.y + 7 * np.sin(2 * np.pi * (share * 2 + fish.phase))
    wag = np.sin(2 * np.pi * (share * 14 + fish.phase)) * 0.28
    size = fish.size

    def at(right: float, down: float) -> tuple[float, float]:
        return x + way * right * size, float(y + down * size)

    dark = mix(fish.body, (20, 40, 80), 0.35)
    fill(picture, [at(-0.85, 0), at(-1.7, -0.62 + wag), at(-1.45, wag), at(-1.7, 0.62 + wag)], dark)
    fill(picture, [at(0.2, -0.5), at(-0.2, -1.0), at(-0.7, -0.35)], dark)
    angles = np.linspace(0, 2 * np.pi, 40)
    outline = [at(float(np.cos(a)) * 1.08, float(np.sin(a)) * (0.62 - 0.12 * float(np.cos(a - np.pi)))) for a in angles]
    fill(picture, outline, fish.body)
    for place in (-0.35, 0.22):
        fill(
            picture, [at(place, -0.5), at(place + 0.2, -0.5), at(place + 0.14, 0.5), at(place - 0.06, 0.5)], fish.stripe
        )
    fill(picture, [at(-0.05, 0.15), at(-0.5, 0.5 + wag * 0.6), at(-0.1, 0.42)], dark)
    disc(picture, *at(0.68, -0.14), size * 0.17, (250, 250, 250))
    disc(picture, *at(0.72, -0.14), size * 0.1, (16, 20, 40))


def _weeds(picture: Picture, share: float) -> None:
    rng = np.random.default_rng(8)
    for x, height, hue in zip(rng.uniform(0, WIDTH, 22), rng.uniform(40, 120, 22), rng.uniform(0, 1, 22), strict=True):
        phase = float(rng.uniform(0, 1))
        sway = [np.sin(2 * np.pi * (share * 2 + phase + k * 0.08)) * k * 1.6 for k in range(8)]
        left = [(float(x + sway[k] - 5 + k * 0.6), HEIGHT - 18 - float(height) * k / 7) for k in range(8)]
        right = [(float(x + sway[k] + 5 - k * 0.6), HEIGHT - 18 - float(height) * k / 7) for k in reversed(range(8))]
        fill(picture, [*left, *right], mix((24, 96, 92), (70, 170, 110), float(hue)))


def _bubbles(picture: Picture, share: float) -> None:
    rng = np.random.default_rng(21)
    for _ in range(26):
        x, phase, radius = rng.choice([92.0, 330.0]) + rng.normal(0, 7), rng.uniform(0, 1), rng.uniform(1.4, 4)
        rise = (share * 2 + phase) % 1
        y = HEIGHT - 30 - rise * (HEIGHT - 20)
        wobble = 4 * np.sin(2 * np.pi * (rise * 4 + phase))
        disc(picture, float(x + wobble), float(y), float(radius), (150, 220, 235))
        disc(picture, float(x + wobble - radius * 0.2), float(y + radius * 0.2), float(radius * 0.72), (60, 150, 190))


def fish_tank(number: int, frames: int) -> Picture:
    """One frame of the tank."""
    share = number / frames
    picture = np.empty((HEIGHT * FINE, WIDTH * FINE, 3), np.uint8)
    picture[:] = gradient([(0, (70, 190, 220)), (0.5, (24, 110, 170)), (1, (10, 46, 104))], HEIGHT * FINE)
    rays = np.zeros_like(picture)
    for ray in range(5):
        x = 40 + ray * 105 + 18 * np.sin(2 * np.pi * (share + ray * 0.21))
        fill(rays, [(x, -5), (x + 30, -5), (x + 96, HEIGHT), (x + 6, HEIGHT)], (26, 40, 38))
    picture = np.asarray(cv2.add(picture, cv2.GaussianBlur(rays, (0, 0), 9 * FINE)), np.uint8)
    sand = [(x, HEIGHT - 22 + 4 * np.sin(x / 37)) for x in range(-10, WIDTH + 20, 10)]
    for fish in SHOAL[3:]:
        _fish(picture, fish, share)
    _weeds(picture, share)
    fill(picture, [*sand, (WIDTH + 10, HEIGHT + 5), (-10, HEIGHT + 5)], (214, 186, 130))
    _bubbles(picture, share)
    for fish in SHOAL[:3]:
        _fish(picture, fish, share)
    return picture


# --- sound ---


def frequency(note: float) -> float:
    """Hertz of a MIDI note number."""
    return 440.0 * 2 ** ((note - 69) / 12)


def tone(note: float, seconds: float, partials: list[float], attack: float, release: float) -> NDArray[np.float64]:
    """A sum of harmonics under a simple envelope; ``release`` is the time constant of its decay."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(level * np.sin(2 * np.pi * frequency(note) * (k + 1) * time) for k, level in enumerate(partials))
    envelope = np.minimum(time / attack, 1) * np.exp(-time / release) * np.minimum((seconds - time) / 0.02, 1)
    return np.asarray(wave * envelope)


def lay(sound: Sound, wave: NDArray[np.float64], at: float, level: float, pan: float = 0.0) -> None:
    """Add a wave at a time in seconds; what runs over the end wraps to the beginning. ``pan`` is -1 left … 1 right."""
    places = (round(at * RATE) + np.arange(len(wave))) % sound.shape[1]
    angle = (pan + 1) * np.pi / 4
    np.add.at(sound[0], places, wave * level * np.cos(angle))
    np.add.at(sound[1], places, wave * level * np.sin(angle))


def echo(sound: Sound, delay: float, level: float) -> Sound:
    """Three crossing repeats, around the loop."""
    result = sound.copy()
    for turn in range(1, 4):
        result += np.roll(sound[::-1] if turn % 2 else sound, round(delay * turn * RATE), axis=1) * level**turn
    return result


def drive_music(seconds: float) -> Sound:
    """Four bars: a soft pad, a pulsing bass, an arpeggio, a heartbeat of a drum."""
    sound, sparks = np.zeros((2, round(seconds * RATE))), np.zeros((2, round(seconds * RATE)))
    beat = seconds / 16
    chords = ((57, 60, 64, 71), (53, 60, 64, 69), (48, 55, 64, 67), (55, 59, 62, 69))
    for bar, chord in enumerate(chords):
        for place, note in enumerate(chord):
            for detune in (-0.06, 0.06):
                pad = tone(note + detune, beat * 4.6, [1, 0.42, 0.22, 0.12], 0.5, 6)
                lay(sound, pad, bar * beat * 4, 0.05, (place - 1.5) / 2 + detune)
        for eighth in range(8):
            bass = tone(chord[0] - 24, beat * 0.46, [1, 0.5, 0.3, 0.16, 0.1], 0.006, 0.22)
            lay(sound, bass, (bar * 4 + eighth / 2) * beat, 0.2 if eighth % 2 else 0.14)
        for sixteenth in range(16):
            note = chord[(0, 1, 2, 3, 2, 1, 3, 2)[sixteenth % 8]] + 12 + (12 if sixteenth % 8 == 6 else 0)
            lay(sparks, tone(note, 0.5, [1, 0.1, 0.25], 0.004, 0.12), (bar * 4 + sixteenth / 4) * beat, 0.06, 0.5)
    for count in range(16):
        time = np.arange(round(0.24 * RATE)) / RATE
        lay(
            sound,
            np.sin(2 * np.pi * (46 * time + 5 * (1 - np.exp(-time * 30)))) * np.exp(-time * 16),
            count * beat,
            0.3,
        )
        hiss = np.diff(np.random.default_rng(count).normal(0, 1, round(0.05 * RATE) + 1))
        lay(sound, hiss * np.exp(-np.arange(len(hiss)) / RATE * 90), (count + 0.5) * beat, 0.025, 0.2)
    return sound + echo(sparks, beat * 0.75, 0.45)


def tank_music(seconds: float) -> Sound:
    """Slow bells, and bubbles that chirp upwards."""
    sound = np.zeros((2, round(seconds * RATE)))
    for count, note in enumerate((60, 67, 71, 76, 74, 67, 69, 64)):
        lay(sound, tone(note, 3, [1, 0.2, 0.1, 0.05], 0.02, 0.9), count * seconds / 8, 0.13, (count % 3 - 1) * 0.6)
        lay(sound, tone(note - 12, 3, [1, 0.3], 0.4, 1.4), count * seconds / 8, 0.07)
    rng = np.random.default_rng(4)
    for _ in range(26):
        time = np.arange(round(0.08 * RATE)) / RATE
        low = rng.uniform(380, 900)
        chirp = np.sin(2 * np.pi * (low * time + low * 5 * time**2)) * np.sin(np.pi * time / time[-1]) ** 2
        lay(sound, chirp, float(rng.uniform(0, seconds)), float(rng.uniform(0.02, 0.06)), float(rng.uniform(-0.8, 0.8)))
    return echo(sound, 0.41, 0.4)


# --- files ---


def encode(path: Path, frames: int, draw: Callable[[int, int], Picture], sound: Sound, peak: float) -> None:
    """Write one film; ``peak`` (0…1) is that of its sound, chosen so that all films are about -18 LUFS."""
    samples = (sound / np.abs(sound).max() * peak).astype(np.float32)
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        options = {"crf": "27", "preset": "veryslow", "profile": "high", "tune": "animation", "threads": "1"}
        options["x264-params"] = "no-mbtree=1"  # with it, the same pictures do not always give the same bytes
        video = container.add_stream("libx264", rate=FPS, options=options)
        video.width, video.height, video.pix_fmt, video.thread_count = WIDTH, HEIGHT, "yuv420p", 1
        voice = container.add_stream("aac", rate=RATE, layout="stereo")
        voice.bit_rate = 96_000
        for number in range(frames):
            small = np.asarray(
                cv2.resize(draw(number, frames), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8
            )
            frame = av.VideoFrame.from_ndarray(small, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, samples.shape[1], 1024):
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + 1024]), "fltp", "stereo")
            block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
            container.mux(voice.encode(block))
        container.mux(voice.encode(None))


def main() -> None:
    """Make all films beside this script, or in the folder named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    encode(folder / "night-drive.mp4", 10 * FPS, night_drive, drive_music(10.0), peak=0.52)
    encode(folder / "fish-tank.mp4", 8 * FPS, fish_tank, tank_music(8.0), peak=0.34)


if __name__ == "__main__":
    main()
