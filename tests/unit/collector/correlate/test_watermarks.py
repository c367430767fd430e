"""
Watermarks: which sources may still bring evidence of a moment.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from collector.correlate.watermarks import Wait, Watermarks
from collector.facts.observed import GapFact
from collector.facts.watermark import WatermarkFact
from sinks.event import GapKind
from tests.unit.collector.correlate.scene import SECOND, ns

LAGS: Final[Mapping[str, int]] = {"kmsg": 0, "journald": 0}


def stated(source: str, until_s: float, newest_s: float | None = None) -> WatermarkFact:
    return WatermarkFact(
        source=source,
        read_until_ns=ns(until_s),
        newest_kernel_us=round(newest_s * 1_000_000) if newest_s is not None else None,
        newest_kernel_ns=ns(newest_s) if newest_s is not None else 0,
    )


def state(source: str, what: GapKind) -> GapFact:
    return GapFact(source=source, what=what, at_ns=ns(0), text=what)


def test_a_source_is_behind_until_it_has_been_read_past_the_moment() -> None:
    """
    A watermark never goes back.
    """
    watermarks = Watermarks()
    watermarks.advance(stated("kmsg", 9))
    assert watermarks.behind(ns(10), LAGS) == ("kmsg",)
    watermarks.advance(stated("kmsg", 11))
    watermarks.advance(stated("kmsg", 8))
    assert watermarks.behind(ns(10), LAGS) == ()


def test_a_source_that_is_down_or_states_nothing_is_not_waited_for() -> None:
    """
    A recording states no watermarks, and a source that is down has nothing to say.
    """
    watermarks = Watermarks()
    watermarks.feed_gap(state("kmsg", GapKind.SOURCE_UP))
    assert watermarks.behind(ns(10), LAGS) == ()
    watermarks.advance(stated("kmsg", 0))
    assert watermarks.behind(ns(10), LAGS) == ("kmsg",)
    watermarks.feed_gap(state("kmsg", GapKind.SOURCE_DOWN))
    assert watermarks.behind(ns(10), LAGS) == ()


def test_the_end_of_the_journal_proves_little_while_journald_is_late() -> None:
    """
    Its newest kernel line is older than that of /dev/kmsg.
    """
    watermarks = Watermarks()
    watermarks.advance(stated("journald", 4, newest_s=3))
    watermarks.advance(stated("kmsg", 20, newest_s=15))
    watermarks.advance(stated("journald", 20, newest_s=5))
    assert watermarks.behind(ns(10), LAGS) == ("journald",)
    watermarks.advance(stated("journald", 21, newest_s=15))
    assert watermarks.behind(ns(10), LAGS) == ()


def test_a_source_that_was_given_up_is_waited_for_again_once_it_advances() -> None:
    """
    journald has lost the newest line: each decision would wait until the cap for it.
    """
    watermarks = Watermarks()
    watermarks.advance(stated("journald", 4, newest_s=3))
    watermarks.advance(stated("kmsg", 20, newest_s=15))
    watermarks.advance(stated("journald", 20, newest_s=5))
    watermarks.give_up(watermarks.behind(ns(10), LAGS))
    watermarks.advance(stated("journald", 30, newest_s=5))
    assert watermarks.behind(ns(12), LAGS) == ()
    watermarks.advance(stated("journald", 31, newest_s=11))
    assert watermarks.behind(ns(12), LAGS) == ("journald",)


def test_a_wait_goes_on_until_its_latest_while_a_source_is_behind() -> None:
    """
    At its latest the sources that are behind are given up.
    """
    watermarks = Watermarks()
    watermarks.advance(stated("kmsg", 9))
    wait = Wait(deadline_ns=ns(2), latest_ns=ns(60))
    assert watermarks.extend(wait, ns(2), ns(10), LAGS) == ()
    assert ns(2) < wait.deadline_ns < ns(60)
    assert watermarks.extend(wait, ns(60), ns(10), LAGS) == ("kmsg",)
    assert watermarks.behind(ns(10), LAGS) == ()


def test_a_journal_without_a_reader_of_the_kernel_log_is_taken_at_its_end() -> None:
    """
    No journald runs, or it does not read the kernel's log: its last kernel line is from long ago, and none will come.
    """
    watermarks = Watermarks()
    watermarks.advance(stated("kmsg", 20, newest_s=15))
    watermarks.advance(stated("journald", 20, newest_s=1))
    assert watermarks.behind(ns(10), LAGS) == ()


def test_all_have_passed_only_if_each_says_so() -> None:
    """
    Unlike `behind`, a source that runs and states nothing counts; a recording states nothing.
    """
    watermarks, lags = Watermarks(), {"kmsg": 0, "trace": 0, "docker": SECOND}
    for source in ("kmsg", "docker"):
        watermarks.feed_gap(state(source, GapKind.SOURCE_UP))
    assert not watermarks.have_all_passed(ns(10), lags)
    watermarks.advance(stated("kmsg", 10))
    watermarks.advance(stated("docker", 10))
    assert not watermarks.have_all_passed(ns(10), lags)
    watermarks.advance(stated("docker", 11))
    assert watermarks.have_all_passed(ns(10), lags)
    watermarks.feed_gap(state("trace", GapKind.SOURCE_UP))
    assert not watermarks.have_all_passed(ns(10), lags)


@pytest.mark.parametrize("missing", ["docker", "kmsg"])
def test_without_docker_or_a_kernel_log_nothing_has_passed(missing: str) -> None:
    """
    What those sources would say is missing.
    """
    watermarks = Watermarks()
    for source in ("kmsg", "docker"):
        watermarks.advance(stated(source, 20))
    assert watermarks.have_all_passed(ns(10), {"kmsg": 0, "docker": 0})
    watermarks.feed_gap(state(missing, GapKind.SOURCE_DOWN))
    assert not watermarks.have_all_passed(ns(10), {"kmsg": 0, "docker": 0})


def test_an_unknown_moment_has_not_passed() -> None:
    """
    Nobody knows when the run ended.
    """
    watermarks = Watermarks()
    for source in ("kmsg", "docker"):
        watermarks.advance(stated(source, 20))
    assert not watermarks.have_all_passed(None, {})
