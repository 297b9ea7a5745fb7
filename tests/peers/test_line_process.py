"""The real line process on loopback: calls with sound from sipp and from a user agent of ours, and what goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE
from duologue.audio.resample import StreamResampler
from duologue.child import Worker
from duologue.clock import SYSTEM_CLOCK
from duologue.phone.leg import CallLeg, Digit, Held, LegAnswered, LegEnded, Played, Ringing, Sound, Stopped
from duologue.phone.line.client import SipLeg
from duologue.phone.line.messages import CallOffered, LineSetup, Ready, TakeLineCall
from duologue.phone.media.sdp import Direction
from duologue.phone.media.telephone_events import EventReader, KeyPress
from duologue.phone.sip import call_events as events
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Output
from line_caller import HOST, caller, loud, options
from peers.line_main import Main, answers, line, tone

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]
FORMAT = ("PCMU",)
QUIET = b"\xff" * 160
VOICE = g711.encode(tone(20)[::6], "mu")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncGenerator[Main]:
    """A line for all whose calls leave nothing behind."""
    async with line(answers, formats=FORMAT) as main:
        yield main


@pytest_asyncio.fixture(loop_scope="module")
async def main(shared: Main) -> AsyncGenerator[Main]:
    """It, of whose calls nothing is left at the end; by itself it answers."""
    shared.forget(answers)
    yield shared
    await shared.rests()


async def greets(leg: CallLeg) -> None:
    await leg.answer()
    await leg.write(FarEndMessage(1, MessageKind.PLAY, "greeting", 0, tone(1000)))


def echoes(main: Main) -> Callable[[CallLeg], Awaitable[None]]:
    """Says what it hears, block by block, as one utterance."""

    async def does(leg: CallLeg) -> None:
        await leg.answer()
        up, said, sequence = StreamResampler(16_000, RATE), 0, 0
        kind = MessageKind.PLAY
        seen = 0
        while True:
            found = main.events(Sound)
            for event in found[seen:]:
                samples = up.push(event.samples)
                if len(samples):
                    sequence += 1
                    await leg.write(FarEndMessage(sequence, kind, "echo", said, samples, more=True))
                    kind, said = MessageKind.EXTEND, said + len(samples)
            seen = len(found)
            await asyncio.sleep(0.01)

    return does


async def test_a_call_is_heard_and_answered_with_sound(main: Main) -> None:
    main.does = echoes(main)
    async with caller() as one:
        one.call(main.port)
        await one.until(lambda: one.agreed)
        await one.chatter(QUIET, 0.3)
        await one.chatter(VOICE, 1.0)
        await one.chatter(QUIET, 0.7)
        assert 45 <= loud(one, level=0.2) <= 53, "a second of voice comes back"
        places = [event.at for event in main.events(Sound)]
        assert all(b - a == 320 for a, b in pairwise(places[1:])), "numbered without a hole"
        await one.press("4")
        await main.until(lambda: main.events(Digit))
        assert main.events(Digit) == [Digit("4", 100)]
        await main.legs[0].digits("7#")
        await asyncio.sleep(0.6)
        reader = EventReader()
        keys = [each for each in one.packets if one.agreed and each[1].payload_type == one.agreed.receive_events]
        read = [up for at, packet in keys for up in reader.read(packet.timestamp, packet.payload, at)]
        assert read == [KeyPress("7", 800), KeyPress("#", 800)]
        one.hang_up()
        await main.until(lambda: main.events(LegEnded))
        assert main.told[-1] == LegEnded("they hung up")


async def test_hold_and_resume(main: Main) -> None:
    main.does = greets
    async with caller() as one:
        one.call(main.port)
        await one.until(lambda: len(one.packets) > 10)
        one.hold(Direction.SENDONLY)
        await main.until(lambda: main.events(Held) == [Held(True)])
        await asyncio.sleep(0.1)
        before = len(one.packets)
        await asyncio.sleep(0.3)
        assert len(one.packets) == before, "who holds hears nothing"
        one.hold(Direction.SENDRECV)
        await main.until(lambda: main.events(Held) == [Held(True), Held(False)])
        await main.until(lambda: main.events(Played)[-1].samples == RATE)
        one.hang_up()


async def test_a_barge_in_is_silence_within_a_tick(main: Main) -> None:
    main.does = greets
    async with caller() as one:
        one.call(main.port)
        await one.until(lambda: loud(one, level=0.2) > 10)
        await main.legs[0].write(FarEndMessage(2, MessageKind.CLEAR))
        await main.until(lambda: main.events(Stopped))
        stopped = main.events(Stopped)[0]
        assert stopped.id == "greeting" and stopped.samples < RATE * 3 // 4
        await asyncio.sleep(0.05)
        before = len(one.packets)
        await asyncio.sleep(0.3)
        assert len(one.packets) == before
        one.hang_up()


async def test_every_way_to_end(main: Main) -> None:
    async def rings(leg: CallLeg) -> None:
        await leg.ring()

    async def refuses(leg: CallLeg) -> None:
        await leg.refuse(486, 7)

    async def leaves(leg: CallLeg) -> None:
        await leg.answer()
        await leg.hang_up("it was enough")

    for does, status, ours in ((rings, 487, False), (refuses, 486, True), (leaves, 0, True)):
        main.forget(does)
        async with caller() as one:
            one.call(main.port)
            if does is rings:
                await one.until(lambda one=one: one.heard(events.Progress))
                one.hang_up()
            await main.until(lambda: main.events(LegEnded))
            ended = main.told[-1]
            assert isinstance(ended, LegEnded) and (ended.status, ended.ours, ended.failed) == (status, ours, False)
            await one.until(lambda one=one: one.heard(events.Ended))
            await main.rests()


async def test_we_call_and_are_heard(main: Main) -> None:
    async with caller() as one:
        leg = await main.client.dial(f"sip:bob@{HOST}:{one.transport.ports['UDP']}", headers={"X-Why": "a test"})
        assert isinstance(leg, SipLeg) and leg.info.outgoing
        async with asyncio.TaskGroup() as group:
            taking = group.create_task(main.take(leg))
            await main.until(lambda: main.events(LegAnswered))
            await leg.write(FarEndMessage(1, MessageKind.PLAY, "hello", 0, tone(300)))
            await main.until(lambda: any(isinstance(one, Played) and one.samples == 300 * 48 for one in main.told))
            assert len(one.packets) >= 15
            await leg.hang_up("done")
            await taking
        await one.until(lambda: one.heard(events.Ended))
        nobody = await main.client.dial(f"sip:bob@{HOST}:{one.transport.ports['UDP']};transport=nonsense")
        assert not [event for event in main.told if isinstance(event, Ringing)] and nobody.info.outgoing
        await nobody.hang_up("never mind")


async def test_the_line_is_killed_and_the_next_call_is_answered() -> None:
    async with line(answers) as main, caller() as one, caller() as other:
        one.call(main.port)
        await one.until(lambda: one.agreed)
        pid = main.client.worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await main.until(lambda: main.events(LegEnded))
        ended = main.told[-1]
        assert isinstance(ended, LegEnded) and ended.failed
        await main.until(lambda: main.client.ready.is_set() and main.client.worker.pid not in (None, pid))
        other.call(main.port)
        await other.until(lambda: other.agreed)
        assert main.client.worker.restarts == 1


async def test_a_caller_who_is_gone_without_bye_is_noticed() -> None:
    async with line(answers, silent_s=1.0) as main, caller() as one:
        one.call(main.port)
        await one.until(lambda: one.agreed)
        await one.chatter(QUIET, 0.5)
        one.transport.close()
        await main.until(lambda: main.events(LegEnded), 5)
        ended = main.told[-1]
        assert isinstance(ended, LegEnded) and ended.failed and "1 s" in ended.reason
        await main.rests()


async def test_a_caller_who_is_silent_and_answers_is_not_taken_for_gone() -> None:
    async with line(answers, silent_s=1.0) as main, caller() as one:
        one.call(main.port)
        await one.until(lambda: one.agreed)
        await asyncio.sleep(4)
        assert not main.events(LegEnded)
        one.hang_up()
        await main.until(lambda: main.events(LegEnded), 5)
        await main.rests()


async def test_injected_sound_is_not_heard(main: Main) -> None:
    ignored = main.client.counts.get("ignored", 0)
    async with caller() as one, caller() as other:
        one.call(main.port)
        await one.until(lambda: one.agreed)
        await one.chatter(QUIET, 0.2)
        other.agreed = one.agreed
        await other.chatter(VOICE, 0.4)
        await one.chatter(QUIET, 0.2)
        blocks = [event.samples for event in main.events(Sound)]
        assert blocks and np.abs(np.concatenate(blocks)).max() < 0.01
        await main.until(lambda: main.client.counts.get("ignored", 0) >= ignored + 20)
        one.hang_up()


@pytest.mark.parametrize("loss", [5, 20])
async def test_first_and_last_words_survive_loss(loss: int, main: Main) -> None:
    chance = np.random.default_rng(loss)
    async with caller() as one:
        one.call(main.port)
        await one.until(lambda: one.agreed)
        begin, skip = SYSTEM_CLOCK.now(), 0
        for number in range(100):
            await SYSTEM_CLOCK.wait_until(begin + number * 20_000_000)
            if number and chance.random() * 100 < loss:
                skip += 1
            else:
                one.speak(VOICE if 20 <= number < 80 else QUIET, skip=skip)
                skip = 0
        await asyncio.sleep(0.3)
        laid = np.zeros(100 * 320 + 16_000, np.float32)
        for event in main.events(Sound):
            laid[event.at : event.at + len(event.samples)] = event.samples
        for edge in (20 * 320, 75 * 320):
            assert np.sqrt(np.mean(laid[edge + 40 : edge + 1600] ** 2)) > 0.08
        one.hang_up()


async def test_a_main_that_dies_leaves_nobody_on_the_line() -> None:
    worker = await Worker.start("duologue.phone.line.process")
    await worker.send(LineSetup(options=options(), udp=0, first_port=23_500, last_port=23_600))
    reports: list[object] = []

    async def told(kind: type[Ready | CallOffered]) -> Ready | CallOffered:
        async with asyncio.timeout(20):
            while True:
                for report in reports:
                    if isinstance(report, kind):
                        return report
                reports.extend(await worker.receive())  # type: ignore[arg-type]

    ready = await told(Ready)
    assert isinstance(ready, Ready)
    async with caller() as one:
        one.call(ready.ports["UDP"])
        offered = await told(CallOffered)
        assert isinstance(offered, CallOffered)
        await worker.send(TakeLineCall(offered.info.id))
        await one.until(lambda: one.agreed)
        await worker.close(5)  # as the end of the stream that a death is
        await one.until(lambda: one.heard(events.Ended))
        assert one.heard(events.Ended)[0].status == 200
    assert (await worker.death()).what.endswith("status 0")


async def test_two_lines_talk_in_secret() -> None:
    """Opus over SRTP, from line to line; the second would take nothing else."""
    async with line(answers, secure=True) as callee, line(answers, secure=True) as us:
        leg = await us.client.dial(f"sip:16@{HOST}:{callee.port}")
        async with asyncio.TaskGroup() as group:
            group.create_task(us.take(leg))
            await us.until(lambda: us.events(LegAnswered))
            await leg.write(FarEndMessage(1, MessageKind.PLAY, "hello", 0, tone(1000)))
            await us.until(lambda: any(isinstance(one, Played) and one.samples == RATE for one in us.told))
            heard = np.concatenate([event.samples for event in callee.events(Sound)])
            assert np.count_nonzero(np.abs(heard) > 0.05) > 12_000
            await leg.hang_up("done")
        await callee.until(lambda: callee.events(LegEnded))
        assert callee.legs[0].info.codec == "opus/48000"
        async with caller() as one:
            one.call(callee.port)
            await one.until(lambda: one.heard(events.Ended))
            assert one.heard(events.Ended)[0].status == 488, "nothing in the clear"


async def test_ten_calls_that_talk_keep_their_pace(main: Main) -> None:
    main.does = greets
    async with contextlib.AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(caller()) for _ in range(10)]
        for one in callers:
            one.call(main.port)
        for one in callers:
            await one.until(lambda one=one: len(one.packets) >= 50, 30)
        for one in callers:
            stamps = [packet.timestamp for _, packet in one.packets[1:50]]  # after what opened the way
            steps = {(after - before) % (1 << 32) for before, after in pairwise(stamps)}
            assert steps == {160}, "one grid"
            begin = one.packets[1]
            late = [(at - begin[0]) / 1e6 - 20 * number for number, (at, _) in enumerate(one.packets[1:50])]
            assert max(late) - min(late) < 400, "generous: figures are the benchmark's"
        for one in callers:
            one.hang_up()


async def test_of_two_hundred_calls_a_hundred_are_taken_and_the_others_told_when_to_come_again() -> None:
    full = options(most_calls=100, retry_seconds=7)
    async with line(answers, options=full, formats=FORMAT) as main, caller() as one:
        refused: list[bytes] = []
        taken = one.agent.receive_datagram

        def receive(data: bytes, flow: Flow, now: int) -> list[Output]:
            if data.startswith(b"SIP/2.0 503"):
                refused.append(data)
            return taken(data, flow, now)

        one.agent.receive_datagram = receive  # type: ignore[method-assign]
        names = [one.call(main.port) for _ in range(200)]
        await one.until(lambda: len(one.heard(events.Answered)) + len(one.heard(events.Ended)) == 200, 40)
        ended = {event.call: event.status for event in one.heard(events.Ended)}
        assert list(ended.values()) == [503] * 100 and refused
        assert all(b"\r\nRetry-After: 7\r\n" in each for each in refused)
        assert main.client.calls == 100
        for name in (name for name in names if name not in ended):
            one.transport.perform(one.agent.hang_up(name, SYSTEM_CLOCK.now()))
        await main.until(lambda: len(main.events(LegEnded)) == 100, 20)
        one.call(main.port)
        await one.until(lambda: len(one.heard(events.Answered)) == 101)
        one.hang_up()
        await main.rests()


async def test_sipp_hears_itself_through_us(main: Main, tmp_path: Path) -> None:
    """sipp echoes what we say: our greeting comes back."""
    program = shutil.which("sipp")
    if program is None:
        pytest.skip("sipp is not installed (Debian package sip-tester)")
    main.does = greets
    process = await asyncio.create_subprocess_exec(
        program, "-sn", "uac", f"{HOST}:{main.port}", "-i", HOST, "-m", "1", "-r", "10", "-d", "1500", "-rtp_echo",
        "-mi", HOST, "-mp", "26000", "-timeout", "20", "-nostdin", cwd=tmp_path, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert await process.wait() == 0
    await main.until(lambda: main.events(LegEnded))
    heard = np.concatenate([event.samples for event in main.events(Sound)])
    assert np.count_nonzero(np.abs(heard) > 0.05) > 10_000, "most of a second"
