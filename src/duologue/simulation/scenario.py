"""What a scenario says: who calls, with which engines, what they say and when, and what must come of it.

The models of the YAML files in ``scenarios/``; docs/simulation.md explains them with examples.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from duologue.dialogue.turns.policy import Policy
from duologue.simulation.chance import Chance, constant
from duologue.validation import did_you_mean

LONGEST_SECONDS = 900.0
"""No simulated conversation is longer."""
MOST_STEPS = 500


class ScenarioTable(BaseModel):
    """A table of fixed keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Failure(ScenarioTable):
    """How an engine goes wrong, and at which of its calls (counted from 1)."""

    how: Literal["late", "hang", "crash", "nonsense", "empty"] = Field(description="What goes wrong.")
    calls: Literal["all"] | tuple[int, ...] = Field(default="all", description="Numbers of calls from 1, or all.")
    ms: float = Field(default=5_000.0, ge=0, le=600_000, description="How late, in milliseconds.")

    def hits(self, call: int) -> bool:
        """Whether call number ``call`` goes wrong."""
        return self.calls == "all" or call in self.calls


class Engine(ScenarioTable):
    """What every scripted engine has."""

    failures: tuple[Failure, ...] = Field(default=(), description="What goes wrong, and when.")

    def failure(self, call: int) -> Failure | None:
        """What goes wrong with call number ``call``."""
        return next((failure for failure in self.failures if failure.hits(call)), None)


class NoticingTable(ScenarioTable):
    """Voice activity, frame by frame."""

    dropouts: float = Field(
        default=0.0, ge=0, le=0.5, description="Share of the frames of speech at which a dropout begins."
    )
    dropout_ms: Chance = Field(default=constant(64), description="How long a dropout lasts.")


class EarsTable(Engine):
    """Speech to text."""

    partial_ms: Chance = Field(
        default=constant(80), description="From the end of a word to the partial transcript with it."
    )
    final_ms: Chance = Field(default=constant(120), description="From the end of the sound to the final transcript.")
    punctuation: bool = Field(
        default=True, description="Whether transcripts have punctuation and capitals as scripted."
    )


class Thinking(Engine):
    """The language model."""

    first_ms: Chance = Field(default=constant(250), description="From the question to the first token.")
    tokens_per_second: Chance = Field(default=constant(60), description="How fast it writes, tokens per second.")


class VoiceTable(Engine):
    """A voice."""

    name: str = Field(default="voice", min_length=1, description="Its name in the ledger.")
    first_ms: Chance = Field(default=constant(100), description="From a sentence to its first sound.")
    per_second_ms: Chance = Field(default=constant(30), description="Work for each second of sound.")
    words_per_minute: float = Field(default=170, ge=40, le=400, description="How fast it speaks.")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class EngineSet(ScenarioTable):
    """The engines of a conversation. Several voices are a chain, in order of preference."""

    noticing: NoticingTable = NoticingTable()
    hearing: EarsTable = EarsTable()
    thinking: Thinking = Thinking()
    voice: Annotated[tuple[VoiceTable, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=8)] = (
        VoiceTable(),
    )
    voice_patience_ms: float = Field(
        default=4_000, gt=0, description="A chain of voices hands over after this without sound."
    )


class Echo(ScenarioTable):
    """The line brings our own sound back."""

    delay_ms: float = Field(default=120, ge=0, le=1_000, description="How late it comes back.")
    share: float = Field(default=1.0, ge=0, le=1, description="Share of our words that the ears understand of it.")


class Caller(ScenarioTable):
    """Who calls, and from where."""

    words_per_minute: float = Field(default=170, ge=30, le=400, description="How fast they speak.")
    echo: Echo | None = Field(default=None, description="The line brings our own sound back.")
    noise_db: float | None = Field(
        default=None, ge=-5, le=60, description="Speech lies so far above the noise of the room."
    )
    voice: str = Field(default="", description="With sound: the caller's voice, as espeak:en-us+f3 or flite:slt.")
    band: Literal["wide", "telephone"] = Field(
        default="wide", description="With sound: telephone is 300-3400 Hz at 8 kHz."
    )


def _as_off(value: Any) -> Any:
    return "off" if value is False else value  # YAML reads a bare off as false


VERBS = ("say", "backchannel", "cough", "pause", "silence", "noise", "interrupt", "type", "wait", "hang_up")


_PAUSE_MARK = re.compile(r"\[\d+\]")


class ScenarioStep(ScenarioTable):
    """One thing that the caller does. Exactly one of the verbs; the others say how."""

    say: str = Field(
        default="", description='Words; [600] between them is a pause of 600 ms. For example "I would [600] like".'
    )
    backchannel: str = Field(default="", description="Words that show that somebody listens, said over the reply.")
    cough: float | None = Field(default=None, gt=0, le=5_000, description="A sound without words, milliseconds.")
    pause: float | None = Field(
        default=None, ge=0, le=LONGEST_SECONDS * 1000, description="The caller does nothing, ms, 900000 at most."
    )
    silence: float | None = Field(
        default=None, ge=0, le=LONGEST_SECONDS, description="The caller does nothing, seconds, 900 at most."
    )
    noise: Annotated[float | Literal["off"] | None, BeforeValidator(_as_off)] = Field(
        default=None, description="From now on speech lies so many dB above the noise; or off."
    )
    interrupt: str = Field(default="", description="Words said into the reply.")
    type: str = Field(default="", description="Words typed instead of said.")
    wait: Literal["sound", "reply"] | None = Field(
        default=None, description="sound: until the reply begins to be heard; reply: until it was heard out."
    )
    hang_up: bool = Field(default=False, description="The caller goes; without it, once the last step is done.")

    final: str | None = Field(default=None, description="With say or interrupt: what the ears make of it in the end.")
    words_per_minute: float | None = Field(default=None, ge=30, le=400, description="With words: how fast, this time.")
    after_s: float | None = Field(
        default=None, ge=0, description="With interrupt, backchannel, cough: so far into the reply."
    )
    at_word: str = Field(
        default="", description="With interrupt, backchannel, cough: as this word of the reply begins."
    )

    @model_validator(mode="after")
    def _is_one_verb(self) -> ScenarioStep:
        verb = self.verbs
        if len(verb) != 1:
            what = "does nothing" if not verb else f"does {len(verb)} things ({', '.join(verb)})"
            raise ValueError(f"a step {what} | Give each step exactly one of {', '.join(VERBS)}.")
        if (self.after_s is not None or self.at_word) and self.verb not in ("interrupt", "backchannel", "cough"):
            raise ValueError("only what is done into a reply has a place in it | Take after_s and at_word away.")
        if self.words and all(_PAUSE_MARK.fullmatch(token) for token in self.words.split()):
            raise ValueError(f"{self.words!r} has no words | Give some, or say pause, silence or cough.")
        return self

    @property
    def verbs(self) -> list[str]:
        """The verbs that are given."""
        return [verb for verb in VERBS if getattr(self, verb) not in ("", None, False)]

    @property
    def verb(self) -> str:
        """What the step does."""
        return self.verbs[0]

    @property
    def words(self) -> str:
        """What is said aloud."""
        return self.say or self.interrupt or self.backchannel

    @property
    def line(self) -> str:
        """The step in words, for tables and ledgers."""
        value = getattr(self, self.verb)
        return self.verb.replace("_", " ") if value is True else f"{self.verb} {value}"


class ContextLine(ScenarioTable):
    """One line of the context: of the person, or of the character (``part``: the beginning of it, cut at a word)."""

    person: str | None = Field(default=None, description="What the person said, exactly.")
    character: str | None = Field(default=None, description="What was heard of the reply, exactly.")
    part: str | None = Field(
        default=None, description="A reply of which a beginning was heard, in whole words, but not all."
    )

    @model_validator(mode="after")
    def _is_one(self) -> ContextLine:
        if sum(each is not None for each in (self.person, self.character, self.part)) != 1:
            raise ValueError("a line of the context is of one speaker | Write person, character or part.")
        return self


_RANGE = re.compile(r"\s*(?:(>=|<=)\s*(\d+)|(\d+)\s*\.\.\s*(\d+)|(\d+))\s*\Z")


class Count(ScenarioTable):
    """How often something may happen: ``2``, ``>= 1``, ``<= 3`` or ``1..3``."""

    least: int = 0
    most: int | None = None

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        if self.most is None:
            return f">= {self.least}"
        return f"{self.least}..{self.most}" if self.least else f"<= {self.most}"

    def holds(self, number: int) -> bool:
        """Whether ``number`` is allowed."""
        return self.least <= number and (self.most is None or number <= self.most)


def _as_count(value: Any) -> Any:
    if isinstance(value, Count):
        return value
    found = None if isinstance(value, bool) else _RANGE.match(str(value))
    if not found:
        raise ValueError(f'{value!r} is no count | Write 2, ">= 1", "<= 3" or "1..3".')
    sign, bound, low, high, exact = found.groups()
    if exact:
        return {"least": exact, "most": exact}
    if low:
        return {"least": low, "most": high}
    return {"least": bound} if sign == ">=" else {"most": bound}


Number = Annotated[Count, BeforeValidator(_as_count)]


class Budget(ScenarioTable):
    """Limits of a time, in milliseconds, over all turns of all runs; ``max`` over each of them."""

    least: float | None = Field(default=None, description="No value is below this.")
    p50: float | None = Field(default=None, description="At most, in the median.")
    p95: float | None = Field(default=None, description="At most, for 95 of 100.")
    max: float | None = Field(default=None, description="At most, always.")


class Expect(ScenarioTable):
    """What must come of it. What is not given is not looked at, except for the four at the end, which are always 0."""

    context: tuple[ContextLine, ...] | None = Field(default=None, description="The whole context, line by line.")
    first_audio_ms: Budget | None = Field(
        default=None, description="From the end of the last word to the first sound of it."
    )
    stop_ms: Budget | None = Field(
        default=None, description="From the onset of an interruption to the last sound of ours."
    )
    replies: Number | None = Field(default=None, description="Replies of which something was heard.")
    interruptions: Number | None = Field(default=None, description="How often the person took the floor.")
    false_alarms: Number | None = Field(default=None, description="Coughs, backchannels that were let pass.")
    echoes: Number | None = Field(default=None, description="How often our own words were recognised.")
    fillers: Number | None = Field(default=None, description="How often the character muttered.")
    apologies: Number | None = Field(default=None, description="How often it said sorry for an engine.")
    failures: Number | None = Field(default=None, description="Failures of engines that the core was told of.")
    handovers: Number | None = Field(default=None, description="Failures inside a chain, whose next engine was asked.")
    stalls: Number | None = Field(default=None, description="Stages that missed their limit.")
    silences: Number | None = Field(default=None, description="Reports that nobody speaks.")
    speculation_hits: Number | None = Field(default=None, description="Replies that were begun early, and right.")
    speculation_misses: Number | None = Field(default=None, description="Replies that were begun early, and withdrawn.")
    cut_ins: Number = Field(default=Count(most=0), description="Replies that began inside the person's own words.")
    stale: Number = Field(
        default=Count(most=0), description="Replies that left out words said before their first sound."
    )
    doubled: Number = Field(
        default=Count(most=0), description="Replies that followed another with no act of the person."
    )
    clipped: Number = Field(
        default=Count(most=0), description="Words of which the ears were given less than two thirds."
    )


class Scenario(ScenarioTable):
    """One conversation, as it is scripted."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60, description="Lower-case words with hyphens.")
    shows: str = Field(min_length=1, description="What is to be seen in it, in a sentence.")
    character: str = Field(
        default="", description="A character that ships, or its folder; empty: a plain one without looks."
    )
    seed: int = Field(default=1, ge=0, description="The first seed.")
    topic: str = Field(default="", description="What the conversation is about.")
    greet: bool = Field(default=False, description="Whether the character speaks first.")
    engines: EngineSet = EngineSet()
    policy: dict[str, bool | int] = Field(default={}, description="What differs from the usual policy of turn-taking.")
    caller: Caller = Caller()
    replies: Literal["improv"] | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="What is answered: the first reply, the next, …, the last again and again; or improv."
    )
    script: Annotated[tuple[ScenarioStep, ...], Field(min_length=1, max_length=MOST_STEPS)]
    expect: Expect = Expect()
    expect_with_sound: Expect = Expect()

    def expected_of_sound(self) -> Expect:
        """What is expected with real sound: the same, but for the keys given in ``expect_with_sound``."""
        other = self.expect_with_sound
        return self.expect.model_copy(update={key: getattr(other, key) for key in other.model_fields_set})

    @field_validator("policy")
    @classmethod
    def _knows_its_keys(cls, policy: dict[str, bool | int]) -> dict[str, bool | int]:
        known = {each.name: each.type for each in fields(Policy) if each.type in ("int", "bool")}
        for key, value in policy.items():
            if key not in known:
                raise ValueError(f"there is no key {key!r} in the policy | {did_you_mean(key, known)}")
            if isinstance(value, bool) != (known[key] == "bool") or value < 0:
                raise ValueError(f"the value of {key!r} is wrong | It is {_KIND[str(known[key])]}.")
        return policy

    def called(self, **changes: str | float | None) -> Scenario:
        """The same with another caller: what is given (and not None) replaces keys of ``caller``."""
        given = {key: value for key, value in changes.items() if value is not None}
        return self.model_copy(update={"caller": self.caller.model_copy(update=given)})

    def turn_policy(self) -> Policy:
        """The policy of the conversation."""
        changes: dict[str, Any] = dict(self.policy)
        return replace(Policy(), **changes)


_KIND = {"int": "a whole number, not negative", "bool": "true or false"}
