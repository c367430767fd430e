"""
The limit that a container should have, and settings that work against it.
"""

import pytest

from collector.memory.advice import Observation, limit_advice, setting_advice
from collector.memory.runtimes import Language
from collector.memory.shape import Shape, Trend
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Confidence

MIB = 1 << 20
DAY_S = 86_400.0


def shape(trend: Trend = Trend.STEADY, growth_mib_per_min: float | None = None) -> Shape:
    growth = growth_mib_per_min * MIB if growth_mib_per_min is not None else None
    return Shape(trend=trend, confidence=Confidence.LIKELY, samples=99, span_s=9.0, growth_bytes_per_min=growth)


def seen(
    peak_mib: int = 400,
    *,
    days: float = 3.0,
    limit_mib: int | None = 512,
    one: Shape | None = None,
    language: Language | None = None,
    host_mib: int | None = None,
    killed: bool = False,
) -> Observation:
    return Observation(
        peak_bytes=peak_mib * MIB,
        seen_s=days * DAY_S,
        limit_bytes=limit_mib * MIB if limit_mib is not None else None,
        shape=one or shape(),
        language=language,
        host_bytes=host_mib * MIB if host_mib is not None else None,
        killed=killed,
    )


@pytest.mark.parametrize(
    ("observed", "limit_mib"),
    [
        (seen(400), 608),
        (seen(400, days=1.0), 800),
        (seen(400, language=Language.JVM), 1008),
        (seen(400, language=Language.NODE), 704),
        (seen(400, language=Language.GO), 656),
        (seen(400, language=Language.PYTHON), 608),
        (seen(512, killed=True, days=0.1), 1024),
        (seen(100, limit_mib=4096), 160),
    ],
)
def test_the_limit(observed: Observation, limit_mib: int) -> None:
    """
    1.5 times the peak, 2 times where it was seen for less than two days, plus what the runtime needs, rounded up.
    """
    advice = limit_advice(observed)
    assert (advice.kind, advice.value) == ("limit", limit_mib * MIB)
    assert advice.unless


def test_the_working_is_shown() -> None:
    """
    The figures behind the figure.
    """
    advice = limit_advice(seen(400, days=0.5, language=Language.NODE, killed=True))
    assert advice.reason == (
        "2 times its peak of at least 400 MiB in 12.0 hours plus 100 MiB that node needs beside its heap,"
        " since it was observed for less than two days; rounded up to 16 MiB."
    )


def test_a_limit_that_fits_stays() -> None:
    """
    Neither too small nor, seen for days, twice too large.
    """
    assert limit_advice(seen(400, limit_mib=640)).text == "The limit of 640 MiB fits."
    assert limit_advice(seen(100, days=0.5, limit_mib=4096)).text == "The limit of 4 GiB fits."


def test_the_host_is_the_cap() -> None:
    """
    Four fifths of it, and what would be needed is said.
    """
    advice = limit_advice(seen(2000, limit_mib=2000, host_mib=2500))
    assert advice.value == advice.cap == 2000 * MIB
    assert advice.text == "Set the limit to 2 GiB: it should be 2.9 GiB, but the host has 2.4 GiB."


def test_a_leak_has_no_limit() -> None:
    """
    Only the time that a higher one buys.
    """
    advice = limit_advice(seen(500, one=shape(Trend.LEAK, 9.0)))
    assert (advice.kind, advice.value) == ("leak", None)
    assert advice.reason == "It grows by 9 MiB a minute and gives nothing back: doubling the limit buys 57 minutes."
    assert limit_advice(seen(500, limit_mib=None, one=shape(Trend.LEAK, 9.0))).value is None


def test_cache_needs_nothing() -> None:
    """
    The kernel drops it.
    """
    assert limit_advice(seen(500, one=shape(Trend.CACHE))).value is None


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
def test_settings(settings: dict[str, object], kind: str) -> None:
    """
    One advice each.
    """
    assert [advice.kind for advice in setting_advice(snapshot(**settings))] == [kind]


def test_good_settings_are_not_told() -> None:
    """
    Reservation and swap as the limit, the usual score.
    """
    good = snapshot(
        memory_reservation_bytes=512 * MIB, memory_swap_bytes=512 * MIB, oom_score_adj=0, oom_kill_disable=False
    )
    assert setting_advice(good) == []
    assert setting_advice(ContainerSnapshot(id="c", labels={}, memory_swap_bytes=1)) == []
