"""
The sequential test, on random deaths with fixed seeds.
"""

import random
from statistics import median

import pytest

from fleet.incidents.sequential_test import Counts, e_value, poisson_tail, rate_ratio, rate_ratio_low

ALPHA = 0.02


def history(rng: random.Random, expected: float) -> int:
    """
    Return how many deaths happen where this many are expected.
    """
    number, at = 0, rng.expovariate(1.0)
    while at < expected:
        number, at = number + 1, at + rng.expovariate(1.0)
    return number


def deaths_until_certain(rng: random.Random, expected: float, ratio: float, *, most: int) -> int | None:
    """
    Return after how many deaths the test is certain, looking after each of them; None if it is not after `most`.

    Args:
        rng: random numbers.
        expected: deaths that are expected before, in as many units of time.
        ratio: the rate of deaths after.
        most: of them.
    """
    before, at = history(rng, expected), 0.0
    for number in range(1, most + 1):
        at += rng.expovariate(ratio)
        if e_value(Counts(before, expected, number, at)) >= 1 / ALPHA:
            return number
    return None


@pytest.mark.parametrize("expected", [0.5, 3.0, 30.0, 300.0])
def test_an_equal_rate_is_seldom_taken_for_a_higher_one(expected: float) -> None:
    """
    However often one looks: after each of 100 deaths, the share of false alarms stays below alpha.
    """
    rng = random.Random(7)  # noqa: S311 (no secret)
    alarms = sum(deaths_until_certain(rng, expected, 1.0, most=100) is not None for _ in range(300))
    assert alarms / 300 <= ALPHA


@pytest.mark.parametrize(("ratio", "most"), [(5.0, 12), (14.0, 5)])
def test_a_higher_rate_is_noticed_after_few_deaths(ratio: float, most: int) -> None:
    """
    With 30 deaths before.
    """
    rng = random.Random(7)  # noqa: S311 (no secret)
    found = [deaths_until_certain(rng, 30.0, ratio, most=60) or 60 for _ in range(101)]
    assert median(found) <= most


def test_without_exposure_there_is_no_evidence() -> None:
    """
    Deaths that arrive before the first status prove nothing.
    """
    assert e_value(Counts(3, 100.0, 5, 0.0)) == 1.0
    assert e_value(Counts(0, 0.0, 5, 10.0)) == 1.0


def test_a_lower_rate_is_no_evidence() -> None:
    """
    The test is one-sided.
    """
    assert e_value(Counts(100, 100.0, 10, 100.0)) < 0.01


def test_the_lower_bound_is_below_the_truth() -> None:
    """
    At all times together, for nearly all versions.
    """
    rng = random.Random(7)  # noqa: S311 (no secret)
    above = 0
    for _ in range(60):
        before, at = history(rng, 50.0), 0.0
        bounds = []
        for number in range(1, 31):
            at += rng.expovariate(6.0)
            if number % 5 == 0:
                bounds.append(rate_ratio_low(Counts(before, 50.0, number, at), 0.05))
        above += max(bounds) > 6.0
    assert above / 60 <= 0.05


def test_the_rate_ratio_has_a_value_without_a_death_before() -> None:
    """
    As if there had been half of one.
    """
    assert rate_ratio(Counts(0, 100.0, 5, 100.0)) == 10.0


@pytest.mark.parametrize(
    ("least", "mean", "tail"), [(0, 1.0, 1.0), (1, 1.0, 0.632121), (3, 0.5, 0.014388), (2, 0.0, 0.0)]
)
def test_the_tail_of_a_poisson_number(least: int, mean: float, tail: float) -> None:
    """
    Against values from tables.
    """
    assert poisson_tail(least, mean) == pytest.approx(tail, abs=1e-6)
