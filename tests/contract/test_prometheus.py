"""
What Prometheus makes of the agent: its own tools check the rules, and a real one scrapes a real agent.
"""

import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from collector.metrics import Metrics
from collector.sources import SOURCES
from tests.live.lab.agent import COMMAND
from tests.live.lab.waiting import wait_until

DOCS: Final = Path(__file__).parents[2] / "docs"
PATIENCE_S: Final = 30.0
_METRIC: Final = re.compile(r"exit137_[a-z0-9_]+")


def program(name: str) -> str:
    """
    A program of Debian's package prometheus, installed or where scripts/setup puts it.
    """
    own = Path(__file__).parents[2] / ".cache/prometheus/usr/bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not there: scripts/setup live fetches it")
    return found


def exported() -> set[str]:
    """
    The names of all series, as /metrics shows them.
    """
    return {each.name + ("_total" if each.counter else "") for each in Metrics().series()}


def test_the_rules_are_valid() -> None:
    """
    promtool reads them.
    """
    checked = subprocess.run(
        [program("promtool"), "check", "rules", str(DOCS / "prometheus-rules.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", ["prometheus-rules.yaml", "grafana-dashboard.json"])
def test_rules_and_dashboard_ask_for_metrics_that_exist(name: str) -> None:
    """
    A misspelled metric is no error to Prometheus: the alert would never fire, the panel stay empty.
    """
    text = (DOCS / name).read_text(encoding="utf-8")
    asked = set(_METRIC.findall(text))
    assert asked
    assert asked <= exported()


def test_every_metric_is_documented() -> None:
    """
    docs/metrics.md has a line for each, and none for what does not exist.
    """
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(exit137_\w+)`", text, re.MULTILINE)) == exported()


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[str]:
    """
    A Prometheus with our rules that scrapes an agent without sources, once a second; gives its URL.
    """
    binary = program("prometheus")
    agent_port, port = _free_port(), _free_port()
    sources = "".join(f"[sources.{name}]\nenabled = false\n" for name in SOURCES)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[store]\npath = "{tmp_path}/s.db"\n{sources}[http]\nlisten = "127.0.0.1:{agent_port}"\n'
        f'[[sinks]]\nname = "local"\ntype = "file"\npath = "{tmp_path}/events.jsonl"\n'
    )
    (tmp_path / "prometheus.yml").write_text(
        f'global: {{scrape_interval: 1s}}\nrule_files: ["{DOCS}/prometheus-rules.yaml"]\n'
        f'scrape_configs: [{{job_name: exit137, static_configs: [{{targets: ["127.0.0.1:{agent_port}"]}}]}}]\n'
    )
    commands = [
        [str(COMMAND), "run", "--config", str(config)],
        [
            binary,
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
    ]
    with (tmp_path / "log").open("wb") as log:
        running = [subprocess.Popen(command, stdout=log, stderr=log) for command in commands]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(PATIENCE_S)


@pytest.mark.slow
def test_a_real_prometheus_reads_a_real_agent(scraped: str) -> None:
    """
    Every series that the agent has before anything happened is there, and the rules are loaded.
    """
    wait_until(lambda: _series(scraped), PATIENCE_S, "Prometheus has the agent's series")
    assert _series(scraped) == exported() - {"exit137_source_lag_seconds"}  # no source, no fact, no lag
    groups = _asked(f"{scraped}/api/v1/rules")["groups"]
    assert {group["name"] for group in groups} == {"exit137-agent", "exit137-containers"}


def _series(url: str) -> set[str]:
    query = urllib.parse.urlencode({"query": 'count by (__name__) ({job="exit137", __name__=~"exit137_.+"})'})
    try:
        result = _asked(f"{url}/api/v1/query?{query}")["result"]
    except OSError:
        return set()
    return {item["metric"]["__name__"] for item in result}


def _asked(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (the test's own address)
        data: dict[str, Any] = json.load(answer)["data"]
        return data


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
