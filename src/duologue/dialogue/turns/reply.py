"""A reply: one account of it, from the thought to what was heard. Pure registers."""

from __future__ import annotations

from dataclasses import dataclass, field

from duologue.dialogue.heard import from_sample, heard_text, split
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.turns.vocabulary import (
    AudioGrew,
    AudioReady,
    ChunkWritten,
    EngineFailed,
    ReplyBegun,
    ReplyFinished,
    SentenceReady,
    Stage,
)
from duologue.language.structured import ReplyChunk
from duologue.speech.utterance import Utterance

NEARLY_OVER_SECONDS = 0.5
"""With so little of a reply left, an answer to it is no interruption."""

REST = "~"
"""Ends the id of what is left of an utterance, when that is given to a sink again."""


@dataclass(slots=True)
class Piece:
    """Something of ours on the floor. A filler has no utterance here: it enters no context.

    What goes on with an utterance ``of`` that was given to a sink before has its samples from ``cut`` on.
    """

    utterance: Utterance | None
    played: int = 0
    ended: bool = False
    of: str = ""
    cut: int = 0
    offset: int = 0


@dataclass(slots=True)
class Reply:
    """One answer of ours, bound to what the ``person`` said in their turn ``turn`` (0: nobody had said anything).
    Times (ns): ``since`` it was asked for, ``bound`` when it was given the turn, ``after`` when their voice had gone.
    """

    id: str
    person: str
    since: int
    after: int = 0
    bound: int = 0
    turn: int = 0
    speculative: bool = False
    begun: bool = False
    sentences: list[str] = field(default_factory=list[str])
    chunks: list[ReplyChunk] = field(default_factory=list[ReplyChunk])
    finished: bool = False
    apologised: bool = False
    broken_off: bool = False
    """Its newest sentence could not be voiced."""
    echoed: bool = False
    """It was heard to come back."""
    voicing: int = 0
    voiced: dict[int, Utterance | None] = field(default_factory=dict[int, Utterance | None])
    unsaid: set[int] = field(default_factory=set[int])
    """Sentences that are not wanted any more, but may be voiced still: their numbers are not given to others."""
    playing: int = 0
    most: int = 0
    """Sentences that it may have; 0: as many as the policy says."""
    pieces: dict[str, Piece] = field(default_factory=dict[str, Piece])
    committed: bool = False
    """The person's turn was committed: it cannot go on."""
    stopped: bool = False
    """By the owner: what it was asked is not open again."""

    # What is the case

    @property
    def sounding(self) -> bool:
        """Anything of it is on the floor, a filler included."""
        return any(not piece.ended for piece in self.pieces.values())

    @property
    def speaking(self) -> bool:
        """A sentence of it is on the floor, or could be at once."""
        index = self.playing
        while index in self.voiced and self.voiced[index] is None:
            index += 1
        return index in self.voiced or any(piece.utterance and not piece.ended for piece in self.pieces.values())

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self.finished and self._all_given and not self.sounding

    @property
    def nearly_over(self) -> bool:
        """All of it was said but for the last word or so."""
        if not (self.finished and self._all_given):
            return False
        if any(piece.utterance and piece.utterance.open and not piece.ended for piece in self.pieces.values()):
            return False
        left = (
            (len(piece.utterance.samples) - piece.played) / piece.utterance.rate
            for piece in self.pieces.values()
            if piece.utterance and not piece.ended
        )
        return sum(left) <= NEARLY_OVER_SECONDS

    @property
    def _all_given(self) -> bool:
        """No sentence of it has yet to go to the floor."""
        return all(index in self.unsaid for index in range(self.playing, len(self.sentences)))

    @property
    def _newest_given(self) -> int:
        """The number of the sentence that went to the floor last; -1: none did."""
        return max((index for index in range(self.playing) if index not in self.unsaid), default=-1)

    @property
    def whole(self) -> bool:
        """Every sentence of it was played to its end."""
        pieces = self.pieces.values()
        return self.over and all(
            piece.utterance is None or piece.played >= len(piece.utterance.samples) for piece in pieces
        )

    @property
    def ended(self) -> int:
        """Sentences that are done with: played, or impossible to voice."""
        waiting = sum(1 for piece in self.pieces.values() if piece.utterance and not piece.ended)
        return self.playing - waiting

    @property
    def failed(self) -> bool:
        """It is over, and nothing of it was heard, or its end is missing; and nobody has said sorry yet."""
        return self.over and not self.apologised and (self.broken_off or not self.heard())

    def waits_after(self, event: PlayStarted | PlayProgress | PlayEnded) -> bool:
        """That was the end of a sentence of it, and the next one is not there."""
        piece = self.pieces.get(event.utterance_id)
        return isinstance(event, PlayEnded) and piece is not None and piece.utterance is not None and not self.speaking

    def heard(self) -> str:
        """What the far end played of it, in whole words."""
        played = (heard_text(piece.utterance, piece.played) for piece in self.pieces.values() if piece.utterance)
        return " ".join(filter(None, played))

    # What the table does with it

    def piece_of(self, utterance_id: str) -> Piece | None:
        """Where that utterance, or the rest of it, is on the floor."""
        mine = (piece for name, piece in self.pieces.items() if utterance_id in (name, piece.of) and not piece.ended)
        return next(mine, None)

    def cut_short(self) -> list[str]:
        """Nothing of it is said after the sentence that is on the floor, or comes next; gives the ids to take back."""
        keep = self.ended + 1
        first = max(keep, self.playing)
        del self.sentences[max(first, self.voicing) :]
        for index in range(first, self.voicing):
            self.voiced[index] = None
            self.unsaid.add(index)
        self.most = keep
        self.finished = self.finished or len(self.sentences) >= keep
        waiting = [name for name, piece in self.pieces.items() if piece.utterance and not piece.ended]
        return waiting[1:]

    def play_again(self) -> list[tuple[Utterance, bool]]:
        """What was given to a sink that is gone and not heard, from the first such word on, under ids of its own; and
        whether it goes on in the middle of a sentence.
        """
        again: list[tuple[Utterance, bool]] = []
        for name, piece in list(self.pieces.items()):
            if piece.ended:
                continue
            piece.ended = True
            if piece.utterance is None:
                continue
            first, rest = split(piece.utterance, piece.played, f"{name}{REST}")
            if rest is None:
                continue
            cut, offset = len(first.samples), len(piece.utterance.text) - len(rest.text)
            self.pieces[rest.id] = Piece(rest, of=piece.of or name, cut=piece.cut + cut, offset=piece.offset + offset)
            piece.utterance, piece.played = first, cut
            again.append((rest, bool(first.text)))
        return again

    # Bookkeeping. False: that concerns nobody any more.

    def note_writing(self, event: ReplyBegun | SentenceReady | ChunkWritten | ReplyFinished, most: int) -> bool:
        """It is written on; ``most`` sentences of it are taken."""
        match event:
            case ReplyBegun():
                self.begun = True
            case SentenceReady(text=text):
                if self.finished or not text.strip():
                    return False
                self.sentences.append(text)
                self.finished = len(self.sentences) >= min(most, self.most or most)
            case ChunkWritten(chunk=chunk):
                self.chunks.append(chunk)
            case ReplyFinished():
                self.finished = True
        return True

    def note_audio(self, event: AudioReady | AudioGrew) -> bool:
        """A sentence of it is voiced, or has grown."""
        index, utterance = event.index, event.utterance
        if isinstance(event, AudioReady):
            if not self.playing <= index < self.voicing or index in self.voiced:
                return False
            self.voiced[index] = utterance
            return True
        if self.voiced.get(index) is not None:
            self.voiced[index] = utterance
            return True
        piece = self.piece_of(utterance.id)
        if piece is None or piece.utterance is None or not piece.utterance.open:
            return False
        rest = from_sample(utterance, piece.cut, piece.offset, piece.utterance.id) if piece.of else utterance
        piece.utterance = rest
        return True

    def note_failure(self, event: EngineFailed) -> None:
        """Its engine gave up on it, or on a sentence of it."""
        if event.stage is Stage.THINKING:
            self.finished = True
        elif self.playing <= event.index < self.voicing:
            self.voiced[event.index] = None
        elif event.index == self._newest_given:
            self.broken_off = True  # it was handed over while it was voiced

    def note_playout(self, event: PlayStarted | PlayProgress | PlayEnded) -> bool:
        """What the far end says of a piece of it."""
        piece = self.pieces.get(event.utterance_id)
        if piece is None or piece.ended:
            return False
        if not isinstance(event, PlayStarted):
            piece.played = event.played_samples  # the newest word: an estimate may have been too much
        piece.ended = isinstance(event, PlayEnded)
        return True
