"""
Kills by OOM killers of user space.
"""

from dataclasses import replace

import pytest

from parsers.cgroup_path import container_of, container_of_unit
from parsers.killers import (
    Author,
    EarlyoomKill,
    KillerFact,
    NohangKill,
    OomdKill,
    SystemdOomdKill,
    TalosKill,
    UnitOomdKilled,
)
from sinks.event import Confidence, Event, Killer, Scope
from tests.unit.collector.correlate.scene import MAIN_PID, A, B, Scene, exited, ns, running, scope_path, started

KNOWN = Author(name="program", pid=571)
MANAGER = "/user.slice/user-1000.slice/user@1000.service"
OF_A_USER = Author(name="systemd of user 1000", within=MANAGER, doubt="A user can forge it.")


def earlyoom(pid: int, at_s: float = 1.0, signal: str = "SIGTERM") -> EarlyoomKill:
    text = f'sending {signal} to process {pid} uid 0 "hog": oom_score 156, VmRSS 4962 MiB'
    return EarlyoomKill(pid=pid, uid=0, comm="hog", rss_bytes=1, signal=signal, at_ns=ns(at_s), text=text, author=KNOWN)


def systemd_oomd(path: str, at_s: float = 1.0) -> SystemdOomdKill:
    text = f"Killed {path} due to memory pressure for /system.slice being 68.13% > 60.00%"
    return SystemdOomdKill(cgroup=path, container=container_of(path), at_ns=ns(at_s), text=text, author=KNOWN)


def unit_oomd(at_s: float = 1.0) -> UnitOomdKilled:
    unit = f"docker-{A}.scope"
    text = f"{unit}: systemd-oomd killed 3 process(es) in this unit."
    return UnitOomdKilled(unit=unit, container=container_of_unit(unit), at_ns=ns(at_s), text=text, author=KNOWN)


def oomd(path: str) -> OomdKill:
    text = f"oomd kill: 7.11 3.00 1.20 {path} 4096 ruleset:[a] detectorgroup:[b] killer:[kill] v2"
    return OomdKill(cgroup=path, container=container_of(path), at_ns=ns(1), text=text, author=KNOWN)


def nohang(pid: int) -> NohangKill:
    text = "Sending SIGKILL to the victim"
    return NohangKill(pid=pid, comm="hog", signal="SIGKILL", at_ns=ns(1), text=text, author=KNOWN)


def talos(path: str) -> TalosKill:
    return TalosKill(cgroup=path, container=container_of(path), at_ns=ns(1), text="Sending SIGKILL", author=KNOWN)


def published(*facts: KillerFact) -> list[Event]:
    scene = Scene()
    scene.run(A)
    return scene.feed(*facts, at_s=1)


@pytest.mark.parametrize(
    ("fact", "killer"),
    [
        (systemd_oomd(scope_path(A)), Killer.SYSTEMD_OOMD),
        (unit_oomd(), Killer.SYSTEMD_OOMD),
        (oomd(scope_path(A)), Killer.OOMD),
        (earlyoom(MAIN_PID, signal="SIGKILL"), Killer.EARLYOOM),
        (nohang(MAIN_PID), Killer.NOHANG),
        (talos(scope_path(A)), Killer.TALOS),
    ],
    ids=["systemd-oomd", "systemd about its unit", "oomd", "earlyoom", "nohang", "talos"],
)
def test_each_killer_is_published_at_once_with_the_container(fact: KillerFact, killer: Killer) -> None:
    """
    The killer's line names a cgroup, or a pid that Docker had named; by itself it makes the kill likely.
    """
    (event,) = published(fact)
    oom = event.exit137.oom
    assert oom is not None
    assert (oom.killer, oom.scope, event.subject) == (killer, Scope.HOST, f"container/{A}")
    assert event.exit137.confidence is Confidence.LIKELY
    assert f"{killer.value} killed" in event.message
    assert '"box-a"' in event.message


def test_what_systemd_repeats_of_systemd_oomd_is_the_same_kill() -> None:
    """
    The killer names the cgroup, PID 1 names the unit.
    """
    assert len(published(systemd_oomd(scope_path(A)), unit_oomd(1.2))) == 1


def test_service_that_systemd_oomd_killed_is_published_once() -> None:
    """
    systemd-oomd names the path of a service's cgroup, PID 1 its name: both are one kill.
    """
    unit = UnitOomdKilled(unit="cron.service", container=None, at_ns=ns(1.2), text="systemd-oomd killed", author=KNOWN)
    assert len(published(systemd_oomd("/system.slice/cron.service"), unit)) == 1


def test_process_that_got_sigterm_was_terminated() -> None:
    """
    earlyoom asks a process to end before it kills it, and the message says which of both it did.
    """
    (event,) = published(earlyoom(MAIN_PID))
    assert "earlyoom terminated" in event.message


def test_earlyoom_that_sends_a_second_signal_kills_once() -> None:
    """
    SIGTERM, and SIGKILL where that does not help.
    """
    assert len(published(earlyoom(MAIN_PID), earlyoom(MAIN_PID, 2, "SIGKILL"))) == 1


def test_a_kill_of_the_same_container_later_is_another() -> None:
    """
    It was started anew, and the host still has no memory.
    """
    assert len(published(systemd_oomd(scope_path(A)), systemd_oomd(scope_path(A), 20))) == 2


def test_a_process_of_the_host_has_no_container() -> None:
    """
    Nobody named the pid; it is not guessed.
    """
    (event,) = published(earlyoom(77))
    assert (event.subject, event.container, event.exit137.confidence) == ("process/77", None, Confidence.LIKELY)


def test_a_service_of_the_host_is_published_by_its_cgroup() -> None:
    """
    systemd-oomd kills what it watches, containers or not.
    """
    (event,) = published(systemd_oomd("/system.slice/cron.service"))
    assert event.subject == "cgroup//system.slice/cron.service"
    assert "/system.slice/cron.service" in event.message


@pytest.mark.parametrize("fact", [systemd_oomd(scope_path(A)), earlyoom(MAIN_PID, signal="SIGKILL")])
def test_an_end_that_the_kernel_saw_makes_a_kill_certain(fact: KillerFact) -> None:
    """
    A kill is certain if its victim had been seen to end by a signal; that is part of the evidence.
    """
    scene = started()
    scene.feed(exited(MAIN_PID, at_s=1.01, signal=9), at_s=1.01)
    (event,) = scene.feed(fact, at_s=1.1)
    assert event.exit137.confidence is Confidence.CERTAIN
    assert "wait status signal 9" in event.exit137.evidence[-1].text


@pytest.mark.parametrize(("code", "signal", "at_s"), [(0, None, 1.0), (None, 11, 1.0), (None, 9, 30.0)])
def test_another_end_is_no_witness(code: int | None, signal: int | None, at_s: float) -> None:
    """
    An end with a code, by a fault or at another time leaves a kill likely.
    """
    scene = started()
    scene.feed(exited(MAIN_PID, at_s=at_s, code=code, signal=signal), at_s=at_s)
    (event,) = scene.feed(systemd_oomd(scope_path(A)), at_s=at_s)
    assert event.exit137.confidence is Confidence.LIKELY


def test_a_container_that_docker_does_not_know_is_never_certain() -> None:
    """
    A kill in a container that is not in the inventory stays likely, even if a process of that name ended.
    """
    scene = started()
    scene.feed(exited(77, B, at_s=1.0, signal=9), at_s=1)
    (event,) = scene.feed(systemd_oomd(scope_path(B)), at_s=1)
    assert event.exit137.confidence is Confidence.LIKELY


def test_a_program_in_doubt_is_possible_and_the_doubt_is_said() -> None:
    """
    A kill whose author nobody vouches for is possible, and the evidence says what is not proven.
    """
    (event,) = published(replace(earlyoom(MAIN_PID), author=replace(KNOWN, doubt="unproven")))
    assert event.exit137.confidence is Confidence.POSSIBLE
    assert "unproven" in [evidence.text for evidence in event.exit137.evidence]


@pytest.mark.parametrize("cgroup", [scope_path(A), "/user.slice/user-1001.slice/user@1001.service/a.scope", None])
def test_systemd_of_a_user_names_no_container_elsewhere(cgroup: str | None) -> None:
    """
    A user's systemd that speaks of a container which does not run below it names no container.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(replace(running(A), cgroup=cgroup))
    (event,) = scene.feed(replace(unit_oomd(), author=OF_A_USER), at_s=1)
    assert event.container is None


def test_systemd_of_a_user_names_its_own_container() -> None:
    """
    A user's systemd may speak of a rootless container that runs below it, which makes a kill possible.
    """
    scene = Scene()
    scene.run(A)
    scene.feed(replace(running(A), cgroup=f"{MANAGER}/app.slice/docker-{A}.scope"))
    (event,) = scene.feed(replace(unit_oomd(), author=OF_A_USER), at_s=1)
    assert (event.subject, event.exit137.confidence) == (f"container/{A}", Confidence.POSSIBLE)


def test_a_cgroup_below_the_containers_own_is_not_its_main_process() -> None:
    """
    systemd-oomd may kill one service inside a container; whether the main process is in it is not known.
    """
    (event,) = published(systemd_oomd(f"{scope_path(A)}/system.slice/web.service"))
    assert event.subject == f"container/{A}"


def test_the_unit_of_a_user_is_not_taken_for_a_container_by_its_name() -> None:
    """
    A user's systemd speaks of units below its own cgroup: the message says so, and that the kill is only possible.
    """
    (event,) = published(replace(unit_oomd(), author=OF_A_USER))
    assert event.container is None
    assert f"docker-{A}.scope below {MANAGER}" in event.message
    assert "(possible)" in event.message
