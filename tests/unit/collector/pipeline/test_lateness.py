"""
Tests of measuring how far the agent is behind.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pipeline.lateness import Lateness

SECOND = 1_000_000_000
STARTED_NS = 1000 * SECOND


class Clock:
    """
    A monotonic clock that the test moves, and the lateness that reads this clock.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.lateness = Lateness(STARTED_NS, lambda: self.now_ns)

    def pass_s(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND)

    def state(self, source: str, late_s: float) -> None:
        """
        Have a source state something that happened so many seconds ago.
        """
        now_ns = STARTED_NS + 100 * SECOND + self.now_ns
        self.lateness.observe(source, now_ns - int(late_s * SECOND), now_ns)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    ("source", "late_s", "is_behind"),
    [
        ("kmsg", 5.1, True),
        ("journald", 5.1, True),
        ("docker", 5.1, True),
        ("docker", 4.9, False),
        ("processes", 60, False),
        ("memory", 60, False),
    ],
)
def test_the_kernels_log_and_docker_decide(source: str, late_s: float, is_behind: bool) -> None:
    """
    The agent is behind when a kill or a death is processed more than five seconds late.
    """
    lateness = Lateness(STARTED_NS, lambda: 0)
    occurred_ns = STARTED_NS + SECOND
    lateness.observe(source, occurred_ns, occurred_ns + int(late_s * SECOND))
    assert lateness.is_behind is is_behind
    assert lateness.lag_s(source) == pytest.approx(late_s)


def test_the_past_is_read_late_without_being_behind() -> None:
    """
    What happened before the agent started says nothing about its load.
    """
    lateness = Lateness(STARTED_NS, lambda: 0)
    assert lateness.observe("kmsg", STARTED_NS - 60 * SECOND, STARTED_NS) == 60
    assert not lateness.is_behind
    assert lateness.lag_s("kmsg") is None


def test_what_comes_right_after_a_backlog_is_late_because_of_it() -> None:
    """
    The first start reads a long journal; the agent is behind only if it falls back after it has caught up.
    """
    lateness, began_ns = Lateness(STARTED_NS, lambda: 0), STARTED_NS + SECOND
    for occurred_ns, late_s in ((STARTED_NS - SECOND, 10), (began_ns, 9)):
        lateness.observe("journald", occurred_ns, occurred_ns + late_s * SECOND)
        assert not lateness.is_behind
    for late_s, is_behind in ((1, False), (9, True)):
        lateness.observe("journald", began_ns, began_ns + late_s * SECOND)
        assert lateness.is_behind is is_behind


def test_a_late_source_stays_late_until_its_next_statement(clock: Clock) -> None:
    """
    Silence after a late statement is no sign that the agent has caught up.
    """
    clock.state("kmsg", late_s=9)
    clock.pass_s(60)
    assert clock.lateness.is_behind


def test_the_agent_has_caught_up_after_five_seconds_in_time(clock: Clock) -> None:
    """
    The agent has caught up when every source was read in time, or was down, for five seconds.
    """
    clock.state("kmsg", late_s=9)
    clock.state("docker", late_s=9)
    clock.pass_s(60)
    clock.state("kmsg", late_s=0)
    clock.pass_s(60)
    assert clock.lateness.is_behind
    clock.lateness.forget("docker")
    clock.pass_s(4.9)
    assert clock.lateness.is_behind
    clock.pass_s(0.1)
    assert not clock.lateness.is_behind


def test_one_episode_begins_once_and_ends_once(clock: Clock) -> None:
    """
    Under load statements are late and in time by turns, several times a second; this is one episode.
    """
    seen = [clock.lateness.is_behind]
    for late_s in [*(6, 0) * 100, *(0,) * 100]:
        clock.state("docker", late_s)
        clock.pass_s(0.1)
        seen.append(clock.lateness.is_behind)
    changes = [after for before, after in pairwise(seen) if before != after]
    assert changes == [True, False]


@given(
    st.lists(
        st.tuples(st.sampled_from(["kmsg", "docker"]), st.floats(0, 12), st.floats(0, 3), st.booleans()), max_size=80
    )
)
def test_an_end_is_five_seconds_away_from_the_last_late_statement(
    steps: list[tuple[str, float, float, bool]],
) -> None:
    """
    Whatever the sources state, and whichever goes down: the agent catches up five seconds after the last late
    statement or later, so changes are rare.
    """
    clock, was_behind, last_late_ns = Clock(), False, 0
    for source, late_s, pause_s, goes_down in steps:
        if goes_down:
            clock.lateness.forget(source)
        else:
            clock.state(source, late_s)
            last_late_ns = clock.now_ns if late_s > 5 else last_late_ns
        clock.pass_s(pause_s)
        is_behind = clock.lateness.is_behind
        if was_behind and not is_behind:
            assert clock.now_ns - last_late_ns >= 5 * SECOND
        was_behind = is_behind
