"""
Which of the ended runs are looked at: those that a fact or a deadline concerns, and no others.
"""

from collections.abc import Iterable

import pytest

from collector.correlate.container_record import ContainerRecord
from collector.correlate.pending_deaths import PendingDeaths
from collector.correlate.pending_queue import PendingQueue, PendingRun
from collector.correlate.runs import Run
from collector.facts.observed import Origin
from parsers.docker_event import DockerAction
from tests.unit.collector.correlate.scene import Scene, docker, ended, started


def queue(deadlines_ns: Iterable[int] = (10, 20, 30)) -> tuple[PendingQueue, list[PendingRun]]:
    """
    Return a queue of runs of the containers "0", "1" and so on, of which none has changed.
    """
    made = PendingQueue()
    items = [
        PendingRun(
            record=ContainerRecord(id=str(number)),
            run=Run(container_id=str(number)),
            deadline_ns=deadline_ns,
            latest_ns=1000,
        )
        for number, deadline_ns in enumerate(deadlines_ns)
    ]
    for item in items:
        made.add(item)
    assert made.take_due(0, with_settled=False) == items
    return made, items


def test_a_fact_about_a_container_concerns_its_runs_alone() -> None:
    """
    All others stay where they are.
    """
    made, items = queue()
    made.mark_container("1")
    made.mark_container("unknown")
    assert made.take_due(0, with_settled=False) == [items[1]]
    assert made.take_due(0, with_settled=False) == []


def test_a_fact_about_a_process_concerns_the_runs_that_were_judged_with_it() -> None:
    """
    The processes are those of the last judgement.
    """
    made, items = queue()
    made.update(items[0], frozenset({7, 8}))
    made.update(items[2], frozenset({8}))
    made.update(items[0], frozenset({7}))
    made.mark_process(8)
    assert made.take_due(0, with_settled=False) == [items[2]]


def test_a_deadline_counts_where_it_was_moved_to() -> None:
    """
    The deadline that a run had before is ignored.
    """
    made, items = queue()
    made.postpone(items[0], 25)
    assert made.next_deadline_ns() == 20
    assert made.take_due(20, with_settled=False) == [items[1]]
    assert made.take_due(30, with_settled=False) == [items[0], items[2]]
    assert made.next_deadline_ns() is None


def test_runs_are_returned_in_the_order_in_which_they_ended() -> None:
    """
    Whatever it is that concerns them.
    """
    made, items = queue((30, 20, 10))
    made.mark_container("1")
    assert made.take_due(15, with_settled=False) == [items[1], items[2]]
    made.mark_all()
    assert made.take_due(15, with_settled=False) == items


def test_a_run_that_was_removed_is_forgotten_everywhere() -> None:
    """
    Neither its container nor its processes nor its deadline find it again.
    """
    made, items = queue()
    made.update(items[0], frozenset({7}))
    made.remove(items[0])
    made.mark_container("0")
    made.mark_process(7)
    assert made.take_due(10, with_settled=True) == []
    assert made.next_deadline_ns() == 20
    assert not made._by_pid


def test_the_oldest_reading_of_each_source_is_held_until_its_run_is_judged() -> None:
    """
    Positions never pass the readings of a death that is not published.
    """
    made = PendingQueue()
    items = [
        PendingRun(
            record=ContainerRecord(id=str(number)),
            run=Run(container_id=str(number), origins=[Origin(source=source, ordinal=ordinal)]),
            deadline_ns=1,
            latest_ns=1,
        )
        for number, (source, ordinal) in enumerate([("docker", 9), ("docker", 7), ("processes", 3)])
    ]
    for item in items:
        made.add(item)
    assert made.oldest_origins() == [Origin(source="docker", ordinal=7), Origin(source="processes", ordinal=3)]
    made.remove(items[1])
    made.remove(items[2])
    assert made.oldest_origins() == [Origin(source="docker", ordinal=9)]


def test_a_thousand_waiting_deaths_cost_nothing_while_other_containers_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    In a storm each fact has only its own run looked at: twice the deaths cost twice the time, not four times.
    """
    looked_at = []
    judge = PendingDeaths._judge
    monkeypatch.setattr(
        PendingDeaths, "_judge", lambda self, item, *more: looked_at.append(item) or judge(self, item, *more)
    )
    scene: Scene = started()
    for number in range(1000):
        scene.feed(docker(DockerAction.DIE, 10, exit_code=137, container_id=f"{number:064x}"), at_s=10)
    del looked_at[:]
    scene.feed(docker(DockerAction.DIE, 10, exit_code=1), at_s=10)
    scene.feed(ended(finished_s=10, exit_code=1), at_s=10.1)
    assert len(looked_at) <= 4
