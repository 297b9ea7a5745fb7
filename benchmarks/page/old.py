"""The old tutor's own case on the Talk page: "Hello, nice to meet you.", with a model and a voice as slow as its own.

They are :mod:`benchmarks.page.servers`, once with a voice that gives whole sentences and once with one that streams.
Floors are what nobody can beat with these two, counted from the key that sent the words; when the model had written
something stands in its own log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.machine import load, say
from benchmarks.page.browser import Captured, Visit, visiting
from benchmarks.page.house import talk_house
from benchmarks.page.servers import ASKED, CHUNKS, HINT, REPLY, Floor, Servers, floor, old_tutor
from benchmarks.page.sound import begun, first_audible, sounds
from benchmarks.table import Row, row
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK

TURNS = 3
TUTOR = "Mae"
QUIET_S = 2.0
"""What a conversation voices beforehand is voiced when the voice was silent for so long…"""
PREPARED_WITHIN_S = 60.0
"""… which it is by then."""
OLD_FIRST_S, OLD_DONE_S, OLD_VOICED_S = 13.6, 15.65, 10.7
"""As its log had it: the first sound, all done; of that its voice took the third."""


@dataclass(frozen=True)
class Case:
    """One turn, s after the key: the model was asked; the text of chunk 0 was written (by the model's log), at the
    socket, in the document, painted; its first sound at the socket, and passing the device; the last sound and the last
    note at the socket; all was played.
    """

    asked: float
    written: float
    text: float
    shown: float
    painted: float
    sound: float
    heard: float
    done: float
    played: float


def rows(small: bool = False) -> list[Row]:
    """Both voices."""
    made: list[Row] = []
    for how, name in (("whole", "a voice of whole sentences"), ("stream", "a voice that streams")):
        cases = measured(how, 1 if small else TURNS)
        made += list(_rows(name, cases, floor(streams=how == "stream")))
    return [*_old(), *made]


def measured(how: str, turns: int) -> list[Case]:
    """So many turns, one after another."""
    with old_tutor(how) as servers, talk_house(servers.settings()) as house, visiting(house.address) as visit:
        visit.begin(TUTOR)
        prepared(servers, visit)
        for number in range(turns):
            say(f"turn {number + 1} of {turns}")
            visit.say(ASKED)
            visit.wait(1.0)
            visit.answered()
            visit.wait(0.5)
        captured = visit.take()
        return list(cases(captured, servers))


def prepared(servers: Servers, visit: Visit) -> None:
    """Until nothing more is voiced beforehand."""
    end = SYSTEM_CLOCK.now() + round(PREPARED_WITHIN_S * SECOND)
    while SYSTEM_CLOCK.now() < end:
        noted = servers.noted()
        wanted, voiced = ([each for each in noted if each["what"] == what] for what in ("wanted", "voiced"))
        last = int(str(noted[-1]["at"])) if noted else 0
        if voiced and len(wanted) == len(voiced) and SYSTEM_CLOCK.now() - last > QUIET_S * SECOND:
            return
        visit.wait(0.25)
    raise SystemExit(f"what is said beforehand was not voiced within {PREPARED_WITHIN_S:g} s")


def cases(captured: Captured, servers: Servers) -> Iterator[Case]:
    """The turns of a visit."""
    noted = servers.noted()
    keys = [at for at, key in captured.keys if key == "Enter"]
    all_sounds, places, output = sounds(captured.frames), begun(captured.told), captured.output
    assert output is not None
    for key, until in zip(keys, [*keys[1:], float("inf")], strict=True):

        def page(at: object, zero: float = captured.zero) -> float:
            """A moment of the machine's clock, on the page's."""
            return int(str(at)) / MILLISECOND - zero

        def after(at: float, key: float = key) -> float:
            return (at - key) / 1000

        asked = next(page(each["at"]) for each in noted if each["what"] == "asked" and page(each["at"]) > key)
        end = REPLY.index(CHUNKS[0]) + len(CHUNKS[0]) + 1  # the quotation mark behind it
        written = next(
            page(each["at"])
            for each in noted
            if each["what"] == "wrote" and page(each["at"]) > key and int(str(each["end"])) >= end
        )
        chunks = [(at, told) for at, told in captured.of("chunk") if key < at < until]
        text = next(at for at, told in chunks if told["text"] == CHUNKS[0])
        shown = next(((at, painted) for at, painted, told in captured.texts if told == CHUNKS[0]), (0.0, 0.0))
        own = [sound for sound in all_sounds if key < sound.came < until and sound.index >= 0]
        if len(own) != len(CHUNKS):
            raise SystemExit(f"of {len(CHUNKS)} sentences {len(own)} were voiced")
        notes = [at for at, told in captured.of("note") if key < at < until and told["text"] == HINT]
        begin = output.clock.at(places[own[0].id])
        heard = first_audible(output, begin - 20)
        last = places[own[-1].id] + len(own[-1].samples)
        yield Case(
            after(asked), after(written), after(text), after(shown[0]), after(shown[1]), after(own[0].came),
            after(heard or begin), after(max(own[-1].whole, *notes)), after(output.clock.at(last)),
        )  # fmt: skip


def _old() -> list[Row]:
    written = OLD_DONE_S - OLD_VOICED_S
    return [
        row("the old tutor: its model wrote, two calls", written, "s", "told, not run"),
        row("the old tutor: its voice spoke", OLD_VOICED_S, "s", "one sentence after another, once all was written"),
        row("the old tutor: first sound", OLD_FIRST_S, "s"),
        row("the old tutor: all done", OLD_DONE_S, "s"),
    ]


def _rows(name: str, found: Sequence[Case], least: Floor) -> Iterator[Row]:
    def told(values: Sequence[float], wish: str) -> str:
        worst = f"worst of {len(values)} {max(values):.3g}"
        return f"{worst}; {wish}, {load()}" if wish else f"{worst}, {load()}"

    def one(what: str, values: Sequence[float], unit: str, wish: str = "", ratio: float | None = None) -> Row:
        return row(f"{name}: {what}", median(values), unit, told(values, wish), ratio)

    yield one("the key → the model was asked", [1000 * each.asked for each in found], "ms")
    yield one("chunk 0 was written", [each.written for each in found], "s", f"floor {least.written[0]:.2f}")
    yield one("its text at the socket after that", [1000 * (each.text - each.written) for each in found], "ms")
    first = [1000 * (found[0].shown - found[0].written)]  # later the same words stand there already
    yield one("its text on the page after that", first, "ms", "wish ≤ 50")
    yield one("the same, painted", [1000 * (found[0].painted - found[0].written)], "ms")
    sound = [each.sound for each in found]
    yield one("first sound at the socket", sound, "s", f"floor {least.first[0]:.3f}", OLD_FIRST_S / median(sound))
    yield one("the same, over its floor", [1000 * (each - least.first[0]) for each in sound], "ms", "wish ≤ 40")
    yield one(
        "first sound on the audio clock, over its floor",
        [1000 * (each.heard - least.first[0]) for each in found], "ms", "wish ≤ 80",
    )  # fmt: skip
    done = [each.done for each in found]
    yield one("all done", done, "s", f"floor {least.done:.2f}", OLD_DONE_S / median(done))
    yield one("the same, over its floor", [100 * (each / least.done - 1) for each in done], "%", "wish ≤ 5")
    yield one("all was played", [each.played for each in found], "s", f"floor {least.heard:.2f}")
