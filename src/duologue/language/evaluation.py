"""How well a persona keeps to its own way of talking: length, questions, phrases that it never says, plain speech.

A pure function on replies as a model wrote them, before anything is capped: so it shows how often a cap would have had
to cut. The limits are the persona's own (words, seconds, sentences, ``avoid``); what is plain and warm is the same for
all voices. It judges form, not truth.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean

from duologue.language.engine import LanguageModel, Line, Moment, Prompt
from duologue.language.persona import Persona
from duologue.language.text import clean, estimate_seconds, sentences, word_count
from duologue.streams import closing

MAX_QUESTIONS = 1
"""More in one reply leave a listener wondering which to answer."""
LONG_SENTENCE = 24
"""Words; a longer sentence is hard to follow by ear."""
STIFF_FROM = 14
"""Words from which on a reply that has neither a contraction nor an “I” or “you” sounds like a notice."""
INTERVIEW = (
    "Hello?",
    "How are you?",
    "Who am I talking to?",
    "My parcel never came.",
    "Why does it always take so long?",
    "When do you open on Saturday?",
    "What do you think about pizza?",
    "Can you list everything that you can do for me?",
    "That is not what I asked.",
    "You are no help at all!",
    "My dog died this morning.",
    "Tell me a joke.",
    "No.",
    "What was the address of your website again?",
    "Thanks.",
    "Goodbye.",
)
"""What anybody may say to anybody: pleasantries, complaints, questions that ask for lists and addresses."""

_PERSONAL = re.compile(r"\b(?:I|you|your|yours|me|my|mine)\b|\w['’](?:s|re|ve|ll|d|m|t)\b", re.IGNORECASE)
_WRITTEN = re.compile(r"^\s*(?:[-*•#>|]|\d{1,2}[.)]\s)|\*\*|__|```|https?://|\n\s*\n", re.MULTILINE)


class Rule(StrEnum):
    """What a reply can get wrong."""

    EMPTY = "empty"
    """Nothing that a voice can say."""
    WORDS = "words"
    SECONDS = "seconds"
    SENTENCES = "sentences"
    QUESTIONS = "questions"
    PHRASE = "phrase"
    """A phrase that the persona avoids."""
    LONG_SENTENCE = "long sentence"
    WRITTEN = "written"
    """Made for a page: a list, markup, an address."""
    STIFF = "stiff"


@dataclass(frozen=True, slots=True)
class ReplyFault:
    """What reply number ``reply`` (from 0) got wrong; ``detail`` says how, in words."""

    reply: int
    rule: Rule
    detail: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``share_good`` is the share of replies without a finding (0…1), 1 without replies; means are per reply."""

    replies: int
    findings: tuple[ReplyFault, ...]
    mean_words: float
    mean_seconds: float
    share_asking: float
    share_good: float

    def counts(self) -> dict[Rule, int]:
        """Findings by rule, the most frequent first."""
        return dict(Counter(finding.rule for finding in self.findings).most_common())


def evaluate(persona: Persona, replies: Sequence[str]) -> Evaluation:
    """Judge ``replies`` by what ``persona`` asks of itself."""
    avoided = _avoided(persona.avoid)
    findings = tuple(
        finding for number, reply in enumerate(replies) for finding in _judge(persona, avoided, number, reply)
    )
    spoken = [clean(reply) for reply in replies]
    bad = {finding.reply for finding in findings}
    return Evaluation(
        replies=len(replies),
        findings=findings,
        mean_words=fmean(map(word_count, spoken)) if spoken else 0.0,
        mean_seconds=fmean(map(estimate_seconds, spoken)) if spoken else 0.0,
        share_asking=fmean("?" in text for text in spoken) if spoken else 0.0,
        share_good=1 - len(bad) / len(replies) if replies else 1.0,
    )


async def interview(model: LanguageModel, persona: Persona, said: Sequence[str], seed: int = 0) -> list[str]:
    """Let ``model`` answer each of ``said`` as ``persona``, in one conversation; the engine must be warm.

    Raises what the engine raises.
    """
    lines: list[Line] = []
    replies: list[str] = []
    for turn, text in enumerate(said):
        lines.append(Line("Caller", text))
        prompt = replace(Prompt.by(persona, lines=lines), moment=Moment.ANSWER, turn=turn, seed=seed)
        async with closing(model.write(prompt)) as stream:
            replies.append("".join([piece async for piece in stream]))
        lines.append(Line(persona.name, replies[-1]))
    return replies


def _judge(persona: Persona, avoided: re.Pattern[str] | None, number: int, reply: str) -> Iterable[ReplyFault]:
    text = clean(reply)
    if not text:
        yield ReplyFault(number, Rule.EMPTY, "nothing that a voice can say")
        return
    yield from _lengths(persona, number, text)
    if (questions := text.count("?")) > MAX_QUESTIONS:
        yield ReplyFault(number, Rule.QUESTIONS, f"{questions} questions")
    for match in avoided.finditer(_plain(text)) if avoided else ():
        yield ReplyFault(number, Rule.PHRASE, f"“{match.group()}”")
    for sentence in sentences(text):
        if (words := word_count(sentence)) > LONG_SENTENCE:
            yield ReplyFault(number, Rule.LONG_SENTENCE, f"{words} words: “{sentence[:40]}…”")
    if match := _WRITTEN.search(reply):
        yield ReplyFault(number, Rule.WRITTEN, f"{match.group().strip() or 'paragraphs'!r} is for a page")
    if word_count(text) >= STIFF_FROM and not _PERSONAL.search(text):
        yield ReplyFault(number, Rule.STIFF, "no contraction, no “I”, no “you”")


def _lengths(persona: Persona, number: int, text: str) -> Iterable[ReplyFault]:
    if (words := word_count(text)) > persona.max_words:
        yield ReplyFault(number, Rule.WORDS, f"{words} words, at most {persona.max_words}")
    if (seconds := estimate_seconds(text)) > persona.max_seconds:
        yield ReplyFault(number, Rule.SECONDS, f"{seconds:.0f} s, at most {persona.max_seconds:g}")
    if (count := len(sentences(text))) > persona.max_sentences:
        yield ReplyFault(number, Rule.SENTENCES, f"{count} sentences, at most {persona.max_sentences}")


def _plain(text: str) -> str:
    return text.replace("’", "'")


def _avoided(phrases: Sequence[str]) -> re.Pattern[str] | None:
    """The phrases as whole words, in any case; white space in them is any white space."""
    if not phrases:
        return None
    ways = (r"\s+".join(map(re.escape, _plain(phrase).split())) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{'|'.join(ways)})(?!\w)", re.IGNORECASE)
