"""
When the limit will be reached, and how sure that is.
"""

import pytest

from collector.memory.forecast import forecast
from tests.unit.collector.memory.curves import MIB, curve, teeth

LIMIT = 512 * MIB


@pytest.mark.parametrize("seed", range(1, 21))
def test_steady_growth(seed: int) -> None:
    """
    9 MiB a minute, 112 MiB left: twelve and a half minutes, and the truth is within the bounds.
    """
    ahead = forecast(curve(lambda t: 310 + 90 * t, span_s=600, noise_mib=4, seed=seed), LIMIT)
    assert ahead is not None
    assert ahead.latest_s is not None
    assert ahead.growth_bytes_per_s * 60 / MIB == pytest.approx(9, rel=0.1)
    assert ahead.soonest_s < ahead.seconds < ahead.latest_s
    assert ahead.soonest_s * 0.95 < 112 / 9 * 60 < ahead.latest_s * 1.05


@pytest.mark.parametrize("seed", range(1, 21))
def test_more_noise_is_more_doubt(seed: int) -> None:
    """
    The bounds are farther apart.
    """
    calm, wild = (
        forecast(curve(lambda t: 100 + 200 * t, span_s=600, noise_mib=noise, seed=seed), LIMIT) for noise in (1, 20)
    )
    assert calm is not None
    assert wild is not None
    assert calm.latest_s is not None
    doubt_s = calm.latest_s - calm.soonest_s
    assert wild.latest_s is None or wild.latest_s - wild.soonest_s > 2 * doubt_s


def test_a_collector_at_work_gives_no_bound() -> None:
    """
    It rises now, and may fall any moment.
    """
    ahead = forecast(curve(teeth(4, 200, 400), span_s=600), LIMIT)
    assert ahead is None or ahead.latest_s is None


@pytest.mark.parametrize("share", [0.4, 0.5, 0.6])
def test_a_step_gives_no_bound(share: float) -> None:
    """
    It grew, and does not any more.
    """
    ahead = forecast(curve(lambda t: 100 if t < share else 300, span_s=600), LIMIT)
    assert ahead is None or ahead.latest_s is None


@pytest.mark.parametrize("span_s", [10.0, 60.0])
def test_the_first_minutes_say_nothing(span_s: float) -> None:
    """
    Every program grows when it starts.
    """
    assert forecast(curve(lambda t: 100 + 300 * t, span_s=span_s, every_s=1.0), LIMIT) is None


def test_no_forecast() -> None:
    """
    Without a limit, without growth, with too few samples.
    """
    grows = curve(lambda t: 100 + 100 * t, span_s=600)
    assert forecast(grows, None) is None
    assert forecast(curve(lambda t: 300 - 100 * t, span_s=600), LIMIT) is None
    assert forecast(grows[:7], LIMIT) is None
    assert forecast([], LIMIT) is None
