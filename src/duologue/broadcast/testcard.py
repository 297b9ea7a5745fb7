"""The test card: what a frame and a sample must carry so that the delivered stream itself proves that nothing was lost.

In the top left corner stand 4 rows of 24 cells, black or white: the frame's number (32 bits), how many frame periods
beyond its own the picture stands for (4 bits), the wall time at which it is due (44 bits, Unix ms) and a CRC-16 of all
that, most significant bit first. The cells follow the encoder's macroblocks and survive low rates and small pictures.
Beside them a square flashes white in the first two frames of every second of the show, and the sound has a beep of
1 kHz that begins with the very sample at which the flash begins. Below the rest lies a pilot tone, whose amplitude
shows a hole in the sound and whose phase shows samples that were lost or repeated.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import RATE, Samples
from duologue.broadcast.encoder import Picture
from duologue.errors import InputError, InternalError

ROWS, COLUMNS = 4, 24
MAX_PERIODS = 16
"""For how many frame periods a picture can say that it stands."""
FLASH_FRAMES = 2
"""How many frames the flash stands, and as long the beep sounds."""
BEEP_HZ, BEEP_LEVEL = 1000, 0.5
"""The beep's pitch and amplitude (-6 dBFS)."""
PILOT_HZ, PILOT_LEVEL = 11_033, 0.01
"""The pilot's pitch and amplitude (-40 dBFS). The pitch is odd, so that no usual number of lost samples is a whole
period.
"""

_BLACK, _WHITE, _GREY = 16, 235, 128
_WALL = (1 << 44) - 1


@dataclass(frozen=True, slots=True)
class Card:
    """What a frame's card says: its number in the show, its due time (Unix ms), whether the flash stands.

    The picture stands for ``periods`` frame periods: 2 at half the picture rate, where the next number is left out.
    """

    number: int
    wall_ms: int
    flash: bool
    periods: int = 1


def _cell(height: int) -> int:
    """The side of a cell in pixels: half a macroblock or a whole one."""
    return 8 if height < 720 else 16


class TestCard:
    """Draws the card and makes its sound, for pictures of one size (pixels), ``fps`` of them a second.

    Raises :class:`InputError` for a picture that is too small for it.
    """

    __test__ = False  # it is no test, whatever pytest takes its name for

    def __init__(self, width: int, height: int, fps: int) -> None:
        self._height = height
        self._fps = fps
        self._cell = _cell(height)
        x, y, w, h = self.rect
        if x + w > width or y + h > height:
            raise InputError(
                f"a picture of {width}x{height} is too small for the test card", remedy="Use 320x180 or more."
            )

    @property
    def rect(self) -> tuple[int, int, int, int]:
        """What :meth:`draw` touches: x, y, width, height in pixels, all even."""
        return 16, 16, (COLUMNS + 1 + ROWS) * self._cell, ROWS * self._cell

    def flash(self, number: int) -> bool:
        """Whether the flash stands in frame ``number``."""
        return number % self._fps < FLASH_FRAMES

    def draw(self, picture: Picture, number: int, wall_ms: int, periods: int = 1) -> None:
        """Draw into an I420 picture, in place: frame ``number``, due at ``wall_ms`` (Unix ms), which stands for
        ``periods`` frame periods (1…16).
        """
        if not 1 <= periods <= MAX_PERIODS:
            raise InternalError(f"a picture cannot stand for {periods} frame periods, only for 1 to {MAX_PERIODS}")
        x, y, w, h = self.rect
        cells = np.full((ROWS, COLUMNS + 1 + ROWS), _BLACK, np.uint8)
        cells[:, :COLUMNS] = np.where(_bits(number, wall_ms, periods), _WHITE, _BLACK)
        cells[:, COLUMNS + 1 :] = _WHITE if self.flash(number) else _BLACK
        picture[y : y + h, x : x + w] = cells.repeat(self._cell, 0).repeat(self._cell, 1)
        chroma = picture[self._height :].reshape(2, self._height // 2, -1)
        chroma[:, y // 2 : (y + h) // 2, x // 2 : (x + w) // 2] = _GREY

    def beep(self, start_sample: int, count: int) -> Samples:
        """The card's sound, mono, to be added to ``count`` samples of the show from ``start_sample`` on."""
        at = np.arange(start_sample, start_sample + count)
        sounding = at % RATE < FLASH_FRAMES * RATE // self._fps
        pilot = _tone(at, PILOT_HZ) * PILOT_LEVEL
        return (pilot + np.where(sounding, _tone(at, BEEP_HZ) * BEEP_LEVEL, 0.0)).astype(np.float32)


def read_card(luma: NDArray[np.uint8]) -> Card | None:
    """Read the card from a decoded picture's luma, shape ``(height, width)``; None: there is none, or not whole."""
    cell = _cell(luma.shape[0])
    area = luma[16 : 16 + ROWS * cell, 16 : 16 + (COLUMNS + 1 + ROWS) * cell]
    if area.shape != (ROWS * cell, (COLUMNS + 1 + ROWS) * cell):
        return None
    blocks = area.reshape(ROWS, cell, COLUMNS + 1 + ROWS, cell)[:, cell // 4 : -cell // 4, :, cell // 4 : -cell // 4]
    level = blocks.mean((1, 3))
    code, flash = level[:, :COLUMNS], level[:, COLUMNS + 1 :].mean()
    if ((code > 80) & (code < 170)).any():  # neither black nor white: not a card
        return None
    data = np.packbits((code > 125).ravel()).tobytes()
    if binascii.crc_hqx(data[:10], 0xFFFF) != int.from_bytes(data[10:]):
        return None
    periods = (data[4] >> 4) + 1
    return Card(int.from_bytes(data[:4]), int.from_bytes(data[4:10]) & _WALL, bool(flash > 125), periods)


def _bits(number: int, wall_ms: int, periods: int) -> NDArray[np.uint8]:
    data = (number & 0xFFFFFFFF).to_bytes(4) + ((periods - 1) << 44 | wall_ms & _WALL).to_bytes(6)
    data += binascii.crc_hqx(data, 0xFFFF).to_bytes(2)
    return np.unpackbits(np.frombuffer(data, np.uint8)).reshape(ROWS, COLUMNS)


def _tone(at: NDArray[np.int64], pitch: int) -> NDArray[np.float64]:
    phase = at * pitch % RATE  # whole numbers: exact after any length of time
    return np.sin(2 * np.pi / RATE * phase)
