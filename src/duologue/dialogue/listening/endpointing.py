"""When a turn of the person begins and ends: from voice activity to onsets and offsets, and how long to wait. Pure.

Four parts, each for itself:

- :class:`SpeechGate` turns probabilities of speech, frame by frame, into onsets and offsets, with hysteresis. An offset
  is told early and may be taken back by an onset: the turn-taking table waits on top of it, never less than 250 ms,
  because Silero drops out inside speech for up to 220 ms.
- :class:`PreRoll` keeps the newest sound, so that a stretch begins a little before its onset and no consonant is cut.
- :func:`trust` says whether words are to be believed, by how much voice there was and how sure the engine is of them: a
  cough, or the start of a word, sounds like some word to every engine.
- :class:`AdaptivePatience` decides how long a silence must be to end a turn: 250 to 1200 ms, by the words so far, by
  this speaker's own pauses and, where the ears only guess that a sentence has ended (to 1400), by the melody and by how
  often this speaker goes on behind one.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.dialogue.listening.melody import Contour
from duologue.dialogue.turns.vocabulary import Patience, SpeechStarted, SpeechStopped, Wait
from duologue.language.languages import ENGLISH, Words
from duologue.speech.hearing import EAR_RATE, VAD_FRAME

_ENGLISH = ENGLISH.turns
FRAME_NS = VAD_FRAME * SECOND // EAR_RATE
"""Length of one frame of voice activity (ns): 32 ms."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """``on``, ``off`` and ``sure`` are probabilities; ``onset_frames`` frames at or above ``on`` make an onset,
    ``offset_frames`` below ``off`` an offset; one at ``rising`` may be the beginning of a voice. Speech ended in the
    middle of the last frame that was ``sure``: after it Silero's probability dies away, in 50 ms where it is quiet and
    in up to 300 in noise 10 dB below the voice.
    """

    on: float = 0.5
    off: float = 0.35
    rising: float = 0.3
    sure: float = 0.7
    onset_frames: int = 2
    offset_frames: int = 3


class SpeechGate:
    """Onsets and offsets of one stream."""

    def __init__(self, options: GateOptions | None = None) -> None:
        self._options = options or GateOptions()
        self._speaking = False
        self._run = 0
        self._loud_from = 0
        self._loud_until = 0
        self._voiced = self._before = 0
        self._rising = False

    @property
    def voiced(self) -> int:
        """Frames at or above ``on`` since the newest onset, whatever pauses lay in between."""
        return self._voiced - self._before

    @property
    def speaking(self) -> bool:
        """Between an onset and its offset."""
        return self._speaking

    @property
    def rising(self) -> bool:
        """The newest frame may be the beginning of a voice, which is not sure yet."""
        return self._rising

    def step(self, probability: float, end: int) -> SpeechStarted | SpeechStopped | None:
        """Take the next frame, which ended at ``end`` (ns). The event tells the onset or offset itself."""
        options = self._options
        self._voiced += probability >= options.on
        self._rising = not self._speaking and probability >= options.rising
        if not self._speaking:
            if probability < options.on:
                self._run = 0
                return None
            if self._run == 0:
                self._loud_from = end - FRAME_NS
            self._run += 1
            self._loud_until = end - FRAME_NS // 2
            return self._turn(True, self._loud_from) if self._run >= options.onset_frames else None
        if probability >= options.sure:
            self._loud_until = end - FRAME_NS // 2
        if probability >= options.off:
            self._run = 0
            return None
        self._run += 1
        return self._turn(False, self._loud_until) if self._run >= options.offset_frames else None

    def end(self) -> SpeechStopped | None:
        """No frame follows: an open voice ended where it was last heard."""
        if self._speaking:
            stopped = self._turn(False, self._loud_until)
            return stopped if isinstance(stopped, SpeechStopped) else None
        self._run = 0
        return None

    def reset(self) -> None:
        """Forget everything: what comes next is not connected to what came before."""
        self._speaking, self._run, self._rising = False, 0, False

    def _turn(self, speaking: bool, at: int) -> SpeechStarted | SpeechStopped:
        self._speaking, self._run, self._rising = speaking, 0, False
        if speaking:
            self._before = self._voiced - self._options.onset_frames
        return SpeechStarted(at) if speaking else SpeechStopped(at)


class PreRoll:
    """The newest ``seconds`` of a stream at :data:`~duologue.speech.hearing.EAR_RATE`."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._most = round(seconds * EAR_RATE)
        self._blocks: deque[Samples] = deque()
        self._count = 0

    def push(self, block: Samples) -> None:
        """Append a block of any length."""
        if not len(block):
            return
        self._blocks.append(block)
        self._count += len(block)
        while self._count - len(self._blocks[0]) >= self._most:
            self._count -= len(self._blocks.popleft())

    def newest(self, count: int) -> Samples:
        """The last ``count`` samples, fewer if there were not so many."""
        if count <= 0 or not self._blocks:
            return np.zeros(0, np.float32)
        return np.concatenate(self._blocks)[-min(count, self._most) :]

    def forget(self) -> None:
        """None of it is asked for any more."""
        self._blocks.clear()
        self._count = 0


class Trust(StrEnum):
    """Whether words are believed."""

    NONE = "none"
    """There was too little voice for a word: they are dropped."""
    DOUBT = "doubt"
    """They are an answer when nobody else speaks, but take the floor from nobody."""
    FULL = "full"


SURE = 0.6
"""Confidence from which words are believed however short they are."""
COMMAND_SURE = 0.45
"""The same of a command…"""
COMMAND_ALONE_SURE = 0.15
"""… where nothing else was said, which Whisper has half as sure as within a sentence…"""
COMMAND_WORDS = 4
"""… with so many words around it at most."""
LEAST_MS = 120.0
"""Of voice: the shortest word said in passing has more; a click has less."""
DOUBT_MS = 200.0
"""Of voice: an engine that does not say how sure it is is believed from here on, if it has heard all."""
PHRASE_MS = 500.0
"""Of voice: words that only join others may be all that was meant ("who are you"), and an engine that never says how
sure it is is believed before the end."""
LONG_MS = 900.0
"""Of voice, which nobody makes without meaning it. "Uh-huh" and "okay" last up to 800, and what the ears make of them
("rider", "lower house") they are not sure of; of real words as long they are."""


def trust(text: str, confidence: float, final: bool, voiced_ms: float, words: Words = _ENGLISH) -> Trust:
    """Of words with this ``confidence`` (0…1, or -1: unknown), in a stretch with so much voice so far.

    Short words that only join others ("and if") are what "mm-hm" is taken for, with all confidence; nobody takes the
    floor with nothing else. A command ("stop", "no") is what it seems although the engine, which hears nothing around
    it, is less sure.
    """
    said = _TOKEN.findall(text.casefold())
    joining = all(words.only_joins(word) for word in said)
    phrase = voiced_ms >= PHRASE_MS
    if voiced_ms >= LONG_MS or (confidence >= SURE and not joining) or (phrase and not 0 <= confidence < SURE):
        return Trust.FULL
    commanded = len(said) <= COMMAND_WORDS and any(word in words.commands for word in said)
    alone = all(word in words.commands for word in said)
    if commanded and confidence >= (COMMAND_ALONE_SURE if alone else COMMAND_SURE) and voiced_ms >= LEAST_MS:
        return Trust.FULL
    if not final:
        return Trust.DOUBT
    if voiced_ms < LEAST_MS:
        return Trust.NONE
    return Trust.FULL if confidence < 0 and voiced_ms >= DOUBT_MS and not joining else Trust.DOUBT


_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


MIN_WAIT_MS = 250
MAX_WAIT_MS = 1200
GUESSED_MAX_WAIT_MS = 1400
"""Where the ears guess: a voice is away 80 ms before a soft end and for 60 after an onset, as they tell it."""
_BASE_MS = {
    "question": 300,
    "finished": 350,
    "whole": 400,
    "question without mark": 500,
    "closing word": 500,
    "no words yet": 700,
    "unsure": 750,
    "few words": 750,
    "dictation": 1100,
    "leaning": 1100,
    "trailing": MAX_WAIT_MS,
}
_GUESSED_MS = {
    **_BASE_MS,
    "question": 500,
    "whole": 500,
    "fallen": 560,
    "asks for something": 600,
    "closing word": 600,
    "question without mark": 600,
    "two clauses": 800,
    "finished": 1300,
    "unsure": 1300,
    "few words": 1300,
    "dictation": 1200,
    "leaning": GUESSED_MAX_WAIT_MS,
    "leading up": GUESSED_MAX_WAIT_MS,
    "trailing": GUESSED_MAX_WAIT_MS,
}
"""Where the ears set a full stop at almost every pause."""
_COULD_BE_ALL = frozenset({"finished", "unsure", "few words"})
"""Nothing but time tells whether it is all there, or this speaker: see :class:`_GoesOn`."""
_SETTLED = frozenset({"fallen", "asks for something", "two clauses"})
"""More than a full stop that was guessed speaks for the end."""
_COMPLETE = _SETTLED | {"question", "finished", "whole", "question without mark", "closing word"}
_GOES_ON = frozenset({"trailing", "leaning", "leading up"})
"""More will come."""
_KINDS = ("open", "complete", "question", "settled")
"""Places at which this speaker's pauses are counted, each for itself."""
FALLEN = -1.75
"""Semitones above the bottom of a speaker's range: a voice that ends as low has finished. Of natural callers' whole
sentences a third do at an end, and one in twelve before a pause (``benchmarks/natural/endings.py``).
"""
CLAUSE = 3
"""Words that a second clause has at least, with the one that joins it: "but nobody came"."""
LEADS_UP = 7
"""Words that "when I was a child" has at most, with nothing yet that it leads up to."""


def judge(text: str, known: Words = _ENGLISH) -> str:
    """What the words say of whether more will come: a key of the table of waits.

    A text without a mark is judged by its first and last words, as engines without punctuation give it. A mark is
    believed where the words do not speak against it: engines set a full stop at almost every pause.
    """
    stripped = text.rstrip(" \"'”’)")
    words = [word.casefold() for word in _TOKEN.findall(stripped)]
    if not words:
        return "no words yet"
    if stripped.endswith(("...", "…", ",", "-", "–", "—", ":", ";")):
        return "trailing"
    marked = stripped.endswith((".", "!", "?"))
    asked = stripped.endswith("?")
    if _is_dictation(words, known, least=3 if marked else 2) or (not asked and _dictates(words, known)):
        return "dictation"
    return _judge_marked(words, known, asked=asked) if marked else _judge_unmarked(words, known)


def _judge_marked(words: list[str], known: Words, asked: bool) -> str:
    """A “Could you tell me what time.” is not over, nor is “I went to the.”; “what I was looking for.” may be."""
    bare = _judge_unmarked(words, known)
    if bare == "trailing" and not (asked and words[-1] in known.that):
        return bare
    if asked:
        return "question"
    if bare == "leaning":
        return "unsure" if words[-1] in known.stranded else bare
    doubtful = bare == "question without mark" or (words[-1].isdecimal() and len(words[-1]) >= GROUP)
    return "unsure" if doubtful else "finished"


def judge_guessed(text: str, known: Words = _ENGLISH, contour: Contour | None = None) -> str:
    """The same of ears that set a full stop at almost every pause: one counts only with what else speaks for an end. A
    word in front of which nobody stops, digits, and what leads up to something say more than any mark; of whole
    sentences the melody tells those that were held up from those that fell.
    """
    why = judge(text, known)
    words = [word.casefold() for word in _TOKEN.findall(text)]
    asked = text.rstrip(" \"'”’)").endswith("?")
    if asked and words and why == "trailing" and words[-1] in known.closing:
        return "question"  # "What will we do then?"
    if not words or not known.known or why in ("trailing", "dictation"):
        return why
    if words[-1].isdecimal():
        in_year = len(words) > 1 and words[-2] in known.before_year and _YEAR.fullmatch(words[-1])
        return "finished" if in_year else "dictation"
    if len(words) > 2 and all(word.isdecimal() for word in words[-3:-1]):
        return "dictation"  # "555 5 fives"
    ends = {words[-1], " ".join(words[-2:])}
    if not asked and ends & known.mistaken and len(words) > 2 and words[-2] not in known.determiners:
        return "trailing"
    if _leads_up(words, known, asked=asked):
        return "leading up"
    if asked:
        return "leaning" if why == "question" and _asks_on(words, known) else why
    if why not in ("finished", "closing word"):
        return why
    return _judge_whole(words, known, contour)


def _judge_whole(words: list[str], known: Words, contour: Contour | None) -> str:
    """Of what could be all: the melody says whether it is, and so do the words. Who asks for something waits for an
    answer; what goes on is most often the first clause, and what has a second one already is more often all.
    """
    if contour is not None and contour.level < FALLEN:
        return "fallen"
    if _begins_with(words, known.requests):
        return "asks for something"
    if any(word in known.clauses for word in words[2 : 1 - CLAUSE]):
        return "two clauses"
    return "closing word" if contour is None and words[-1] in known.closing else "finished"


def _begins_with(words: list[str], phrases: frozenset[str]) -> bool:
    """With one of the phrases, and they go on: "I want." wants what."""
    longest = max((phrase.count(" ") for phrase in phrases), default=-1) + 1
    return any(" ".join(words[:count]) in phrases for count in range(1, min(longest, len(words) - 1) + 1))


def _asks_on(words: list[str], known: Words) -> bool:
    """What is marked as a question wants a word: "Could I have a?", but not "What is it about?" or "Where is he?"."""
    last = words[-1]
    named = len(words) > 2 and last in known.owning and words[-3] in known.determiners  # "What is the name of?"
    if last in known.determiners or named or _wants_noun(words, known):
        return True
    if last not in known.leaning or last in known.stranded or words[0] in known.wh or len(words) < 3:
        return False
    ends = {words[-2], last}
    return not (ends & known.pronouns and ends & known.auxiliaries)


def _wants_noun(words: list[str], known: Words) -> bool:
    return len(words) > 1 and words[-2] in known.indefinite and words[-1] in known.describing


def _leads_up(words: list[str], known: Words, *, asked: bool) -> bool:
    bare = words[1:] if len(words) > 1 and words[0] in known.leading else words
    if " ".join(words) in known.lead_ins or " ".join(bare) in known.lead_ins:
        return True
    begins = bare[0] in known.opening and not (asked and bare[0] in known.asking)
    return begins and 1 < len(bare) <= LEADS_UP and bare[1] not in known.auxiliaries


def _judge_unmarked(words: list[str], known: Words) -> str:
    if known.spelling.intersection(words[-10:]):
        return "dictation"
    first = next((word for word in words if word not in known.leading), words[0])
    if len(words) >= 3 and words[-1] in known.auxiliaries and words[-2] in known.pronouns:
        return "unsure"  # "how old you are": it leans, and may be all
    if len(words) >= 3 and words[-1] in known.stranded and first in known.wh:
        return "question without mark"
    if len(words) >= 3 and words[-1] in known.that and words[-2] in known.before_that:
        return "closing word"
    if words[-1] in known.open and len(words) > 1:
        return "trailing"
    if (words[-1] in known.leaning and len(words) > 1) or _wants_noun(words, known):
        return "leaning"
    if len(words) <= 2 and words[-1] in known.whole:
        return "whole"
    if first in known.asking and len(words) >= 3:
        return "question without mark"
    if len(words) < 3:
        return "few words"
    return "closing word" if words[-1] in known.closing else "unsure"


_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
GROUP = 3
"""Digits written as one word that may be a part of a longer number…"""
YEAR = 4
"""… and so many that no year and no price has more: somebody dictates."""


def _is_dictation(words: list[str], known: Words, least: int) -> bool:
    """A number or a spelling is under way: the last words, ``least`` of them, are digits, number words or single
    letters, or the last is a letter that is no word. A mark says little of that: engines set one after each part; and
    they write a number as one word, which counts as its digits.
    """
    spoken = [sign for word in words for sign in (word if word.isdecimal() and len(word) > YEAR else (word,))]
    if len(words) == 1 and len(spoken) == 1:
        return words[0].isdecimal() and len(words[0]) >= GROUP
    words, tail = spoken, spoken[-least:]
    if _names_letter(words, known):
        return True
    single = [word for word in tail if word.isdigit() or word in known.numbers or _is_letter(word, known)]
    return len(words) >= 2 and (len(single) == least or _is_letter(words[-1], known))


def _dictates(words: list[str], known: Words) -> bool:
    """What is named is given piece by piece, and the last word may be one of them: "my postcode is S W1" (ears write
    letters and digits as one word), "the code is 5 fives", "my birthday is the fourth of the seventh".
    """
    if not known.dictated.intersection(words[-10:]):
        return False
    last = words[-1]
    pieces = known.numbers | known.ordinals
    return any(sign.isdigit() for sign in last) or any(last.removesuffix(end) in pieces for end in ("", "s", "es"))


def _names_letter(words: list[str], known: Words) -> bool:
    """The ears wrote a letter as the word that sounds like it: "M. A. Why?" is M, A, Y."""
    if len(words) < 2 or words[-1] not in known.letter_names:
        return False
    before = words[-2]
    return _is_letter(before, known) or bool(known.spelling.intersection(words[-10:]))


def _is_letter(word: str, known: Words) -> bool:
    return known.known and len(word) == 1 and word.isalpha() and word not in known.letters_that_are_words


@dataclass(slots=True)
class _GoesOn:
    """How often this speaker goes on behind what could be all, where the ears guess: the share of such places, beside
    two of six that everybody is taken to have gone on behind (a beta prior with the mean of the natural callers).

    Who never does is not waited for as long as who often does. Cut in is who pauses longer than the wait ``w``: a
    ``share`` of ``exp(-w / MEAN_MS)``, if pauses are memoryless. The wait that keeps this the same for everybody is
    shorter by ``MEAN_MS * ln(1/3 / share)``: 180 ms behind four turns that ended there, 380 behind twelve.
    """

    ended: int = 0
    resumed: int = 0

    def wait(self, most: int) -> int:
        """Of ``most`` (ms), which is for who does so as often as anybody."""
        share = (2 + self.resumed) / (6 + self.resumed + self.ended)
        return round(min(most, max(LEAST_ALL_MS, most + MEAN_MS * math.log(3 * share))))

    def __str__(self) -> str:
        return f"went on behind {self.resumed} of {self.resumed + self.ended}"


MEAN_MS = 350
"""Of pauses behind what could be all: between those of people who read prompts (180) and of the callers (750)."""
LEAST_ALL_MS = 600
"""What could be all is waited for as long as a request, however seldom somebody goes on."""


class AdaptivePatience:
    """How long to wait after the last sound: by the words, and by what this speaker's pauses have been.

    The longest usual pause of this speaker (the 80th percentile of the newest 12, once there are three) and a
    margin of 120 ms is waited for where the words leave it open, and half of the way to it where they seem complete.
    What counts are the pauses at places of that kind: who searches for a word need not pause between sentences.
    ``guessed``: the ears set a full stop at almost every pause (:func:`judge_guessed`).
    """

    def __init__(self, words: Words = _ENGLISH, *, guessed: bool = False) -> None:
        self._words = words
        self._guessed = guessed
        self._contour: Contour | None = None
        self._judged = ""
        self._pauses: dict[str, deque[float]] = {kind: deque(maxlen=12) for kind in _KINDS}
        self._goes_on = _GoesOn()
        self._over = False

    def speak(self, words: Words) -> None:
        """Judge by the words of another language from here on; what is known of this speaker stays."""
        self._words = words

    def sounded(self, contour: Contour | None) -> None:
        """How the voice ended that has just paused; None: it is not known."""
        self._contour = contour

    def wait(self, text: str, alternatives: Sequence[str] = ()) -> Wait:
        """See :class:`~duologue.dialogue.turns.vocabulary.Patience`: 250 to 1200 ms, to 1400 where the ears guess."""
        said = self._said(text, alternatives)
        self._judged = why = said.why.split(",")[0]
        learnt = self._usual_pause(why)
        if learnt is None:
            return said
        wanted = learnt + 120
        adapted = said.ms + max(0.0, wanted - said.ms) * (0.5 if why in _COMPLETE else 1.0)
        most = MAX_WAIT_MS
        if self._guessed:
            most = _GUESSED_MS["finished"] if why in _COMPLETE else GUESSED_MAX_WAIT_MS
        chosen = round(min(max(adapted, MIN_WAIT_MS), most))
        return said if chosen == said.ms else Wait(chosen, f"{said.why}, usual pause {learnt:.0f} ms")

    def _said(self, text: str, alternatives: Sequence[str]) -> Wait:
        """What the words say, before this speaker's pauses. What may have been something that wants to go on ("Could I
        have egg?", or "Could I have a") is waited for as that.
        """
        if not self._guessed:
            why = judge(text, self._words)
            return Wait(_BASE_MS[why], why)
        why = judge_guessed(text, self._words, self._contour)
        if why not in _GOES_ON | {"dictation"}:
            others = (judge_guessed(each, self._words) for each in alternatives)
            if open_one := next((each for each in others if each in _GOES_ON), ""):
                return Wait(_GUESSED_MS[open_one], f"{open_one}, if it was heard right")
        base = _GUESSED_MS[why]
        shorter = self._goes_on.wait(base) if why in _COULD_BE_ALL else base
        return Wait(base, why) if shorter == base else Wait(shorter, f"{why}, {self._goes_on}")

    def resumed(self, pause_ms: float, *, ended: bool = False) -> None:
        """The person went on after this pause. What is shorter than a gap between words, or longer than any pause in
        a turn, teaches nothing.
        """
        if ended and self._over:
            self._goes_on.ended -= 1
            self._over = False
        if self._judged in _COULD_BE_ALL and pause_ms >= MIN_WAIT_MS:
            self._goes_on.resumed += 1
        if 100 <= pause_ms <= 3000:
            for kind in {self._kind(self._judged)} if self._judged else _KINDS:
                self._pauses[kind].append(pause_ms)

    def ended(self) -> None:
        """The turn was taken to be over; see :meth:`resumed`."""
        self._over = self._judged in _COULD_BE_ALL
        if self._over:
            self._goes_on.ended += 1

    def _kind(self, why: str) -> str:
        """Which pauses count for it. Ears that guess set a full stop inside sentences too: what the speaker does there
        says nothing of questions, and of sentences of which more says that they are all.
        """
        if self._guessed and why in _SETTLED:
            return "settled"
        if self._guessed and why in ("question", "question without mark"):
            return "question"
        return "complete" if why in _COMPLETE else "open"

    def _usual_pause(self, why: str) -> float | None:
        ordered = sorted(self._pauses[self._kind(why)])
        if len(ordered) < 3:
            return None
        return ordered[int(0.8 * (len(ordered) - 1))]


class JudgedPatience:
    """An :class:`AdaptivePatience` that is also told, at each pause, how surely the turn sounded finished.

    Finished: no longer than a question is waited for, unless the words are plainly open. Not finished: the longest
    wait. Without a judgement the words decide alone.
    """

    def __init__(self, words: Words = _ENGLISH, *, guessed: bool = False) -> None:
        self._words = AdaptivePatience(words, guessed=guessed)
        self._finished: float | None = None

    def speak(self, words: Words) -> None:
        """See :meth:`AdaptivePatience.speak`."""
        self._words.speak(words)

    def sounded(self, contour: Contour | None) -> None:
        """See :meth:`AdaptivePatience.sounded`."""
        self._words.sounded(contour)

    def judge(self, probability: float | None) -> None:
        """What the sound of the turn so far says (0…1); None: nothing."""
        self._finished = probability

    def wait(self, text: str, alternatives: Sequence[str] = ()) -> Wait:
        """See :class:`~duologue.dialogue.turns.vocabulary.Patience`: 250 to 1200 ms."""
        wait = self._words.wait(text, alternatives)
        if self._finished is None or wait.why.startswith(("trailing", "dictation")):
            return wait
        why = f"{wait.why}, sounds finished {self._finished:.2f}"
        return Wait(MAX_WAIT_MS if self._finished <= 0.5 else min(wait.ms, _BASE_MS["question"]), why)

    def resumed(self, pause_ms: float, *, ended: bool = False) -> None:
        """The person went on after this pause."""
        self._words.resumed(pause_ms, ended=ended)

    def ended(self) -> None:
        """See :meth:`AdaptivePatience.ended`."""
        self._words.ended()


class BoundedPatience:
    """Another patience within bounds of the user's (ms)."""

    def __init__(self, patience: Patience, least_ms: int, most_ms: int) -> None:
        self._patience = patience
        self._least = least_ms
        self._most = most_ms

    def wait(self, text: str, alternatives: Sequence[str] = ()) -> Wait:
        """What the other says, or the bound that it crosses."""
        wait = self._patience.wait(text, alternatives)
        bounded = min(max(wait.ms, self._least), self._most)
        return wait if bounded == wait.ms else Wait(bounded, f"{wait.why}, bound {bounded} ms")

    def resumed(self, pause_ms: float, *, ended: bool = False) -> None:
        """The person went on after this pause."""
        self._patience.resumed(pause_ms, ended=ended)

    def ended(self) -> None:
        """The turn was taken to be over."""
        self._patience.ended()
