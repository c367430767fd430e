"""
The package on whole machines: installed with dpkg, started by systemd in its sandbox, and told the truth.
"""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.vm.machine import Machine

REPOSITORY: Final = Path(__file__).parents[2]
HOME: Final = REPOSITORY / ".cache/vm"
LIMIT_S: Final = 1200

pytestmark = [pytest.mark.vm, pytest.mark.timeout(LIMIT_S + 600)]


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def out(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    What one run on a machine left.
    """
    if os.geteuid() != 0 or shutil.which("qemu-system-x86_64") is None:
        pytest.skip("needs root and qemu-system-x86")
    lab = tmp_path_factory.mktemp("lab")
    built = subprocess.run(["scripts/deb"], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    shutil.copy(REPOSITORY / built.stdout.strip(), lab)
    shutil.copy(Path(__file__).with_name("run"), lab / "run")
    for name, script in zip(("walk-install", "walk-use"), _walk(), strict=True):
        (lab / name).write_text(script)
    hog = REPOSITORY / "tests/live/lab/hog.c"
    subprocess.run(["gcc", "-O1", "-static", "-o", str(lab / "hog"), str(hog)], check=True)
    machine = Machine(request.param, HOME)
    machine.make()
    folder = HOME / request.param / "out"
    shutil.rmtree(folder, ignore_errors=True)
    machine.run(lab, folder.parent, LIMIT_S)
    return folder


def _walk() -> list[str]:
    """
    What docs/install.md has a newcomer type first: to install it, and to look at it.
    """
    text = (REPOSITORY / "docs/install.md").read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[:2]


def told(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]


def test_every_step_was_done(out: Path) -> None:
    """
    Installed, started, killed and started again, reloaded; and the same process lived through the host's OOM.
    """
    assert not (out / "failed").exists(), (out / "failed").read_text()
    assert "active\n" in (out / "install.log").read_text()


def test_the_first_walk_ends_with_an_explanation(out: Path) -> None:
    """
    As docs/install.md has it: installed, looked at, and told why the last container died.
    """
    shown = (out / "walk.log").read_text()
    assert "Active: active (running)" in shown
    assert "source kmsg: can be read" in shown
    assert re.search(r'^\d{4}-.* UTC: Container "storm-\d"', shown, re.MULTILINE)


def test_every_death_has_its_cause(out: Path) -> None:
    """
    One event for each container, with the cause that was arranged, also over a reboot.
    """
    deaths = [event["data"] for event in told(out) if event["type"] == "exit137.container_death"]
    found = {(death["container"]["name"], death["exit137"]["cause"]) for death in deaths}
    truth = {tuple(line.split()[:2]) for line in (out / "truth").read_text().splitlines()}
    assert found == truth
    assert len(deaths) == len(truth)


def test_every_kill_has_its_container(out: Path) -> None:
    """
    As many victims of each container as the kernel took. A kill that is told before Docker has named the container
    has its id.
    """
    events = told(out)
    deaths = [event["data"] for event in events if event["type"] == "exit137.container_death"]
    names = {death["container"]["id"]: death["container"]["name"] for death in deaths}
    found: Counter[str] = Counter()
    for event in events:
        if event["type"] == "exit137.oom_kill":
            container_id = event["data"].get("container", {}).get("id")
            found[names.get(container_id, "in no container")] += len(event["data"]["exit137"]["oom"]["victims"])
    lines = (line.split() for line in (out / "truth").read_text().splitlines())
    assert found == {name: int(count) for name, _, count in lines if int(count)}


def test_who_sent_a_signal_is_named(out: Path) -> None:
    """
    The shell of the laboratory's own unit.
    """
    deaths = [event["data"] for event in told(out) if event["type"] == "exit137.container_death"]
    [foreign] = [death for death in deaths if death["container"]["name"] == "foreign"]
    assert foreign["exit137"]["death"]["killer"]["name"] == "sh"


def test_the_sandbox_holds_nothing_up(out: Path) -> None:
    """
    Every source is read, the one that is off by default after it was switched on, and nothing was refused.
    """
    assert "reads kmsg, journald, docker, processes; sends to local" in (out / "install.log").read_text()
    metrics = (out / "metrics").read_text()
    for source in ("kmsg", "journald", "docker", "processes", "trace"):
        assert f'exit137_source_up{{source="{source}"}} 1.0' in metrics
    log = (out / "agent.log").read_text()
    assert "not permitted" not in log
    assert "Traceback" not in log
