"""Arize's Phoenix, in an environment of its own, takes our traces by OTLP and gives them back by its API."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.telemetry.ledger import ConversationRecord, Entry, OverRecord, TurnRecord
from duologue.telemetry.ledger_pen import Origin
from duologue.telemetry.otlp_export import OtlpExport
from duologue.telemetry.traces import span_id, trace_id
from duologue.tracing import TraceContext

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(1500)]
PATIENCE = 600 * SECOND
ASKER = TraceContext(bytes(range(1, 17)), bytes(range(8, 16)))


def program() -> str:
    """Phoenix's server: of the environment that ``PHOENIX_ENV`` names, which is made if it is not there, or installed.

    It wants other versions of what we use, so it is never a dependency of ours.
    """
    named = os.environ.get("PHOENIX_ENV", "")
    if not named:
        found = shutil.which("phoenix")
        if found is None:
            pytest.skip("needs arize-phoenix: PHOENIX_ENV=FOLDER makes an environment there (pip install, 860 MB)")
        return found
    folder = Path(named)
    if not (folder / "bin" / "phoenix").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "arize-phoenix"], check=True, timeout=1200)
    return str(folder / "bin" / "phoenix")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on an empty database."""
    command, folder, port = program(), tmp_path_factory.mktemp("phoenix"), free_port()
    environment = {
        **os.environ, "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([command, "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT)
        address = f"http://127.0.0.1:{port}"
        try:
            until(
                "Phoenix is up", lambda: httpx.get(f"{address}/healthz", timeout=30).is_success, process, folder / "log"
            )
            yield address
        finally:
            process.kill()
            process.wait()


def answers(address: str) -> bool:
    return httpx.get(address, timeout=30).is_success


def until(what: str, holds: Any, process: subprocess.Popen[bytes] | None = None, log: Path | None = None) -> None:
    deadline = SYSTEM_CLOCK.now() + PATIENCE
    while SYSTEM_CLOCK.now() < deadline:
        assert process is None or process.poll() is None, log and log.read_text("utf-8", "replace")[-2000:]
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        SYSTEM_CLOCK.sleep_until(SYSTEM_CLOCK.now() + SECOND // 5)
    raise AssertionError(f"never: {what}")


def told() -> tuple[Origin, list[Entry]]:
    """A talk of one answer, in the trace of who asked for it."""
    origin = Origin(100 * SECOND, SYSTEM_CLOCK.wall() - 60 * SECOND)

    def at(seconds: float) -> int:
        return origin.monotonic + round(seconds * SECOND)

    turn = TurnRecord(
        "c1/r1", "c1", 2, "ada", "answer", "We open at nine.", "We open at nine.", spoken_to=at(1.0), decided=at(1.3),
        understood=at(1.3), asked=at(1.35), first_token=at(1.5), first_sentence=at(1.6), text_complete=at(1.7),
        first_audio=at(1.8), voiced=at(2.0), on_air=at(1.9), ended=at(4.0), state="ended", prompt_tokens=320,
    )  # fmt: skip
    return origin, [
        Entry(at(0.5), "talk:c1", ConversationRecord("c1", ("ada",), "person", parent=ASKER.header)),
        Entry(at(4.0), "talk:c1", turn),
        Entry(at(5.0), "talk:c1", OverRecord()),
    ]


async def send(address: str) -> OtlpExport:
    origin, entries = told()
    export = OtlpExport(address, origin, CollectorRegistry(), every=0.1)
    for entry in entries:
        export.observe(entry)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(export.run())
        async with asyncio.timeout(60):
            while export.exported < 2:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.05)
        task.cancel()
    return export


def spans(address: str) -> dict[str, dict[str, Any]]:
    answer = httpx.get(f"{address}/v1/projects/default/spans", params={"limit": 1000}, timeout=60)
    return {span["name"]: span for span in answer.json()["data"]} if answer.is_success else {}


def test_phoenix_gives_back_the_trace_of_a_turn_and_of_its_talk(phoenix: str) -> None:
    export = asyncio.run(send(phoenix))
    assert (export.exported, export.dropped) == (2, 0)
    until("the spans are there", lambda: {"turn answer", "chat", "endpointing", "talk"} <= {*spans(phoenix)})
    found = spans(phoenix)
    turn, talk, chat = found["turn answer"], found["talk"], found["chat"]
    assert turn["context"] == {"trace_id": trace_id("c1/r1").hex(), "span_id": span_id("c1/r1").hex()}
    assert (turn["parent_id"], chat["parent_id"]) == (None, span_id("c1/r1").hex())
    assert (talk["context"]["trace_id"], talk["parent_id"]) == (ASKER.trace.hex(), ASKER.span.hex())
    assert chat["attributes"]["gen_ai.usage.input_tokens"] == 320
    assert turn["start_time"] < chat["start_time"] < chat["end_time"] <= turn["end_time"]
