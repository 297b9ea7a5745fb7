"""A benchmark waits for the house that it started no longer than that makes sense."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest

from benchmarks import ready

ADDRESS = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "_PAUSE_S", 0.0)


@dataclass
class Process:
    """A program as far as it is asked: whether it is over."""

    returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode


def answering(monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response | Exception) -> list[str]:
    """Give these answers, one after another; returns who was asked."""
    asked: list[str] = []
    rest = list(answers)

    def get(address: str, timeout: float) -> httpx.Response:
        asked.append(address)
        answer = rest.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(httpx, "get", get)
    return asked


def test_it_is_asked_until_it_would_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, late = httpx.ConnectError("refused"), httpx.Response(503, text="talk: engines warm up")
    asked = answering(monkeypatch, refused, late, httpx.Response(200))
    ready.until_ready(Process(), ADDRESS, "duologue serve")
    assert asked == [f"{ADDRESS}/readyz"] * 3


def test_what_waiting_does_not_mend_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "line: it wants ears that hear over a telephone: duologue models get natural"
    asked = answering(monkeypatch, httpx.Response(503, text=why))
    with pytest.raises(SystemExit, match="does not serve: line: it wants ears"):
        ready.until_ready(Process(), ADDRESS, "duologue phone")
    assert len(asked) == 1


def test_one_that_ended_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch)
    with pytest.raises(SystemExit, match="duologue serve ended with 2"):
        ready.until_ready(Process(2), ADDRESS, "duologue serve")
    assert asked == []
