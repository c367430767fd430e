"""
What is told of a container that survived the OOM kill of a child.
"""

import pytest

from collector.memory.stuck import Stuck, StuckState, StuckWatch

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def at(seconds: float) -> int:
    return START_NS + int(seconds * S)


def killed(*seconds: float, busy: bool = False, unhealthy: bool = False) -> StuckWatch:
    """
    A watch that has seen kills at these times.
    """
    watch = StuckWatch("c", busy=busy, unhealthy=unhealthy)
    for number, second in enumerate(seconds):
        watch.killed(f"kill-{number}", at(second))
    return watch


def spin(watch: StuckWatch, first: int, last: int, share: float = 1.0) -> list[Stuck]:
    """
    What is told while it uses this share of its CPU, looked at every 5 s.
    """
    return [told for second in range(first, last, 5) for told in watch.cpu(share, at(second))]


def test_it_spins_after_the_kill() -> None:
    """
    Half a minute at 100 %: told once, with the time that it began and the kill before it.
    """
    watch = killed(0)
    told = spin(watch, 5, 100)
    assert [(item.state, item.over, item.since_ns, item.kills) for item in told] == [
        (StuckState.SPINNING, False, at(5), 1)
    ]
    assert (told[0].cpu_share, told[0].kill_ids, told[0].first_kill_ns) == (1.0, ("kill-0",), at(0))


def test_a_burst_is_no_spinning() -> None:
    """
    It restarts the child, which is busy for twenty seconds.
    """
    watch = killed(0)
    assert spin(watch, 5, 25) + spin(watch, 25, 60, share=0.2) + spin(watch, 60, 80) == []


def test_what_was_busy_before_the_kill_is_not_stuck() -> None:
    """
    A batch job at 100 % all day.
    """
    assert spin(killed(0, busy=True), 5, 300) == []


def test_it_spins_no_more() -> None:
    """
    Told when its use of the CPU has fallen to half, not when it wavers.
    """
    watch = killed(0)
    spin(watch, 5, 100)
    assert watch.cpu(0.9, at(100)) == []
    told = watch.cpu(0.1, at(105))
    assert [(item.state, item.over, item.since_ns) for item in told] == [(StuckState.SPINNING, True, at(5))]


def test_its_health_check_fails() -> None:
    """
    Once, and again when it is healthy.
    """
    watch = killed(0)
    told = [watch.health(status, at(10 + n)) for n, status in enumerate(["unhealthy", "unhealthy", "healthy"])]
    assert [[(item.state, item.over) for item in items] for items in told] == [
        [(StuckState.UNHEALTHY, False)],
        [],
        [(StuckState.UNHEALTHY, True)],
    ]


def test_what_was_unhealthy_before_is_not_told() -> None:
    """
    Until it was healthy in between.
    """
    watch = killed(0, unhealthy=True)
    assert watch.health("unhealthy", at(10)) == []
    assert watch.health("healthy", at(20)) == []
    assert len(watch.health("unhealthy", at(30))) == 1


def test_child_after_child() -> None:
    """
    The third kill within ten minutes; the fourth is no news; ten minutes of quiet end it.
    """
    watch = killed(0, 100)
    told = watch.killed("kill-2", at(200))
    assert [(item.state, item.kills, item.since_ns) for item in told] == [(StuckState.KILLING, 3, at(0))]
    assert watch.killed("kill-3", at(300)) == []
    assert watch.tick(at(899)) == []
    over = watch.tick(at(900))
    assert [(item.over, item.kills) for item in over] == [(True, 4)]
    assert watch.idle


@pytest.mark.parametrize("gap_s", [301, 3600])
def test_kills_far_apart_are_no_series(gap_s: int) -> None:
    """
    Three, but not within ten minutes.
    """
    watch = killed(0, gap_s)
    assert watch.killed("kill-2", at(2 * gap_s)) == []


def test_what_begins_later_has_another_reason() -> None:
    """
    Eleven minutes after the kill nothing is told, and the watch may be dropped.
    """
    watch = killed(0)
    watch.tick(at(660))
    assert watch.idle
    assert spin(watch, 660, 800) == watch.health("unhealthy", at(700)) == []
