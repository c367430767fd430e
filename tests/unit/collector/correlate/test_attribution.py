"""
Which container a killed process belonged to, and whose limit it died for.
"""

from dataclasses import replace

import pytest

from collector.correlate.attribution import attribute, rows_of_container, scope_of
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pid_index import Attribution, PidIndex
from collector.correlate.references import known_reference
from parsers.cgroup_path import container_of
from parsers.oom.facts import OomMessage, OomReport, OomVictim
from sinks.event import Confidence, Scope
from tests.unit.collector.correlate.scene import A, B, ns, scope_path
from tests.unit.collector.correlate.victims import HOG, row


def attributed(report: OomReport, pids: PidIndex | None = None, victim: OomVictim = HOG) -> Attribution | None:
    return attribute(report, victim, ContainerInventory(), pids or PidIndex())


def test_the_kernels_path_is_proof() -> None:
    """
    The path attributes the victim, whatever else is known of the pid.
    """
    pids = PidIndex()
    pids.learn_main(B, 10, None)
    attribution = attributed(OomReport(task_memcg=scope_path(A), victims=(HOG,)), pids)
    assert attribution == Attribution(container_id=A, runtime="docker", confidence=Confidence.CERTAIN)


def test_a_path_that_may_be_another_reports_is_no_proof() -> None:
    """
    Old kernels print reports of several CPUs at once.
    """
    attribution = attributed(OomReport(task_memcg=scope_path(A), victims=(HOG,), mixed=True))
    assert attribution == Attribution(container_id=A, runtime="docker", confidence=Confidence.LIKELY)


def test_a_path_of_no_container_is_proof_as_well() -> None:
    """
    The victim was a service of the host, though a container once had the pid.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    attribution = attributed(OomReport(task_memcg="/system.slice/cron.service", victims=(HOG,)), pids)
    assert attribution == Attribution(container_id=None, runtime=None, confidence=Confidence.CERTAIN)


def test_a_cgroup_that_only_the_statistics_name_is_likely() -> None:
    """
    Old kernels print no path of the victim; the only container in the statistics will be it.
    """
    attribution = attributed(OomReport(victim_cgroup_hint=scope_path(A), victims=(HOG,)))
    assert attribution is not None
    assert (attribution.container_id, attribution.confidence) == (A, Confidence.LIKELY)


def test_without_a_path_a_known_pid_attributes_the_victim() -> None:
    """
    In a storm the kernel drops four of five paths, so a pid that was known before has to do.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    attribution = attributed(OomReport(victims=(HOG,)), pids)
    assert attribution is not None
    assert (attribution.container_id, attribution.confidence) == (A, Confidence.LIKELY)
    assert attribution.how == "docker inspect named this pid"


def test_without_any_of_these_the_container_is_unknown() -> None:
    """
    An unknown container is not the same as a process of the host.
    """
    assert attributed(OomReport(victims=(HOG,))) is None


def test_a_pid_from_an_earlier_report_must_have_the_same_name() -> None:
    """
    A process with another name and the same pid is another process.
    """
    pids = PidIndex()
    pids.learn_tasks(A, [row(10, "nginx")], None)
    assert attributed(OomReport(victims=(HOG,)), pids) is None
    pids.learn_tasks(A, [row(10, "hog")], None)
    assert attributed(OomReport(victims=(HOG,)), pids) is not None


def test_a_process_whose_exit_was_seen_in_its_container_is_certain() -> None:
    """
    The kernel itself reported the exit, with the pid.
    """
    pids = PidIndex()
    pids.learn_exited(A, 10, ns(0), ns(100))
    attribution = attributed(OomReport(victims=(HOG,)), pids)
    assert attribution is not None
    assert attribution.confidence is Confidence.CERTAIN


def test_a_dead_pid_is_forgotten() -> None:
    """
    The next process with the pid is another one.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    pids.forget(10, None)
    assert attributed(OomReport(victims=(HOG,)), pids) is None


def test_an_old_kill_of_the_same_pid_does_not_forget_the_running_process() -> None:
    """
    The agent may begin with a log that goes back for days.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, ns(50))
    pids.learn_tasks(B, [row(10)], ns(1))
    pids.forget(10, ns(1))
    attribution = pids.owner(replace(HOG, at_ns=ns(60)))
    assert attribution is not None
    assert attribution.container_id == A


def test_the_oldest_pids_are_forgotten_first() -> None:
    """
    The index is bounded.
    """
    pids = PidIndex()
    for pid in range(1, 32_770):
        pids.learn_main(A, pid, None)
    assert pids.owner(OomVictim(pid=1, comm="hog", confirmed=True)) is None
    assert pids.owner(OomVictim(pid=2, comm="hog", confirmed=True)) is not None


def test_members_of_a_group_above_containers_have_their_own_containers() -> None:
    """
    memory.oom.group on a slice kills all below it; the path is that of the first victim.
    """
    other = OomVictim(pid=11, comm="hog", confirmed=True)
    report = OomReport(task_memcg=scope_path(A), oom_memcg="/system.slice", group=True, victims=(HOG, other))
    assert getattr(attributed(report, victim=other), "confidence", None) is Confidence.LIKELY
    pids = PidIndex()
    pids.learn_exited(B, 11, ns(0), ns(100))
    assert getattr(attributed(report, pids, other), "container_id", None) == B


def test_of_nested_containers_the_one_that_docker_knows_counts() -> None:
    """
    With Docker in Docker, the host's daemon knows only the outer container.
    """
    ref = container_of(f"/docker/{A}/docker/{B}")
    assert ref is not None
    inventory = ContainerInventory()
    assert known_reference(ref, inventory).id == B
    inventory.get_or_add(A, 0)
    assert known_reference(ref, inventory).id == A


@pytest.mark.parametrize(
    ("report", "container_id", "scope"),
    [
        (OomReport(message=OomMessage.GLOBAL), A, Scope.HOST),
        (OomReport(oom_memcg=scope_path(A), task_memcg=scope_path(A)), A, Scope.CONTAINER),
        (OomReport(oom_memcg=f"{scope_path(A)}/web", task_memcg=f"{scope_path(A)}/web"), A, Scope.CONTAINER),
        (OomReport(oom_memcg="/shop.slice", task_memcg=scope_path(A)), A, Scope.PARENT),
        (OomReport(oom_memcg="/user.slice", task_memcg="/user.slice"), None, Scope.CONTAINER),
        (OomReport(oom_memcg="/user.slice", task_memcg="/user.slice/x.scope"), None, Scope.PARENT),
        (OomReport(message=OomMessage.MEMCG), A, None),
    ],
    ids=[
        "host",
        "own limit",
        "limit inside",
        "limit above",
        "own limit of a service",
        "above a service",
        "not printed",
    ],
)
def test_whose_memory_ran_out(report: OomReport, container_id: str | None, scope: Scope | None) -> None:
    """
    The scope is the host, the container, or a cgroup above the container.
    """
    assert scope_of(report, container_id) is scope


def test_only_a_containers_own_limit_makes_the_table_its_own() -> None:
    """
    At a limit above the container, or of the host, the table lists processes of others too.
    """
    tasks = (row(10),)
    own = OomReport(oom_memcg=scope_path(A), tasks=tasks)
    above = OomReport(oom_memcg="/system.slice", tasks=tasks)
    host = OomReport(message=OomMessage.GLOBAL, oom_memcg=scope_path(A), tasks=tasks)
    assert [rows_of_container(report, A) for report in (own, above, host)] == [tasks, (), ()]


def test_a_kill_from_before_a_run_is_not_of_its_main_process() -> None:
    """
    Before the run began, the pid belonged to another process.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, ns(100))
    assert attributed(OomReport(), pids, replace(HOG, at_ns=ns(50))) is None
    assert attributed(OomReport(), pids, replace(HOG, at_ns=ns(101))) is not None


def test_a_kill_after_an_exit_is_not_of_that_process() -> None:
    """
    After the exit, the kernel may have given the pid to another process.
    """
    pids = PidIndex()
    pids.learn_exited(A, 10, ns(0), ns(100))
    assert attributed(OomReport(), pids, replace(HOG, at_ns=ns(102))) is None
    assert attributed(OomReport(), pids, replace(HOG, at_ns=ns(100))) is not None


def test_a_listed_pid_expires() -> None:
    """
    After a minute a listed pid may belong to any process.
    """
    pids = PidIndex()
    pids.learn_tasks(A, [row(10)], ns(100))
    assert attributed(OomReport(), pids, replace(HOG, at_ns=ns(162))) is None
    assert attributed(OomReport(), pids, replace(HOG, at_ns=ns(130))) is not None


def test_only_an_exit_counts_while_exits_are_still_to_be_read() -> None:
    """
    Nothing is guessed while certain evidence is about to come.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    assert attribute(OomReport(), HOG, ContainerInventory(), pids, certain_only=True) is None
    pids.learn_exited(A, 10, ns(0), ns(1))
    assert attribute(OomReport(), HOG, ContainerInventory(), pids, certain_only=True) is not None


def test_a_kill_line_of_another_thread_is_likely() -> None:
    """
    That the line belongs to the process of the summary is only concluded.
    """
    victim = replace(HOG, pid=11)
    unconfirmed = OomReport(constraint="CONSTRAINT_MEMCG", chosen_pid=10, task_memcg=scope_path(A), victims=(victim,))
    attribution = attributed(unconfirmed, victim=victim)
    assert attribution is not None
    assert (attribution.container_id, attribution.confidence) == (A, Confidence.LIKELY)
