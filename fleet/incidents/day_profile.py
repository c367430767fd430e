"""
How the hours of a day differ in the death rate: a service that is busy by day dies more often by day.

A service with few deaths takes the profile of the fleet; the more deaths it has, the more it has its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from fleet.incidents.versions import HOURS_PER_DAY, Version

# That many deaths per hour of the day weigh as much as what is known of the fleet.
_PRIOR_DEATHS: Final = 10.0
_FLAT: Final = 1.0
# Old days count less: everything is halved when the fleet has this many deaths.
_MOST_DEATHS: Final = 200_000.0


@dataclass(slots=True, kw_only=True)
class FleetDay:
    """
    Deaths and exposure of the whole fleet by the hour of the day, in UTC.
    """

    deaths: list[float] = field(default_factory=lambda: [0.0] * HOURS_PER_DAY)
    exposure: list[float] = field(default_factory=lambda: [0.0] * HOURS_PER_DAY)

    def add(self, hour: int, *, deaths: float = 0.0, exposure: float = 0.0) -> None:
        """
        Count deaths and exposure in an hour, given in hours since 1970.
        """
        self.deaths[hour % HOURS_PER_DAY] += deaths
        self.exposure[hour % HOURS_PER_DAY] += exposure
        if deaths and sum(self.deaths) > _MOST_DEATHS:
            self.deaths = [item / 2 for item in self.deaths]
            self.exposure = [item / 2 for item in self.exposure]

    def profile(self) -> list[float]:
        """
        Return the death rate of each hour of the day, relative to the mean.
        """
        return _smoothed(self.deaths, self.exposure, [_FLAT] * HOURS_PER_DAY)


def service_profile(versions: Iterable[Version], fleet: Sequence[float]) -> list[float]:
    """
    Return the death rate of each hour of the day, relative to the mean, from the history of a service.

    Args:
        versions: the versions that count.
        fleet: the profile of the fleet.
    """
    deaths, exposure = [0.0] * HOURS_PER_DAY, [0.0] * HOURS_PER_DAY
    for version in versions:
        for number, hour in version.hours.items():
            deaths[number % HOURS_PER_DAY] += sum(hour.cases.values())
            exposure[number % HOURS_PER_DAY] += hour.container_ns
    return _smoothed(deaths, exposure, fleet)


def _smoothed(deaths: Sequence[float], exposure: Sequence[float], prior: Sequence[float]) -> list[float]:
    """
    Return rates relative to their mean, drawn to a prior profile where deaths are few.
    """
    expected_by_prior = sum(part * weight for part, weight in zip(exposure, prior, strict=True))
    if not sum(deaths) or not expected_by_prior:
        return list(prior)
    rate = sum(deaths) / expected_by_prior
    found = [
        weight * (count + _PRIOR_DEATHS) / (rate * weight * part + _PRIOR_DEATHS)
        for count, part, weight in zip(deaths, exposure, prior, strict=True)
    ]
    mean = sum(found) / len(found)
    return [item / mean for item in found]
