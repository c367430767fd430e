"""
Tests of crashes, hangs and refused signals on whole machines, with systemd-coredump and AppArmor.
"""

from typing import Any

import pytest

from tests.vm.laboratory import CRASHES, TIMEOUT_S, run_script
from tests.vm.outcome import Outcome

pytestmark = [pytest.mark.vm, pytest.mark.timeout(TIMEOUT_S)]
BUILD_ID_LENGTH = 40


@pytest.fixture(scope="module", params=CRASHES)
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """
    One run on a machine.
    """
    script, suite = request.param
    return Outcome(run_script(script, suite))


def only(outcome: Outcome, kind: str, name: str) -> dict[str, Any]:
    """
    Return the only event of a kind about a container.
    """
    [event] = outcome.of_container(kind, name)
    exit137: dict[str, Any] = event["exit137"]
    return exit137


def test_every_step_was_done(outcome: Outcome) -> None:
    """
    Each container was started, and ended as arranged.
    """
    assert not (outcome.out / "failed").exists(), outcome.read("failed")


def test_every_death_has_its_cause(outcome: Outcome) -> None:
    """
    Each container has one death, with the cause that was arranged.
    """
    assert outcome.misjudged() == {}
    assert sorted(outcome.deaths()) == sorted(outcome.true_causes)


@pytest.mark.parametrize("name", ["dumped", "dumped-thread"])
def test_a_core_dump_adds_its_stack(outcome: Outcome, name: str) -> None:
    """
    The kernel's line and the entry of systemd-coredump are one event; the death has reason and stack.
    """
    crash = only(outcome, "container_death", name)["crash"]
    assert (crash["kind"], crash["reason"], crash["signal"]) == ("segfault", "null_pointer", 11)
    assert crash["frames"]
    kernel = only(outcome, "kernel_event", name)
    assert (kernel["kernel"]["kind"], kernel["confidence"]) == ("segfault", "certain")


def test_an_abort_without_a_core(outcome: Outcome) -> None:
    """
    A core limit of 0 changes nothing: the death has its signal.
    """
    assert only(outcome, "container_death", "no-core")["crash"]["signal"] == 6


def test_a_hung_task(outcome: Outcome) -> None:
    """
    The kernel's line names the container, and the stop that does not end says what it waits for.
    """
    kernels = outcome.of_container("kernel_event", "hung")
    assert {event["exit137"]["kernel"]["kind"] for event in kernels} == {"hung_task"}
    stuck, ended = outcome.of_container("container_stuck", "hung")
    assert stuck["exit137"]["stuck"]["reason"] == "uninterruptible"
    assert ended["exit137"]["stuck"]["resolved"] is True


def test_a_refused_signal(outcome: Outcome) -> None:
    """
    The line names the sender, and the container that could not be stopped.
    """
    denied = outcome.of_container("kernel_event", "deaf")
    assert {event["exit137"]["kernel"]["kind"] for event in denied} == {"signal_denied"}
    assert {event["exit137"]["kernel"]["name"] for event in denied} <= {"runc", "dockerd"}
    stuck, ended = outcome.of_container("container_stuck", "deaf")
    assert stuck["exit137"]["stuck"]["reason"] == "signal_denied"
    assert ended["exit137"]["stuck"]["resolved"] is True


def test_who_took_the_memory_of_the_host(outcome: Outcome) -> None:
    """
    The host ran out of memory, and the event names the container that grew.
    """
    kill = only(outcome, "oom_kill", "glutton")
    assert (kill["oom"]["scope"], kill["culprit"]["name"]) == ("host", "glutton")


def test_an_innocent_victim(outcome: Outcome) -> None:
    """
    At the limit of a slice the kernel ended one container, and the event names the other one, which grew.
    """
    kill = only(outcome, "oom_kill", "innocent")
    assert kill["oom"]["scope"] == "parent"
    culprit = kill["culprit"]
    assert (culprit["name"], culprit["victim"], culprit["basis"]) == ("grower", False, "growth")
    assert culprit["confidence"] != "certain"


def test_the_image_store_of_containerd(outcome: Outcome) -> None:
    """
    The layers that Docker does not name are read while the container runs, and its file after the end.
    """
    if "stored" not in outcome.true_causes:
        assert outcome.read("docker").startswith("20.")  # without such a store
        return
    crash = only(outcome, "container_death", "stored")["crash"]
    assert (crash["kind"], len(crash["build_id"])) == ("segfault", BUILD_ID_LENGTH)
