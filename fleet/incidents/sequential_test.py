"""
A sequential test of two death rates that may be looked at after every death (docs/adr/0023).

Deaths before are n0 in exposure t0, deaths after n1 in exposure t1; both are Poisson. The null hypothesis is that the
rate after is not greater. The unknown rate has the same prior on both sides, so that it cancels: the Bayes factor for a
rate `r` times as high is r^n1 ((t0 + t1) / (t0 + r t1))^(n0 + n1 + 1/2). Its expectation under an equal rate is at
most 1, whatever the rate. The e-value is the mixture over several ratios. It exceeds 1 / alpha with a probability of
about alpha at most, however often one looks (the inequality of Ville; docs/adr/0023 says where it is approximate).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Ratios that a regression may have, with equal weights: evenly spaced on a logarithmic scale.
_RATIOS: Final = (2.5, 4.0, 6.5, 10.5, 17.0, 30.0)
_LOG_RATIOS: Final = tuple(math.log(ratio) for ratio in _RATIOS)
# Half of a death: then the evidence is defined without a death before, and is expected to be a little below 1.
_PRIOR_DEATHS: Final = 0.5
# A greater e-value says nothing more, and JSON has no infinity.
_LARGEST_LOG: Final = 200.0
_STEPS: Final = 24
_HIGHEST_RATIO: Final = 1e4


@dataclass(frozen=True, slots=True)
class Counts:
    """
    Deaths of both versions in their exposures.

    Attributes:
        before: deaths before.
        before_exposure: in any unit of time.
        after: deaths after.
        after_exposure: in the same unit.
    """

    before: int
    before_exposure: float
    after: int
    after_exposure: float


def e_value(counts: Counts) -> float:
    """
    Return the evidence that the rate after is higher. Without exposure there is none: 1.
    """
    t0, t1 = counts.before_exposure, counts.after_exposure
    if t0 <= 0 or t1 <= 0:
        return 1.0
    total = counts.before + counts.after + _PRIOR_DEATHS
    logs = [
        counts.after * log_ratio + total * math.log((t0 + t1) / (t0 + ratio * t1))
        for ratio, log_ratio in zip(_RATIOS, _LOG_RATIOS, strict=True)
    ]
    highest = max(logs)
    return math.exp(min(highest, _LARGEST_LOG)) * sum(math.exp(item - highest) for item in logs) / len(logs)


def mixed(values: Sequence[float], weights: Sequence[float]) -> float:
    """
    Return the weighted mean of e-values, which is an e-value if the weights add up to 1.
    """
    return sum(value * weight for value, weight in zip(values, weights, strict=True))


def rate_ratio(counts: Counts) -> float:
    """
    Return how many times as high the rate after is; without a death before, as if there had been half of one.
    """
    if counts.before_exposure <= 0 or counts.after_exposure <= 0:
        return 0.0
    before = max(counts.before, 0.5) / counts.before_exposure
    return min(counts.after / counts.after_exposure / before, _HIGHEST_RATIO)


def rate_ratio_low(counts: Counts, alpha: float) -> float:
    """
    Return a lower bound of the rate ratio that holds at all times together with a probability of at least 1 - alpha.

    It is the highest ratio that the test rejects: a rate that is q times as high is an equal rate in q times the
    exposure.
    """
    low, high = 0.0, _HIGHEST_RATIO
    for _ in range(_STEPS):
        middle = math.sqrt(max(low, 1e-4) * high)
        scaled = Counts(counts.before, counts.before_exposure, counts.after, counts.after_exposure * middle)
        if e_value(scaled) >= 1 / alpha:
            low = middle
        else:
            high = middle
    return low


def poisson_tail(least: int, mean: float) -> float:
    """
    Return the probability that a Poisson number is at least `least`.
    """
    if least <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    # The terms from `least` on; they fall quickly where the tail is small.
    log_term = least * math.log(mean) - mean - math.lgamma(least + 1)
    term, total, number = math.exp(log_term), 0.0, least
    while term > total * 1e-12 and number < least + 10_000:
        total += term
        number += 1
        term *= mean / number
    return min(total, 1.0)
