"""
The package on whole machines: installed with dpkg, started by systemd in its sandbox, and told the truth.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.vm.machine import Machine
from tests.vm.outcome import Outcome

REPOSITORY: Final = Path(__file__).parents[2]
HOME: Final = REPOSITORY / ".cache/vm"
LIMIT_S: Final = 1200

pytestmark = [pytest.mark.vm, pytest.mark.timeout(LIMIT_S + 600)]


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """
    One run on a machine.
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
    return Outcome(folder)


def _walk() -> list[str]:
    """
    What docs/install.md has a newcomer type first: to install it, and to look at it.
    """
    text = (REPOSITORY / "docs/install.md").read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[:2]


def test_every_step_was_done(outcome: Outcome) -> None:
    """
    Installed, started, killed and started again, reloaded; and the same process lived through the host's OOM.
    """
    assert not (outcome.out / "failed").exists(), outcome.read("failed")
    assert "active\n" in outcome.read("install.log")


def test_the_first_walk_ends_with_an_explanation(outcome: Outcome) -> None:
    """
    As docs/install.md has it: installed, looked at, and told why the last container died.
    """
    shown = outcome.read("walk.log")
    assert "Active: active (running)" in shown
    assert "source kmsg: can be read" in shown
    assert re.search(r'^\d{4}-.* UTC: Container "storm-\d"', shown, re.MULTILINE)


def test_every_death_has_its_cause(outcome: Outcome) -> None:
    """
    One event for each container, with the cause that was arranged, also over a reboot.
    """
    assert outcome.misjudged() == {}
    assert sorted(outcome.deaths()) == sorted(outcome.true_causes)


def test_every_kill_has_its_container(outcome: Outcome) -> None:
    """
    As many victims of each container as the kernel took.
    """
    assert outcome.kills() == outcome.true_kills


def test_who_sent_a_signal_is_named(outcome: Outcome) -> None:
    """
    The shell of the laboratory's own unit.
    """
    assert outcome.death("foreign")["exit137"]["death"]["killer"]["name"] == "sh"


def test_the_sandbox_holds_nothing_up(outcome: Outcome) -> None:
    """
    Every source is read, the one that is off by default after it was switched on, and nothing was refused.
    """
    assert "reads kmsg, journald, docker, processes, cgroups, memory; sends to local" in outcome.read("install.log")
    metrics = outcome.read("metrics")
    for source in ("kmsg", "journald", "docker", "processes", "trace"):
        assert f'exit137_source_up{{source="{source}"}} 1.0' in metrics
    log = outcome.read("agent.log")
    assert "not permitted" not in log
    assert "Traceback" not in log


def test_its_memory_stays_below_its_bound(outcome: Outcome) -> None:
    """
    After storms, an OOM of the host and a reboot: less than MemoryHigh=, where the kernel would slow it down.
    """
    unit = (REPOSITORY / "systemd/exit137.service").read_text()
    [high_mib] = re.findall(r"^MemoryHigh=(\d+)M$", unit, re.MULTILINE)
    [resident] = re.findall(r"^exit137_resident_memory_bytes (\S+)$", outcome.read("metrics"), re.MULTILINE)
    assert float(resident) < int(high_mib) * (1 << 20)
