"""
What Prometheus makes of the agent: its own tools check the rules, and a real server scrapes a real agent.
"""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from collector.metrics import Kind, Metrics, Series
from tests.lab.agent import COMMAND
from tests.lab.waiting import wait_until
from tests.shared.ports import free_ports
from tests.shared.settings import switched_off

DOCS: Final = Path(__file__).parents[2] / "docs"
TIMEOUT_S: Final = 30.0
_METRIC: Final = re.compile(r"exit137_[a-z0-9_]+")


def program(name: str) -> str:
    """
    Return the path of a program from Debian's package prometheus, installed or where scripts/setup puts it.
    """
    own = Path(__file__).parents[2] / ".cache/prometheus/usr/bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: scripts/setup live installs it")
    return found


def exposed_name(series: Series) -> str:
    """
    Return the name of a metric as /metrics shows it.
    """
    return series.name + ("_total" if series.kind is Kind.COUNTER else "")


def exported() -> set[str]:
    """
    Return the names of all metrics as /metrics shows them.
    """
    return {exposed_name(each) for each in Metrics().series}


def test_the_rules_are_valid() -> None:
    """
    promtool accepts the rules.
    """
    checked = subprocess.run(
        [program("promtool"), "check", "rules", str(DOCS / "prometheus-rules.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", ["prometheus-rules.yaml", "grafana-dashboard.json"])
def test_rules_and_dashboard_use_metrics_that_exist(name: str) -> None:
    """
    A misspelled metric is not an error to Prometheus: the alert would never fire, and the panel would stay empty.
    """
    text = (DOCS / name).read_text(encoding="utf-8")
    used = set(_METRIC.findall(text))
    assert used
    assert used <= exported()


def test_the_documentation_has_the_table_of_metrics() -> None:
    """
    docs/metrics.md has one row per metric with its name, its labels and a meaning that begins with the HELP text.
    """
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(exit137_\w+)` \| (.*?) ?\| (.*) \|$", text, re.MULTILINE)
    table = Metrics().series
    assert [name for name, _, _ in rows] == [exposed_name(each) for each in table]
    assert [labels for _, labels, _ in rows] == [", ".join(f"`{label}`" for label in each.labels) for each in table]
    for (name, _, meaning), each in zip(rows, table, strict=True):
        assert meaning.startswith(each.text), name


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[str]:
    """
    Run a Prometheus with the rules that scrapes an agent without sources once a second. Yield its URL.
    """
    binary = program("prometheus")
    agent_port, port = free_ports(2)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[store]\npath = "{tmp_path}/s.db"\n{switched_off()}[http]\nlisten = "127.0.0.1:{agent_port}"\n'
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
            process.wait(TIMEOUT_S)


@pytest.mark.slow
def test_a_real_prometheus_reads_a_real_agent(scraped: str) -> None:
    """
    Prometheus has every series that exists before anything happens, and has loaded the rules.
    """
    wait_until(lambda: _series(scraped), TIMEOUT_S, "Prometheus has the agent's series")
    assert _series(scraped) == exported() - {"exit137_source_lag_seconds"}  # no source, no fact, no lag
    groups = _query(f"{scraped}/api/v1/rules")["groups"]
    assert {group["name"] for group in groups} == {"exit137-agent", "exit137-containers"}


def _series(url: str) -> set[str]:
    query = urllib.parse.urlencode({"query": 'count by (__name__) ({job="exit137", __name__=~"exit137_.+"})'})
    try:
        result = _query(f"{url}/api/v1/query?{query}")["result"]
    except OSError:
        return set()
    return {item["metric"]["__name__"] for item in result}


def _query(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (the test's own address)
        data: dict[str, Any] = json.load(answer)["data"]
        return data
