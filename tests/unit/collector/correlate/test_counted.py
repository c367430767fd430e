"""
What the kernel counted and what was told.
"""

from collector.correlate.counted import COMPARE_AFTER_NS, Counted, Unexplained
from collector.correlate.facts import OomCounted
from tests.unit.collector.correlate.scene import A, B, ns


def _count(count: int, container_id: str | None = A, from_s: float = 10, to_s: float = 15) -> OomCounted:
    return OomCounted(container_id=container_id, count=count, from_ns=ns(from_s), to_ns=ns(to_s))


def _compared(counted: Counted) -> list[Unexplained]:
    return counted.tick(COMPARE_AFTER_NS)


def test_kills_that_were_told_explain_a_count() -> None:
    """
    Nothing is to be said.
    """
    counted = Counted()
    counted.note_told(A, ns(12), 2)
    counted.feed(_count(2), 0)
    assert _compared(counted) == []


def test_what_is_left_over_is_unexplained() -> None:
    """
    Three were counted, one was told.
    """
    counted = Counted()
    counted.note_told(A, ns(12), 1)
    counted.feed(_count(3), 0)
    assert _compared(counted) == [Unexplained(container_id=A, count=2, from_ns=ns(10), to_ns=ns(15))]


def test_a_kill_explains_only_one_count() -> None:
    """
    Two looks that are close to each other may both seem to hold it.
    """
    counted = Counted()
    counted.note_told(A, ns(15), 1)
    counted.feed(_count(1), 0)
    counted.feed(_count(1, from_s=15, to_s=20), 0)
    assert [found.from_ns for found in _compared(counted)] == [ns(15)]


def test_a_kill_elsewhere_or_at_another_time_explains_nothing() -> None:
    """
    Of the container, between the looks.
    """
    counted = Counted()
    counted.note_told(B, ns(12), 1)
    counted.note_told(A, ns(30), 1)
    counted.feed(_count(1), 0)
    assert len(_compared(counted)) == 1


def test_a_comparison_waits_for_late_evidence() -> None:
    """
    A kill may be told after it was counted.
    """
    counted = Counted()
    counted.feed(_count(1), 0)
    assert counted.tick(COMPARE_AFTER_NS - 1) == []
    counted.note_told(A, ns(12), 1)
    assert _compared(counted) == []


def test_the_hosts_count_names_no_container() -> None:
    """
    It explains nothing and is explained by nothing here.
    """
    counted = Counted()
    counted.feed(_count(1, container_id=None), 0)
    assert _compared(counted) == []
