"""
Tests that repeat attacks of a user who is logged in on whole machines.
"""

from typing import Final

import pytest

from sinks.event import Cause
from tests.vm.laboratory import FORGERIES, TIMEOUT_S, run_script
from tests.vm.outcome import NO_CONTAINER, Outcome

pytestmark = [pytest.mark.vm, pytest.mark.timeout(TIMEOUT_S)]

# Each is attacked in its own way; who ended each in truth.
_VICTIMS: Final = {"forged": "sh", "reported": "sh", "named": "sh", "by-runc": "runc", "by-dockerd": "dockerd"}
_ROOT: Final = frozenset({"forged", "reported", "named"})


@pytest.fixture(scope="module", params=FORGERIES)
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """
    One run on a machine.
    """
    script, suite = request.param
    return Outcome(run_script(script, suite))


def test_every_attack_was_made(outcome: Outcome) -> None:
    """
    The user's records are in the journal, out of the cgroups that they should come from, and the kernel log has a kill
    in the cgroup that is named like a container.
    """
    assert not (outcome.out / "failed").exists(), outcome.read("failed")
    log = outcome.read("forgeries.log")
    assert log.count("systemd-oomd killed 3 process") == 2
    assert "_EXE=/usr/lib/systemd/systemd\n" in log
    assert "/init.scope\n" in log.split("_SYSTEMD_CGROUP=/user.slice/")[1]
    assert "/earlyoom.service\n" in log
    assert "task_memcg=/user.slice/" in log


def test_no_death_has_a_forged_cause(outcome: Outcome) -> None:
    """
    Each container died of a signal from outside Docker, whatever the user forged.
    """
    causes = {name: outcome.death(name)["exit137"]["cause"] for name in _VICTIMS}
    assert causes == dict.fromkeys(_VICTIMS, Cause.SIGNAL)


def test_the_true_sender_of_each_signal_is_named(outcome: Outcome) -> None:
    """
    The death names the process that sent the signal, with its user: a copy of kill is no part of Docker by its name.
    """
    senders = {name: outcome.death(name)["exit137"]["death"]["killer"] for name in _VICTIMS}
    assert {name: sender["name"] for name, sender in senders.items()} == _VICTIMS
    assert {name for name, sender in senders.items() if sender.get("uid") == 0} == _ROOT


def test_no_container_has_a_forged_kill(outcome: Outcome) -> None:
    """
    The kill in the user's own cgroup is published without a container, and no victim has a kill.
    """
    kills = outcome.kills()
    assert kills[NO_CONTAINER] == 1
    assert [name for name in _VICTIMS if kills[name]] == []
