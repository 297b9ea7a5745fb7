"""What the prover found: figures with their units, what is wrong, and what could not be shown; in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from duologue.plurals import counted
from duologue.prover.viewer import Facts

SYNC_LIMIT_MS = 20.0
"""The offset of sound to picture that is called wrong, either way, in the median."""
BEHIND_LIMIT = 5.0
"""Seconds behind live that are called wrong for a viewer."""
SEAM_LIMIT_MS = 100.0
"""Picture without sound that is called wrong where one run follows another."""


@dataclass(frozen=True, slots=True)
class SizeChange:
    """From ``at`` on (seconds played) pictures are of this size."""

    at: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class RateReport:
    """Different pictures a second: ``least`` in any second of play, and in the ``median`` second.

    ``largest_step_ms`` is the longest that one picture stood; ``reduced_seconds`` is how long pictures stood for more
    than one frame period, and ``changes`` how often they began or ceased to.
    """

    least: int
    median: int
    largest_step_ms: float
    reduced_seconds: float
    changes: int


@dataclass(frozen=True, slots=True)
class PictureReport:
    """Frames. ``cards`` of them carried a readable card, on which all figures up to ``skips`` and ``rate`` rest.

    ``missing`` numbers never came (``missing_numbers``: the first ten), ``repeated`` and ``out_of_order`` came again or
    late. Numbers that were ``left_out`` by design are those the picture before announced that it stands for;
    ``skipped`` ones lie between the runs of ``skips`` discontinuities. Steps are between presentation times, ms for
    each announced period; ``nominal_step_ms`` is the usual one. There is no ``rate`` of less than a second.
    """

    frames: int = 0
    cards: int = 0
    unreadable: int = 0
    missing: int = 0
    missing_numbers: tuple[int, ...] = ()
    repeated: int = 0
    out_of_order: int = 0
    left_out: int = 0
    skipped: int = 0
    skips: int = 0
    largest_step_ms: float = 0.0
    smallest_step_ms: float = 0.0
    nominal_step_ms: float = 0.0
    rate: RateReport | None = None
    decode_errors: int = 0


@dataclass(frozen=True, slots=True)
class SoundFault:
    """Something in the sound: where (seconds of the stream's time) and how long (ms)."""

    at: float
    ms: float


@dataclass(frozen=True, slots=True)
class SoundReport:
    """Sound. ``gaps`` are holes (overlaps: negative) between access units' times, ``holes`` silence inside the sound,
    ``slips`` places where samples were lost or repeated (their length is not known: 0); these two rest on the pilot.
    ``seams`` are places where, at a discontinuity, there is picture without sound.
    """

    seconds: float = 0.0
    pilot: bool = False
    gaps: tuple[SoundFault, ...] = ()
    holes: tuple[SoundFault, ...] = ()
    slips: tuple[SoundFault, ...] = ()
    seams: tuple[SoundFault, ...] = ()


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
class DeliveryReport:
    """All of it. ``wrong`` is empty for a stream that keeps what it promises, ``plainer`` for one that never promised
    less; ``not_shown`` names the checks this stream gave no ground for. ``sizes`` has an entry for each change.
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
    sizes: tuple[SizeChange, ...] = ()
    playlist_faults: tuple[str, ...] = ()
    plainer: tuple[str, ...] = ()
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
        rows += _numbered(picture) if picture.cards else []
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
            rows.append(("segments", f"{self.segments}, {_seams(self.discontinuities)}"))
        return rows


def _numbered(picture: PictureReport) -> list[tuple[str, str]]:
    rows = [
        ("missing", f"{picture.missing}"),
        ("repeated", f"{picture.repeated}"),
        ("out of order", f"{picture.out_of_order}"),
        ("left out by design", f"{picture.left_out}"),
        ("skipped", f"{picture.skipped} at {_seams(picture.skips)}"),
    ]
    if rate := picture.rate:
        different = f"{rate.median} a second (median), {rate.least} at least"
        rows.append(("different pictures", f"{different}, each for {rate.largest_step_ms:.1f} ms at most"))
    return rows


def plainer(report: DeliveryReport) -> list[str]:
    """What the stream itself says it does without, a sentence each."""
    picture, found = report.picture, list[str]()
    if picture.rate and picture.left_out:
        changes = f", after {counted(picture.rate.changes, 'change')}" if picture.rate.changes else ""
        found.append(f"{picture.rate.reduced_seconds:.1f} s at a lower picture rate{changes}.")
    if picture.skips:
        ms = picture.skipped * picture.nominal_step_ms
        where = "a discontinuity" if picture.skips == 1 else _seams(picture.skips)
        were = "was" if picture.skipped == 1 else "were"
        found.append(f"{counted(picture.skipped, 'frame')} ({ms / 1e3:.1f} s) {were} skipped at {where}.")
    for size in report.sizes[1:]:
        found.append(f"From {size.at:.1f} s on pictures are {size.width}x{size.height}.")
    return found


def not_shown(report: DeliveryReport) -> list[str]:
    """The checks that had nothing to go by, a sentence each."""
    absent: list[str] = []
    if not report.picture.frames:
        absent.append("There is no picture.")
    elif not report.picture.cards:
        absent.append(
            "No test card: missing, repeated and different frames, their order, and the newest one's distance."
        )
    if not report.sound.seconds:
        absent.append("There is no sound.")
    elif not report.sound.pilot:
        absent.append("No pilot tone in the sound: holes and slips inside it.")
    if report.sync is None:
        absent.append("No flash with a beep: the offset of sound to picture.")
    return absent


def wrong(report: DeliveryReport, offsets: SyncReport) -> list[str]:
    """Everything that is wrong, a sentence each, figures first."""
    picture, sound = report.picture, report.sound
    found = [
        text
        for count, text in (
            (picture.missing, f"{counted(picture.missing, 'frame is', 'frames are')} missing, {_numbers(picture)}."),
            (picture.repeated, f"{counted(picture.repeated, 'frame')} came again."),
            (picture.out_of_order, f"{counted(picture.out_of_order, 'frame')} came out of order."),
            (picture.unreadable, f"{counted(picture.unreadable, 'frame has', 'frames have')} no readable card."),
            (picture.decode_errors, f"{counted(picture.decode_errors, 'segment does', 'segments do')} not decode."),
            (len(sound.gaps), f"{counted(len(sound.gaps), 'gap')} between units of sound, {_where(sound.gaps)}."),
            (len(sound.holes), f"{counted(len(sound.holes), 'hole')} in the sound, {_where(sound.holes)}."),
            (
                len(sound.slips),
                f"{counted(len(sound.slips), 'time')} samples were lost or repeated, {_where(sound.slips)}.",
            ),
            (
                len(sound.seams),
                f"{counted(len(sound.seams), 'time')} there is no sound at a discontinuity, {_where(sound.seams)}.",
            ),
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
    if report.live and report.live.viewer_most > BEHIND_LIMIT:
        found.append(f"A viewer is {report.live.viewer_most:.1f} s behind live.")
    runs = 1 + report.discontinuities
    if picture.cards and offsets.matched < offsets.flashes - runs:  # the last beep of each may lie behind its end
        found.append(f"{offsets.flashes - offsets.matched} of {offsets.flashes} flashes have no beep.")
    return found + [f"Playlist: {fault}." for fault in report.playlist_faults]


def _numbers(picture: PictureReport) -> str:
    more = " …" if picture.missing > len(picture.missing_numbers) else ""
    which = "number" if picture.missing == 1 else "numbers"
    numbers = ", ".join(map(str, picture.missing_numbers))
    return f"{which} {numbers}{more}" if numbers else "in one jump"


def _due(seconds: float) -> str:
    return f"{abs(seconds):.2f} s {'after' if seconds > 0 else 'before'} it is due"


def _seams(count: int) -> str:
    return counted(count, "discontinuity", "discontinuities")


def _where(moments: tuple[SoundFault, ...]) -> str:
    if not moments:
        return ""
    first = moments[0]
    length = f" ({first.ms:g} ms)" if first.ms else ""
    return f"the first at {first.at:.3f} s{length}"
