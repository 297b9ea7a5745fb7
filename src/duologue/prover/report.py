"""What the prover found: figures with their units, what is wrong, and what could not be shown; in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from duologue.prover.viewer import Facts

SYNC_LIMIT_MS = 20.0
"""The offset of sound to picture that is called wrong, either way, in the median."""


@dataclass(frozen=True, slots=True)
class PictureReport:
    """Frames. ``cards`` of them carried a readable card, on which the next four figures rest.

    ``missing`` numbers never came (``missing_numbers``: the first ten), ``repeated`` and ``out_of_order`` came again or
    late. Steps are between presentation times, ms; ``nominal_step_ms`` is the usual one.
    """

    frames: int = 0
    cards: int = 0
    unreadable: int = 0
    missing: int = 0
    missing_numbers: tuple[int, ...] = ()
    repeated: int = 0
    out_of_order: int = 0
    largest_step_ms: float = 0.0
    smallest_step_ms: float = 0.0
    nominal_step_ms: float = 0.0
    decode_errors: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """Something in the sound: where (seconds of the stream's time) and how long (ms)."""

    at: float
    ms: float


@dataclass(frozen=True, slots=True)
class SoundReport:
    """Sound. ``gaps`` are holes (overlaps: negative) between access units' times, ``holes`` silence inside the sound,
    ``slips`` places where samples were lost or repeated (their length is not known: 0). The last two rest on the pilot.
    """

    seconds: float = 0.0
    pilot: bool = False
    gaps: tuple[Moment, ...] = ()
    holes: tuple[Moment, ...] = ()
    slips: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """Sound minus picture, ms (positive: the sound is late), from each flash and its beep."""

    flashes: int = 0
    beeps: int = 0
    matched: int = 0
    median_ms: float = 0.0
    least_ms: float = 0.0
    most_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class LiveReport:
    """Distance from live, seconds. ``edge`` is the newest delivered frame's (its due time against the wall when it was
    fetched: negative where the show is delivered before it is due), ``viewer`` that of a player three target durations
    behind the end of the playlist, as hls.js plays by default.
    """

    edge_median: float = 0.0
    edge_most: float = 0.0
    viewer_median: float = 0.0
    viewer_most: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. ``wrong`` is empty for a perfect stream.

    ``not_shown`` names the checks this stream gave no ground for.
    """

    source: str
    kind: str
    facts: Facts
    segments: int
    bit_rate: int
    discontinuities: int
    picture: PictureReport
    sound: SoundReport
    sync: SyncReport | None
    live: LiveReport | None
    seconds: float = 0.0
    playlist_faults: tuple[str, ...] = ()
    not_shown: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.wrong

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"ok": self.ok, **asdict(self)}

    def lines(self) -> list[tuple[str, str]]:
        """The figures in words: what, and how much."""
        facts, picture, sound = self.facts, self.picture, self.sound
        video = f"{facts.video_codec} {facts.profile} {facts.width}x{facts.height} at {facts.fps:g} fps"
        audio = f"{facts.audio_codec} {facts.sample_rate} Hz x {facts.channels}"
        rows = [
            ("stream", f"{self.kind}, {video}, {audio}, {self.bit_rate / 1e6:.2f} Mbit/s"),
            ("frames seen", f"{picture.frames}, {picture.cards} with a test card"),
        ]
        if picture.cards:
            rows += [
                ("missing", f"{picture.missing}"),
                ("repeated", f"{picture.repeated}"),
                ("out of order", f"{picture.out_of_order}"),
            ]
        rows.append(("largest step", f"{picture.largest_step_ms:.2f} ms (usual {picture.nominal_step_ms:.2f} ms)"))
        rows.append(("sound", f"{sound.seconds:.2f} s, {len(sound.gaps)} gaps between access units"))
        if sound.pilot:
            rows.append(("in the sound", f"{len(sound.holes)} holes, {len(sound.slips)} slips"))
        if sync := self.sync:
            spread = f"{sync.least_ms:+.1f} to {sync.most_ms:+.1f}, over {sync.matched} flashes"
            rows.append(("sound to picture", f"{sync.median_ms:+.1f} ms (median), {spread}"))
        if live := self.live:
            rows.append(("newest frame", f"here {_due(live.edge_median)}, at the latest {_due(live.edge_most)}"))
            rows.append(("a viewer", f"{live.viewer_median:.2f} s behind live, {live.viewer_most:.2f} at most"))
        if self.segments:
            rows.append(("segments", f"{self.segments}, {self.discontinuities} discontinuities"))
        return rows


def not_shown(report: Report) -> list[str]:
    """The checks that had nothing to go by, a sentence each."""
    absent: list[str] = []
    if not report.picture.frames:
        absent.append("There is no picture.")
    elif not report.picture.cards:
        absent.append("No test card: missing, repeated and disordered frames, and the distance of the newest frame.")
    if not report.sound.seconds:
        absent.append("There is no sound.")
    elif not report.sound.pilot:
        absent.append("No pilot tone in the sound: holes and slips inside it.")
    if report.sync is None:
        absent.append("No flash with a beep: the offset of sound to picture.")
    return absent


def wrong(report: Report, offsets: SyncReport) -> list[str]:
    """Everything that is wrong, a sentence each, figures first."""
    picture, sound = report.picture, report.sound
    found = [
        text
        for count, text in (
            (picture.missing, f"{picture.missing} frames are missing, {_numbers(picture)}."),
            (picture.repeated, f"{picture.repeated} frames came again."),
            (picture.out_of_order, f"{picture.out_of_order} frames came out of order."),
            (picture.unreadable, f"{picture.unreadable} frames have no readable card."),
            (picture.decode_errors, f"{picture.decode_errors} segments do not decode."),
            (len(sound.gaps), f"{len(sound.gaps)} gaps between units of sound, {_where(sound.gaps)}."),
            (len(sound.holes), f"{len(sound.holes)} holes in the sound, {_where(sound.holes)}."),
            (len(sound.slips), f"{len(sound.slips)} times samples were lost or repeated, {_where(sound.slips)}."),
        )
        if count
    ]
    usual = picture.nominal_step_ms
    if picture.largest_step_ms > 1.5 * usual:
        found.append(f"Two frames are {picture.largest_step_ms:.1f} ms apart; usual are {usual:.1f}.")
    if picture.frames > 1 and picture.smallest_step_ms < 0.5 * usual:
        found.append(f"Two frames are {picture.smallest_step_ms:.1f} ms apart; usual are {usual:.1f}.")
    if report.sync and abs(report.sync.median_ms) > SYNC_LIMIT_MS:
        late = "late" if report.sync.median_ms > 0 else "early"
        found.append(f"The sound is {abs(report.sync.median_ms):.0f} ms {late}.")
    if picture.cards and offsets.matched < offsets.flashes - 1:  # the last beep may lie behind the end
        found.append(f"{offsets.flashes - offsets.matched} of {offsets.flashes} flashes have no beep.")
    return found + [f"Playlist: {fault}." for fault in report.playlist_faults]


def _numbers(picture: PictureReport) -> str:
    more = " …" if picture.missing > len(picture.missing_numbers) else ""
    return f"numbers {', '.join(map(str, picture.missing_numbers))}{more}" if picture.missing_numbers else "in one jump"


def _due(seconds: float) -> str:
    return f"{abs(seconds):.2f} s {'after' if seconds > 0 else 'before'} it is due"


def _where(moments: tuple[Moment, ...]) -> str:
    if not moments:
        return ""
    first = moments[0]
    length = f" ({first.ms:g} ms)" if first.ms else ""
    return f"the first at {first.at:.3f} s{length}"
