"""
The recommended limit, and Docker settings that work against the container.
"""

import pytest

from collector.memory.advice import MemoryNeed, limit_advice, setting_advice
from collector.memory.runtimes import Language
from collector.memory.shape import Shape, Trend
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Confidence

MIB = 1 << 20
DAY_S = 86_400.0


def shape(trend: Trend = Trend.STEADY, growth_mib_per_min: float | None = None) -> Shape:
    growth = growth_mib_per_min * MIB if growth_mib_per_min is not None else None
    return Shape(trend=trend, confidence=Confidence.LIKELY, samples=99, span_s=9.0, growth_bytes_per_min=growth)


def need(
    peak_mib: int = 400,
    *,
    days: float = 3.0,
    limit_mib: int | None = 512,
    one: Shape | None = None,
    language: Language | None = None,
    host_mib: int | None = None,
    killed: bool = False,
) -> MemoryNeed:
    return MemoryNeed(
        peak_bytes=peak_mib * MIB,
        observed_s=days * DAY_S,
        limit_bytes=limit_mib * MIB if limit_mib is not None else None,
        shape=one or shape(),
        language=language,
        host_bytes=host_mib * MIB if host_mib is not None else None,
        killed=killed,
    )


@pytest.mark.parametrize(
    ("one", "limit_mib"),
    [
        (need(400), 608),
        (need(400, days=1.0), 800),
        (need(400, language=Language.JVM), 1008),
        (need(400, language=Language.NODE), 704),
        (need(400, language=Language.GO), 656),
        (need(400, language=Language.PYTHON), 608),
        (need(512, killed=True, days=0.1), 1024),
        (need(100, limit_mib=4096), 160),
    ],
)
def test_the_limit_is_the_peak_with_headroom(one: MemoryNeed, limit_mib: int) -> None:
    """
    The limit is 1.5 times the peak (twice if observed for less than two days), plus the need of the runtime, rounded
    up.
    """
    advice = limit_advice(one)
    assert (advice.kind, advice.value) == ("limit", limit_mib * MIB)
    assert advice.unless


def test_the_calculation_is_shown() -> None:
    """
    The reason shows all figures behind the recommended limit.
    """
    advice = limit_advice(need(400, days=0.5, language=Language.NODE, killed=True))
    assert advice.reason == (
        "2 times the peak of at least 400 MiB in 12.0 hours"
        " (not 1.5 times, because it was observed for less than two days),"
        " plus 100 MiB that node needs outside its heap, rounded up to a multiple of 16 MiB."
    )


def test_a_right_limit_is_kept() -> None:
    """
    A limit is kept if it is large enough and, after days of observation, at most twice what is needed.
    """
    assert limit_advice(need(400, limit_mib=640)).text == "Keep the limit of 640 MiB."
    assert limit_advice(need(100, days=0.5, limit_mib=4096)).text == "Keep the limit of 4 GiB."


def test_the_host_is_the_cap() -> None:
    """
    A limit is at most four fifths of the host, and the text says what would be needed.
    """
    advice = limit_advice(need(2000, limit_mib=2000, host_mib=2500))
    assert advice.value == advice.cap == 2000 * MIB
    assert advice.text == "Set the limit to 2 GiB: it needs 2.9 GiB, but the host has only 2.4 GiB."


def test_a_leak_gets_no_limit() -> None:
    """
    For a leak the advice only says how much time a higher limit buys.
    """
    advice = limit_advice(need(500, one=shape(Trend.LEAK, 9.0)))
    assert (advice.kind, advice.value) == ("leak", None)
    assert (
        advice.reason == "Its memory grows by 9 MiB per minute and never shrinks: doubling the limit buys 57 minutes."
    )
    assert limit_advice(need(500, limit_mib=None, one=shape(Trend.LEAK, 9.0))).value is None


def test_cache_needs_no_higher_limit() -> None:
    """
    File cache needs no higher limit: the kernel drops it.
    """
    assert limit_advice(need(500, one=shape(Trend.CACHE))).value is None


def snapshot(**settings: object) -> ContainerSnapshot:
    return ContainerSnapshot(id="c", labels={}, memory_limit_bytes=512 * MIB, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"memory_reservation_bytes": 256 * MIB}, "reservation"),
        ({"memory_swap_bytes": 1024 * MIB}, "swap"),
        ({"memory_swap_bytes": -1}, "swap"),
        ({"oom_score_adj": -900}, "oom_score_adj"),
        ({"oom_kill_disable": True}, "oom_kill_disable"),
    ],
)
def test_each_bad_setting_gives_one_advice(settings: dict[str, object], kind: str) -> None:
    """
    Each setting that works against the container gives exactly one advice.
    """
    assert [advice.kind for advice in setting_advice(snapshot(**settings))] == [kind]


def test_good_settings_give_no_advice() -> None:
    """
    Reservation and swap that equal the limit, and the default score, are fine.
    """
    good = snapshot(
        memory_reservation_bytes=512 * MIB, memory_swap_bytes=512 * MIB, oom_score_adj=0, oom_kill_disable=False
    )
    assert setting_advice(good) == []
    assert setting_advice(ContainerSnapshot(id="c", labels={}, memory_swap_bytes=1)) == []
