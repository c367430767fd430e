"""
The runs of one container: which moment and which inspection belongs to which.
"""

import pytest

from collector.correlate.runs import ContainerRecord, Run, without_state
from tests.unit.collector.correlate.scene import A, ended, ns, running


@pytest.mark.parametrize(("at_s", "run"), [(5, 0), (9.99, 0), (10.1, 0), (10.16, 1), (60, 1), (-1, None), (None, 1)])
def test_a_moment_belongs_to_the_latest_run_that_had_begun(at_s: float | None, run: int | None) -> None:
    """
    The clock of the kernel's log may be 50 ms behind; before the first run there was none.
    """
    record = ContainerRecord(id=A)
    first = record.begin(Run(container_id=A, started_at_ns=ns(0), die_event_ns=ns(10)))
    second = record.begin(Run(container_id=A, started_at_ns=ns(10.2)))
    assert record.run_at(ns(at_s) if at_s is not None else None) is (None if run is None else (first, second)[run])


def test_only_the_latest_runs_are_kept() -> None:
    """
    A container in a restart loop has thousands.
    """
    record = ContainerRecord(id=A)
    for number in range(10):
        record.begin(Run(container_id=A, started_at_ns=number))
    assert [run.started_at_ns for run in record.runs] == [6, 7, 8, 9]


@pytest.mark.parametrize(("started_s", "matches"), [(0, True), (-4.9, True), (0.09, True), (-5.1, False), (0.2, False)])
def test_a_snapshot_shows_the_run_whose_start_event_fits(started_s: float, matches: bool) -> None:
    """
    Docker stamps State.StartedAt, then logs `start`.
    """
    run = Run(container_id=A, start_event_ns=ns(0))
    assert run.matches(running(started_s=started_s).snapshot) is matches


def test_a_start_that_is_known_must_be_the_same() -> None:
    """
    A restart gives another run, however soon it comes.
    """
    run = Run(container_id=A, started_at_ns=ns(0), start_event_ns=ns(0.02))
    assert run.matches(running(started_s=0).snapshot)
    assert not run.matches(running(started_s=0.01).snapshot)


def test_a_run_of_which_only_the_end_was_seen_is_known_by_it() -> None:
    """
    The agent came while it ran.
    """
    run = Run(container_id=A, die_event_ns=ns(10.1))
    assert run.matches(ended(finished_s=10, exit_code=1).snapshot)
    assert not run.matches(ended(finished_s=20, exit_code=1).snapshot)


def test_the_configuration_of_a_snapshot_is_true_from_the_creation_on() -> None:
    """
    Its state is not: a replay must not know the end before it comes.
    """
    before = without_state(ended(finished_s=10, exit_code=137, oom_killed=True, pid=7).snapshot)
    assert (before.started_at_ns, before.finished_at_ns, before.pid, before.exit_code) == (None, None, None, 0)
    assert (before.oom_killed, before.running, before.name) == (False, False, "box-a")
