"""The phone line as a part of the house, on a scripted line process, in virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from call_doubles import Exchange, ScriptedLeg
from structlog.testing import capture_logs

from duologue.app.calls.calls import BEHIND, BEHIND_SECONDS
from duologue.app.calls.line import LinePart
from duologue.app.calls.line_plan import line_plan, target_of
from duologue.app.faces.faces import FaceBoard
from duologue.app.faces.models import FaceCutEvent, FaceEvent, FaceLineEvent, FaceStartEvent
from duologue.app.house.shared import TalkListener
from duologue.app.models import LineEvent, Notice, NoticeEvent
from duologue.clock import SECOND
from duologue.errors import ClosedError, InputError
from duologue.phone.leg import CallInfo, LegAnswered
from duologue.phone.line.messages import Counts, Ready, RegistrationState
from duologue.phone.own_address import own_address
from duologue.phone.twilio.voice import ForgedError, signature
from duologue.settings import load_settings
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import Expected
from duologue.speech.hearing_fake import FakeHearing, Hearing, evenly
from duologue.telemetry.ledger import PacketsRecord, PauseRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

ACCOUNTS = """
[phone]
greeting = "Hello there."
[[phone.accounts]]
user = "1000"
registrar = ["pbx.example:5070;transport=tcp", "sips:other.example"]
password = "hunter22"
persona = "ada"
[[phone.accounts]]
user = "1001"
registrar = "192.0.2.7"
"""


class NarrowEars(FakeHearing):
    """As PocketSphinx: no dictation over a telephone."""

    def hears(self, expected: Expected) -> bool:
        return not expected.telephone or bool(expected.phrases)


async def running(exchange: Exchange, line: LinePart, seconds: float) -> list[tuple[str, ...]]:
    """The line for so long, then told to end; why it was not ready, whenever that changed."""
    told: list[tuple[str, ...]] = []

    async def look() -> None:
        while True:
            if not told or told[-1] != tuple(line.ready()):
                told.append(tuple(line.ready()))
            await asyncio.sleep(0.01)

    async with exchange.pool.open(), asyncio.TaskGroup() as group:
        looking = group.create_task(look())
        task = group.create_task(line.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])
        looking.cancel()
    return told


def test_it_is_red_until_every_engine_has_spoken_and_heard_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def slow(*script: Any, **options: Any) -> FakeHearing:
        return FakeHearing(usual=Hearing(evenly("hello", 0.1, 0.2), latency=2 * SECOND), clock=options["clock"])

    exchange = Exchange(monkeypatch, ACCOUNTS, ears=slow, folder=tmp_path)
    line, carriers = exchange.line()
    told = simulate(running(exchange, line, 5.0))
    assert [reasons[:1] for reasons in told] == [
        ("every engine speaks and hears once before the first call",),
        ("the line process is coming up",),
        (),
    ]
    assert line.ready()
    assert exchange.ears.calls[0].telephone
    assert "Hello there." in [text for text, _ in exchange.voice.calls]
    (carrier,) = carriers
    first, second = carrier.plan.accounts
    assert [(flow.transport, flow.host, flow.port) for flow in first.registrars] == [
        ("TCP", "pbx.example", 5070), ("TLS", "other.example", 0),
    ]  # fmt: skip
    assert first.credentials is not None
    assert first.credentials.password == "hunter22"
    assert second.credentials is None
    assert (carrier.drained, carrier.over) == (True, True)


def test_ears_that_are_deaf_on_a_telephone_take_no_calls_and_register_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, ACCOUNTS, ears=NarrowEars, folder=tmp_path)
    caller = ScriptedLeg(exchange.clock)
    line, carriers = exchange.line(caller)

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 5.0))
            await asyncio.sleep(2.0)
            assert "duologue models get natural" in line.ready()[0]
            assert [each.state for each in line.view().registrations] == ["off", "off"]
            assert not line.view().takes_calls
            with pytest.raises(ClosedError, match="no ears"):
                await line.dial("sip:1@192.0.2.1")

    simulate(story())
    assert caller.refused == (480, 0)
    assert carriers[0].plan.accounts == ()


def test_calls_end_with_a_goodbye_when_the_line_is_told_to_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = Exchange(monkeypatch, "", folder=tmp_path)
    caller = ScriptedLeg(exchange.clock, seconds=100.0)
    line, carriers = exchange.line(caller)
    simulate(running(exchange, line, 5.0))
    assert caller.hung_up == "the line closed"
    assert "I am sorry, we have to end our call here. Goodbye." in exchange.said()
    assert carriers[0].drained


def test_it_calls_somebody_and_tells_how_that_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = Exchange(monkeypatch, ACCOUNTS, folder=tmp_path)
    line, carriers = exchange.line()

    class Reached(ScriptedLeg):
        async def live(self) -> None:
            await asyncio.sleep(1.0)
            self.answered = self.clock.now()
            self._put(LegAnswered("opus/48000"))
            await super().live()

    info = CallInfo(id="ours", caller="1001", called="17", account="1001", outgoing=True)
    leg = Reached(exchange.clock, info=info, seconds=3.0)

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 12.0))
            await asyncio.sleep(2.0)
            carriers[0].answers = leg
            assert await line.dial("17", "1001") == "ours"
            group.create_task(leg.live())
            await asyncio.sleep(0.5)
            assert [call.state for call in line.view().calls] == ["ringing"]
            await asyncio.sleep(8.0)
            (call,) = line.view().calls
            assert (call.codec, call.reason, call.outgoing) == ("opus/48000", "the caller hung up", True)

    simulate(story())
    assert carriers[0].dialled == [("sip:17@192.0.2.7", "1001")]
    assert exchange.said() == ["Hello there."]
    assert not leg.rang


def test_whom_we_call_is_let_ring_for_so_long_and_what_rings_ends_at_once_when_the_line_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, "[phone]\nring_seconds = 5\n", folder=tmp_path)
    line, carriers = exchange.line()

    class Ringing(ScriptedLeg):
        """Nobody is there."""

    def calls(name: str) -> Ringing:
        return Ringing(exchange.clock, info=CallInfo(id=name, caller="", called="17", outgoing=True))

    first, second = calls("first"), calls("second")

    async def story() -> float:
        async with exchange.pool.open(), asyncio.TaskGroup() as group:
            task = group.create_task(line.run())
            await asyncio.sleep(2.0)
            carriers[0].answers = first
            await line.dial("sip:17@192.0.2.7")
            await asyncio.sleep(4.5)
            assert not first.hung_up
            await asyncio.sleep(1.0)
            (call,) = line.view().calls
            assert (call.state, call.answered, call.reason) == ("ended", None, "nobody answered within 5 s")
            carriers[0].answers = second
            await line.dial("sip:17@192.0.2.7")
            await asyncio.sleep(0.5)
            told = exchange.clock.now()
            task.cancel()
            await asyncio.wait([task])
            return (exchange.clock.now() - told) / SECOND

    assert simulate(story()) < 1.0
    assert first.hung_up == "nobody answered within 5 s"
    assert second.hung_up == "the line closed"


def test_the_events_of_the_line_tell_of_its_registrations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = Exchange(monkeypatch, ACCOUNTS, folder=tmp_path)
    line, _ = exchange.line()
    events = exchange.bus.subscribe(frozenset({"line"}))

    async def story() -> list[LineEvent]:
        await running(exchange, line, 3.0)
        exchange.bus.close()
        return [event async for event in events if isinstance(event, LineEvent)]

    told = simulate(story())
    states = [[each.state for each in event.line.registrations] for event in told]
    assert ["trying", "trying"] in states
    assert ["registered", "registered"] in states
    assert any(event.line.listens == ("sip:127.0.0.1:5060;transport=udp",) for event in told)


def test_a_call_is_counted_as_answered_while_it_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page said that none was, with five people on the line."""
    exchange = Exchange(monkeypatch, "", folder=tmp_path)
    line, _ = exchange.line(ScriptedLeg(exchange.clock, seconds=100.0))
    events = exchange.bus.subscribe(frozenset({"line"}))
    seen: list[int] = []

    async def story() -> list[int]:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 8.0))
            await asyncio.sleep(3.0)
            assert [call.state for call in line.view().calls] == ["talking"]
            seen.append(line.view().answered)
            exchange.bus.publish(NoticeEvent(notice=Notice(level="info", text="here")), "line")
        exchange.bus.close()
        counted = 0
        async for event in events:
            if isinstance(event, NoticeEvent) and event.notice.text == "here":
                seen.append(counted)
            elif isinstance(event, LineEvent):
                counted = event.line.answered
        return [*seen, counted]

    assert simulate(story()) == [1, 1, 1]


def test_an_extension_that_is_not_renewed_can_be_called_until_it_runs_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, ACCOUNTS, folder=tmp_path)
    line, carriers = exchange.line()

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 5.0))
            await asyncio.sleep(2.0)
            for user in ("1000", "1001"):
                carriers[0].tell(RegistrationState(user, True, "pbx", 503, "503 Service Unavailable", 30.0))
            assert line.ready() == ()
            shown = line.view().registrations[0]
            assert shown.state == "registered" and "503 Service Unavailable" in shown.why
            for user in ("1000", "1001"):
                carriers[0].tell(RegistrationState(user, False, "", 503, "503 Service Unavailable", 30.0))
            assert line.ready() == ("no account is registered: 503 Service Unavailable",)

    simulate(story())


def test_what_a_line_is_told_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "duologue.toml"
    file.write_text("""
[phone]
listen = "0.0.0.0:5080"
transport = ["tcp", "udp"]
allow = ["10.0.0.0/8"]
places = 100
codecs = ["pcma", "opus"]
address = "198.51.100.4"
[phone.callers.door]
env = "DOOR"
[phone.extensions.16]
[[phone.accounts]]
user = "1000"
registrar = "pbx.example"
""")
    phone = load_settings(config=file).phone
    with pytest.raises(InputError, match="door has no password"):
        line_plan(phone)
    monkeypatch.setenv("DOOR", "opensesame")
    plan = line_plan(phone)
    assert plan.options.answers
    assert (plan.host, plan.udp, plan.tcp, plan.tls) == ("0.0.0.0", 5080, 5080, None)
    assert plan.formats == ("PCMA", "opus")
    options = plan.options
    assert (options.host, options.transport, options.most_calls) == ("198.51.100.4", "TCP", 100)
    assert options.extensions == {"16", "1000"}
    assert options.passwords == {"door": "opensesame"}
    assert options.sources == ("10.0.0.0/8",)
    assert line_plan(phone, takes_calls=False).accounts == ()
    assert own_address("0.0.0.0") not in ("0.0.0.0", "")
    assert ":" in own_address("::") and own_address("::") != "::", "an address of the kind that it listens by"
    assert target_of("17", phone.accounts, "") == ("sip:17@pbx.example", "1000")
    assert target_of("sip:a@b", phone.accounts, "") == ("sip:a@b", "")
    with pytest.raises(InputError, match="no account 'x'"):
        target_of("17", phone.accounts, "x")
    with pytest.raises(InputError, match="which PBX"):
        target_of("17", (), "")


@pytest.mark.parametrize(
    ("more", "starts"),
    [
        ("", False), ('allow = ["10.0.0.5"]', True), ("answers = false", True),
        ('[phone.callers.16]\npassword = "secret"', True),
    ],
)  # fmt: skip
def test_beyond_this_machine_nobody_may_call_unless_somebody_is_named(more: str, starts: bool, tmp_path: Path) -> None:
    file = tmp_path / "duologue.toml"
    file.write_text(f'[phone]\nlisten = "0.0.0.0:5060"\n{more}\n')
    if starts:
        assert load_settings(config=file).phone.host == "0.0.0.0"
    else:
        with pytest.raises(InputError, match="lets everybody call"):
            load_settings(config=file)


def test_calls_that_its_process_sends_away_are_shown_with_those_of_the_house(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, "[phone.extensions.1000]\n", folder=tmp_path)
    nobody = ScriptedLeg(exchange.clock, info=CallInfo(id="one", caller="16", called="99"))
    line, carriers = exchange.line(nobody)
    events = exchange.bus.subscribe(frozenset({"line"}))

    async def story() -> list[int]:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 5.0))
            await asyncio.sleep(2.0)
            (carrier,) = carriers
            carrier.tell(Counts({}, {"scanner": 2}))
            carrier.tell(Counts({}, {"scanner": 3, "password": 1}))
            assert line.view().refusals == {"scanner": 3, "extension": 1, "password": 1}
            carrier.tell(Ready({"UDP": 5060}))  # another process, which begins at nothing
            carrier.tell(Counts({}, {"scanner": 1}))
            assert line.view().refusals == {"scanner": 4, "extension": 1, "password": 1}
            assert line.view().refused == 6
        exchange.bus.close()
        return [event.line.refused async for event in events if isinstance(event, LineEvent)]

    told = simulate(story())
    assert nobody.refused == (404, 0)
    assert list(dict.fromkeys(told)) == [0, 1, 3, 5, 6]


def test_a_pbx_that_came_too_fast_is_named_in_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = Exchange(monkeypatch, folder=tmp_path)
    line, carriers = exchange.line()

    async def story() -> list[MutableMapping[str, Any]]:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 5.0))
            await asyncio.sleep(2.0)
            with capture_logs() as logs:
                for count in (1, 1, 4):
                    carriers[0].tell(Counts({}, {"scanner": 7, "peer_rate": count}))
            assert line.view().refusals == {"scanner": 7, "peer_rate": 4}
        return logs

    told = [each for each in simulate(story()) if each["event"] == "line.peer_too_fast"]
    assert [(each["log_level"], each["calls"]) for each in told] == [("warning", 1), ("warning", 3)]


TWILIO = """
[phone]
places = 1
[phone.twilio]
auth_token = "the auth token of 32 characters!"
public_url = "https://talk.example.org"
"""


def test_calls_that_other_carriers_send_away_are_counted_with_those_of_the_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, TWILIO, folder=tmp_path)
    caller = ScriptedLeg(exchange.clock, seconds=10.0)
    line, carriers = exchange.line(caller)
    events = exchange.bus.subscribe(frozenset({"line"}))
    form = {"CallSid": "CA1", "From": "+4930", "To": "+4940"}
    body = urlencode(form).encode()
    signed = signature("the auth token of 32 characters!", "https://talk.example.org/phone/twilio/voice",
                       {name: [value] for name, value in form.items()})  # fmt: skip

    async def story() -> list[int]:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 8.0))
            await asyncio.sleep(3.0)
            twilio = line.twilio
            assert twilio is not None
            for _ in range(2):
                with pytest.raises(ForgedError):
                    twilio.voice("", body, "x")
            assert line.calls.count == 1
            assert "<Reject" in twilio.voice("", body, signed)  # the only place is taken
            assert line.refusals == {"password": 2, "places": 1}
            carriers[0].tell(Counts({}, {}))  # what comes each second tells the pages of it
            await asyncio.sleep(1.0)
        assert "<Reject" in twilio.voice("", body, signed)
        exchange.bus.close()
        return [event.line.refused async for event in events if isinstance(event, LineEvent)]

    assert list(dict.fromkeys(simulate(story()))) == [0, 3]


def test_what_its_process_sent_is_in_the_ledger_second_by_second(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, "[phone.extensions.1000]\n", folder=tmp_path)
    line, carriers = exchange.line()

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 5.0))
            await asyncio.sleep(2.0)
            (carrier,) = carriers
            for packets, unsent, late in ((50, 0, 1.5), (50, 0, 0.0), (148, 2, 4.25), (20, 0, 0.5)):
                figures = {"late_ms_p99": late / 2, "late_ms_max": late} if late else {}
                carrier.tell(Counts({"packets": packets, "unsent": unsent, **figures}))

    simulate(story())
    found = [(entry.of, entry.record) for entry in exchange.entries if isinstance(entry.record, PacketsRecord)]
    assert found == [("line", PacketsRecord(50, 0.75, 1.5)), ("line", PacketsRecord(98, 2.125, 4.25, 2))]


def test_a_house_too_slow_for_its_callers_says_so_and_lets_nobody_else_in_until_it_keeps_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, "[phone]\nretry_seconds = 7\n", folder=tmp_path)
    early, late = (ScriptedLeg(exchange.clock, seconds=2.0) for _ in range(2))
    line, carriers = exchange.line()
    events = exchange.bus.subscribe(frozenset({"line"}))
    refusals = dict[str, int]()

    async def story() -> list[MutableMapping[str, Any]]:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 30.0))
            await asyncio.sleep(2.0)
            with capture_logs() as logs:
                for dropped in (0, 40, 40, 90):
                    carriers[0].tell(Counts({"dropped_sound": dropped}))
            assert line.ready() == (BEHIND,)
            await line.calls.take(early)
            refusals.update(line.view().refusals)
            await asyncio.sleep(BEHIND_SECONDS)
            assert not line.ready()
            group.create_task(late.live())
            await line.calls.take(late)
        exchange.bus.close()
        return logs

    logs = simulate(story())
    assert early.refused == (503, 7) and late.refused is None
    assert refusals == {"overload": 1}
    assert carriers[0].refusing == [503, 0], "who asks by OPTIONS hears the same"
    (behind,) = [each for each in logs if each["event"] == "line.behind"]
    assert (behind["log_level"], behind["packets"]) == ("warning", 40) and "places" in behind["remedy"]
    found = [entry.record for entry in exchange.entries if isinstance(entry.record, PacketsRecord)]
    assert found == [PacketsRecord(0, 0.0, 0.0, unheard=40), PacketsRecord(0, 0.0, 0.0, unheard=50)]

    async def notices() -> list[str]:
        return [event.notice.text async for event in events if isinstance(event, NoticeEvent)]

    (text,) = simulate(notices())
    assert BEHIND in text


def test_who_asks_and_whom_we_would_call_hear_that_the_engines_carry_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A telephone would ring for nothing, and a proxy send its calls to who refuses them."""
    exchange = Exchange(monkeypatch, "[phone]\nplaces = 5\n", folder=tmp_path)
    places = [1]

    def at_once(kind: object) -> int:
        return places[0]

    monkeypatch.setattr(exchange.pool, "at_once", at_once)
    line, carriers = exchange.line()

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 6.0))
            await asyncio.sleep(2.0)
            assert carriers[0].refusing == [] and not line.ready()
            places[0] = 0
            assert line.ready() == ("nobody is free to listen",)
            with pytest.raises(ClosedError, match="nobody is free"):
                await line.dial("sip:17@192.0.2.7")
            await asyncio.sleep(1.0)
            assert carriers[0].refusing == [486] and carriers[0].dialled == []
            places[0] = 1
            await asyncio.sleep(1.0)
            assert carriers[0].refusing == [486, 0]

    simulate(story())


def test_when_its_process_stood_still_is_told_to_all_of_the_house(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exchange = Exchange(monkeypatch, "[phone.extensions.1000]\n", folder=tmp_path)
    line, carriers = exchange.line()
    pause = PauseRecord("line", "garbage", 7.5, SECOND)

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(running(exchange, line, 5.0))
            await asyncio.sleep(2.0)
            carriers[0].tell(Counts({}, pauses=(pause,)))
            carriers[0].tell(Counts({}))

    simulate(story())
    found = [(entry.of, entry.record) for entry in exchange.entries if isinstance(entry.record, PauseRecord)]
    assert found == [("house", pause)]


def test_a_call_moves_the_face_of_whoever_answers_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = Exchange(monkeypatch, '[phone]\npersona = "chad"\ngreeting = "Hello there."\n', folder=tmp_path)
    leg = ScriptedLeg(exchange.clock, seconds=4.0)
    board = FaceBoard(exchange.clock)
    line, _ = exchange.line(leg, listener=TalkListener(moved=board.see))
    told: list[FaceEvent] = []

    async def story() -> None:
        async def watch() -> None:
            with board.watch("chad") as watched:
                while True:
                    told.append(await watched.take())

        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(board.run()), group.create_task(watch())]
            await running(exchange, line, 9.0)
            for task in beside:
                task.cancel()

    simulate(story())
    spoken = [event for event in told if isinstance(event, FaceLineEvent)]
    started = [event for event in told if isinstance(event, FaceStartEvent)]
    assert spoken and [event.id for event in spoken[:1]] == [event.id for event in started[:1]]
    assert started[0].id.startswith(leg.info.id)
    assert len(set(spoken[0].track.mouths)) > 1, "it speaks"
    assert any(isinstance(event, FaceCutEvent) and event.id == started[0].id for event in told)


@pytest.mark.parametrize(
    ("transport", "registrar", "why"),
    [
        ('["tcp"]', '"10.0.0.5"', "10.0.0.5 is asked by UDP"), ('["tcp"]', '"10.0.0.5;transport=tcp"', ""),
        ('["tcp", "udp"]', '"10.0.0.5"', ""), ('["tcp"]', '["10.0.0.5", "10.0.0.6;transport=tcp"]', ""),
    ],
)  # fmt: skip
def test_a_registrar_that_the_line_has_no_way_to_ask_is_named_at_the_start(
    transport: str, registrar: str, why: str, tmp_path: Path
) -> None:
    """It was registered nowhere, and said that there was no answer."""
    file = tmp_path / "duologue.toml"
    account = f'[[phone.accounts]]\nuser = "1"\nregistrar = {registrar}\npassword = "x"\n'
    file.write_text(f"[phone]\ntransport = {transport}\n{account}")
    with pytest.raises(InputError, match=re.escape(why)) if why else nullcontext():
        assert line_plan(load_settings(config=file).phone).accounts


@pytest.mark.parametrize(
    ("listen", "allow", "registrar", "why"),
    [
        ("[::]:5060", '["10.0.0.5", "192.0.2.0/24"]', "", "hears IPv6 alone"),
        ("0.0.0.0:5060", '["2001:db8::/32"]', "", "hears IPv4 alone"),
        ("[::]:5060", '["10.0.0.5", "2001:db8::5"]', "", ""),
        ("[::]:5060", '["2001:db8::5"]', "10.0.0.5", "no packet gets from there to 10.0.0.5"),
        ("0.0.0.0:5060", '["10.0.0.5"]', "[2001:db8::5]", "no packet gets from there to 2001:db8::5"),
        ("0.0.0.0:5060", '["10.0.0.5"]', "10.0.0.5:5070;transport=tcp", ""),
        ("[::]:5060", '["2001:db8::5"]', "pbx.example.org", ""),
    ],
)
def test_a_line_that_nobody_could_reach_for_the_kind_of_its_addresses_is_refused(
    listen: str, allow: str, registrar: str, why: str, tmp_path: Path
) -> None:
    """It hears and sends by IPv4 or by IPv6: a PBX of the other kind was met with silence."""
    file = tmp_path / "duologue.toml"
    account = f'[[phone.accounts]]\nuser = "1"\nregistrar = "{registrar}"\npassword = "x"\n' if registrar else ""
    file.write_text(f'[phone]\nlisten = "{listen}"\nallow = {allow}\n{account}')
    with pytest.raises(InputError, match=re.escape(why)) if why else nullcontext():
        assert line_plan(load_settings(config=file).phone).host
