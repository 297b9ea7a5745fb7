"""Characters' files are in whatever store there is: also in one that was made anew under a running house."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duologue.app.people.remembering import Remembering
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.language.languages import load_language
from duologue.settings import load_settings
from duologue.store import writer as writer_module
from duologue.store.knowledge import documents
from duologue.store.store import Store, opened

pytestmark = [pytest.mark.realtime, pytest.mark.slow]


def take_away(folder: Path) -> None:
    for each in folder.glob("s.sqlite3*"):
        each.unlink()


async def found(remembering: Remembering) -> list[str]:
    english = load_language("en")
    return [each.text for each in await remembering.knowledge.find("ada", "How hot is the water for tea?", english)]


async def until_found(remembering: Remembering) -> list[str]:
    while not (told := await found(remembering)):  # noqa: ASYNC110 (what is waited for is another thread's)
        await asyncio.sleep(0.05)
    return told


@pytest.mark.parametrize("by_another", [False, True])
async def test_a_store_that_was_made_anew_has_them_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_another: bool
) -> None:
    """By the house itself, or by another process that was quicker."""
    monkeypatch.setattr(writer_module, "PAUSES", (20 * MILLISECOND,))
    (tmp_path / "files" / "ada").mkdir(parents=True)
    (tmp_path / "files" / "ada" / "tea.md").write_text("Green tea wants water of 80 degrees.\n")
    config = tmp_path / "duologue.toml"
    config.write_text(f'[store]\nknowledge = "{tmp_path / "files"}"\n')
    file = tmp_path / "s.sqlite3"
    store = Store("", file, SYSTEM_CLOCK)
    store.start()
    remembering = Remembering(store, load_settings(config=config), SYSTEM_CLOCK, ("ada",))
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = group.create_task(remembering.run())
        assert await until_found(remembering) == ["Green tea wants water of 80 degrees."]
        take_away(tmp_path)
        if by_another:
            with opened("", file) as session:
                assert documents(session) == []
        store.put(lambda session: None)  # whoever comes next: the file is noticed to be another one
        assert await until_found(remembering) == ["Green tea wants water of 80 degrees."]
        running.cancel()
    await store.close()
    assert store.listeners == []
