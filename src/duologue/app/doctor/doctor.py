"""What this machine carries and what it lacks: engines, encoders, cores, memory, stolen CPU time, a measured verdict.

The verdict is measured, not looked up: frames of the characters and the room that ship are composed and encoded at
three sizes. What they cost is CPU time, which other programs hardly change; what they took by the clock is told beside
it. Stolen time (a virtual machine's neighbours) is taken while that runs, because an idle machine is stolen nothing
from. From the costs follows the headroom (:mod:`duologue.app.doctor.headroom`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from duologue.app.doctor import ears as doctor_ears
from duologue.app.doctor.headroom import Cost, Headroom, governed, headroom
from duologue.app.doctor.headroom import words as outlook_words
from duologue.app.doctor.memory import nearest, remember
from duologue.app.doctor.phone import PhoneCheck, phone_checks
from duologue.app.doctor.voices import try_voice
from duologue.app.engines.engines import (
    LLM_GROUP,
    STT_GROUP,
    TTS_GROUP,
    VAD_GROUP,
    create_hearing,
    create_llm,
    engine_names,
)
from duologue.app.engines.languages import refuse_strangers
from duologue.app.show.cast import load_cast
from duologue.app.talking.devices import DEVICES, find_device
from duologue.broadcast.encoder import EncoderProbe, VideoEncoder, probe_encoders
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.errors import DuologueError, InputError, PeerError
from duologue.models.automatic import EMBEDDED, notices
from duologue.places import cache_folder, packs_folder
from duologue.priority import usable_cores
from duologue.settings import Settings
from duologue.stage.baking.bake import bake_stage
from duologue.stage.compositor.compositor import Compositor
from duologue.stage.motion.pose import FrameState, Lights, Mouth, Pose
from duologue.stage.packs.loading import load_character, load_room
from duologue.telemetry.ledger import GovernorStep
from duologue.telemetry.machine import MachineSampler

SIZES = ((1920, 1080), (1280, 720), (640, 360))
RATES = (30, 25, 24, 20, 15)
COMFORT = 0.6
"""A rate is carried when composing and encoding take no more than this share of a frame's time."""
STEAL_LIMIT = 5.0
"""Per cent of stolen CPU time beyond which it is named as the cause."""
OTHERS_LIMIT = 25.0
"""Per cent of the CPU time used by other processes beyond which the figures are called in doubt."""
FRAMES, WARM_UP = 45, 10
PATIENCE = 15.0
"""Seconds that a child may take to answer."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EngineState:
    """An engine: ``kind`` is ``tts``, ``llm``, ``stt``, ``vad`` (voice activity) or ``turn`` (the end of a turn). Only
    the chosen ones are tried; whether another ``works`` is not known (None).
    """

    kind: str
    name: str
    chosen: bool
    works: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SizeProbe:
    """What a frame costs at a size (ms of CPU time), and the rate that leaves room to breathe on a free core (0: none).

    ``wall_ms`` is what composing and encoding one took by the clock, beside whatever else ran.
    """

    width: int
    height: int
    compose_ms: float
    encode_ms: float
    encode_p95_ms: float
    rate: int
    wall_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not there: ``what``, what it is ``needed`` for, and the ``command`` that mends it, if any."""

    what: str
    needed: str
    command: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores that this process may use, memory, and, in % of the CPU time during the measurement, what other processes
    used and what the host took away.

    ``programs`` is how many threads of others wanted to run then, on the mean: more than they got, when there were too
    few cores. ``scheduler`` is what a stage is granted of what it asks for, in words.
    """

    cores: int
    memory_mb: int
    available_mb: int
    others_percent: float
    steal_percent: float
    programs: float = 0.0
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found. ``well`` is False when a show cannot run as it is set.

    ``headroom`` is that of the show as it is set; None when nothing could be measured.
    """

    machine: Machine
    engines: tuple[EngineState, ...]
    encoders: tuple[EncoderProbe, ...]
    voices: int
    sizes: tuple[SizeProbe, ...]
    headroom: Headroom | None
    missing: tuple[Missing, ...]
    verdict: tuple[str, ...]
    well: bool
    phone: tuple[PhoneCheck, ...] = ()


async def examine(settings: Settings, progress: Progress, clock: Clock = SYSTEM_CLOCK) -> Diagnosis:
    """Look at everything; takes some seconds. ``progress`` is told what is being looked at."""
    progress("engines")
    speaks = [await _try_tts(settings, name) for name in settings.engines.tts]
    thinks = [await _try_llm(settings, name) for name in settings.engines.llm]
    hears = await _try_ears(settings)
    engines = (*(_reasoned(state, settings) for state, _ in speaks), *thinks, *hears, *_others(settings))
    voices = next((count for state, count in speaks if state.works), 0)
    progress("encoders")
    encoders = tuple(await asyncio.to_thread(probe_encoders))
    sampler = MachineSampler(clock)
    ourselves = {"doctor": os.getpid()}
    sampler.sample(ourselves)
    wanting = Wanting()
    sizes, trouble = await asyncio.to_thread(_probe_sizes, settings, clock, progress, wanting)
    sample = sampler.sample(ourselves)
    own = sample.processes["doctor"].cpu_percent / sample.cores if sample.processes else 0.0
    machine = Machine(
        _usable_cores(),
        int(sample.total_mb),
        int(sample.available_mb),
        max(0.0, sample.busy_percent - own),
        sample.steal_percent,
        wanting.mean,
        await asyncio.to_thread(granted),
    )
    room = room_for(settings, machine, sizes)
    if sizes:
        await asyncio.to_thread(remember, costs(sizes))
    strange = await strangers(settings)
    works = any(state.works for state, _ in speaks) and any(state.works for state in thinks)
    wanted = next((probe for probe in encoders if probe.name == settings.show.encoder), None)
    return Diagnosis(
        machine, engines, encoders, voices, sizes, room,
        (*trouble, *strange, *missing_models(settings), *missing_parts()),
        verdict(settings, machine, sizes, wanted, room),
        works and not (trouble or strange) and any(size.rate for size in sizes), phone_checks(settings),
    )  # fmt: skip


class Wanting:
    """How many threads of others want to run, looked at again and again by one who does."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._seen: list[int] = []

    def look(self) -> None:
        """Count them now; where the system does not tell, nothing is counted."""
        try:
            found = running(self._stat.read_text("ascii"))
        except OSError:
            return
        if found is not None:
            self._seen.append(max(0, found - 1))  # one of them is ours

    @property
    def mean(self) -> float:
        """Over all looks; 0 without any."""
        return round(statistics.fmean(self._seen), 2) if self._seen else 0.0


def running(stat: str) -> int | None:
    """The threads that run or want to, of proc_stat(5); None when it does not say."""
    count = next((line.partition(" ")[2] for line in stat.splitlines() if line.startswith("procs_running ")), "")
    return int(count) if count.strip().isdecimal() else None


def _usable_cores() -> int:
    cores = usable_cores()
    try:
        quota = Path("/sys/fs/cgroup/cpu.max").read_text("ascii")
    except OSError:
        return cores  # no control groups, so no quota
    return min(cores, quota_cores(quota) or cores)


def quota_cores(text: str) -> int | None:
    """Whole cores that a container's CPU quota (``cpu.max`` of Linux control groups, version 2) amounts to, at least 1;
    None when there is no quota.
    """
    quota, _, period = text.strip().partition(" ")
    return None if not quota.isdecimal() or not period.isdecimal() else max(1, int(quota) // max(1, int(period)))


def granted() -> str:
    """What a stage's process is granted when it asks to run before others, in words; a child asks, in a session of its
    own as the stage has.
    """
    code = "from duologue.priority import raise_this_process; print(raise_this_process())"
    try:
        asked = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True, text=True, timeout=PATIENCE, check=True, start_new_session=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"it could not be asked ({type(error).__name__})"
    return asked.stdout.strip()


def room_for(settings: Settings, machine: Machine, sizes: Sequence[SizeProbe]) -> Headroom | None:
    """The headroom of the show as it is set, from the probe that is nearest to its size; None without any."""
    show = settings.show
    cost = nearest(costs(sizes), show.size.width, show.size.height, show.fps)
    if cost is None:
        return None
    return headroom(
        cost,
        machine.cores,
        programs=max(machine.programs, machine.others_percent / 100 * machine.cores),
        steal=machine.steal_percent / 100,
        steps=governed(resizable=show.record is None),
    )


def costs(sizes: Sequence[SizeProbe]) -> list[Cost]:
    """What pictures cost, from the probes."""
    return [Cost(probe.width, probe.height, RATES[0], probe.compose_ms, probe.encode_ms) for probe in sizes]


async def _try_tts(settings: Settings, name: str) -> tuple[EngineState, int]:
    voices, note = await try_voice(settings, name)
    return EngineState("tts", name, True, voices > 0, note), voices


async def _try_llm(settings: Settings, name: str) -> EngineState:
    seconds = settings.chains.start_seconds
    try:
        engine = create_llm(settings, name)
        try:
            async with asyncio.timeout(seconds):
                await engine.warm_up()
        finally:
            await engine.close()
    except DuologueError as error:
        return EngineState("llm", name, True, False, str(error))
    except TimeoutError:
        return EngineState("llm", name, True, False, f"it was not ready within {seconds:g} s")
    return EngineState("llm", name, True, True)


async def strangers(settings: Settings) -> tuple[Missing, ...]:
    """The languages of the casts for which nothing that is set thinks or hears."""
    try:
        casts = [load_cast(each.show.cast, each.engines.tts) for each in settings.each_show().values()]
        thinks, hears = create_llm(settings), create_hearing(settings)
    except DuologueError:
        return ()  # told of with the engines, or by the show itself
    found: list[Missing] = []
    for persona in {member.name: member.persona for cast in casts for member in cast}.values():
        try:
            refuse_strangers((persona,), thinks, hears)
        except InputError as error:
            found.append(Missing(error.what, f"a show or a talk with {persona.title}", error.remedy))
    await thinks.close()
    await hears.close()
    return tuple(found)


async def _try_ears(settings: Settings) -> list[EngineState]:
    sound = await doctor_ears.speak(settings)
    tried = [("stt", name, await doctor_ears.try_ear(settings, name, sound)) for name in settings.engines.stt]
    tried.append(("vad", settings.engines.vad, await doctor_ears.try_activity(settings, sound)))
    if found := await doctor_ears.try_turn_end(settings, sound):
        tried.append(("turn", "smart-turn", found))
    return [_reasoned(EngineState(kind, name, True, works, note), settings) for kind, name, (works, note) in tried]


def _reasoned(state: EngineState, settings: Settings) -> EngineState:
    """With why it was chosen, and what a person should know of it, where that was left to us."""
    pick = settings.picks.get(state.kind)
    if pick is None or pick.engine != state.name or pick.model is None:
        return state
    return replace(state, note=". ".join((state.note, f"Chosen by auto: {pick.why}", *notices([pick]))))


def missing_models(settings: Settings) -> list[Missing]:
    """What of natural voices and ears is not there, where the choice is left to us."""
    needed = {"tts": "a voice like a person's", "stt": "understanding people"}
    return [
        Missing(pick.why, needed[kind], pick.remedy)
        for kind, pick in settings.picks.items()
        if pick.model is None and pick.engine in EMBEDDED.values()
    ]


def _others(settings: Settings) -> list[EngineState]:
    """Engines that are installed and not chosen: they are named, not started (one may want a server or a key)."""
    kinds = (
        ("tts", TTS_GROUP, settings.engines.tts),
        ("llm", LLM_GROUP, settings.engines.llm),
        ("stt", STT_GROUP, settings.engines.stt),
        ("vad", VAD_GROUP, (settings.engines.vad,)),
    )
    return [
        EngineState(kind, name, False, None, "installed; not chosen, not tried")
        for kind, group, chosen in kinds
        for name in engine_names(group)
        if name not in chosen
    ]


def _probe_sizes(
    settings: Settings, clock: Clock, progress: Progress, wanting: Wanting
) -> tuple[tuple[SizeProbe, ...], tuple[Missing, ...]]:
    found: list[SizeProbe] = []
    cv2.setNumThreads(1)  # as in the stage process
    started = clock.now()
    try:
        for width, height in SIZES:
            progress(f"frames at {width}x{height}")
            found.append(probe_size(width, height, settings.show.bitrate, clock, wanting.look))
    except (DuologueError, OSError) as error:
        return tuple(found), (Missing(f"the shipped packs cannot be shown: {error}", "every show", "make setup"),)
    clock.sleep_until(started + SECOND)  # stolen time is a share of at least a second
    return tuple(found), ()


def probe_size(
    width: int, height: int, bitrate: int, clock: Clock = SYSTEM_CLOCK, beside: Callable[[], None] = lambda: None
) -> SizeProbe:
    """Compose and encode frames in which two characters speak and move; ``beside`` is called before each."""
    cache = cache_folder() / "stage"
    room = load_room(packs_folder() / "rooms" / "living-room", width, height, cache=cache)
    names = ("chad", "virgin")
    cast = [
        load_character(packs_folder() / "characters" / name, scale=seat.scale, mirror=seat.mirror, cache=cache)
        for name, seat in zip(names, room.seats, strict=False)
    ]
    compositor = Compositor(bake_stage(room, cast, Lights()), RATES[0])
    encoder = VideoEncoder(width, height, RATES[0], "libx264", bitrate)
    compose: list[float] = []
    encode: list[float] = []
    begun = 0
    for number in range(WARM_UP + FRAMES):
        if number == WARM_UP:
            begun = clock.now()
        beside()
        start = clock.cpu()
        compositor.compose(FrameState(number, _poses(number)))
        composed = clock.cpu()
        encoder.encode(compositor.canvas, number)
        compose.append(milliseconds(composed - start))
        encode.append(milliseconds(clock.cpu() - composed))
    wall_ms = milliseconds(clock.now() - begun) / FRAMES
    encoder.flush()
    return size_probe(width, height, compose[WARM_UP:], encode[WARM_UP:], wall_ms)


def _poses(number: int) -> tuple[Pose, Pose]:
    """Both speak, look around and sway: more than a show ever asks for."""
    shapes = tuple(Mouth)[:8]
    sway = (number % 24 - 12) / 4
    return (
        Pose(shapes[number // 2 % 8], gaze=(sway / 3, 0.2), head_angle=sway, head=(sway, 0.0), body=(0.0, sway / 2)),
        Pose(
            shapes[(number // 2 + 4) % 8],
            gaze=(-sway / 3, 0.0),
            head_angle=-sway,
            head=(0.0, sway),
            body=(sway / 2, 0.0),
        ),
    )


def size_probe(
    width: int, height: int, compose: Sequence[float], encode: Sequence[float], wall_ms: float = 0.0
) -> SizeProbe:
    """The figures of a run (CPU ms per frame) and the highest of :data:`RATES` that they allow."""
    mean_compose, mean_encode = statistics.fmean(compose), statistics.fmean(encode)
    worst = sorted(encode)[int(0.95 * (len(encode) - 1))]
    rate = next((rate for rate in RATES if (mean_compose + mean_encode) * rate <= 1000 * COMFORT), 0)
    return SizeProbe(
        width, height, round(mean_compose, 2), round(mean_encode, 2), round(worst, 2), rate, round(wall_ms, 2)
    )


def verdict(
    settings: Settings,
    machine: Machine,
    sizes: Sequence[SizeProbe],
    encoder: EncoderProbe | None,
    room: Headroom | None = None,
) -> tuple[str, ...]:
    """What the figures mean, in sentences; the first one names the size and rate that this machine carries."""
    words: list[str] = []
    best = next((probe for probe in sizes if probe.rate == RATES[0]), None)
    best = best or next((probe for probe in sizes if probe.rate), None)
    if best is not None:
        words.append(f"This machine carries {best.width}x{best.height} at {best.rate} frames per second.")
        show = settings.show
        if show.size.width * show.size.height * show.fps > best.width * best.height * best.rate:
            words.append(
                f"That is less than {show.size} at {show.fps}, as it is set: try --size {best.width}x{best.height}"
                f" --fps {best.rate}."
            )
    elif sizes:
        words.append(f"This machine carries no show: not even {sizes[-1].width}x{sizes[-1].height} at {RATES[-1]}.")
    if room is not None and room.now.step is not GovernorStep.FULL:
        words.append(f"As things are now, a show would be seen with {outlook_words(room, room.now)}.")
    if machine.steal_percent > STEAL_LIMIT:
        words.append(
            f"The host takes {machine.steal_percent:.0f} % of the CPU time away (steal): that, and not Duologue, is the"
            " cause of late frames here. Ask for dedicated cores."
        )
    if machine.others_percent > OTHERS_LIMIT:
        words.append(
            f"Other programs used {machine.others_percent:.0f} % of the CPU while this was measured. What a frame costs"
            " is CPU time, so it hardly tells; what is left for a show does."
        )
    if encoder is None or not encoder.works:
        why = encoder.why_not if encoder else "we do not know it"
        words.append(f"The encoder {settings.show.encoder} does not work here ({why}); libx264 stands in.")
    return tuple(words)


def missing_parts() -> tuple[Missing, ...]:
    """What is not there, with the command that mends it on Debian."""
    static = Path(__file__).parents[2] / "web" / "static" / "index.html"
    found: list[Missing] = []
    if not static.exists():
        found.append(Missing("the page is not built", "watching and steering in the browser", "make setup"))
    programs = (
        ("ffmpeg", "ffmpeg", "tests and benchmarks against a real player"),
        ("chromium-headless-shell", "chromium-headless-shell", "tests of the page in a real browser"),
        ("chromium", "chromium", "benchmarks of the page in a real browser"),
        ("node", "nodejs npm", "building the page"),
    )
    found += [
        Missing(f"the program {program} is not installed", needed, f"sudo apt-get install {package}")
        for program, package, needed in programs
        if shutil.which(program) is None
    ]
    try:
        find_device()
    except PeerError:
        found.append(
            Missing("no microphone and no loudspeaker", "duologue talk", f"sudo apt-get install {DEVICES[0].package}")
        )
    if Path("/dev/dri").exists() and not any(Path("/usr/lib").glob("*/dri/*_drv_video.so")):
        found.append(Missing("no VA-API driver", "h264_vaapi", "sudo apt-get install va-driver-all"))
    if Path("/dev/nvidia0").exists() and not any(Path("/usr/lib").glob("**/libnvidia-encode.so*")):
        found.append(Missing("no NVENC library", "h264_nvenc", "sudo apt-get install libnvidia-encode1"))
    return tuple(found)
