"""Ctrl-C at a house that is not up yet."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncGenerator

import pytest
import uvloop

from duologue.cli import serve, show
from duologue.settings import load_settings


@contextlib.asynccontextmanager
async def no_stage() -> AsyncGenerator[None]:
    yield


@pytest.mark.parametrize("command", ["show", "serve", "serve --show"])
def test_ctrl_c_ends_a_house_that_still_imports_at_once(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs on the loop meanwhile, so whoever waits for that waits for all imports: 13 s on a busy machine."""
    came_to_its_end: list[bool] = []

    async def imports(*given: object) -> None:
        signal.raise_signal(signal.SIGINT)
        came_to_its_end.append(True)

    monkeypatch.setattr(serve, "open_house", imports)
    monkeypatch.setattr("duologue.memory.hold", lambda: None)
    monkeypatch.setattr("duologue.app.show.early_stage.early_stage", no_stage)
    with pytest.raises(KeyboardInterrupt):
        if command == "show":
            show.show()
        else:
            uvloop.run(serve.run_house(load_settings({"serve.show": "show" in command})))
    assert not came_to_its_end
