"""What each stage of a turn took, of its record."""

from __future__ import annotations

from duologue.clock import milliseconds
from duologue.telemetry.ledger import TurnRecord

FINAL_STATES = frozenset({"ended", "withdrawn", "failed"})
"""States after which a turn does not change any more."""

STAGES = (
    "endpointing",
    "transcript",
    "floor",
    "first_token",
    "first_sentence",
    "voice",
    "sending",
    "playout",
    "speaking",
)
"""The stages of a turn, in order: one set for shows, talks and calls. Those of a character's own turn begin with
``first_token``; all but the last are the silence before an answer (docs/latency.md). Where nobody tells when a first
sound left (a show, a terminal) there is no ``sending``: it is a part of ``playout``.
"""


def stages_ms(record: TurnRecord) -> dict[str, float]:
    """What each stage took (ms); consecutive. Those that never came are left out, and so is silence that nobody kept.

    An answer to a person begins where their speech ended, any other turn where it was asked for. A person's own turn
    is ``speaking`` alone.
    """
    return {name: milliseconds(end - begin) for name, (begin, end) in stage_spans(record).items()}


def stage_spans(record: TurnRecord) -> dict[str, tuple[int, int]]:
    """When each stage of :func:`stages_ms` began and ended (monotonic ns)."""
    found = _silence(record)
    if record.kind != "person" and not found and record.asked:
        at = record.asked
        for name, time in _ends(record)[3:]:
            if time:
                found[name] = at, max(at, time)
                at = found[name][1]
    if record.on_air and record.ended >= record.on_air:
        found["speaking"] = record.on_air, record.ended
    return found


def _ends(record: TurnRecord) -> tuple[tuple[str, int], ...]:
    """When each stage but the last ends; 0: unknown. Who takes whole lines (a show: lips need what comes next) waits
    for all of the text and all of the sound; of a turn that is said in parts only for the first of it.
    """
    streams = record.spoken_to or record.first_sentence
    sentence = (record.first_sentence or record.apologised) if streams else record.text_complete
    sound = record.first_audio if streams or record.parts else record.voiced
    return (
        ("endpointing", record.decided),
        ("transcript", record.understood),
        ("floor", record.asked),
        ("first_token", record.first_token or record.apologised),
        ("first_sentence", sentence),
        ("voice", sound),
        *((("sending", record.sent),) if record.sent else ()),
        ("playout", record.on_air),
    )


def silence_ms(record: TurnRecord) -> dict[str, float]:
    """What each stage of the silence before an answer took (ms): from the end of the person's speech to the answer's
    first word. Consecutive; they add up to ``on_air - spoken_to``. Empty for what answers no speech, or never sounded.

    A stage ends when its time has come, or with the stage before it if that was sooner: what speculation did before
    the turn was decided takes no time. Thinking that gave nothing ends with the decision to apologise.
    """
    return {name: milliseconds(end - begin) for name, (begin, end) in _silence(record).items()}


def _silence(record: TurnRecord) -> dict[str, tuple[int, int]]:
    if not (record.spoken_to and record.on_air):
        return {}
    found: dict[str, tuple[int, int]] = {}
    at = record.spoken_to
    for name, time in _ends(record):
        found[name] = at, max(at, min(time, record.on_air))
        at = found[name][1]
    return found


def grown(record: TurnRecord) -> tuple[dict[str, tuple[int, int]], str]:
    """Of an answer that is not heard yet: when each stage that is over began and ended (monotonic ns), and the name of
    the one that goes on. Before the person's turn is over there is neither.
    """
    times = {**dict(_ends(record)), "voice": record.first_audio or record.voiced}
    known = [name for name in times if times[name]]
    if not (record.spoken_to and known):
        return {}, ""
    names, over, at = list(times), dict[str, tuple[int, int]](), record.spoken_to
    for name in names[: names.index(known[-1]) + 1]:
        over[name] = at, max(at, times[name])
        at = over[name][1]
    following = names[len(over) :]
    return over, following[0] if following else ""


def points_ms(record: TurnRecord) -> dict[str, float]:
    """The timing points of an answer on a call (ms after t0, where the caller's last word ends): ``decided``,
    ``transcript``, ``first_token``, ``t1`` (a sentence goes to the voice), ``t2`` (the voice's first sound), ``t3``
    (its first packet left). What was thought ahead lies before ``decided``, maybe before t0. Empty for what answers
    nothing or never left.
    """
    if not (record.spoken_to and record.sent):
        return {}
    points = {
        "decided": record.decided, "transcript": record.understood, "first_token": record.first_token,
        "t1": record.first_sentence or record.apologised, "t2": record.first_audio, "t3": record.sent,
    }  # fmt: skip
    return {name: milliseconds(at - record.spoken_to) for name, at in points.items() if at}


def voicing_ms(record: TurnRecord) -> float | None:
    """From t1 to t2 (:func:`points_ms`): what the voice took for the first sound, also for one that was made before the
    decision, which the stage ``voice`` leaves out. None: one of them is not known.
    """
    text = record.first_sentence or record.apologised
    return milliseconds(record.first_audio - text) if text and record.first_audio >= text else None
