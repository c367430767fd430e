"""
The runs of one container: which moment and which inspection belongs to which.
"""

import pytest

from collector.correlate.container_record import ContainerRecord
from collector.correlate.runs import Run
from tests.unit.collector.correlate.scene import A, ended, ns, running


@pytest.mark.parametrize(("at_s", "run"), [(5, 0), (10.04, 0), (10.06, 1), (60, 1), (-59, 0), (-61, None), (None, 1)])
def test_a_moment_belongs_to_the_latest_run_that_had_begun(at_s: float | None, run: int | None) -> None:
    """
    The end of one run begins the next, whatever Docker stamps; the first may have begun a minute before its stamp.
    """
    record = ContainerRecord(id=A)
    first = record.begin(Run(container_id=A, started_at_ns=ns(0), die_event_ns=ns(10)))
    second = record.begin(Run(container_id=A, started_at_ns=ns(10.2)))
    assert record.run_at(ns(at_s) if at_s is not None else None) is (None if run is None else (first, second)[run])


def test_a_run_of_which_only_the_start_event_is_known_may_have_begun_minutes_earlier() -> None:
    """
    Docker stamps its event late on a starved host: its process may be killed before.
    """
    run = Run(container_id=A, start_event_ns=ns(0))
    assert run.had_begun(ns(-223))
    assert not run.had_begun(ns(-601))


def test_only_the_latest_runs_with_a_verdict_are_kept() -> None:
    """
    A container in a restart loop has thousands.
    """
    record = ContainerRecord(id=A)
    for number in range(10):
        record.begin(Run(container_id=A, started_at_ns=number, judged=True))
    assert [run.started_at_ns for run in record.runs] == [6, 7, 8, 9]


def test_runs_that_await_their_verdict_are_kept_up_to_a_bound() -> None:
    """
    No engine restarts a container so often before it is judged, unless it lies.
    """
    record = ContainerRecord(id=A)
    for number in range(300):
        record.begin(Run(container_id=A, started_at_ns=number))
    assert [run.started_at_ns for run in record.runs] == list(range(44, 300))


@pytest.mark.parametrize(("started_s", "matches"), [(0, True), (-599, True), (0.09, True), (-601, False), (0.2, False)])
def test_a_snapshot_shows_the_run_whose_start_event_fits(started_s: float, matches: bool) -> None:
    """
    Docker stamps State.StartedAt, then logs `start`; on a starved host minutes later.
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


@pytest.mark.parametrize(
    ("start_event_s", "ended", "is_start"), [(223, False, True), (601, False, False), (30, True, False)]
)
def test_a_start_event_may_come_minutes_late(start_event_s: float, ended: bool, is_start: bool) -> None:
    """
    It belongs to the run that an inspection has shown, unless that run has ended: Docker's events come in order.
    """
    run = Run(container_id=A, started_at_ns=ns(0), die_event_ns=ns(20) if ended else None)
    assert run.is_start(ns(start_event_s)) is is_start


@pytest.mark.parametrize(("finished_s", "shows"), [(10, True), (5, True), (4.98, True), (4.9, False), (1, False)])
def test_a_process_may_end_just_before_docker_stamps_its_start(finished_s: float, shows: bool) -> None:
    """
    The end of the run before is farther away; Docker's event then says when this one ended.
    """
    run = Run(container_id=A, started_at_ns=ns(5), die_event_ns=ns(10.1))
    run.after = ended(started_s=5, finished_s=finished_s, exit_code=1).snapshot
    assert run.has_ended_in(run.after) is shows
    assert run.ended_ns == ns(10 if finished_s >= 10 else finished_s if finished_s >= 5 else 10.1)


def test_only_an_end_that_docker_reported_may_be_stamped_before_the_start() -> None:
    """
    Otherwise it is the end of the run before.
    """
    run = Run(container_id=A, started_at_ns=ns(5))
    assert not run.has_ended_in(ended(started_s=5, finished_s=4.98, exit_code=1).snapshot)
