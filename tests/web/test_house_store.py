"""Real houses and their store: one is killed in the middle of a turn, one has a token revoked in mid-call."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from duologue.app.talk.messages import FromServer, TalkNotice
from duologue.client import TalkWish, talk_with
from duologue.store.people import people
from duologue.store.store import opened
from duologue.store.tokens import TokenLimits, create, revoke
from duologue.tokens import Scope

WISH = TalkWish("phone", person="ada")
SAID = "My name is Ada. Tell me all that you know about tea, please."


@asynccontextmanager
async def house(folder: Path, **more: str) -> AsyncGenerator[tuple[asyncio.subprocess.Process, str]]:
    """A house of talks with a store in ``folder`` and ``more`` of an environment; its process, and its address."""
    environment = {
        **os.environ, "DUOLOGUE_ENGINES__STT": "pocketsphinx", "DUOLOGUE_ENGINES__TTS": "espeak",
        "XDG_DATA_HOME": str(folder), **more,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "duologue", "serve", "--no-show", "--talk", "--port", "0",
        stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        found = re.search(rb"http://(127\.0\.0\.1:\d+)", await process.stderr.readline())
        assert found is not None
        address = found[1].decode()
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as client:
            while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 (a process's state)
                await asyncio.sleep(0.1)
        yield process, address
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def kept(folder: Path) -> list[tuple[str, str, str, str]]:
    with sqlite3.connect(folder / "duologue" / "duologue.sqlite3") as store:
        return store.execute("select role, text, heard, state from turns order by number").fetchall()


@pytest.mark.realtime
@pytest.mark.slow
async def test_what_was_heard_is_there_after_sigkill(tmp_path: Path) -> None:
    async with asyncio.timeout(100), house(tmp_path) as (process, address):  # noqa: SIM117
        async with talk_with(f"ws://{address}/api/talk", WISH) as talk:
            talk.say(SAID)
            await talk.until(lambda: any(chunk.state == "playing" for chunk in talk.chunks.values()))
            await asyncio.sleep(1.5)  # some words are heard
            process.send_signal(signal.SIGKILL)
            await process.wait()
            text = next(turn.text for turn in talk.turns if not turn.person)
    person, answer = kept(tmp_path)
    assert person[:3] == ("person", SAID, SAID)
    assert answer[0] == "answer" and answer[3] == "on_air"
    assert len(answer[2].split()) >= 2 and text.startswith(answer[2].rstrip(".!?,"))
    with sqlite3.connect(tmp_path / "duologue" / "duologue.sqlite3") as store:
        assert store.execute("pragma integrity_check").fetchone() == ("ok",)
        assert store.execute("select text from facts").fetchall() == [("Their name is Ada.",)]
        assert store.execute("select ended from conversations").fetchall() == [(None,)]
    async with asyncio.timeout(100), house(tmp_path) as (process, address):  # noqa: SIM117 (and it comes back)
        async with talk_with(f"ws://{address}/api/talk", WISH) as talk:
            assert talk.welcome is not None and (talk.welcome.remembered, talk.welcome.person) == (True, "Ada")


@pytest.mark.realtime
@pytest.mark.slow
async def test_a_store_that_another_process_holds_stops_no_talk_and_both_are_told(tmp_path: Path) -> None:
    notices: list[str] = []
    async with asyncio.timeout(100), house(tmp_path) as (_, address):  # noqa: SIM117
        async with talk_with(f"ws://{address}/api/talk", WISH) as talk, httpx.AsyncClient() as page:

            def told(message: FromServer) -> None:
                if isinstance(message, TalkNotice):
                    notices.append(message.text)

            talk.told = told
            assert await talk.ask("Is tea good for you?")
            holder = sqlite3.connect(tmp_path / "duologue" / "duologue.sqlite3", isolation_level=None)
            holder.execute("begin immediate")
            assert await talk.ask("And coffee?"), "it goes on"
            await talk.until(lambda: any("will not be remembered" in text for text in notices))
            state = (await page.get(f"http://{address}/api/house")).json()["store"]
            assert "locked" in state["failure"] and state["waiting"] > 0
            holder.execute("rollback")
            holder.close()
            await talk.until(lambda: any("remembered again" in text for text in notices))
    assert {row[1] for row in kept(tmp_path) if row[0] == "person"} == {"Is tea good for you?", "And coffee?"}


@pytest.mark.realtime
@pytest.mark.slow
async def test_a_token_revoked_by_another_process_ends_its_call(tmp_path: Path) -> None:
    file = tmp_path / "duologue" / "duologue.sqlite3"
    with opened("", file) as session:
        made = [create(session, name, frozenset({Scope.TALK}), TokenLimits(), 1) for name in ("ada", "ben")]
    async with asyncio.timeout(100), house(tmp_path, DUOLOGUE_WEB__ACCOUNTS="true") as (_, address):
        place = f"ws://{address}/api/talk"
        async with connect(place) as refused:
            assert json.loads(await refused.recv())["code"] == "forbidden"
        talks = [await connect(place, additional_headers={"Authorization": f"Bearer {token}"}) for token in made]
        for talk in talks:
            await talk.send(json.dumps({"type": "hello", "version": 1, "person": "me", "microphone": False}))
            assert json.loads(await talk.recv())["type"] == "welcome"
        with opened("", file) as session:
            revoke(session, "ada", 2)
        with pytest.raises(ConnectionClosed) as ended:
            while True:
                await talks[0].recv()
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1008, "the token was revoked")
        await talks[1].send(json.dumps({"type": "say", "text": "Are you there?"}))
        while not isinstance(told := await talks[1].recv(), str) or json.loads(told)["type"] != "chunk":
            pass  # pings and all else
        await talks[1].close()
    with opened("", file, writes=False) as session:
        assert sorted((each.realm, each.key) for each in people(session)) == [("ada", "me"), ("ben", "me")]
