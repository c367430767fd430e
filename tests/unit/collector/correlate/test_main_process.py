"""
Whether a killed process was the main process of its container.
"""

from dataclasses import replace

import pytest

from collector.correlate.attribution import is_main_process, rows_from_the_first
from collector.correlate.inventory import ContainerInventory
from collector.correlate.runs import Run
from collector.facts.observed import ProcessExitedFact
from parsers.oom.facts import OomReport, TaskRow
from parsers.proc_event import WaitStatus
from tests.unit.collector.correlate.scene import A, B, exited, ns, scope_path, snapshot
from tests.unit.collector.correlate.victims import HOG, row


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
