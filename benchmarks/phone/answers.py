"""From a caller's last word to the first packet of the answer that can be heard, by whole programs.

``duologue phone`` runs as a person runs it, callers with natural voices call it from another process
(:mod:`benchmarks.phone.talker`), and what is timed is judged from the packets that they got, by the kernel's stamps. Of
the stages in between only the ledger can tell when a text went to the voice (t1) and when its first sound was there
(t2); t3 is the packet's stamp.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice

from benchmarks.live import HERE
from benchmarks.machine import foreign, load
from benchmarks.natural.callers import Half, Renderings, callers, needed
from benchmarks.natural.callers import Turn as Sentence
from benchmarks.natural.turns import REPLIES, TIMES, conversation, house
from benchmarks.phone.board import on_the_line
from benchmarks.phone.house import PhoneHouse, phone_house, talk
from benchmarks.phone.packets import knee, spread
from benchmarks.phone.talker import GAP_MS, PATIENCE_S, SLOW_GAP_MS, Plan, Talked, Turn
from benchmarks.table import LeftOutError, Row, row
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.models.entries import GEMMA_270M, KOKORO, WHISPER_BASE
from duologue.models.shelf import ModelShelf
from duologue.settings import load_models_folder
from duologue.telemetry.ledger import TurnRecord

TURNS = 60
OLD_TURNS, MODEL_TURNS, STAGE_TURNS = 16, 10, 10
MODEL_PATIENCE_S = 40.0
"""Of a caller who talks with models that these cores are slow for."""
OLD_MS = {"warm": (500, 300, 200), "cold": (500, 300, 600)}
"""Of Whisper, LLaMA and Kokoro, as the old system's table has them."""
KNEE = (1, 2, 3, 4, 6, 8)
OFFERED = 16
"""Calls at once, of which it is counted how many are let in."""
Said = list[tuple[str, Sentence]]
"""Voices and what they say."""


def _said(turns: int, *, dictated: bool = True) -> Said:
    """The first turns of the half of callers that was kept aside, voice after voice."""
    everybody = callers(Half.ASIDE, TIMES)
    all_of_them = ((voice, turn) for voice, said in everybody.items() for turn in said)
    found = list(islice(((v, t) for v, t in all_of_them if dictated or not t.dictated), turns))
    if len(found) < turns:
        raise SystemExit(f"there are {len(found)} turns to be said, not {turns}")
    Renderings().make(needed({voice: [t for v, t in found if v == voice] for voice, _ in found}))
    return found


def _parts(said: Said, sounds: Renderings) -> tuple[tuple[Samples | int, ...], ...]:
    """As a caller says them."""
    turns: list[tuple[Samples | int, ...]] = []
    for voice, turn in said:
        parts: list[Samples | int] = []
        for sound, pause in sounds.phrases(voice, turn):
            parts += [on_the_line(sound), pause] if pause else [on_the_line(sound)]
        turns.append(tuple(parts))
    return tuple(turns)


@dataclass(frozen=True)
class Held:
    """A call, what was said in it, and what the ledger has of its answers."""

    said: Said
    call: Talked
    answers: Sequence[TurnRecord]

    def seconds(self, *, dictated: bool) -> list[float]:
        """Last word to first voiced packet, of the turns that were answered."""
        pairs = zip(self.said, self.call.turns, strict=False)
        return [
            turn.after_ms / 1000
            for (_, sentence), turn in pairs
            if turn.after_ms is not None and sentence.dictated == dictated
        ]

    @property
    def cut(self) -> int:
        """Turns into which we spoke."""
        return sum(turn.cut for turn in self.call.turns)

    @property
    def fillers(self) -> int:
        """Answers before which a filler sounded: the first voiced packet of their turns is the filler's."""
        return sum(bool(each.fillers) for each in self.answers)

    def points(self) -> dict[str, list[float]]:
        """Turn by turn, ms after the caller's last word: the ledger's points, and t3 as the packets have it. Of an
        apology nothing is told: nobody thought or spoke for it.
        """
        found: dict[str, list[float]] = {}
        for each in matched(self.call, self.answers):
            record = each.record
            if record.apologised:
                continue
            times = {
                "decision": record.decided, "final transcript": record.understood, "first token": record.first_token,
                "t1, text to voice": record.first_sentence, "t2, first sound": record.first_audio,
                "t3, packet": each.left,
            }  # fmt: skip
            for name, at in times.items():
                if at:
                    found.setdefault(name, []).append((at - each.turn.ended) / MILLISECOND)
        return found


@dataclass(frozen=True)
class Matched:
    """A turn, the record of its answer, and when the answer's first packet came (ns)."""

    turn: Turn
    record: TurnRecord
    left: int


def matched(call: Talked, answers: Sequence[TurnRecord]) -> list[Matched]:
    """Each turn that was answered. Which of its packets began the answer, and not a filler before it, only the ledger
    knows; when that packet came is told by its stamp.
    """
    found: list[Matched] = []
    for turn in call.turns:
        for record in sorted((each for each in answers if each.sent >= turn.ended), key=lambda each: each.sent):
            left = next((at for at in turn.came if at >= record.sent - 5 * MILLISECOND), None)
            if left is not None and left - record.sent < SECOND:
                found.append(Matched(turn, record, left))
                break
    return found


def hold(settings: str, said: Said, *, voice: str = "", patience: float = PATIENCE_S, gap_ms: int = GAP_MS) -> Held:
    """One call to a house of its own. Ends the program where nobody answered, or nothing is known of the answers."""
    with phone_house(settings, voice=voice) as house_:
        (call,) = talk(Plan(house_.sip, (_parts(said, Renderings()),), patience_s=patience, gap_ms=gap_ms))
        house_.end()
        answers = house_.answers()
    if call.status != 200:
        raise SystemExit(f"the call was not answered: {call.status}")
    held = Held(said, call, answers)
    if not matched(call, answers):
        told = "; ".join(f"{each.state}{', sent' if each.sent else ''} {each.failure}".strip() for each in answers)
        raise SystemExit(f"of {len(call.turns)} turns none has an answer in the ledger; it has: {told or 'nothing'}")
    return held


def stage_rows(name: str, held: Held, wish: float) -> list[Row]:
    """t1 → t2 and t2 → t3: a sound that was there before it was wanted waits from then on."""
    voiced = [
        (each.first_audio - each.first_sentence) / MILLISECOND
        for each in held.answers
        if each.first_audio and each.first_sentence
    ]
    pairs = [(each.left, each.record) for each in matched(held.call, held.answers)]
    sent = [
        (left - max(each.first_audio, each.decided, each.understood, each.asked)) / MILLISECOND
        for left, each in pairs
        if each.first_audio
    ]
    rows: list[Row] = []
    for what, values, limit in ((f"t1 → t2, {name}", voiced, wish), (f"t2 → t3, {name}", sent, 5)):
        middle, tail = spread(values)
        rows.append(row(f"{what}, p95 of {len(values)}", tail, "ms", f"p50 {middle:.1f}; wish ≤ {limit:g}, {load()}"))
    return rows


def _answer_rows(what: str, seconds: Sequence[float], beside: tuple[str, str]) -> list[Row]:
    middle, tail = spread(seconds)
    if not seconds:  # there were no turns of that kind, or none was answered, which has a row of its own
        return []
    return [
        row(f"{what}, p50", middle, "s", beside[0]),
        row(f"{what}, p95", tail, "s", beside[1]),
    ]


UNCACHED = """[speech_cache]
limit_mb = 0
"""
"""Each line is made: what a machine has kept of earlier runs is none of a voice's quickness."""


def natural_rows(small: bool = False) -> list[Row]:
    """The default engines beside what *natural* measures of the same turns on virtual time."""
    said = _said(6 if small else TURNS)
    world, sounds = house(), Renderings()
    world.prepare(REPLIES)
    simulated = [
        each for voice in dict.fromkeys(voice for voice, _ in said)
        for each in conversation(world, voice, [turn for v, turn in said if v == voice], sounds)
    ]  # fmt: skip
    world.save()
    held = hold(UNCACHED, said)
    usual = [each.sounded for each in simulated if each.sounded is not None and not each.turn.dictated]
    middle, tail = spread(usual)
    beside = (f"natural {middle:.2f}; wish ≤ that + 0.1, ≤ 0.7", f"natural {tail:.2f}; wish ≤ that + 0.1, ≤ 1.05")
    rows = _answer_rows("last word → first voiced packet, statements and questions",
                        held.seconds(dictated=False), beside)  # fmt: skip
    of_numbers = [each.sounded for each in simulated if each.sounded is not None and each.turn.dictated]
    beside = (f"natural {spread(of_numbers)[0]:.2f}", f"natural {spread(of_numbers)[1]:.2f}")
    rows += _answer_rows("the same, dictated", held.seconds(dictated=True), beside)
    turns = held.call.turns
    cut = 100 * sum(each.cut for each in simulated) / len(simulated)
    rows += [
        row("cut in, of all turns", 100 * held.cut / max(1, len(turns)), "%", f"natural {cut:.1f}; wish ≤ 2"),
        row("turns without an answer", sum(turn.after_ms is None for turn in turns), f"of {len(said)}", load()),
        row("answers before which a filler sounded", held.fillers, "", "wish 0: it is timed in their place"),
    ]
    return rows + stage_rows("the default voice", held, 150)


def stage_section(small: bool = False) -> list[Row]:
    """The voice that is a robot, which has its sound soonest."""
    held = hold('[engines]\ntts = "espeak"', _said(4 if small else STAGE_TURNS, dictated=False))
    return stage_rows("espeak", held, 15)


@contextmanager
def old_servers(times: tuple[int, int, int]) -> Generator[str]:
    """Whisper, LLaMA and Kokoro as they were; their address."""
    command = [sys.executable, "-m", "benchmarks.phone.servers", *map(str, times)]
    with foreign(command, "the old engines", HERE.environment) as process:
        assert process.stdout is not None
        if not (address := process.stdout.readline().strip()):
            raise SystemExit("the old engines do not listen")
        yield address


def old_settings(address: str) -> str:
    """The engines of a house that hears, thinks and speaks by them."""
    return f"""
[engines]
stt = "openai_hearing"
llm = "openai"
tts = "openai_speech"
[engines.openai_hearing]
base_url = "{address}"
model = "old"
[engines.openai]
base_url = "{address}"
model = "old"
[engines.openai_speech]
base_url = "{address}"
model = "old"
[speech_cache]
limit_mb = 0
"""


def old_rows(small: bool = False) -> list[Row]:
    """The old chain replayed: its engines' own times, in our house."""
    rows: list[Row] = []
    said = _said(4 if small else OLD_TURNS, dictated=False)
    for name, times in OLD_MS.items():
        with old_servers(times) as address:
            held = hold(old_settings(address), said)
        told = " + ".join(map(str, times))
        beside = ("wish ≤ 1.3; its own estimate 2.6" if name == "warm" else "", load())
        rows += _answer_rows(f"the old chain, {name} ({told} ms)", held.seconds(dictated=False), beside)
        if name == "warm":
            rows += stage_rows("a server paced like Kokoro", held, 210)
    return rows


def model_rows(small: bool = False) -> list[Row]:
    """The old chain with real models in it, beside ours, point by point."""
    shelf = ModelShelf(load_models_folder(None))
    whisper, kokoro, gemma = (shelf.path(model) for model in (WHISPER_BASE, KOKORO, GEMMA_270M))
    missing = [folder.name for folder in (whisper, kokoro, gemma) if not folder.is_dir()]
    if find_spec("llama_cpp") is None:
        missing.append("llama-cpp-python (pip install 'duologue[llama]')")
    if missing:
        raise LeftOutError(f"it is not here: {', '.join(missing)}")
    (gguf,) = gemma.glob("*.gguf")
    settings = f"""
[engines]
stt = "whisper"
llm = "llama"
tts = "kokoro"
[engines.whisper]
model = "{whisper}"
[engines.llama]
model = "{gguf}"
[engines.kokoro]
model = "{kokoro / "kokoro-v1.0.int8.onnx"}"
voices = "{kokoro / "voices-v1.0.bin"}"
[speech_cache]
limit_mb = 0
"""
    said = _said(4 if small else MODEL_TURNS, dictated=False)
    voice = 'kokoro = "am_michael"'
    held = hold(settings, said, voice=voice, patience=MODEL_PATIENCE_S, gap_ms=SLOW_GAP_MS)
    found = [each.record for each in matched(held.call, held.answers)]
    answered, sorry = len(found), sum(bool(each.apologised) for each in found)
    theirs, ours = held.points(), hold(UNCACHED, said).points()
    chain = "Whisper base, Gemma 270M, Kokoro"
    rows = [
        row(f"{chain}: turns without an answer", len(said) - answered, f"of {len(said)}", load()),
        row(f"{chain}: answers before which a filler sounded", held.fillers, f"of {answered}"),
        row(f"{chain}: apologies in an answer's place", sorry, f"of {answered}", "wish 0: an engine was too late"),
    ]
    if not theirs:
        raise SystemExit(f"nothing but apologies came of {chain}, {load()}")
    for name, values in theirs.items():
        middle, tail = spread(values)
        beside = f"p95 {tail:.0f}; ours {spread(ours.get(name, []))[0]:.0f}, {load()}"
        rows.append(row(f"{chain}: last word → {name}, p50", middle, "ms", beside))
    return rows


def knee_rows(small: bool = False) -> list[Row]:
    """How many calls the default engines hold before an answer takes twice as long, and how many are let in."""
    rows: list[Row] = []
    p95s: list[tuple[int, float]] = []
    sounds = Renderings()
    with phone_house("") as here:
        for count in KNEE[:2] if small else KNEE:
            turns = 3 if small else max(5, 12 // count)
            said = _said(count * turns, dictated=False)
            each = tuple(_parts(said[n * turns : (n + 1) * turns], sounds) for n in range(count))
            calls = talk(Plan(here.sip, each, apart_s=0.7))
            held = [call for call in calls if call.status == 200]
            found, silent = waits(held)
            middle, tail = spread(found)
            told = f"p50 {middle:.2f}; {silent} not answered; {count - len(held)} refused; {load()}"
            rows.append(row(f"{count} calls, default engines: last word → first voiced packet, p95", tail, "s", told))
            if count == KNEE[0] and (silent or not held):
                raise SystemExit(f"one caller alone was not answered: {told}")
            p95s.append((count, tail if len(held) == count else float("inf")))
            if knee(p95s) < count:
                break
        rows += _let_in(here, knee(p95s))
    return rows


def waits(calls: Sequence[Talked]) -> tuple[list[float], int]:
    """How long each turn waited for its answer (s), and how many waited in vain: those count as all of the patience,
    or a house that answers only half of them would be the quicker one.
    """
    turns = [turn for call in calls for turn in call.turns]
    silent = sum(turn.after_ms is None for turn in turns)
    return [PATIENCE_S if turn.after_ms is None else turn.after_ms / 1000 for turn in turns], silent


def _let_in(here: PhoneHouse, held: int) -> list[Row]:
    offered = talk(Plan(here.sip, ((),) * OFFERED, together=True))
    taken = sum(call.status == 200 for call in offered)
    statuses = sorted({call.status for call in offered} - {200})
    why = f"the others: {', '.join(map(str, statuses)) or 'none'}"
    return [
        row("calls held before the answer's p95 doubles", held, "calls"),
        row(f"calls let in, of {OFFERED} at once", taken, "calls", f"wish: what is held; {why}"),
    ]
