"""
What the kernel counted and what was told.
"""

from collector.correlate.counted import COMPARE_AFTER_NS, Counted, ToldKill, Unexplained
from collector.correlate.facts import OomCounted
from tests.unit.collector.correlate.scene import A, B, ns


def _count(count: int, container_id: str | None = A, from_s: float = 10, to_s: float = 15) -> OomCounted:
    return OomCounted(container_id=container_id, count=count, from_ns=ns(from_s), to_ns=ns(to_s))


def _told(at_s: float, container_id: str | None = A, kills: int = 1) -> list[ToldKill]:
    text = "Memory cgroup out of memory: Killed process"
    kill = ToldKill(
        event_id=f"kill-{at_s}",
        container_id=container_id,
        at_ns=ns(at_s),
        pids=frozenset({round(at_s)}),
        kills=kills,
        text=text,
    )
    return [kill]


def _compared(counted: Counted) -> list[Unexplained]:
    return counted.tick(COMPARE_AFTER_NS)


def _unconfirmed(counted: Counted) -> list[str]:
    _compared(counted)
    return [told.event_id for told in counted.unconfirmed()]


def test_kills_that_were_told_explain_a_count() -> None:
    """
    Nothing is to be said.
    """
    counted = Counted()
    counted.note_told(_told(12, kills=2))
    counted.feed(_count(2), 0)
    assert _compared(counted) == []


def test_what_is_left_over_is_unexplained() -> None:
    """
    Three were counted, one was told.
    """
    counted = Counted()
    counted.note_told(_told(12))
    counted.feed(_count(3), 0)
    left = Unexplained(container_id=A, count=2, from_ns=ns(10), to_ns=ns(15), told_pids=frozenset({12}))
    assert _compared(counted) == [left]


def test_a_kill_explains_only_one_count() -> None:
    """
    Two looks that are close to each other may both seem to hold it.
    """
    counted = Counted()
    counted.note_told(_told(15))
    counted.feed(_count(1), 0)
    counted.feed(_count(1, from_s=15, to_s=20), 0)
    assert [found.from_ns for found in _compared(counted)] == [ns(15)]


def test_a_kill_elsewhere_or_at_another_time_explains_nothing() -> None:
    """
    Of the container, between the looks.
    """
    counted = Counted()
    counted.note_told(_told(12, B))
    counted.note_told(_told(30))
    counted.feed(_count(1), 0)
    assert len(_compared(counted)) == 1


def test_a_comparison_waits_for_late_evidence() -> None:
    """
    A kill may be told after it was counted.
    """
    counted = Counted()
    counted.feed(_count(1), 0)
    assert counted.tick(COMPARE_AFTER_NS - 1) == []
    counted.note_told(_told(12))
    assert _compared(counted) == []


def test_kills_without_a_container_may_be_those_that_a_container_lacks() -> None:
    """
    It is said how many there were.
    """
    counted = Counted()
    counted.note_told(_told(12, None))
    counted.feed(_count(1), 0)
    assert [found.unplaced for found in _compared(counted)] == [1]


def test_the_host_counts_what_no_container_does() -> None:
    """
    A container that is gone took its counter with it; what those that are there lack is not told twice.
    """
    counted = Counted()
    counted.note_told(_told(11, B))
    counted.feed(_count(1), 0)
    counted.feed(_count(4, container_id=None), 0)
    assert [(found.container_id, found.count) for found in _compared(counted)] == [(A, 1), (None, 2)]


def test_a_kill_that_no_counter_confirms_is_told_once() -> None:
    """
    The looks before and after it counted nothing.
    """
    counted = Counted()
    counted.note_told(_told(12))
    for look in range(2, 6):
        counted.feed(_count(0, None, 5 * (look - 1), 5 * look), 0)
    assert _unconfirmed(counted) == ["kill-12"]
    assert _unconfirmed(counted) == []


def test_of_two_kills_one_of_which_was_counted_the_other_is_not_confirmed() -> None:
    """
    A count confirms so many kills and no more.
    """
    counted = Counted()
    counted.note_told(_told(12))
    counted.note_told(_told(13))
    counted.feed(_count(0, None, 5, 10), 0)
    counted.feed(_count(1, None, 10, 20), 0)
    assert _unconfirmed(counted) == ["kill-13"]


def test_kills_from_before_the_first_look_are_not_doubted() -> None:
    """
    Nobody counted then; and one of just now may be in the next count.
    """
    counted = Counted()
    counted.note_told(_told(3))
    counted.note_told(_told(14.5))
    counted.feed(_count(0, None, 5, 10), 0)
    counted.feed(_count(0, None, 10, 15), 0)
    assert _unconfirmed(counted) == []


def test_a_log_full_of_old_kills_hides_no_new_one() -> None:
    """
    The journal may be read after the first kill since the start was told.
    """
    counted = Counted()
    counted.feed(_count(0, None, 5, 5), 0)
    counted.note_told(_told(7))
    for _ in range(5000):
        counted.note_told(_told(1))
    counted.feed(_count(1, None, 5, 10), 0)
    assert _compared(counted) == []
