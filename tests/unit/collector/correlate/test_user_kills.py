"""
Kills by OOM killers of user space.
"""

import pytest

from parsers.cgroup_path import container_of, container_of_unit
from parsers.killers import EarlyoomKill, KillerFact, OomdKill, SystemdOomdKill, UnitOomdKilled
from sinks.event import Confidence, Event, Killer, Scope
from tests.unit.collector.correlate.scene import MAIN_PID, A, Scene, ns, scope_path


def earlyoom(pid: int, at_s: float = 1.0, signal: str = "SIGTERM") -> EarlyoomKill:
    text = f'sending {signal} to process {pid} uid 0 "hog": oom_score 156, VmRSS 4962 MiB'
    return EarlyoomKill(pid=pid, uid=0, comm="hog", rss_bytes=1, signal=signal, at_ns=ns(at_s), text=text)


def systemd_oomd(path: str, at_s: float = 1.0) -> SystemdOomdKill:
    text = f"Killed {path} due to memory pressure for /system.slice being 68.13% > 60.00%"
    return SystemdOomdKill(cgroup=path, container=container_of(path), at_ns=ns(at_s), text=text)


def unit_oomd(at_s: float = 1.0) -> UnitOomdKilled:
    unit = f"docker-{A}.scope"
    text = f"{unit}: systemd-oomd killed 3 process(es) in this unit."
    return UnitOomdKilled(unit=unit, container=container_of_unit(unit), at_ns=ns(at_s), text=text)


def oomd(path: str) -> OomdKill:
    text = f"oomd kill: 7.11 3.00 1.20 {path} 4096 ruleset:[a] detectorgroup:[b] killer:[kill] v2"
    return OomdKill(cgroup=path, container=container_of(path), at_ns=ns(1), text=text)


def told(*facts: KillerFact) -> list[Event]:
    scene = Scene()
    scene.run(A)
    return scene.tell(*facts, at_s=1)


@pytest.mark.parametrize(
    ("fact", "killer"),
    [
        (systemd_oomd(scope_path(A)), Killer.SYSTEMD_OOMD),
        (unit_oomd(), Killer.SYSTEMD_OOMD),
        (oomd(scope_path(A)), Killer.OOMD),
        (earlyoom(MAIN_PID), Killer.EARLYOOM),
    ],
    ids=["systemd-oomd", "systemd about its unit", "oomd", "earlyoom"],
)
def test_each_killer_is_told_at_once_with_the_container(fact: KillerFact, killer: Killer) -> None:
    """
    Their word names a cgroup, or a pid that Docker had named.
    """
    (event,) = told(fact)
    oom = event.exit137.oom
    assert oom is not None
    assert (oom.killer, oom.scope, event.subject) == (killer, Scope.HOST, f"container/{A}")
    assert event.exit137.confidence is Confidence.CERTAIN
    assert f"{killer.value} killed" in event.message
    assert '"box-a"' in event.message


def test_what_systemd_repeats_of_systemd_oomd_is_the_same_kill() -> None:
    """
    The killer names the cgroup, PID 1 names the unit.
    """
    assert len(told(systemd_oomd(scope_path(A)), unit_oomd(1.2))) == 1


def test_earlyoom_that_sends_a_second_signal_kills_once() -> None:
    """
    SIGTERM, and SIGKILL where that does not help.
    """
    assert len(told(earlyoom(MAIN_PID), earlyoom(MAIN_PID, 2, "SIGKILL"))) == 1


def test_a_kill_of_the_same_container_later_is_another() -> None:
    """
    It was started anew, and the host still has no memory.
    """
    assert len(told(systemd_oomd(scope_path(A)), systemd_oomd(scope_path(A), 20))) == 2


def test_a_process_of_the_host_is_told_without_a_container() -> None:
    """
    Nobody named the pid; it is not guessed.
    """
    (event,) = told(earlyoom(77))
    assert (event.subject, event.container, event.exit137.confidence) == ("process/77", None, Confidence.LIKELY)


def test_a_service_of_the_host_is_told_by_its_cgroup() -> None:
    """
    systemd-oomd kills what it was told to watch, containers or not.
    """
    (event,) = told(systemd_oomd("/system.slice/cron.service"))
    assert event.subject == "cgroup//system.slice/cron.service"
    assert "/system.slice/cron.service" in event.message
