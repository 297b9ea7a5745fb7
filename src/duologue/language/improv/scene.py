"""The improviser's choice of its next line: pure, from the prompt alone.

Nothing is remembered between lines. What was played already is read off the lines themselves: every template is known
again by its longest stretch of fixed words, and the phrases marked in it can be echoed at once and called back later.
So the same prompt always gives the same line, and a line cut short, a person's message or another engine's turn is
simply a line that is not recognised, and gets an answer by its words.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from duologue.language.engine import Line, Moment, Prompt
from duologue.language.improv import phrases
from duologue.language.improv.remark import Remark, remark
from duologue.language.improv.topic import Topic, kind_words, understand
from duologue.language.moves import CHAINS, Move, squeeze
from duologue.language.text import sentences, word_count

NUMBERS = (
    "seven",
    "eleven",
    "fourteen",
    "thirty-one",
    "forty-three",
    "sixty-two",
    "ninety-four",
    "two hundred and six",
)
YEARS = ("1911", "1954", "1973", "1986", "1998", "2003", "2009", "2014")
MEMORY = 48
"""So many lines are looked back at; what was said before may be said again."""


@dataclass(frozen=True, slots=True)
class Material:
    """A speaker's own moves, and all moves by which anybody's lines are known again."""

    own: tuple[Move, ...]
    known: tuple[Move, ...]
    _recognised: dict[str, tuple[Move, ...]] = field(default_factory=dict[str, tuple[Move, ...]], compare=False)

    def named(self, name: str) -> tuple[Move, ...]:
        """The variants of one move."""
        return tuple(move for move in self.own if move.name == name)

    def of(self, *categories: str) -> tuple[Move, ...]:
        """All moves of the categories; of a chain its first steps only."""
        return tuple(move for move in self.own if move.category in categories and move.step <= 1)

    def recognise(self, text: str) -> tuple[Move, ...]:
        """The moves that made ``text``, in the order in which they stand in it."""
        known = self._recognised.get(text)
        if known is None:
            plain = f" {squeeze(text)} "
            found = [(plain.find(f" {move.signature} "), place) for place, move in enumerate(self.known)]
            known = tuple(self.known[place] for start, place in sorted(found) if start >= 0)
            if len(self._recognised) >= 2 * MEMORY:
                self._recognised.clear()
            self._recognised[text] = known
        return known


class Scene:
    """Everything known before a line: the topic, who said what, and by which moves."""

    def __init__(self, prompt: Prompt, material: Material) -> None:
        self.prompt = prompt
        self.material = material
        self.remark = _remark(prompt)
        self.topic = _topic(prompt, self.remark)
        self.random = random.Random(
            f"{prompt.seed}|{prompt.topic}|{prompt.turn}|{prompt.speaker.name}|{len(prompt.lines)}"
        )
        self.show = random.Random(f"{prompt.seed}|{prompt.topic}")
        self.lines = prompt.lines[-MEMORY:]
        self.past = [material.recognise(line.text) for line in self.lines]
        self.used = {move.template: place for place, moves in enumerate(self.past) for move in moves}
        self.used_bits = {move.bit for moves in self.past for move in moves}
        self.said = {squeeze(sentence) for line in self.lines for sentence in sentences(line.text)}
        self._cut = tuple(
            squeeze(line.text)
            for line, moves in zip(self.lines, self.past, strict=True)
            if line.speaker == prompt.speaker.name and not moves and word_count(line.text) > 1
        )
        """Beginnings of our own lines that somebody interrupted before they could be known again."""
        self._hooks = {hook for move in material.known for hook in move.hooks}
        self.values = self._values()

    def line(self) -> str:
        """The next line of the prompt's speaker."""
        prompt = self.prompt
        if self.remark is not None:
            return self._talk(self.remark)
        if prompt.moment is Moment.ANSWER:
            kind = phrases.remark_type(prompt.lines[-1].text if prompt.lines else "")
            return self._best(self._named("chat", kind, "statement")) or self._new_thread()
        if prompt.moment is Moment.ENDING:
            return self._best(self._reply("close") or self.material.of("end"))
        if not prompt.lines or prompt.moment is Moment.OPENING:
            return self._best(self.material.of("open"))
        if prompt.turns > 2 and prompt.turn == prompt.turns - 2:
            return self._best(self.material.of("close")) or self._new_thread()
        reply = self._reply(*CHAINS)
        return self._best(reply) if reply else self._free()

    def _talk(self, said: Remark) -> str:
        """To one person, with nobody else there: what fits, about what was said before what fits anything."""
        fitting = self.material.named(f"talk.{said.kind}")
        about = tuple(move for move in fitting if move.slots & {"theirs", "topic"})
        spare = self.material.named("talk.statement")
        tries = (about, fitting, spare)
        return next((line for moves in tries if (line := self._fresh(moves))), "") or self._best((*fitting, *spare))

    def _free(self) -> str:
        """No bit to go on with: an answer to what nobody wrote for us, a callback, or a thread of our own."""
        last = self.past[-1]
        if not last:
            kind = phrases.question_type(self.prompt.lines[-1].text)
            answers = self._named("answer", kind, "yesno") if kind else self.material.of("echo")
            return self._best(answers) or self._new_thread()
        if self._callback_is_due():
            return self._best(self.material.of("callback")) or self._new_thread()
        return self._new_thread()

    def _callback_is_due(self) -> bool:
        """After two bits without one, in an order that leaves both speakers their own bits."""
        firsts = [move.category for moves in self.past for move in moves if move.step <= 1]
        since = firsts[len(firsts) - firsts[::-1].index("callback") :] if "callback" in firsts else firsts
        return bool(self.values.get("callback")) and sum(category in CHAINS - {"open"} for category in since) >= 2

    def _new_thread(self) -> str:
        """Take up a phrase of the last line, and begin the next bit: the topic's own kind first."""
        moves = self._next_bit() or self.material.of("echo") or self.material.of("end")
        body = self._best(moves)
        after_chat = bool(self.past and self.past[-1] and self.past[-1][-1].category == "chat")
        link = self._best(self.material.of("back" if after_chat and self.values.get("guest") else "link"))
        both = f"{link} {body}".strip()
        fresh = moves and moves[0].category in CHAINS
        return both if fresh and word_count(both) <= min(45, self.prompt.max_words) else body

    def _next_bit(self) -> tuple[Move, ...]:
        """The first steps of an unused bit."""
        for category in ("versus", "question", self.topic.kind, "bit"):
            moves = [move for move in self.material.of(category) if self._possible(move)]
            for bit in self._rotated(sorted({move.bit for move in moves})):
                if bit not in self.used_bits:
                    return tuple(move for move in moves if move.bit == bit)
        return ()

    def _reply(self, *categories: str) -> tuple[Move, ...]:
        """Our moves that go on where the last line's bit stands."""
        for move in reversed(self.past[-1] if self.past else ()):
            if move.category in categories and move.step:
                return self.material.named(f"{move.bit}.{move.step + 1}")
        return ()

    def _named(self, category: str, kind: str, otherwise: str) -> tuple[Move, ...]:
        return self.material.named(f"{category}.{kind}") or self.material.named(f"{category}.{otherwise}")

    def _possible(self, move: Move) -> bool:
        return all(self.values.get(slot) for slot in move.slots)

    def _best(self, moves: Iterable[Move]) -> str:
        """A line that was not said yet, or the one said longest ago. "" if there is no move."""
        lines = self._by_use(moves)
        return next((line for line in lines if not self._repeats(line)), lines[0] if lines else "")

    def _fresh(self, moves: Iterable[Move]) -> str:
        """A line that was not said yet, "" if there is none."""
        unused = (move for move in moves if move.template not in self.used)
        return next((line for line in self._by_use(unused) if not self._repeats(line)), "")

    def _by_use(self, moves: Iterable[Move]) -> list[str]:
        """The lines of ``moves``: of the least recently used templates, one by seed."""
        possible = [move for move in moves if self._possible(move)]
        steps = sorted({move.template for move in possible if not move.step})
        bits = sorted({move.bit for move in possible if move.step})
        turn = self.prompt.turn
        order = {name: place for place, name in enumerate([*self._rotated(bits), *self._rotated(steps, turn)])}
        variant = {move.template: self.random.random() for move in possible}
        possible.sort(
            key=lambda move: (
                self.used.get(move.template, -MEMORY),
                order[move.bit if move.step else move.template],
                variant[move.template],
            )
        )
        return [move.fill(self.values, self.topic.plural) for move in possible]

    def _rotated(self, names: list[str], turn: int = 0) -> list[str]:
        """``names`` in an order of their own, begun at another place for each seed: shows in a row differ surely."""
        random.Random(len(names)).shuffle(names)
        start = (self.prompt.seed + 3 * turn) % max(1, len(names))
        return names[start:] + names[:start]

    def _repeats(self, line: str) -> bool:
        whole = squeeze(line)
        return any(whole.startswith(begun) for begun in self._cut) or any(
            squeeze(sentence) in self.said for sentence in sentences(line) if word_count(sentence) > 2
        )

    # What fills the slots

    def _values(self) -> dict[str, str]:
        prompt, topic = self.prompt, self.topic
        values = {
            "topic": topic.name,
            "short": topic.short,
            "claim": topic.claim,
            "other": prompt.others[0].title if prompt.others else "",
            "me": prompt.speaker.title,
            "number": self.random.choice(NUMBERS),
            "year": self.random.choice(YEARS),
            "opinion": self.random.choice(prompt.speaker.opinions or ("",)),
            "catchphrase": self.random.choice(prompt.speaker.catchphrases or ("",)),
        }
        values |= dict(zip(("side1", "side2"), topic.sides, strict=False))
        values |= {slot: self.show.choice(choices) for slot, choices in kind_words()[topic.kind].items()}
        if prompt.lines:
            values |= self._of_last(prompt.lines[-1])
        values |= self._of_past()
        return values if self.remark is None else values | {"theirs": self.remark.subject}

    def _of_last(self, last: Line) -> dict[str, str]:
        hook = phrases.find_hook(last.text, self._hooks)
        if not hook and not self.past[-1]:
            hook = phrases.noun_phrase(last.text, self.topic.words) or self.topic.short
        return {
            "echo": self._again(hook, last.speaker),
            "theirs": phrases.turned(phrases.noun_phrase(last.text)) or f"“{phrases.quote(last.text)}”",
            "quote": phrases.quote(last.text),
            "name": last.speaker,
        }

    def _again(self, hook: str, speaker: str) -> str:
        """A phrase said before, as this speaker names it now."""
        return phrases.definite(hook if speaker == self.prompt.speaker.name else phrases.turned(hook))

    def _of_past(self) -> dict[str, str]:
        """Phrases of earlier lines to call back, the older ones first; and the last person who wrote to us."""
        cast = {self.prompt.speaker.name, *(other.name for other in self.prompt.others)}
        found: list[str] = []
        for line in self.lines[: max(0, len(self.lines) - 2)]:
            hook = phrases.find_hook(line.text, self._hooks)
            again = self._again(hook, line.speaker)
            if hook and again not in found:
                found.append(again)
        older = found[: max(2, len(found) - 2)]
        picked = self.random.sample(older, min(2, len(older)))
        values = dict(zip(("callback", "callback2"), picked, strict=False))
        guests = [line.speaker for line in self.lines if line.speaker not in cast]
        return values | ({"guest": guests[-1]} if guests else {})


def _remark(prompt: Prompt) -> Remark | None:
    """What a person said to the only character there is; None in a show."""
    if prompt.others:
        return None
    if prompt.moment is Moment.ANSWER:
        return remark(prompt.lines[-1].text if prompt.lines else "")
    return Remark("still" if prompt.lines else "greet", "") if prompt.moment is Moment.OPENING else None


def _topic(prompt: Prompt, said: Remark | None) -> Topic:
    """The topic that was set; in a conversation without one what the person speaks of, and else none at all."""
    if said is None or prompt.topic.strip():
        return understand(prompt.topic)
    return understand(said.subject) if said.subject else replace(understand(""), name="", short="")
