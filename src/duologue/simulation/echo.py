"""The line's echo: words of ours that come back into the room after a while."""

from __future__ import annotations

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import Clear, Effect, Event, Pause, Play, Resume
from duologue.simulation.room import Room, RoomSound
from duologue.simulation.scenario import Echo
from duologue.simulation.sink import LeapingSink
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import Utterance


class EchoPath:
    """Puts what ``sink`` plays into ``room``; without ``options`` nothing comes back."""

    def __init__(self, options: Echo | None, room: Room, sink: LeapingSink) -> None:
        self._options = options
        self._room = room
        self._sink = sink
        self._utterances: dict[str, Utterance] = {}

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or effect of the session."""
        if self._options is None:
            return
        delay = round(self._options.delay_ms * MILLISECOND)
        match item:
            case Play(utterance):
                self._utterances[utterance.id] = utterance
            case PlayStarted(utterance_id, at) if utterance_id in self._utterances:
                self._come_back(self._utterances[utterance_id], 0, at + delay, self._options.share)
            case Pause() | Clear():
                self._room.silence_echo(self._room.place(now + delay))
            case Resume() if self._sink.spans:
                last = self._sink.spans[-1]
                played = last.start + (last.end - last.begin) * last.utterance.rate // SECOND
                self._come_back(last.utterance, played, now + delay, self._options.share)
            case _:
                pass

    def _come_back(self, utterance: Utterance, played: int, at: int, share: float) -> None:
        """The sound after sample ``played`` is heard in the room from ``at`` on; ``share`` of its words are clear."""
        place, scale = self._room.place(at), EAR_RATE / utterance.rate
        sounds: list[RoomSound] = []
        for number, word in enumerate(utterance.words()):
            if word.end <= played:
                continue
            begin = place + round(max(0, word.start - played) * scale)
            text = word.text if int((number + 1) * share) > int(number * share) else ""
            sounds.append(RoomSound(begin, place + round((word.end - played) * scale), text, -1))
        self._room.add(sounds)
