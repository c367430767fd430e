"""
Which container had a pid, and when.
"""

from collector.correlate.pid_index import PidIndex
from parsers.oom.facts import OomVictim
from sinks.event import Confidence
from tests.unit.collector.correlate.scene import A, B, ns


def killed(at_s: float) -> OomVictim:
    """
    Process 10 was killed.
    """
    return OomVictim(pid=10, comm="hog", confirmed=True, at_ns=ns(at_s))


def who(pids: PidIndex, at_s: float) -> tuple[str | None, Confidence] | None:
    found = pids.owner(killed(at_s))
    return (found.container_id, found.confidence) if found is not None else None


def test_the_life_in_which_a_kill_falls_is_meant() -> None:
    """
    Of two processes that had the pid one after the other, in whatever order that was learned.
    """
    pids = PidIndex()
    pids.learn_exited(B, 10, ns(2), ns(3))
    pids.learn_exited(A, 10, ns(0), ns(1.5))
    assert who(pids, 2.9) == (B, Confidence.CERTAIN)
    assert who(pids, 1.4) == (A, Confidence.CERTAIN)


def test_a_kill_just_outside_of_a_life_is_likely_of_it() -> None:
    """
    Clocks differ; by how much is not known where the log is read late.
    """
    pids = PidIndex()
    pids.learn_exited(A, 10, ns(0), ns(1))
    assert who(pids, 1.02) == (A, Confidence.CERTAIN)
    assert who(pids, 1.4) == (A, Confidence.LIKELY)
    assert who(pids, 1.6) is None
    assert pids.owner(killed(1.4), certain_only=True) is None


def test_what_becomes_known_of_a_killed_process_later_is_not_the_next_one() -> None:
    """
    Its end is read, and the trace's choice of it, after its kill was events.
    """
    pids = PidIndex()
    pids.killed(10, ns(1))
    pids.learn_exited(A, 10, ns(0), ns(1.1))
    pids.learn_marked(A, 10, ns(0.998))
    assert who(pids, 1.3) is None


def test_kills_of_a_pid_may_be_published_in_any_order() -> None:
    """
    A kill that waited long is published after a later one; late facts about either are still about a dead process.
    """
    pids = PidIndex()
    pids.killed(10, ns(2))
    pids.killed(10, ns(1))
    pids.learn_marked(A, 10, ns(1.999))
    assert who(pids, 3) is None


def test_the_next_process_with_the_pid_of_a_killed_one_is_known() -> None:
    """
    It began after the kill.
    """
    pids = PidIndex()
    pids.killed(10, ns(1))
    pids.learn_exited(B, 10, ns(1.2), ns(1.5))
    assert who(pids, 1.4) == (B, Confidence.CERTAIN)


def test_a_kill_does_not_take_the_next_process_along() -> None:
    """
    Its end is known already when the kill of the one before is events.
    """
    pids = PidIndex()
    pids.learn_exited(B, 10, ns(1.2), ns(1.5))
    pids.killed(10, ns(1))
    assert who(pids, 1.4) == (B, Confidence.CERTAIN)
