"""
A new version compared with those before it: the figures of the test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fleet.incidents.sequential_test import Counts, e_value, mixed, rate_ratio
from fleet.incidents.versions import (
    HOUR_NS,
    HOURS_PER_DAY,
    CauseGroup,
    Service,
    Test,
    Version,
    cases_of,
    exposure_ns,
)

# Half of the evidence is about all causes together, the rest about each group: a new version may die of something new.
_ALL_CAUSES: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """
    What the deaths so far say about a new version.

    Attributes:
        counts: cases and exposure, in nanoseconds weighted by the time of day, of the causes that tell most.
        e_value: the evidence that it dies more often, over all causes and each group of them.
        rate_ratio: how many times as often it dies.
        without_worst_host: the counts without the host with the most cases.
        before_hours: container-hours of the versions before.
        after_hours: container-hours of the new one.
    """

    counts: Counts
    e_value: float
    rate_ratio: float
    without_worst_host: Counts
    before_hours: float
    after_hours: float


def compare(service: Service, version: Version, test: Test, now_ns: int) -> Comparison:
    """
    Compare a version with those before it, with what is known now.

    The statuses say how long containers ran, up to their time; since then they are taken to run on.
    """
    before = [service.versions[digest] for digest in test.baseline if digest in service.versions]
    unreported_ns = version.unreported_ns(now_ns)
    exposures = (
        exposure_ns(before, test.profile),
        exposure_ns((version,), test.profile) + unreported_ns * test.profile[now_ns // HOUR_NS % HOURS_PER_DAY],
    )
    groups: list[CauseGroup | None] = [None, *CauseGroup]
    cases_before, cases_after = cases_of(before), cases_of((version,))
    found = [
        Counts(_cases(cases_before, group), exposures[0], _cases(cases_after, group), exposures[1]) for group in groups
    ]
    values = [e_value(counts) for counts in found]
    others = (1 - _ALL_CAUSES) / len(CauseGroup)
    best = max(range(len(groups)), key=lambda index: values[index] * (_ALL_CAUSES if index == 0 else others))
    counts = found[best]
    return Comparison(
        counts=counts,
        e_value=mixed(values, [_ALL_CAUSES] + [others] * len(CauseGroup)),
        rate_ratio=rate_ratio(counts),
        without_worst_host=_without_worst_host(version, groups[best], counts),
        before_hours=exposure_ns(before) / HOUR_NS,
        after_hours=(exposure_ns((version,)) + unreported_ns) / HOUR_NS,
    )


def _without_worst_host(version: Version, group: CauseGroup | None, counts: Counts) -> Counts:
    """
    Return the counts without the host on which the version has died most often.
    """
    worst = max(version.hosts.values(), key=lambda host: _cases(host.cases, group), default=None)
    total_ns = sum(host.container_ns for host in version.hosts.values())
    if worst is None or not total_ns:
        return Counts(counts.before, counts.before_exposure, 0, counts.after_exposure)
    kept = 1 - worst.container_ns / total_ns
    after = max(counts.after - _cases(worst.cases, group), 0)
    return Counts(counts.before, counts.before_exposure, after, counts.after_exposure * kept)


def _cases(cases: Mapping[CauseGroup, int], group: CauseGroup | None) -> int:
    return sum(cases.values()) if group is None else cases.get(group, 0)
