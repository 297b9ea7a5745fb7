"""The director on virtual time, among scripted doubles."""

from __future__ import annotations

from doubles import Show
from duologue.dialogue.director import Outcome
from virtual_time import simulate


def test_turns_alternate_and_the_conversation_ends():
    show = simulate(Show(turns=5).run())
    assert show.outcome is Outcome.ENDED
    assert [record.speaker for record in show.on_air()] == ["chad", "virgin", "chad", "virgin", "chad"]
    assert [record.number for record in show.on_air()] == [0, 1, 2, 3, 4]
    assert {record.state for record in show.records.values()} == {"ended"}
    assert [prompt.moment for prompt in show.model.prompts] == ["opening", "middle", "middle", "middle", "ending"]


def test_the_silence_between_turns_is_the_chosen_one():
    show = simulate(Show(turns=12).run())
    chosen = [record.gap_ms for record in show.on_air()][1:]
    assert show.silences_ms() == chosen
    assert all(150 <= gap <= 450 for gap in chosen)
    assert len(set(chosen)) > 6
    assert [record.waited_ms for record in show.on_air()] == [0.0] * 12
    assert show.fillers() == []
