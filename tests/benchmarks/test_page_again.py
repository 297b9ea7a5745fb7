"""How the benchmark of the Talk page compares on one sound: what was sent is put together to the sample, the parts of
a wait add up to it, and what differs between the sides is told as it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.natural.callers import Turn
from benchmarks.natural.turns import Answered
from benchmarks.page.again import PARTS, Again, Answer, answer_of, on_page, received, said_then
from benchmarks.page.browser import Captured
from benchmarks.page.sound import sounds
from benchmarks.page.spoken import Sides, Turned, figures

from duologue.app.talk.messages import CapturedSound, PlayedSound
from duologue.audio.pcm import RATE, Samples, silence
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.turns.vocabulary import Interrupt
from duologue.simulation.runner import START
from duologue.speech.hearing import EAR_RATE
from duologue.telemetry.ledger import TurnRecord

BLOCK = EAR_RATE // 50
SOUND: Samples = (np.arange(1, 6 * BLOCK + 1) / 10_000).astype(np.float32)


def block(number: int, sent: float, at: int = 50_000) -> tuple[float, CapturedSound]:
    """A block of :data:`SOUND` on a microphone's clock that stood at ``at``, and when it was sent (ms)."""
    return sent, CapturedSound(at + number * BLOCK, SOUND[number * BLOCK : (number + 1) * BLOCK])


def test_blocks_make_up_the_sound_that_was_sent_and_say_how_late_each_was() -> None:
    found = received([block(0, 1_025.0), block(1, 1_041.0), block(2, 1_090.0)])
    assert np.array_equal(found.samples, SOUND[: 3 * BLOCK]) and found.missing == 0
    assert found.late.tolist() == pytest.approx([4.0, 0.0, 29.0])
    assert found.offset == 1_001.0 and found.place(1_011.0) == EAR_RATE // 100 and found.at(EAR_RATE) == 2_001.0


def test_what_was_not_sent_is_silence_and_counted() -> None:
    found = received([block(0, 20.0), block(3, 80.0), block(2, 81.0)])
    assert found.missing == BLOCK
    assert np.array_equal(found.samples, np.concatenate([SOUND[:BLOCK], silence(BLOCK), SOUND[2 * BLOCK : 4 * BLOCK]]))


def visit(samples: Samples) -> Captured:
    """An answer whose first frame came at 5,100 ms of a page whose clock was 0 at 1,000,000 ms of the wall's."""
    stages = dict(
        endpointing=400.0, transcript=50.0, floor=1.0, first_token=2.0, first_sentence=3.0, voice=90.0, playout=70.0
    )
    turn = dict(type="turn", id="c/r1", at=1_004_530.0, stages={})
    messages = [
        (5_000.0, dict(type="chunk", id="r1/0", turn="c/r1", text="I see.")),
        (5_050.0, turn), (5_400.0, turn | dict(stages=stages)),
    ]  # fmt: skip
    frames = [(5_100.0, PlayedSound("r1/0", 0, samples))]
    return Captured(0.0, messages, [], frames, [], [], None, 0.0, (), 1_000_000.0)


def test_the_parts_of_a_wait_add_up_to_it() -> None:
    samples = np.concatenate([silence(RATE // 100), np.full(RATE, 0.1, np.float32)])
    captured = visit(samples)
    (sent,) = sounds(captured.frames)
    parts = on_page(captured, sent, 4_500.0, 5_150.0)
    assert parts == pytest.approx(
        dict(microphone=30, decision=400, ears=50, thinking=6, voice=90, network=24, browser=40, head=10)
    )
    assert list(parts) == list(PARTS) and Answer(parts).waited == pytest.approx(650)
    assert said_then(captured, sent) == "I see." and said_then(captured, None) == ""
    assert on_page(captured, replace(sent, id="r9/0"), 4_500.0, 5_150.0) == {}  # nobody told its strip


def place(at: int) -> int:
    """A sample of what is heard again, as the ledger has it (ns)."""
    return START + at * SECOND // EAR_RATE


def answer(spoken_to: int, on_air: int) -> TurnRecord:
    """One that was decided 100 ms before it was on the air."""
    decided = on_air - 100 * MILLISECOND
    return TurnRecord(
        "c/r", "c", 1, "robin", "answer", asked=decided, understood=decided, first_token=decided, decided=decided,
        first_sentence=decided, first_audio=on_air, on_air=on_air, spoken_to=spoken_to,
    )  # fmt: skip


def test_an_answer_on_virtual_time_belongs_to_the_turn_before_it() -> None:
    second = EAR_RATE
    stretches = [(2 * second, 3 * second), None, (9 * second, 11 * second), (20 * second, 21 * second)]
    answers = [
        answer(place(3 * second) - 10 * MILLISECOND, place(4 * second)),
        answer(place(10 * second), place(10 * second) + 1),
    ]
    first, lost, cut, silent = (answer_of(stretches, number, answers) for number in range(4))
    assert first.waited == pytest.approx(1_000) and not first.cut
    assert (first.parts["microphone"], first.parts["decision"], first.parts["voice"]) == pytest.approx((-10, 910, 100))
    assert lost == Answer() and cut == Answer(cut=True) and silent == Answer()


def test_a_talk_is_heard_again_with_its_keys_and_what_was_replied_at_their_places() -> None:
    talk = Again(SOUND, [(160, 320), None], [480], ["I see.", "Never said."]).talk("robin")
    assert np.array_equal(talk.person, SOUND) and talk.character == "robin" and talk.began == START
    assert [(each.since, each.text) for each in talk.replies] == [(START + 10 * MILLISECOND, "I see.")]
    assert talk.acts == ((START + 30 * MILLISECOND, Interrupt()),)


def sides(*decisions: tuple[float, float, float]) -> Sides:
    """Turns decided after so many ms: on the page, on the sound it sent, on the files; the page adds 70 of browser."""
    turn = Turn("statement", ("I see.",), ())
    files = Answered("joe", turn, 0.5, 0.5, 0.6, False, "", "")
    none = dict.fromkeys(PARTS, 0.0)
    parts = [[none | dict(decision=each) for each in one] for one in decisions]
    pages = [one[0] | dict(browser=70.0) for one in parts]
    page = [Turned(turn, sum(one.values()) / 1000, Answer(one)) for one in pages]
    again, plain = ([Answer(one[side]) for one in parts] for side in (1, 2))
    return Sides(page, [files for _ in decisions], plain, again, received([block(0, 20.0), block(1, 50.0)]))


def test_what_the_way_adds_is_told_turn_by_turn_and_what_the_sound_does_apart_from_it() -> None:
    rows = {each["what"]: each for each in figures(sides((500, 500, 500), (900, 900, 500), (510, 500, 900)))}
    own = "statements and questions: "
    assert rows[f"{own}beyond natural on the very sound, turn by turn, p50 of 3"]["value"] == 70
    assert rows[f"{own}beyond natural on the very sound, turn by turn, p95"]["value"] == 79
    assert rows[f"{own}end of speech → first sound from the speaker, p50 of 3"]["ratio"] == round(0.5 / 0.58, 2)
    assert [each["value"] for what, each in rows.items() if what.startswith("browser (")] == [70]
    assert rows["turns that the page decided by another wait than natural on the very sound"]["value"] == 0
    assert rows["turns that natural did on the very sound, than on the files"]["value"] == 2
    assert rows["a block of the microphone, later than the soonest, p50"]["value"] == 5
    assert not [what for what in rows if what.startswith("dictated")]
