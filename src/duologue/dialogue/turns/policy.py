"""How turns are taken: every number that turn-taking goes by, and what it bounds."""

from __future__ import annotations

from dataclasses import dataclass

from duologue.language.languages import ENGLISH

BACKCHANNELS = ENGLISH.turns.backchannels
"""Words that show that somebody listens, and do not ask for the floor."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How turns are taken. Times in milliseconds.

    ``manual``: only a commit ends a turn of the person, however long they pause (``turn_ms`` bounds it all the same).
    ``answers``: a turn that is over is answered; else its words are kept until the owner wants an answer (somebody
    writes, or nothing is written: ``Typed("")``).
    ``half_duplex``: while a reply is on the floor nothing is listened to; the ears open ``tail_ms`` after it.
    ``doubt_ms``: from the onset of a voice over ours to the pause, ``echo_doubt_ms`` while the room echoes: an echo of
    ours was heard over the newest reply or the one before. ``word_ms``: a shorter voice is no word. ``phrase_ms``: one
    that lasts so long may be more than a word, and go on after a pause. ``barge_ms``: a voice that goes on for so long
    takes the floor even without words.
    ``offset_ms``: how long after the end of speech that end is known
    (Silero: 130 to 160 ms in the median, 240 in noise, for 90 of 100). ``hangover_ms``:
    shortest silence that ends a stretch. ``final_ahead_ms``: how long before a turn is due to end its final transcript
    is asked for, ``final_by_ms`` of silence at the latest. ``stable_ms``: words that have stood so long in a pause are
    thought about. ``final_ms``, ``judge_ms``:
    for a final transcript, or another sign of the ears (``reply_ms`` at most), while nobody waits; and for it while a
    paused reply does. ``meant_ms``: a voice that lasts so long
    meant something, words or not; ``sorry`` times in a row we say that we did not
    catch it. ``clear_ms``: for the floor to say what it had played. ``playout_ms``: for any sign of
    the floor. ``filler_ms``, ``filler_every_ms``: silence of ours before a filler, and between two. ``reply_ms``: for a
    reply to sound, or to go on. ``stretch_ms``, ``turn_ms``: the longest stretch, and turn, of the person.
    ``retry_ms``: least time between two stretches when an engine ends one while the voice goes on. ``silence_ms``:
    nobody speaks; ``asks`` times in a row the character asks into it. ``held_ms``: a line may be on hold before the
    reply that was cut is over; until then it goes on.
    ``jump_ms``: a deadline met so much too late is nobody's but our own, and everybody gets that time
    back and ``grace_ms`` on top. ``ahead``: sentences voiced ahead of the one that ends next. ``wait_least_ms`` and
    ``wait_most_ms`` bound the silence that ends a turn, whatever the patience says. ``sentences`` and
    ``person_chars`` bound a reply and a turn of the person. ``tries``: speculations in one turn.
    """

    half_duplex: bool = False
    manual: bool = False
    answers: bool = True
    tail_ms: int = 150
    speculate: bool = True
    tries: int = 3
    doubt_ms: int = 150
    echo_doubt_ms: int = 700
    word_ms: int = 120
    phrase_ms: int = 500
    barge_ms: int = 1_500
    offset_ms: int = 200
    hangover_ms: int = 250
    final_ahead_ms: int = 200
    final_by_ms: int = 600
    stable_ms: int = 30
    final_ms: int = 2_000
    judge_ms: int = 800
    meant_ms: int = 800
    sorry: int = 2
    clear_ms: int = 300
    playout_ms: int = 3_000
    filler_ms: int = 1_500
    filler_every_ms: int = 4_000
    reply_ms: int = 12_000
    stretch_ms: int = 30_000
    turn_ms: int = 120_000
    retry_ms: int = 1_000
    silence_ms: int = 20_000
    asks: int = 0
    held_ms: int = 30_000
    jump_ms: int = 500
    grace_ms: int = 500
    sentence_gap_ms: int = 120
    ahead: int = 3
    sentences: int = 40
    person_chars: int = 4_000
    wait_least_ms: int = 250
    wait_most_ms: int = 1_400
    backchannels: frozenset[str] = BACKCHANNELS
