"""
Kernel counters compared with published kills.
"""

from collector.correlate.findings import PublishedKill, UnconfirmedKill, UnexplainedCount
from collector.correlate.reconciliation import COMPARE_AFTER_NS, Reconciler
from collector.correlate.watermarks import Watermarks
from collector.facts.observed import GapFact, OomCountedFact
from collector.facts.watermark import WatermarkFact
from sinks.event import GapKind
from tests.unit.collector.correlate.scene import A, B, ns


def _count(count: int, container_id: str | None = A, from_s: float = 10, to_s: float = 15) -> OomCountedFact:
    return OomCountedFact(container_id=container_id, count=count, from_ns=ns(from_s), read_ns=ns(to_s), to_ns=ns(to_s))


def _published(at_s: float, container_id: str | None = A, kills: int = 1) -> list[PublishedKill]:
    text = "Memory cgroup out of memory: Killed process"
    kill = PublishedKill(
        event_id=f"kill-{at_s}",
        container_id=container_id,
        at_ns=ns(at_s),
        pids=frozenset({round(at_s)}),
        kills=kills,
        text=text,
    )
    return [kill]


def _compared(counted: Reconciler) -> list[UnexplainedCount]:
    return [found for found in counted.tick(COMPARE_AFTER_NS) if isinstance(found, UnexplainedCount)]


def _unconfirmed(counted: Reconciler) -> list[str]:
    return [found.kill.event_id for found in counted.tick(COMPARE_AFTER_NS) if isinstance(found, UnconfirmedKill)]


def test_published_kills_explain_a_count() -> None:
    """
    There is no discrepancy.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(12, kills=2))
    counted.feed(_count(2), 0)
    assert _compared(counted) == []


def test_the_rest_of_a_count_is_unexplained() -> None:
    """
    Three kills were counted, and one was published.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(12))
    counted.feed(_count(3), 0)
    left = UnexplainedCount(container_id=A, count=2, from_ns=ns(10), to_ns=ns(15), published_pids=frozenset({12}))
    assert _compared(counted) == [left]


def test_a_kill_explains_only_one_count() -> None:
    """
    Two reads that are close to each other may both seem to contain it.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(15))
    counted.feed(_count(1), 0)
    counted.feed(_count(1, from_s=15, to_s=20), 0)
    assert [found.from_ns for found in _compared(counted)] == [ns(15)]


def test_a_kill_of_a_group_that_was_counted_in_two_parts() -> None:
    """
    The counter was read between its victims, as it is soon after it has changed. There were no more than those.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(14.99, kills=5))
    counted.feed(_count(2), 0)
    counted.feed(_count(4, from_s=15, to_s=20), 0)
    assert [(found.count, found.from_ns) for found in _compared(counted)] == [(1, ns(15))]


def test_a_kill_elsewhere_or_at_another_time_explains_nothing() -> None:
    """
    Of the container, between the looks.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(12, B))
    counted.note_published(_published(30))
    counted.feed(_count(1), 0)
    assert len(_compared(counted)) == 1


def test_a_comparison_waits_for_late_evidence() -> None:
    """
    A kill may be published after it was counted.
    """
    counted = Reconciler(Watermarks())
    counted.feed(_count(1), 0)
    assert counted.tick(COMPARE_AFTER_NS - 1) == []
    counted.note_published(_published(12))
    assert _compared(counted) == []


def test_kills_without_a_container_may_be_those_that_a_container_lacks() -> None:
    """
    It is said how many there were.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(12, None))
    counted.feed(_count(1), 0)
    assert [found.unplaced for found in _compared(counted)] == [1]


def test_the_host_counts_what_no_container_does() -> None:
    """
    A container that is gone took its counter with it; what the counters of the others explain is not published twice.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(11, B))
    counted.feed(_count(1), 0)
    counted.feed(_count(4, container_id=None), 0)
    assert [(found.container_id, found.count) for found in _compared(counted)] == [(A, 1), (None, 2)]


def test_a_kill_that_no_counter_confirms_is_published_once() -> None:
    """
    The reads before and after it counted nothing.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(12))
    for read in range(2, 6):
        counted.feed(_count(0, None, 5 * (read - 1), 5 * read), 0)
    assert _unconfirmed(counted) == ["kill-12"]
    assert _unconfirmed(counted) == []


def test_of_two_kills_one_of_which_was_counted_the_other_is_not_confirmed() -> None:
    """
    A count confirms so many kills and no more.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(12))
    counted.note_published(_published(13))
    counted.feed(_count(0, None, 5, 10), 0)
    counted.feed(_count(1, None, 10, 20), 0)
    assert _unconfirmed(counted) == ["kill-13"]


def test_kills_from_before_the_first_read_are_not_unconfirmed() -> None:
    """
    Nothing was counted then; and a kill of just now may be in the next count.
    """
    counted = Reconciler(Watermarks())
    counted.note_published(_published(3))
    counted.note_published(_published(14.5))
    counted.feed(_count(0, None, 5, 10), 0)
    counted.feed(_count(0, None, 10, 15), 0)
    assert _unconfirmed(counted) == []


def test_a_kill_at_the_first_read_takes_no_count_from_a_later_one() -> None:
    """
    Clocks differ: whether it happened before the read, and so was not counted, cannot be said.
    """
    counted = Reconciler(Watermarks())
    counted.feed(_count(0, None, 10, 10), 0)
    counted.note_published(_published(10.3))
    counted.note_published(_published(12))
    counted.feed(_count(1, None, 10, 15), 0)
    counted.feed(_count(0, None, 15, 20), 0)
    assert _unconfirmed(counted) == []


def test_a_kill_soon_after_the_first_read_leaves_a_later_one_to_the_next_count() -> None:
    """
    One is counted by the second read, the other by the third, each near the edge.
    """
    counted = Reconciler(Watermarks())
    counted.feed(_count(0, None, 10, 10), 0)
    counted.note_published(_published(10.7))
    counted.note_published(_published(15.1))
    counted.feed(_count(1, None, 10, 15), 0)
    counted.feed(_count(1, None, 15, 20), 0)
    assert counted.tick(COMPARE_AFTER_NS) == []


def test_a_log_full_of_old_kills_hides_no_new_one() -> None:
    """
    The journal may be read after the first kill since the start was published.
    """
    counted = Reconciler(Watermarks())
    counted.feed(_count(0, None, 5, 5), 0)
    counted.note_published(_published(7))
    for _ in range(5000):
        counted.note_published(_published(1))
    counted.feed(_count(1, None, 5, 10), 0)
    assert _compared(counted) == []


def test_only_a_count_of_kills_has_the_logs_read() -> None:
    """
    Nothing in them explains a count of none better, and a host without kills is not to be asked every few seconds.
    """
    counted = Reconciler(watermarks := Watermarks())
    watermarks.feed_gap(GapFact(source="journald", what=GapKind.SOURCE_UP, at_ns=0, text=""))
    watermarks.advance(WatermarkFact(source="journald", read_until_ns=1))
    counted.feed(_count(0, container_id=None), now_ns=0)
    counted.feed(_count(1, container_id=None, from_s=15, to_s=20), now_ns=0)
    assert not counted.wants_watermarks(COMPARE_AFTER_NS)
    assert counted.tick(COMPARE_AFTER_NS) == []
    assert counted.compared_until_ns == ns(15)
    assert counted.wants_watermarks(COMPARE_AFTER_NS)


def test_a_count_of_none_waits_for_a_kill_that_is_not_published_yet() -> None:
    """
    Else a kill that no counter confirms would be compared with a later count only.
    """
    counted = Reconciler(Watermarks())
    counted.feed(_count(0, container_id=None), now_ns=0)
    counted.tick(COMPARE_AFTER_NS, unpublished_ns=[ns(12)])
    assert not counted.compared_until_ns


def test_kills_that_no_later_count_can_include_are_forgotten() -> None:
    """
    Those from before a count of the host that was compared: what they take would grow with every kill.
    """
    counted = Reconciler(Watermarks())
    counted.feed(_count(0, container_id=None, from_s=0, to_s=5), 0)
    counted.tick(COMPARE_AFTER_NS)
    counted.note_published(_published(7))
    counted.feed(_count(1, container_id=None, from_s=5, to_s=10), 0)
    counted.feed(_count(0, container_id=None, from_s=10, to_s=15), 0)
    assert counted.kept == 2
    assert _unconfirmed(counted) == []
    assert counted.kept == 0


def test_where_nobody_counts_kills_are_kept_for_a_minute() -> None:
    """
    A first count may still come; it is of kills that were published a moment before.
    """
    counted = Reconciler(Watermarks())
    counted.feed_gap(GapFact(source="kmsg", what=GapKind.SOURCE_UP, at_ns=ns(0), text=""))
    for at_s in (0, 30, 59, 61):
        counted.note_published(_published(at_s, container_id=f"{at_s}"))
    assert counted.kept == 6


def test_the_one_count_of_a_recording_includes_its_first_kill() -> None:
    """
    It is read at the end, and of all the time since the boot.
    """
    counted = Reconciler(Watermarks())
    counted.feed_gap(GapFact(source="kmsg", what=GapKind.SOURCE_UP, at_ns=0, text=""))
    for at_s in (0, 400):
        counted.note_published(_published(at_s))
    counted.feed(_count(2, container_id=None, from_s=-10, to_s=410), 0)
    assert _compared(counted) == []
