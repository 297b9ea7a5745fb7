from __future__ import annotations

import io
import json
import logging
import os
import pty
import termios
import threading
from collections.abc import Iterator

import pytest
import structlog

from duologue.clock import SECOND, VirtualClock
from duologue.redaction import REDACTED
from duologue.telemetry.log import configure, get_logger


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def written(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_object_with_both_times() -> None:
    stream, clock = io.StringIO(), VirtualClock(epoch=1_700_000_000 * SECOND)
    configure("json", stream=stream, clock=clock)
    clock.advance(1_234_567_890)
    get_logger("room").info("something happened", count=3, who="Größe")
    (line,) = written(stream)
    assert line == {
        "event": "something happened",
        "component": "room",
        "count": 3,
        "who": "Größe",
        "level": "info",
        "time": "2023-11-14T22:13:21.234Z",
        "elapsed": 1.235,
    }


def test_a_stream_that_is_no_terminal_gets_json_and_a_terminal_readable_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    plain, terminal = io.StringIO(), Terminal()
    configure(stream=plain)
    get_logger("room").info("hello")
    assert written(plain)[0]["event"] == "hello"
    configure(stream=terminal)
    get_logger("room").info("hello")
    assert "hello" in terminal.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(terminal.getvalue())


def test_a_logger_made_before_configuring_follows() -> None:
    log, stream = get_logger("early"), io.StringIO()
    configure("json", stream=stream)
    log.info("late")
    assert written(stream)[0]["component"] == "early"


def test_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    configure("json", "warning", stream=stream)
    get_logger("room").info("small talk")
    get_logger("room").warning("fire")
    assert [line["event"] for line in written(stream)] == ["fire"]


class Torn(io.StringIO):
    """What standard error is on a full disk, or when the terminal is gone: a write or a flush of it fails."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    def write(self, text: str) -> int:
        if self.at == "write":
            raise OSError(5, "Input/output error")
        return super().write(text)

    def flush(self) -> None:
        if self.at == "flush":
            raise OSError(28, "No space left on device")
        super().flush()


@pytest.mark.parametrize("at", ["write", "flush"])
def test_a_log_that_takes_no_line_ends_nothing_and_what_it_lost_is_said_when_it_does(at: str) -> None:
    stream = Torn(at)
    configure("json", stream=stream)
    log = get_logger("room")
    log.warning("the recording stopped")
    logging.getLogger("library").warning("and so did this")
    stream.at = ""
    stream.seek(0)
    stream.truncate()
    log.info("well again")
    log.info("and on")
    assert [(line["event"], line.get("lines_lost")) for line in written(stream)] == [
        ("well again", 2),
        ("and on", None),
    ]


def test_a_log_that_nobody_reads_holds_nobody_up() -> None:
    """A terminal that was stopped with Ctrl-S, or a pipe whose reader was, held the loop of a house, and all on air."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w", encoding="utf-8") as stream:
        configure("json", stream=stream)
        log = get_logger("room")

        def tell() -> None:
            for number in range(1000):
                log.info("said", number=number, words="ü" * 1000)

        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        telling.join(20)
        held = telling.is_alive()
        text = b""
        os.set_blocking(reading, False)
        while (part := reader.read(100_000)) or telling.is_alive():
            text += part or b""
        assert not held
        log.info("read again")
        while part := reader.read(100_000):
            text += part
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["number"] for line in lines[:-1]] == list(range(len(lines) - 1))
    assert (lines[-1]["event"], lines[-1]["lines_lost"]) == ("read again", 1000 - len(lines[:-1]))


def test_a_terminal_that_was_stopped_holds_nobody_up() -> None:
    master, slave = pty.openpty()
    with os.fdopen(master, "rb", buffering=0), os.fdopen(slave, "w") as stream:
        termios.tcflow(stream.fileno(), termios.TCOOFF)
        configure("json", stream=stream)
        telling = threading.Thread(target=get_logger("room").info, args=("said",), daemon=True)
        telling.start()
        telling.join(20)
        held = telling.is_alive()
        termios.tcflow(stream.fileno(), termios.TCOON)
        assert not held


def test_a_log_whose_stream_is_closed_ends_nothing() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    stream.close()
    get_logger("room").info("nobody reads this")


def test_secrets_never_appear() -> None:
    stream = io.StringIO()
    configure("json", secrets=["hunter2hunter2", "", "abc"], stream=stream)
    get_logger("room").info(
        "calling with hunter2hunter2",
        api_key="sk-1",
        token="t",
        client_secret="s",
        Authorization="Bearer x",
        nested={"openai_key": "k", "list": [{"token": "t"}, "say hunter2hunter2 twice"]},
        url="http://host/?k=hunter2hunter2",
        object=ValueError("hunter2hunter2"),
        monkey="banana",
        key="",
        abc="abc stays",
    )
    text = stream.getvalue()
    assert "hunter2" not in text
    line = written(stream)[0]
    assert all(line[name] == REDACTED for name in ("api_key", "token", "client_secret", "Authorization"))
    assert line["nested"] == {"openai_key": REDACTED, "list": [{"token": REDACTED}, f"say {REDACTED} twice"]}
    assert (line["key"], line["abc"]) == ("", "abc stays")


def test_errors_come_with_their_trace_and_without_secrets() -> None:
    stream = io.StringIO()
    configure("json", secrets=["hunter2hunter2"], stream=stream)
    try:
        raise ValueError("refused hunter2hunter2")
    except ValueError:
        get_logger("room").exception("it broke")
    line = written(stream)[0]
    assert "ValueError" in json.dumps(line["exception"])
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_lines_of_libraries_look_the_same_and_are_redacted_too(log_format: str) -> None:
    stream = io.StringIO()
    configure("json" if log_format == "json" else "text", secrets=["hunter2hunter2"], stream=stream)
    logging.getLogger("some.library").warning("it took %d ms with %s", 5, "hunter2hunter2")
    assert "it took 5 ms" in stream.getvalue()
    assert "some.library" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_library_errors_in_text_show_no_secret() -> None:
    stream = io.StringIO()
    configure("text", secrets=["hunter2hunter2"], stream=stream)
    try:
        raise ValueError("refused hunter2hunter2")
    except ValueError:
        get_logger("room").exception("it broke")
    assert "ValueError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
