"""
Tests of the package on whole machines: installed with dpkg, started by systemd in its sandbox, and publishing the
truth.
"""

import re

import pytest

from tests.package.building import REPOSITORY
from tests.vm.laboratory import EVERYTHING, TIMEOUT_S, run_script
from tests.vm.outcome import Outcome

pytestmark = [pytest.mark.vm, pytest.mark.timeout(TIMEOUT_S)]


@pytest.fixture(scope="module", params=EVERYTHING)
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """
    One run on a machine.
    """
    return Outcome(run_script("run-everything", request.param))


def test_every_step_was_done(outcome: Outcome) -> None:
    """
    The agent was installed, started, killed, started again and reloaded, and survived an OOM of the host as one
    process.
    """
    assert not (outcome.out / "failed").exists(), outcome.read("failed")
    assert "active\n" in outcome.read("install.log")


def test_the_first_steps_end_with_an_explanation(outcome: Outcome) -> None:
    """
    The first steps of docs/install.md end with the reason why the last container died.
    """
    shown = outcome.read("walk.log")
    assert "Active: active (running)" in shown
    assert "source kmsg: can be read" in shown
    assert re.search(r'^\d{4}-.* UTC: Container "storm-\d+"', shown, re.MULTILINE)


def test_every_death_has_its_cause(outcome: Outcome) -> None:
    """
    Each container has one death, with the cause that was arranged, also across a reboot.
    """
    assert outcome.misjudged() == {}
    assert sorted(outcome.deaths()) == sorted(outcome.true_causes)


def test_every_kill_has_its_container(outcome: Outcome) -> None:
    """
    Each container has as many victims as the kernel killed.
    """
    assert outcome.kills() == outcome.true_kills


def test_the_sender_of_a_signal_is_named(outcome: Outcome) -> None:
    """
    The sender of a signal, a shell of the lab's own unit, is named.
    """
    assert outcome.death("foreign")["exit137"]["death"]["killer"]["name"] == "sh"


def test_the_sandbox_blocks_nothing(outcome: Outcome) -> None:
    """
    In the sandbox every source is read, including the one that is off by default, and nothing is refused.
    """
    sources = "kmsg, journald, docker, processes, cgroups, memory, stops"
    assert f"reads {sources}; sends to local" in outcome.read("install.log")
    metrics = outcome.read("metrics")
    for source in ("kmsg", "journald", "docker", "processes", "trace"):
        assert f'exit137_source_up{{source="{source}"}} 1.0' in metrics
    log = outcome.read("agent.log")
    assert "not permitted" not in log
    assert "Traceback" not in log


def test_its_memory_stays_below_its_limit(outcome: Outcome) -> None:
    """
    After storms, an OOM of the host and a reboot the agent uses less than MemoryHigh=, where the kernel would throttle
    it.
    """
    unit = (REPOSITORY / "systemd/exit137.service").read_text()
    [high_mib] = re.findall(r"^MemoryHigh=(\d+)M$", unit, re.MULTILINE)
    [resident] = re.findall(r"^exit137_resident_memory_bytes (\S+)$", outcome.read("metrics"), re.MULTILINE)
    assert float(resident) < int(high_mib) * (1 << 20)
