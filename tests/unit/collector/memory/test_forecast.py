"""
When a container will reach its limit, and how certain that is.
"""

import pytest

from collector.memory.forecast import forecast
from tests.unit.collector.memory.curves import MIB, curve, teeth

LIMIT = 512 * MIB


@pytest.mark.parametrize("seed", range(1, 21))
def test_steady_growth_reaches_the_limit_within_the_bounds(seed: int) -> None:
    """
    At 9 MiB per minute with 112 MiB left, the limit is twelve and a half minutes away.
    """
    ahead = forecast(curve(lambda t: 310 + 90 * t, span_s=600, noise_mib=4, seed=seed), LIMIT)
    assert ahead is not None
    assert ahead.latest_s is not None
    assert ahead.growth_bytes_per_s * 60 / MIB == pytest.approx(9, rel=0.1)
    assert ahead.soonest_s < ahead.seconds < ahead.latest_s
    assert ahead.soonest_s * 0.95 < 112 / 9 * 60 < ahead.latest_s * 1.05


@pytest.mark.parametrize("seed", range(1, 21))
def test_more_noise_widens_the_bounds(seed: int) -> None:
    """
    With more noise, the earliest and the latest time are farther apart.
    """
    calm, wild = (
        forecast(curve(lambda t: 100 + 200 * t, span_s=600, noise_mib=noise, seed=seed), LIMIT) for noise in (1, 20)
    )
    assert calm is not None
    assert wild is not None
    assert calm.latest_s is not None
    width_s = calm.latest_s - calm.soonest_s
    assert wild.latest_s is None or wild.latest_s - wild.soonest_s > 2 * width_s


def test_a_sawtooth_has_no_latest_time() -> None:
    """
    A sawtooth rises now but may fall at any time.
    """
    ahead = forecast(curve(teeth(4, 200, 400), span_s=600), LIMIT)
    assert ahead is None or ahead.latest_s is None


@pytest.mark.parametrize("share", [0.4, 0.5, 0.6])
def test_a_step_has_no_latest_time(share: float) -> None:
    """
    After a step the memory no longer grows.
    """
    ahead = forecast(curve(lambda t: 100 if t < share else 300, span_s=600), LIMIT)
    assert ahead is None or ahead.latest_s is None


@pytest.mark.parametrize("span_s", [10.0, 60.0])
def test_the_first_minutes_give_no_forecast(span_s: float) -> None:
    """
    Every program grows when it starts.
    """
    assert forecast(curve(lambda t: 100 + 300 * t, span_s=span_s, every_s=1.0), LIMIT) is None


def test_there_is_no_forecast_without_limit_growth_or_samples() -> None:
    """
    A forecast needs a limit, growth and enough samples.
    """
    grows = curve(lambda t: 100 + 100 * t, span_s=600)
    assert forecast(grows, None) is None
    assert forecast(curve(lambda t: 300 - 100 * t, span_s=600), LIMIT) is None
    assert forecast(grows[:7], LIMIT) is None
    assert forecast([], LIMIT) is None
