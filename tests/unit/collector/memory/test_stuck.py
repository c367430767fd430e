"""
Containers that survived the OOM kill of a child and are stuck.
"""

import pytest

from collector.memory.stuck import Stuck, StuckState, StuckWatch

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def at(seconds: float) -> int:
    return START_NS + int(seconds * S)


def killed(*seconds: float, busy: bool = False, unhealthy: bool = False) -> StuckWatch:
    """
    Return a watch with kills at these times.
    """
    watch = StuckWatch("c", busy=busy, unhealthy=unhealthy)
    for number, second in enumerate(seconds):
        watch.add_kill(f"kill-{number}", at(second))
    return watch


def spin(watch: StuckWatch, first: int, last: int, share: float = 1.0) -> list[Stuck]:
    """
    Return the changes while the container uses this share of its CPU, sampled every 5 s.
    """
    return [change for second in range(first, last, 5) for change in watch.add_cpu_share(share, at(second))]


def test_spinning_after_a_kill_is_reported_once() -> None:
    """
    Half a minute at 100 % is reported once, with its beginning and the kill before it.
    """
    watch = killed(0)
    changes = spin(watch, 5, 100)
    assert [(item.state, item.resolved, item.since_ns, item.kills) for item in changes] == [
        (StuckState.SPINNING, False, at(5), 1)
    ]
    assert (changes[0].cpu_share, changes[0].kill_ids, changes[0].first_kill_ns) == (1.0, ("kill-0",), at(0))


def test_a_short_burst_is_not_spinning() -> None:
    """
    A child that is restarted may be busy for twenty seconds.
    """
    watch = killed(0)
    assert spin(watch, 5, 25) + spin(watch, 25, 60, share=0.2) + spin(watch, 60, 80) == []


def test_a_container_that_was_busy_before_the_kill_is_not_stuck() -> None:
    """
    A batch job may use all its CPU all day.
    """
    assert spin(killed(0, busy=True), 5, 300) == []


def test_the_end_of_spinning_is_reported() -> None:
    """
    Spinning ends when CPU use has fallen to half, not when it wavers.
    """
    watch = killed(0)
    spin(watch, 5, 100)
    assert watch.add_cpu_share(0.9, at(100)) == []
    changes = watch.add_cpu_share(0.1, at(105))
    assert [(item.state, item.resolved, item.since_ns) for item in changes] == [(StuckState.SPINNING, True, at(5))]


def test_a_failing_health_check_is_reported_once() -> None:
    """
    The failure is reported once, and so is the recovery.
    """
    watch = killed(0)
    changes = [watch.add_health(status, at(10 + n)) for n, status in enumerate(["unhealthy", "unhealthy", "healthy"])]
    assert [[(item.state, item.resolved) for item in items] for items in changes] == [
        [(StuckState.UNHEALTHY, False)],
        [],
        [(StuckState.UNHEALTHY, True)],
    ]


def test_a_container_that_was_unhealthy_before_is_not_reported() -> None:
    """
    It is reported only after it was healthy in between.
    """
    watch = killed(0, unhealthy=True)
    assert watch.add_health("unhealthy", at(10)) == []
    assert watch.add_health("healthy", at(20)) == []
    assert len(watch.add_health("unhealthy", at(30))) == 1


def test_a_series_of_kills_is_reported_with_the_third() -> None:
    """
    The third kill within ten minutes is reported, the fourth is not, and ten quiet minutes end the series.
    """
    watch = killed(0, 100)
    changes = watch.add_kill("kill-2", at(200))
    assert [(item.state, item.kills, item.since_ns) for item in changes] == [(StuckState.KILLING, 3, at(0))]
    assert watch.add_kill("kill-3", at(300)) == []
    assert watch.tick(at(899)) == []
    ended = watch.tick(at(900))
    assert [(item.resolved, item.kills) for item in ended] == [(True, 4)]
    assert watch.idle


@pytest.mark.parametrize("gap_s", [301, 3600])
def test_kills_far_apart_are_not_a_series(gap_s: int) -> None:
    """
    Three kills that are not within ten minutes are not a series.
    """
    watch = killed(0, gap_s)
    assert watch.add_kill("kill-2", at(2 * gap_s)) == []


def test_a_state_that_begins_later_has_another_cause() -> None:
    """
    Eleven minutes after the kill nothing is reported, and the watch can be dropped.
    """
    watch = killed(0)
    watch.tick(at(660))
    assert watch.idle
    assert spin(watch, 660, 800) == watch.add_health("unhealthy", at(700)) == []
