"""
Which container a killed process belonged to, and whose limit it died for.
"""

from dataclasses import replace

import pytest

from collector.correlate.attribution import (
    is_main_process,
    known_reference,
    place,
    rows_from_the_first,
    rows_of_container,
    scope_of,
)
from collector.correlate.book import ContainerBook
from collector.correlate.pid_index import PidIndex, Placement
from collector.correlate.runs import ContainerRecord, Run
from parsers.cgroup_path import container_of
from parsers.oom_facts import OomMessage, OomReport, OomVictim, TaskRow
from sinks.event import Confidence, Scope
from tests.unit.collector.correlate.scene import A, B, ns, scope_path, snapshot

HOG = OomVictim(pid=10, comm="hog", confirmed=True)


def row(pid: int, comm: str = "hog") -> TaskRow:
    return TaskRow(pid=pid, tgid=pid, uid=0, comm=comm, total_vm_pages=1, rss_pages=1, oom_score_adj=0)


def placed(report: OomReport, pids: PidIndex | None = None, victim: OomVictim = HOG) -> Placement | None:
    return place(report, victim, ContainerBook(), pids or PidIndex())


def test_the_kernels_path_is_proof() -> None:
    """
    Whatever anybody else says about the pid.
    """
    pids = PidIndex()
    pids.learn_main(B, 10, None)
    placement = placed(OomReport(task_memcg=scope_path(A), victims=(HOG,)), pids)
    assert placement == Placement(container_id=A, runtime="docker", confidence=Confidence.CERTAIN)


def test_a_path_that_may_be_another_reports_is_no_proof() -> None:
    """
    Old kernels print reports of several CPUs at once.
    """
    placement = placed(OomReport(task_memcg=scope_path(A), victims=(HOG,), mixed=True))
    assert placement == Placement(container_id=A, runtime="docker", confidence=Confidence.LIKELY)


def test_a_path_of_no_container_is_proof_as_well() -> None:
    """
    The victim was a service of the host, though a container once had the pid.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    placement = placed(OomReport(task_memcg="/system.slice/cron.service", victims=(HOG,)), pids)
    assert placement == Placement(container_id=None, runtime=None, confidence=Confidence.CERTAIN)


def test_a_cgroup_that_only_the_statistics_name_is_likely() -> None:
    """
    Old kernels print no path of the victim; the only container in the statistics will be it.
    """
    placement = placed(OomReport(victim_cgroup_hint=scope_path(A), victims=(HOG,)))
    assert placement is not None
    assert (placement.container_id, placement.confidence) == (A, Confidence.LIKELY)


def test_without_a_path_a_pid_that_was_known_before_tells() -> None:
    """
    In a storm the kernel drops four of five paths.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    placement = placed(OomReport(victims=(HOG,)), pids)
    assert placement is not None
    assert (placement.container_id, placement.confidence) == (A, Confidence.LIKELY)
    assert placement.how == "docker inspect named this pid"


def test_without_any_of_these_nobody_knows() -> None:
    """
    Which is not the same as a process of the host.
    """
    assert placed(OomReport(victims=(HOG,))) is None


def test_a_pid_from_an_earlier_report_must_have_the_same_name() -> None:
    """
    Another name is another process with the same number.
    """
    pids = PidIndex()
    pids.learn_tasks(A, [row(10, "nginx")], None)
    assert placed(OomReport(victims=(HOG,)), pids) is None
    pids.learn_tasks(A, [row(10, "hog")], None)
    assert placed(OomReport(victims=(HOG,)), pids) is not None


def test_a_process_whose_end_was_seen_in_its_container_is_certain() -> None:
    """
    The kernel itself told of the end, with the pid.
    """
    pids = PidIndex()
    pids.learn_exited(A, 10, ns(0), ns(100))
    placement = placed(OomReport(victims=(HOG,)), pids)
    assert placement is not None
    assert placement.confidence is Confidence.CERTAIN


def test_a_dead_pid_is_forgotten() -> None:
    """
    The next process of that number is another.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    pids.forget(10, None)
    assert placed(OomReport(victims=(HOG,)), pids) is None


def test_an_old_kill_of_the_same_pid_does_not_take_the_living_one_along() -> None:
    """
    As when the agent begins with a log that goes back for days.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, ns(50))
    pids.learn_tasks(B, [row(10)], ns(1))
    pids.forget(10, ns(1))
    placement = pids.owner(replace(HOG, at_ns=ns(60)))
    assert placement is not None
    assert placement.container_id == A


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
    assert getattr(placed(report, victim=other), "confidence", None) is Confidence.LIKELY
    pids = PidIndex()
    pids.learn_exited(B, 11, ns(0), ns(100))
    assert getattr(placed(report, pids, other), "container_id", None) == B


def test_of_nested_containers_the_one_that_docker_knows_is_meant() -> None:
    """
    Docker in Docker: the host's engine knows the outer one only.
    """
    ref = container_of(f"/docker/{A}/docker/{B}")
    assert ref is not None
    book = ContainerBook()
    assert known_reference(ref, book).id == B
    book.open(A, 0)
    assert known_reference(ref, book).id == A


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
    The host's, the container's own, or that of a cgroup above.
    """
    assert scope_of(report, container_id) is scope


def test_only_a_containers_own_limit_makes_the_table_its_own() -> None:
    """
    At a limit above, or of the host, the table lists others as well.
    """
    tasks = (row(10),)
    own = OomReport(oom_memcg=scope_path(A), tasks=tasks)
    above = OomReport(oom_memcg="/system.slice", tasks=tasks)
    host = OomReport(message=OomMessage.GLOBAL, oom_memcg=scope_path(A), tasks=tasks)
    assert [rows_of_container(report, A) for report in (own, above, host)] == [tasks, (), ()]


def container(main_pid: int | None, *, init: bool | None = None) -> ContainerRecord:
    run = Run(container_id=A, main_pid=main_pid)
    return ContainerRecord(id=A, snapshot=snapshot(init=init), runs=[run])


@pytest.mark.parametrize(
    ("main_pid", "rows", "main"),
    [
        (10, (), True),
        (9, (), False),
        (None, (), None),
        (None, (row(10), row(11)), True),
        (None, (row(9), row(10)), False),
        (9, (row(9, "tini"), row(10)), True),
        (9, (row(9, "tini"), row(8), row(10)), False),
        (9, (row(9, "sh"), row(10)), False),
    ],
    ids=[
        "Docker named the pid",
        "Docker named another",
        "nobody knows",
        "first in the cgroup",
        "not the first in the cgroup",
        "what init runs",
        "not what init runs",
        "a shell is no init",
    ],
)
def test_the_main_process(main_pid: int | None, rows: tuple[TaskRow, ...], main: bool | None) -> None:
    """
    By Docker's word, else by the order in which processes entered the cgroup; under an init the one that it runs.
    """
    assert is_main_process(HOG, container(main_pid), rows) is main


def test_under_an_init_nobody_knows_without_a_table() -> None:
    """
    The pid that Docker names is the init's; the victim may be what it runs.
    """
    assert is_main_process(HOG, container(9, init=True), ()) is None


def test_a_container_that_docker_never_told_of_has_an_order_too() -> None:
    """
    The kernel's table is enough.
    """
    assert is_main_process(HOG, None, (row(10), row(11))) is True


def test_a_kill_from_before_a_run_is_not_of_its_main_process() -> None:
    """
    The pid was another process's then.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, ns(100))
    assert placed(OomReport(), pids, replace(HOG, at_ns=ns(50))) is None
    assert placed(OomReport(), pids, replace(HOG, at_ns=ns(101))) is not None


def test_a_kill_after_an_exit_is_not_of_that_process() -> None:
    """
    The kernel has given the pid away again.
    """
    pids = PidIndex()
    pids.learn_exited(A, 10, ns(0), ns(100))
    assert placed(OomReport(), pids, replace(HOG, at_ns=ns(102))) is None
    assert placed(OomReport(), pids, replace(HOG, at_ns=ns(100))) is not None


def test_what_a_report_listed_grows_old() -> None:
    """
    After a minute the pid may be anyone's.
    """
    pids = PidIndex()
    pids.learn_tasks(A, [row(10)], ns(100))
    assert placed(OomReport(), pids, replace(HOG, at_ns=ns(162))) is None
    assert placed(OomReport(), pids, replace(HOG, at_ns=ns(130))) is not None


def test_only_an_exit_counts_where_exits_are_on_their_way() -> None:
    """
    Nothing is guessed that will be known in a moment.
    """
    pids = PidIndex()
    pids.learn_main(A, 10, None)
    assert place(OomReport(), HOG, ContainerBook(), pids, surely=True) is None
    pids.learn_exited(A, 10, ns(0), ns(1))
    assert place(OomReport(), HOG, ContainerBook(), pids, surely=True) is not None


def test_the_table_of_a_cgroup_in_a_container_does_not_begin_with_its_main_process() -> None:
    """
    Docker in Docker, systemd in a container: the first process there is another's.
    """
    tasks = (row(10),)
    paths = (
        scope_path(A),
        f"/machine.slice/libpod-{A}.scope/container",
        f"{scope_path(A)}/docker/{B}",
        "/system.slice",
    )
    tables = [rows_from_the_first(OomReport(oom_memcg=path, tasks=tasks), A) for path in paths]
    assert tables == [tasks, tasks, (), ()]


def test_a_kill_line_of_another_thread_is_likely() -> None:
    """
    That it is of the summary's process is concluded.
    """
    victim = replace(HOG, pid=11)
    told = OomReport(constraint="CONSTRAINT_MEMCG", chosen_pid=10, task_memcg=scope_path(A), victims=(victim,))
    placement = placed(told, victim=victim)
    assert placement is not None
    assert (placement.container_id, placement.confidence) == (A, Confidence.LIKELY)
