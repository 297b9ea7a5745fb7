"""Debian's Prometheus scrapes the real process: each rule and each query of the dashboard is answered."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from brief_cast import brief_cast
from duologue.clock import SECOND, SYSTEM_CLOCK

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow]
DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "duologue.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "duologue.json"
PATIENCE = 60 * SECOND
NAME = re.compile(r"\bduologue_\w+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip("needs the Debian package prometheus")
    return found


@dataclass(frozen=True)
class Watched:
    """A house on air and the Prometheus that scrapes it: their addresses, the house's process."""

    house: str
    prometheus: str
    pid: int

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What Prometheus answers to a query; an error of the query fails."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", (query, answer.get("error"))
        return answer["data"]["result"]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(*command: str) -> Generator[int]:
    """A process for as long as the block lasts, killed with its children."""
    environment = {**os.environ, "DUOLOGUE_ENGINES__TTS": "espeak"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        yield process.pid
        assert process.poll() is None, f"{command[0]} ended"
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()


def until(what: str, holds: Any) -> None:
    deadline = SYSTEM_CLOCK.now() + PATIENCE
    while SYSTEM_CLOCK.now() < deadline:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        SYSTEM_CLOCK.sleep_until(SYSTEM_CLOCK.now() + SECOND // 5)
    raise AssertionError(f"never: {what}")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The configuration that ships, with this run's ports and a scrape each second."""
    prometheus, folder = needs("prometheus"), tmp_path_factory.mktemp("prometheus")
    port, own = free_port(), free_port()
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES)]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    duologue = str(Path(sys.executable).with_name("duologue"))
    with ExitStack() as stack:
        show = (duologue, "show", "--forever", "--port", str(port), "--size", "640x360", "--cast", brief_cast(folder))
        pid = stack.enter_context(running(*show))
        found = Watched(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own}", pid)
        options = (f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{own}")
        stack.enter_context(running(prometheus, f"--config.file={folder / 'prometheus.yml'}", *options))
        until("a turn was counted", lambda: "duologue_turns_total{" in httpx.get(f"{found.house}/metrics").text)
        until("it has scraped what rates need", lambda: found.ask("count_over_time(duologue_turns_total[1m]) > 3"))
        yield found


def dashboard() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text())


def queries() -> list[str]:
    """The dashboard's, with what Grafana puts for "All"."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    return [query.replace("$instance", ".*").replace("$of", ".*") for query in found]


def test_each_rule_is_loaded_and_evaluated_without_an_error(watched: Watched) -> None:
    shipped = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]

    def evaluated() -> bool:
        groups = httpx.get(f"{watched.prometheus}/api/v1/rules").json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return len(rules) == len(shipped) and all(rule["health"] == "ok" for rule in rules)

    until("all rules are well", evaluated)


def test_each_metric_of_the_rules_and_the_dashboard_is_one_of_the_house(watched: Watched) -> None:
    told = httpx.get(f"{watched.house}/metrics").text
    known = set(re.findall(r"^# TYPE (\w+)", told, re.MULTILINE))
    text = " ".join([*queries(), RULES.read_text()])
    named = {_SUFFIX.sub("", name) for name in NAME.findall(text)} - {"duologue_rules"}
    assert named - known == set()


def test_each_query_of_the_dashboard_is_answered(watched: Watched) -> None:
    """What a show alone can answer has an answer; the others are understood."""
    answered = {query for query in queries() if watched.ask(query)}
    silent = {name for query in queries() if query not in answered for name in NAME.findall(query)}
    assert len(answered) >= 12
    assert not [name for name in silent if name.startswith(("duologue_frame_", "duologue_process", "duologue_part"))]


def test_a_house_that_is_gone_is_told_of(watched: Watched) -> None:
    """It does not answer while it is stopped."""
    assert [each["value"][1] for each in watched.ask("up")] == ["1"]
    listening = psutil.Process(watched.pid)
    listening.suspend()
    try:
        until("the alert waits or fires", lambda: watched.ask('ALERTS{alertname="DuologueDown"}'))
    finally:
        listening.resume()


def test_each_alert_fires_in_trouble_and_none_at_a_house_that_is_well(tmp_path: Path) -> None:
    written = (Path(__file__).parent / "data" / "alerts.yml").read_text()
    cases = tmp_path / "alerts.yml"
    cases.write_text(written.replace("RULES", str(RULES)))
    alerts = {rule["alert"] for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"] if "alert" in rule}
    assert {name for name in alerts if name not in written} == set()
    told = subprocess.run([needs("promtool"), "test", "rules", cases], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_dashboard_is_whole() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["targets"]
            assert all(target["datasource"]["uid"] == "${source}" for target in panel["targets"])
