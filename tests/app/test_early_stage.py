"""A stage that is started before its plan is known: taken over once, told once, and quiet when nobody needs it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import pytest

from duologue.app.show import early_stage as early
from duologue.app.show.cast import load_cast
from duologue.app.show.early_stage import early_stage
from duologue.app.show.outlet import Outlet
from duologue.app.show.stage_link import StageLink, StageListener
from duologue.app.show.stage_set import stage_plan
from duologue.broadcast.hls import HlsStore
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import PeerError
from duologue.settings import load_settings
from duologue.stage.messages import StagePlan, Trouble

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

TELLING = """
import os
from duologue.stage.messages import Trouble
from duologue.child import Channel
channel = Channel.inherited()
for message in channel:
    channel.send(Trouble(type(message).__name__, str(os.getpid()), ""))
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StagePlan:
    """A plan; and stages are programs that only say what they were sent."""
    (tmp_path / "telling_stage.py").write_text(TELLING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.setattr(early, "STAGE_MODULE", "telling_stage")
    settings = load_settings()
    return stage_plan(settings, load_cast(settings.show.cast, settings.engines.tts), 1)


@dataclass
class Heard:
    """What stages said they were sent, each with the stage's process id."""

    troubles: asyncio.Queue[Trouble] = field(default_factory=lambda: asyncio.Queue[Trouble](100))
    deaths: list[PeerError] = field(default_factory=list[PeerError])

    def listener(self) -> StageListener:
        def nothing(*_: object) -> None:
            pass

        told: dict[str, Callable[..., None]] = {each.name: nothing for each in fields(StageListener)}
        told["trouble"] = self.troubles.put_nowait
        told["died"] = self.deaths.append
        return StageListener(**told)


async def test_it_is_told_its_plan_once_and_gone_at_the_end(plan: StagePlan) -> None:
    async with early_stage() as stage:
        await stage.open(plan)
        child = await stage.start()
        answer = await child.receive()
        assert isinstance(answer, Trouble) and answer.what == "StagePlan"
        await child.send(replace(plan))
        await child.send("more")
        answer = await child.receive()
        assert isinstance(answer, Trouble) and answer.what == "str"
    with pytest.raises(PeerError):
        await child.receive()


async def test_without_a_plan_it_waits_for_it(plan: StagePlan) -> None:
    async with early_stage() as stage:
        child = await stage.start()
        await child.send(plan)
        answer = await child.receive()
        assert isinstance(answer, Trouble) and answer.what == "StagePlan"


async def test_with_another_plan_it_is_of_no_use(plan: StagePlan) -> None:
    async with early_stage() as stage:
        await stage.open(plan)
        child = await stage.start()
        await child.receive()
        with pytest.raises(PeerError, match="another plan"):
            await child.send(replace(plan, seed=2))
        with pytest.raises(PeerError, match="killed"):
            await child.receive()
        another = await stage.start()
        assert another.pid != child.pid
        await another.close()


async def test_the_link_takes_it_over_and_starts_others_when_it_dies(plan: StagePlan) -> None:
    heard = Heard()
    async with early_stage() as stage:
        await stage.open(plan)
        link = StageLink(plan, Outlet(HlsStore()), heard.listener(), SYSTEM_CLOCK, stage.start)
        running = asyncio.ensure_future(link.run())  # noqa: TID251 (a task that the test ends itself)
        first = await heard.troubles.get()
        assert (first.what, first.where) == ("StagePlan", str(link.pid))
        await link.announce("good evening")
        assert (await heard.troubles.get()).what == "Announce"
        os.kill(int(first.where), signal.SIGKILL)
        answers = [await heard.troubles.get() for _ in range(2)]
        assert [answer.what for answer in answers] == ["StagePlan", "Announce"]
        assert answers[0].where != first.where and len(heard.deaths) == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys; import duologue.app.show.early_stage, duologue.web.server; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert not [name for name in ("numpy", "pydantic", "structlog", "fastapi", "av") if f"'{name}'" in loaded]
