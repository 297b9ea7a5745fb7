"""The Talk page in Chromium, for the benchmarks that measure it: what is pressed, and what was seen and heard there.

Sound is taken where the page gives it to the device, sample by sample, in the thread of the sound (``tap.js``),
and the microphone's, which plays a file, where the page sends it. Times are ms of the page's ``performance.now()``,
which counts the machine's monotonic clock from a moment of its own: :attr:`Captured.zero` says which.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import wave
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.browser import CHROMIUM
from duologue.app.talk.messages import CapturedSound, PlayedSound, unpack_captured, unpack_played
from duologue.audio.pcm import Samples, from_int16, to_int16
from duologue.clock import MILLISECOND, SYSTEM_CLOCK

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TAP = Path(__file__).with_name("tap.js")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=document-user-activation-required",
)  # fmt: skip
PATIENCE_MS = 60_000
MIC_RATE = 48_000
_NEAR_MS = 1_000.0
"""Of the readings of a clock, how near they are to count for a moment."""
_SYNCHRONISE = 20


@dataclass(frozen=True)
class AudioClock:
    """How the frames of an audio context lie on the page's clock. ``readings`` are pairs (ms of the context, ms of the
    page less that); of those about a moment the middle counts, or the least where a reading can only come late.
    """

    readings: NDArray[np.float64]
    rate: int
    late: bool = False

    def at(self, frame: float) -> float:
        """When a frame passes (ms)."""
        ms = 1000 * frame / self.rate
        return ms + self._offset(ms)

    def frame(self, at: float) -> int:
        """Which frame passes then."""
        guess = at - float(np.median(self.readings[:, 1]))
        return round((at - self._offset(guess)) * self.rate / 1000)

    def _offset(self, ms: float) -> float:
        near = self.readings[np.abs(self.readings[:, 0] - ms) < _NEAR_MS, 1]
        if not len(near):
            near = self.readings[[int(np.argmin(np.abs(self.readings[:, 0] - ms)))], 1]
        return float(near.min() if self.late else np.median(near))


@dataclass(frozen=True)
class Track:
    """Sound as it passed: ``samples`` (full scale 1) from frame ``begin`` of the context on, without a hole."""

    samples: Samples
    begin: int
    clock: AudioClock

    @property
    def rate(self) -> int:
        """Of the samples (Hz)."""
        return self.clock.rate

    def index(self, at: float) -> int:
        """The sample that passes at ``at`` (ms), or the nearest there is."""
        return int(np.clip(self.clock.frame(at) - self.begin, 0, len(self.samples)))

    def at(self, index: int) -> float:
        """When a sample passes (ms)."""
        return self.clock.at(self.begin + index)


@dataclass(frozen=True)
class Captured:
    """What a visit was, all times in ms: messages as they came and went, the frames of sound, sentences (when the
    document had them, when they were painted), keys, and the sound. ``zero`` is the machine's monotonic clock (ms) when
    the page's was 0.
    """

    zero: float
    messages: Sequence[tuple[float, Mapping[str, Any]]]
    told: Sequence[tuple[float, Mapping[str, Any]]]
    frames: Sequence[tuple[float, PlayedSound]]
    texts: Sequence[tuple[float, float, str]]
    keys: Sequence[tuple[float, str]]
    output: Track | None
    latency_ms: float
    """From a frame that is made to its passing the device, as the browser has it."""
    blocks: Sequence[tuple[float, CapturedSound]] = ()
    """The microphone's sound as it was sent, and so as the server got it."""
    wall: float = 0.0
    """The machine's wall clock (Unix ms) when the page's was 0."""
    dry: tuple[int, float] | None = None
    """How often, and for how long (ms), the device had nothing to play because the thread of the sound was late; None:
    the browser does not say.
    """

    def of(self, kind: str) -> list[tuple[float, Mapping[str, Any]]]:
        """The messages of a type."""
        return [(at, message) for at, message in self.messages if message.get("type") == kind]


class Visit:
    """A page that was opened, and what a person does on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        """What the console was told."""
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda told: self.troubles.append(told.text) if told.type == "error" else None)

    def begin(self, who: str, *, listens: bool = False) -> None:
        """A conversation in which the person speaks first, and is not remembered."""
        page = self.page
        page.get_by_role("radio", name=re.compile(f"^{who}")).check()
        for name in ("speaks first", "Remember me"):
            switch = page.get_by_role("switch", name=name).first
            if switch.get_attribute("aria-checked") == "true":
                switch.click()
        page.get_by_role("button", name="Begin").click()
        self.ready()
        if listens:
            page.get_by_role("radio", name="Open").check()
            page.locator(".talk-level").wait_for()

    def ready(self) -> None:
        """Until it is the person's turn."""
        self.page.locator(".section .state", has_text="Your turn").first.wait_for()

    def say(self, words: str) -> float:
        """Write ``words``; when the key was pressed (ms of the machine's clock, as the page's events have it)."""
        self.page.get_by_label("Your words").fill(words)
        self.page.keyboard.press("Enter")
        return float(self.page.evaluate("noted.keys.at(-1)[0]"))

    def chunks(self, state: str) -> int:
        """How many sentences are in a state."""
        return self.page.locator(f".talk-chunk[data-state={state}]").count()

    def wait(self, seconds: float) -> None:
        """Let the page go on."""
        self.page.wait_for_timeout(1000 * seconds)

    def until(self, condition: str, seconds: float) -> bool:
        """Until an expression is true on the page; False: it did not become so."""
        from playwright.sync_api import TimeoutError as Late

        try:
            self.page.wait_for_function(condition, timeout=1000 * seconds, polling=20)
        except Late:
            return False
        return True

    def answered(self, seconds: float = 60.0) -> bool:
        """Until an answer was heard to its end."""
        over = "[...document.querySelectorAll('.talk-chunk')]"
        return self.until(
            f"() => {over}.length > 0 && {over}.every(one => ['heard', 'cut', 'failed'].includes(one.dataset.state))"
            " && document.querySelector('.section .state')?.textContent.includes('Your turn')",
            seconds,
        )

    def take(self) -> Captured:
        """All that was noted so far."""
        evaluate = self.page.evaluate
        zero = self._zero()
        noted = evaluate("giveNoted()")
        wire: list[tuple[float, str, str]] = []
        while piece := evaluate("giveWire()"):
            wire += [(float(at), text, coded) for at, text, coded in piece]
        blocks: list[tuple[float, CapturedSound]] = []
        while sent := evaluate("giveBlocks()"):
            blocks += [(float(at), unpack_captured(base64.b64decode(coded))) for at, coded in sent]
        return Captured(
            zero,
            [(at, json.loads(text)) for at, text, _ in wire if text],
            [(at, json.loads(text)) for at, text in noted["told"]],
            [(at, unpack_played(base64.b64decode(coded))) for at, _, coded in wire if coded],
            [(at, painted, text) for at, painted, text in noted["texts"]],
            [(at, key) for at, key in noted["keys"]],
            self._track(noted["clocks"]), 1000 * float(np.median([entry[4] for entry in noted["clocks"]] or [0.0])),
            blocks, (SYSTEM_CLOCK.wall() - SYSTEM_CLOCK.now()) / MILLISECOND + zero, _dry(noted["dry"]),
        )  # fmt: skip

    def _zero(self) -> float:
        """The page's clock against the machine's: the answer that came soonest is nearest."""
        found: list[tuple[int, float]] = []
        for _ in range(_SYNCHRONISE):
            before = SYSTEM_CLOCK.now()
            page = float(self.page.evaluate("performance.now()"))
            after = SYSTEM_CLOCK.now()
            found.append((after - before, (before + after) / 2 / MILLISECOND - page))
        return min(found)[1]

    def _track(self, clocks: Sequence[Sequence[Any]]) -> Track | None:
        begins: list[int] = []
        parts: list[NDArray[np.int16]] = []
        while (piece := self.page.evaluate("giveSound()"))["from"]:
            begins += [int(begin) for begin in piece["from"]]
            parts.append(np.frombuffer(base64.b64decode(piece["pcm"]), "<i2"))
        if not clocks or not begins:
            return None
        samples = np.concatenate(parts)
        length = len(samples) // len(begins)
        whole = np.zeros(begins[-1] + length - begins[0], np.int16)
        for number, begin in enumerate(begins):  # where the thread of the sound missed a moment there is silence
            whole[begin - begins[0] : begin - begins[0] + length] = samples[number * length : (number + 1) * length]
        return Track(from_int16(whole), begins[0], _device(clocks))


def _dry(told: Sequence[tuple[int, float]]) -> tuple[int, float] | None:
    return (sum(events for events, _ in told), 1000 * sum(seconds for _, seconds in told)) if told else None


def _device(entries: Sequence[Sequence[Any]]) -> AudioClock:
    """When a frame passes the device, as the browser has it."""
    told = [entry for entry in entries if entry[1] > 0]
    if told:
        readings = [(1000 * context, at - 1000 * context) for context, at, *_ in told]
        return AudioClock(np.array(readings), round(told[0][5]))
    made = [(1000 * now, at - 1000 * now + 1000 * latency) for _, _, now, at, latency, _ in entries]
    return AudioClock(np.array(made), round(entries[0][5]), late=True)


@contextlib.contextmanager
def chromium(microphone: Path | None = None) -> Generator[Browser]:
    """A browser; its microphone plays a file once, from when it is opened."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        raise SystemExit("needs Debian's chromium")
    given = list(ARGUMENTS)
    if microphone is not None:
        given += [
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}%noloop",
        ]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=given)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def visiting(address: str, microphone: Path | None = None) -> Generator[Visit]:
    """The Talk page of a house, watched. Raises :class:`SystemExit` for an error on it."""
    with chromium(microphone) as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, bypass_csp=True)
        page = context.new_page()
        page.add_init_script(path=str(TAP))
        visit = Visit(page)
        page.goto(f"{address}/talk")
        page.get_by_role("button", name="Begin").wait_for()
        yield visit
        if visit.troubles:
            raise SystemExit(f"the page had errors: {visit.troubles}")


def write_wave(file: Path, sound: Samples, rate: int = MIC_RATE) -> None:
    """For the microphone."""
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(to_int16(sound).tobytes())
