"""Replies: read while they are written, judged and brief; sentences voiced within limits. On virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, SupportsIndex

import pytest
from doubles import CHAD, VIRGIN, utterance
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.dialogue.ports import Voiced
from duologue.dialogue.replies.replies import (
    Expressed,
    ReplyEnding,
    ReplyItem,
    SentenceVoicing,
    StreamBegun,
    VoiceLimits,
    deflection,
    read_reply,
)
from duologue.dialogue.replies.text import Brevity, ReplyCap, ReplyReader, SpokenPart
from duologue.errors import PeerError
from duologue.language.engine import LanguageCapabilities, Line, Prompt, WholeText
from duologue.language.moderation import Moderator
from duologue.language.persona import load_persona
from duologue.language.structured import NOTES, ReplyChunk, ReplyForm, asked_for, reply_schema
from duologue.language.text import estimate_seconds, word_count
from duologue.language.tools import ToolFiller
from duologue.places import packs_folder
from duologue.simulation.virtual_time import LoopClock, simulate


@dataclass
class Voices:
    """Takes ``seconds[n]`` for line n, then the last of them; keeps how many ran at once."""

    seconds: tuple[float, ...] = (0.1,)
    broken: set[str] = field(default_factory=set[str])
    begun: list[str] = field(default_factory=list[str])
    running: int = 0
    most: int = 0

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        seconds = self.seconds[min(len(self.begun), len(self.seconds) - 1)]
        self.begun.append(text)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.running -= 1
        if text in self.broken:
            raise PeerError("the voice broke", where="double")
        return Voiced(utterance(text, speaker, utterance_id), LoopClock().now())


@dataclass
class Model:
    """Writes ``text`` at so many characters a second, four at a time; then perhaps fails."""

    text: str
    rate: float = 100.0
    failure: Exception | None = None
    closed: bool = False
    written: int = 0
    name: str = "double"
    capabilities: LanguageCapabilities = field(default_factory=LanguageCapabilities)

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        try:
            for start in range(0, len(self.text), 4):
                piece = self.text[start : start + 4]
                await asyncio.sleep(len(piece) / self.rate)
                self.written += len(piece)
                yield piece
            if self.failure:
                raise self.failure
        finally:
            self.closed = True


ASKED = Prompt(CHAD, (VIRGIN,), "lighthouses")
FOUR = "One is here. Two is here. Three is here. Four is here."


def read(model: Model, prompt: Prompt = ASKED, moderator: Moderator | None = None) -> list[tuple[float, ReplyItem]]:
    """What reading gives, and when (seconds)."""

    async def main() -> list[tuple[float, ReplyItem]]:
        async with aclosing(read_reply(model, prompt, moderator or Moderator())) as items:
            return [(asyncio.get_running_loop().time(), item) async for item in items]

    return simulate(main())


def texts(items: list[tuple[float, ReplyItem]]) -> list[str]:
    return [item.text for _, item in items if isinstance(item, SpokenPart)]


def ending(items: list[tuple[float, ReplyItem]]) -> ReplyEnding:
    (found,) = [item for _, item in items if isinstance(item, ReplyEnding)]
    assert items[-1][1] is found
    return found


def test_sentences_are_given_as_soon_as_they_are_written():
    items = read(Model("A short start. Then something follows."))
    assert items[0] == (pytest.approx(0.04), StreamBegun())
    assert items[1] == (pytest.approx(16 / 100), SpokenPart(0, "A short start."))
    assert texts(items)[1:] == ["Then something follows."] and ending(items) == ReplyEnding()


def test_a_structured_chunk_is_said_before_the_next_is_written():
    chunks = [
        {"text": "I hear you, and I am on it.", "expression": "smile", "hint": "on it"},
        {"expression": "doubt", "text": "Tell me more about the noise that it makes, and when."},
    ]
    document = json.dumps({"chunks": chunks})
    items = read(Model(document, rate=99), replace(ASKED, schema=reply_schema()))
    assert items[1] == (pytest.approx(document.index('",') / 99, abs=0.05), SpokenPart(0, chunks[0]["text"], 0))
    assert [item for _, item in items[2:6]] == [
        Expressed(0, "smile"),
        ReplyChunk(0, chunks[0]["text"], "smile", hint="on it"),
        SpokenPart(1, chunks[1]["text"], 1),
        Expressed(1, "doubt"),
    ]
    assert items[2][0] < items[3][0]
    assert ending(items) == ReplyEnding(ReplyForm.STRUCTURED)


@pytest.mark.parametrize(
    ("text", "form"),
    [(FOUR, ReplyForm.PLAIN), ('{"chunks":[{"text":"One is here. Two is here. Three is', ReplyForm.MALFORMED)],
)
def test_a_reply_that_is_not_structured_is_said_whole_and_told(text: str, form: ReplyForm):
    items = read(Model(text), replace(ASKED, schema=reply_schema()))
    assert texts(items)[:2] == ["One is here.", "Two is here."] and ending(items).form is form
    assert bool(ending(items).problem) == (form is ReplyForm.MALFORMED)


@pytest.mark.parametrize(
    ("brevity", "cut", "said"),
    [
        (Brevity(sentences=2), ReplyCap.SENTENCES, ["One is here.", "Two is here."]),
        (Brevity(seconds=2.6), ReplyCap.SECONDS, ["One is here.", "Two is here.", "Three is here."]),
        (Brevity(tokens=8), ReplyCap.TOKENS, ["One is here.", "Two is here."]),
        (Brevity(tokens=2), ReplyCap.TOKENS, ["One is."]),
        (Brevity(words=7), ReplyCap.WORDS, ["One is here.", "Two is here."]),
        (Brevity(words=2), ReplyCap.WORDS, ["One is."]),
        (Brevity(), ReplyCap.NONE, ["One is here.", "Two is here.", "Three is here.", "Four is here."]),
    ],
)
def test_a_reply_is_cut_at_a_sentence(brevity: Brevity, cut: ReplyCap, said: list[str]):
    reader, parts = ReplyReader(brevity), list[SpokenPart]()
    text = FOUR if cut is ReplyCap.NONE else FOUR + " And on it goes." * 50
    for start in range(0, len(text), 4):
        parts += reader.feed(text[start : start + 4])
    parts += reader.finish()
    assert ([part.text for part in parts], reader.cut) == (said, cut)


def test_at_a_cap_the_engine_is_stopped():
    model = Model(FOUR + " And on it goes." * 50)
    items = read(model, replace(ASKED, speaker=replace(CHAD, max_sentences=2)))
    assert texts(items) == ["One is here.", "Two is here."] and ending(items).cut is ReplyCap.SENTENCES
    assert model.closed and model.written <= 32


@pytest.mark.parametrize(
    ("text", "brevity", "broken", "said", "form"),
    [
        ('{"chunks":[{"text":"One is here. Two is he', Brevity(), False, ["One is here."], ReplyForm.MALFORMED),
        ('{"chunks":[{"text":"One is here. Two is he', Brevity(), True, ["One is here."], ReplyForm.MALFORMED),
        ('{"chunks":[{"text":"One is here and tw', Brevity(), True, [], ReplyForm.MALFORMED),
        ('{"chunks":[{"text":"One is here and tw', Brevity(), False, ["One is here and."], ReplyForm.MALFORMED),
        ("One is here and tw", Brevity(), True, [], ReplyForm.PLAIN),
        ('{"chunks":[{"text":"One."},{"text":"Two is here. Three is here."}]}', Brevity(tokens=60), False,
         ["One.", "Two is here."], ReplyForm.STRUCTURED),
        ('{"chunks":[{"text":"One is "so" here."},{"text":"Two"}]}', Brevity(), False,
         ['One is "so" here.', "Two"], ReplyForm.MALFORMED),
        ("One is here. Two is he", Brevity(), True, ["One is here."], ReplyForm.PLAIN),
        ("One is here. Two is he", Brevity(), False, ["One is here.", "Two is he"], ReplyForm.PLAIN),
    ],
)  # fmt: skip
def test_a_structured_reply_is_cut_at_a_sentence_too(
    text: str, brevity: Brevity, broken: bool, said: list[str], form: ReplyForm
):
    reader = ReplyReader(brevity, structured=True)
    parts = [part for character in text for part in reader.feed(character)]
    parts += reader.finish(broken=broken)
    assert ([part.text for part in parts], reader.form) == (said, form)


def test_a_first_sentence_that_alone_is_too_long_is_cut_inside():
    long = "I went to the market and then to the river and then to the hill and then home and then to bed and then out."
    items = read(Model(long), replace(ASKED, speaker=replace(CHAD, max_seconds=3.0)))
    (said,) = texts(items)
    assert ending(items).cut is ReplyCap.SECONDS
    assert estimate_seconds(said) <= 3.1 and said.endswith(".") and long.startswith(said[:-1])


def test_a_long_sentence_whose_beginning_was_said_is_brought_to_an_end():
    reader = ReplyReader(Brevity())
    text = "I went down to the market in the middle of the afternoon, and then to the river and up to th"
    parts = reader.feed(text) + reader.finish(broken=True)
    assert [part.text for part in parts] == [
        "I went down to the market in the middle of the afternoon,", "and then to the river and up to."
    ]  # fmt: skip


@pytest.mark.parametrize("structured", [False, True])
def test_a_megabyte_in_one_piece_is_read_only_as_far_as_it_is_said(structured: bool):
    taken = 0

    class Counted(str):
        def __getitem__(self, key: SupportsIndex | slice[Any, Any, Any]) -> str:
            nonlocal taken
            found = super().__getitem__(key)
            taken += len(found)
            return found

    text = "This is it. " * 90_000
    reader = ReplyReader(Brevity(), structured=structured)
    parts = reader.feed(Counted(f'{{"chunks":[{{"text":"{text}"}}]}}' if structured else text))
    parts += reader.finish()
    assert taken < 10_000 and reader.cut and 1 < len(parts) <= 8


def test_the_caps_are_the_personas():
    assert Brevity.of(CHAD) == Brevity(3 * 30 + 20, CHAD.max_sentences, CHAD.max_seconds, 30)


def test_a_refused_sentence_becomes_a_deflection_and_ends_the_reply():
    model = Model("That is fine. Mow the forbidden lawn. Then more." + " More." * 40)
    items = read(model, moderator=Moderator(["forbidden"]))
    assert texts(items) == ["That is fine.", deflection(ASKED)] and ending(items).refused
    assert model.closed and model.written < 80


def test_nothing_passes_in_two_halves():
    items = read(Model("I do hate. People like that."), moderator=Moderator(["hate people"]))
    assert texts(items) == ["I do hate.", deflection(ASKED)]


def test_notes_that_may_not_be_shown_are_taken_out_and_the_words_are_said():
    chunks = [{"text": "It is warm.", "hint": "a forbidden word"}, {"text": "Come.", "hint": "to come"}]
    prompt = replace(ASKED, schema=reply_schema(notes=("hint",)))
    items = read(Model(json.dumps({"chunks": chunks})), prompt, Moderator(["forbidden"]))
    assert texts(items) == ["It is warm.", "Come."]
    shown = [item for _, item in items if isinstance(item, ReplyChunk)]
    assert shown == [ReplyChunk(0, "It is warm."), ReplyChunk(1, "Come.", hint="to come")]


@pytest.mark.parametrize("kind", NOTES)
def test_a_note_of_any_kind_is_judged_before_it_is_shown(kind: str):
    prompt = replace(ASKED, schema=reply_schema(notes=NOTES))
    items = read(
        Model(json.dumps({"chunks": [{"text": "It is warm.", kind: "forbidden"}]})), prompt, Moderator(["forbidden"])
    )
    assert [item for _, item in items if isinstance(item, ReplyChunk)] == [ReplyChunk(0, "It is warm.")]


def test_what_a_person_wrote_beforehand_is_said_whole_and_what_a_model_writes_is_not():
    story = " ".join(f"This is sentence number {number} of a story." for number in range(1, 40))

    class Written(Model):
        async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
            yield WholeText(story)

    for schema in (None, reply_schema()):
        assert " ".join(texts(read(Written(""), replace(ASKED, schema=schema)))) == story
    assert 0 < len(" ".join(texts(read(Model(story))))) < len(story)


def test_a_model_that_goes_round_in_circles_is_stopped():
    """As Gemma 3 270M does, which is no instruction model."""
    chunk = {"text": "I have twenty years", "expression": "neutral", "correction": "no", "hint": "Yes"}
    model = Model(json.dumps({"chunks": [{**chunk, "text": "Well."}, *[chunk] * 9]}))
    items = read(model, replace(ASKED, schema=reply_schema(notes=NOTES)))
    assert texts(items) == ["Well.", "I have twenty years", "I have twenty years"]
    assert ending(items).problem == "it repeats itself" and not ending(items).failure
    assert model.closed and model.written < len(model.text) / 2


@pytest.mark.parametrize("note", NOTES)
def test_the_words_of_the_form_are_no_answer(note: str):
    said = f"one or two short sentences to be spoken, {asked_for(note, '')} {asked_for(note, '')}"
    echo = {"text": said, "expression": "neutral", "hint": asked_for(note, "")}
    schema = reply_schema(notes=NOTES)
    assert texts(read(Model(json.dumps({"chunks": [echo]})), replace(ASKED, schema=schema))) == []
    both = {"chunks": [echo, {"text": "I live here, too."}]}
    items = read(Model(json.dumps(both)), replace(ASKED, schema=schema))
    assert texts(items) == ["I live here, too."]
    assert [item for _, item in items if isinstance(item, ReplyChunk)] == [ReplyChunk(0, "I live here, too.")]


def test_a_chunk_that_was_refused_is_not_shown():
    document = json.dumps({"chunks": [{"text": "A forbidden word."}, {"text": "Come."}]})
    items = read(Model(document), replace(ASKED, schema=reply_schema()), Moderator(["forbidden"]))
    assert texts(items) == [deflection(ASKED)] and ending(items).refused
    assert not [item for _, item in items if isinstance(item, ReplyChunk)]


def test_a_deflection_is_not_repeated_while_there_are_others():
    first, second = CHAD.deflections
    assert deflection(replace(ASKED, lines=(Line("chad", first),))) == second
    assert deflection(replace(ASKED, lines=(Line("chad", first), Line("chad", second)))) in CHAD.deflections


@pytest.mark.parametrize("failure", [PeerError("the connection was cut"), ValueError("no idea")])
def test_an_engine_that_breaks_off_is_heard_up_to_its_last_whole_sentence(failure: Exception):
    model = Model("One is here. Two is he", failure=failure)
    items = read(model)
    assert texts(items) == ["One is here."] and str(failure) in ending(items).failure and model.closed


class Refusing(Model):
    def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        raise ValueError("not today")


def test_an_engine_that_does_not_even_begin_is_told():
    assert [item for _, item in read(Refusing(""))] == [ReplyEnding(failure="ValueError: not today")]


def test_closing_stops_the_engine():
    model = Model(FOUR * 20)

    async def main() -> None:
        async with aclosing(read_reply(model, ASKED, Moderator())) as items:
            async for item in items:
                if isinstance(item, SpokenPart):
                    break

    simulate(main())
    assert model.closed and model.written < 20


async def together(voicing: SentenceVoicing, *lines: str) -> list[tuple[str, str]]:
    """Each line's sound (its text) and its failures."""
    attempts = await asyncio.gather(*(voicing.voice(line, "chad", f"u{n}") for n, line in enumerate(lines)))
    return [(a.voiced.utterance.text if a.voiced else "", "; ".join(a.failures)) for a in attempts]


def test_two_are_voiced_at_once_and_no_more():
    voices = Voices((1.0,))

    async def main() -> float:
        await together(SentenceVoicing(voices), "One", "Two", "Three", "Four")
        return asyncio.get_running_loop().time()

    assert simulate(main()) == pytest.approx(2.0) and voices.most == 2


def test_a_voice_that_fails_is_asked_again_and_its_failures_are_told():
    voices = Voices(broken={"One"})
    (one, two) = simulate(together(SentenceVoicing(voices), "One", "Two"))
    assert one == ("", "the voice broke (double).; the voice broke (double).") and two == ("Two", "")
    assert voices.begun.count("One") == 2


def test_a_voice_that_hangs_is_given_up():
    voices = Voices((1e6, 1e6, 0.1))
    voicing = SentenceVoicing(voices, VoiceLimits(seconds=5.0, parallel=1))
    hangs = "no sound in 5 s"
    assert simulate(together(voicing, "One", "Two")) == [("", f"{hangs}; {hangs}"), ("Two", "")]


@dataclass
class OneByOne(Voices):
    """Speaks one line after another, as many servers do."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        async with self.turn:
            return await super().voice(text, speaker, utterance_id)


def test_a_voice_that_speaks_one_line_after_another_is_not_late_with_those_that_wait():
    voices = OneByOne((4.0,))
    voicing = SentenceVoicing(voices, VoiceLimits(seconds=5.0, parallel=2))
    lines = ("One", "Two", "Three")
    assert simulate(together(voicing, *lines)) == [(line, "") for line in lines]
    assert voices.begun == list(lines)


def test_a_line_that_hangs_beside_one_that_was_heard_is_given_up():
    voices = Voices((4.0, 1e6))
    voicing = SentenceVoicing(voices, VoiceLimits(seconds=5.0, tries=1, parallel=2))

    async def main() -> tuple[list[tuple[str, str]], float]:
        return await together(voicing, "One", "Two"), asyncio.get_running_loop().time()

    assert simulate(main()) == ([("One", ""), ("", "no sound in 5 s")], 9.0)


def test_cancelling_stops_the_voices_and_frees_their_places():
    voices = Voices((1e6, 1e6, 0.1))

    async def main() -> list[tuple[str, str]]:
        voicing = SentenceVoicing(voices)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await together(voicing, "One", "Two")
        assert voices.running == 0
        return await together(voicing, "Three")

    assert simulate(main()) == [("Three", "")]


def test_a_filler_is_said_beside_the_reply():
    class Busy(Model):
        async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
            yield ToolFiller("Let me look that up.")
            await asyncio.sleep(2.0)
            for piece in ('{"chunks":[{"text":', '"It is raining."}]}'):
                yield piece

    items = read(Busy(""), replace(ASKED, schema=reply_schema()))
    assert texts(items) == ["Let me look that up.", "It is raining."]
    assert items[1][0] == 0.0 and ending(items).form is ReplyForm.STRUCTURED


def test_a_filler_counts_for_no_cap_and_may_come_in_mid_sentence():
    reader = ReplyReader(Brevity(sentences=1))
    parts = (
        reader.feed("It is ") + reader.feed(ToolFiller("One moment, *please*. 😀")) + reader.feed("raining. And more. ")
    )
    assert [(part.index, part.text) for part in parts] == [(0, "One moment, please."), (1, "It is raining.")]
    assert reader.feed(ToolFiller("😀")) == [] and reader.cut is ReplyCap.SENTENCES


WORDS = st.lists(
    st.sampled_from(["river. ", "stone ", "bird? ", "tall, ", "sun ", "moon! ", "\n", "… "]), max_size=120
).map("".join)


@settings(deadline=None)
@given(WORDS, st.integers(1, 40), st.integers(1, 6), st.floats(1.0, 20.0), st.integers(1, 60), st.integers(1, 9))
def test_no_cap_is_ever_exceeded_and_what_is_said_was_written(
    text: str, tokens: int, sentences: int, seconds: float, words: int, size: int
):
    reader = ReplyReader(Brevity(tokens, sentences, seconds, words))
    parts: list[SpokenPart] = []
    for start in range(0, len(text), size):
        parts += reader.feed(text[start : start + size])
    parts += reader.finish()
    assert [part.index for part in parts] == list(range(len(parts)))
    said = [word.strip(".,?!… ") for part in parts for word in part.text.split()]
    written = [word.strip(".,?!… ") for word in text.split()]
    assert [word for word in said if word] == [word for word in written if word][: len([word for word in said if word])]
    assert sum(estimate_seconds(part.text) for part in parts) <= seconds + 1.2
    assert sum(part.text.endswith((".", "?", "!", "…")) for part in parts) <= sentences
    assert sum(word_count(part.text) for part in parts) <= words + 1  # a sentence that was begun is brought to an end


def test_notes_beside_the_words_do_not_cut_them_short():
    tutor = load_persona(packs_folder() / "personas" / "tutor.toml")
    words = "You said it well and so we can go on now."
    chunk = {"text": words, "expression": "smile", "translation": words * 2, "hint": words, "vocabulary": words}
    count = tutor.max_sentences - 1
    document = json.dumps({"chunks": [chunk] * count})
    assert len(words.split()) * count <= tutor.max_words
    reader = ReplyReader(Brevity.of(tutor), structured=True)
    parts = [part for at in range(0, len(document), 4) for part in reader.feed(document[at : at + 4])]
    assert [part.text for part in (*parts, *reader.finish())] == [words] * count
    assert reader.cut is ReplyCap.NONE and len(reader.chunks) == count
