"""
Which container a killed process belonged to, and whose limit it died for.
"""

from dataclasses import replace

import pytest

from collector.correlate.attribution import attribute, is_main_process, rows_from_the_first, rows_of_container, scope_of
from collector.correlate.inventory import ContainerInventory
from collector.correlate.pid_index import Attribution, PidIndex
from collector.correlate.references import known_reference
from collector.correlate.runs import Run
from collector.facts.observed import ProcessExitedFact
from parsers.cgroup_path import container_of
from parsers.oom.facts import OomMessage, OomReport, OomVictim, TaskRow
from parsers.proc_event import WaitStatus
from sinks.event import Confidence, Scope
from tests.unit.collector.correlate.scene import A, B, exited, ns, scope_path, snapshot

HOG = OomVictim(pid=10, comm="hog", confirmed=True)


def row(pid: int, comm: str = "hog") -> TaskRow:
    return TaskRow(pid=pid, tgid=pid, uid=0, comm=comm, total_vm_pages=1, rss_pages=1, oom_score_adj=0)


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


def is_main(
    main_pid: int | None, rows: tuple[TaskRow, ...], *ends: ProcessExitedFact, init: bool | None = None
) -> bool | None:
    """
    Return whether process 10 was the main process of a container of which this is known.
    """
    inventory = ContainerInventory()
    inventory.learn_snapshot(snapshot(init=init), 0).begin(Run(container_id=A, main_pid=main_pid))
    for end in ends:
        inventory.keep_exit(A, end)
    return is_main_process(report_of(rows), replace(HOG, at_ns=ns(1)), A, inventory)


def report_of(rows: tuple[TaskRow, ...]) -> OomReport:
    return OomReport(oom_memcg=scope_path(A), tasks=rows, tasks_complete=True, victims=(HOG,))


def killed_after_start(ancestors: tuple[str, ...] = (), namespace_pid: int | None = 1) -> ProcessExitedFact:
    """
    Return the end of process 10 right after its kill, and how it had been started.
    """
    return replace(exited(10, A, 1.01, signal=9), ancestors=ancestors, namespace_pid=namespace_pid)


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
def test_the_main_process_is_known_by_pid_or_by_order(
    main_pid: int | None, rows: tuple[TaskRow, ...], main: bool | None
) -> None:
    """
    Docker names the main process, else the order of the table does; under an init it is the process that the init
    runs.
    """
    assert is_main(main_pid, rows) is main


def test_under_an_init_the_main_process_is_unknown_without_a_table() -> None:
    """
    The pid that Docker names is the init's; the victim may be the process that it runs.
    """
    assert is_main(9, (), init=True) is None


@pytest.mark.parametrize(
    ("end", "main"),
    [
        (killed_after_start(), True),
        (killed_after_start(namespace_pid=27), False),
        (killed_after_start(ancestors=("app",), namespace_pid=None), False),
        (killed_after_start(ancestors=("tini",), namespace_pid=None), None),
        (killed_after_start(ancestors=("sh", "tini"), namespace_pid=None), False),
        (killed_after_start(namespace_pid=None), None),
        (replace(killed_after_start(), status=WaitStatus(exit_code=0, signal=None)), None),
        (replace(killed_after_start(), started_ns=ns(1.1), at_ns=ns(1.2)), None),
    ],
    ids=[
        "pid 1 of the container",
        "docker exec",
        "a child",
        "what an init started",
        "a child of what an init started",
        "not seen when it started",
        "it exited by itself",
        "a later process with its pid",
    ],
)
def test_without_a_table_the_start_of_the_process_shows_its_role(end: ProcessExitedFact, main: bool | None) -> None:
    """
    The rate limit of the kernel drops the table; Docker was not asked for the pid in time.
    """
    assert is_main(None, (), end) is main


def test_a_container_that_docker_never_named_has_an_order_too() -> None:
    """
    The kernel's table is enough to find the main process.
    """
    assert is_main_process(report_of((row(10), row(11))), HOG, A, ContainerInventory()) is True


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


def test_the_table_of_a_cgroup_in_a_container_does_not_begin_with_its_main_process() -> None:
    """
    With Docker in Docker, or systemd in a container, the first process of a nested cgroup is not the main process.
    """
    tasks = (row(10),)
    paths = (
        scope_path(A),
        f"/machine.slice/libpod-{A}.scope/container",
        f"{scope_path(A)}/docker/{B}",
        "/system.slice",
    )
    reports = [OomReport(oom_memcg=path, tasks=tasks, tasks_complete=True) for path in paths]
    assert [rows_from_the_first(report, A) for report in reports] == [tasks, tasks, (), ()]


def test_the_first_row_of_an_incomplete_table_is_not_the_main_process() -> None:
    """
    Rows may be missing, so nothing follows from their order.
    """
    report = OomReport(oom_memcg=scope_path(A), tasks=(row(10),), tasks_complete=False)
    assert rows_from_the_first(report, A) == ()


def test_a_kill_line_of_another_thread_is_likely() -> None:
    """
    That the line belongs to the process of the summary is only concluded.
    """
    victim = replace(HOG, pid=11)
    unconfirmed = OomReport(constraint="CONSTRAINT_MEMCG", chosen_pid=10, task_memcg=scope_path(A), victims=(victim,))
    attribution = attributed(unconfirmed, victim=victim)
    assert attribution is not None
    assert (attribution.container_id, attribution.confidence) == (A, Confidence.LIKELY)
