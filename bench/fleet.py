"""
Measures how well the detectors of fleet incidents do on a simulated fleet whose truth is known.

    python bench/fleet.py [HOSTS SERVICES DAYS]

The default is 500 hosts, 60 services and 90 days, with a status every four hours and after each deploy. In the long run
that is what the simulation costs; the detectors take the time since a status as running.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Final

# Not the folder of this program: it has the name of the package.
sys.path[0] = str(Path(__file__).parents[1])

from fleet.incidents import Detector  # noqa: E402 (found by the line before)
from fleet.simulation import Scenario, Truth, TruthKind, simulate  # noqa: E402 (the same)
from tests.shared.fleet_score import Score, run  # noqa: E402 (the same)

_WEEK_DAYS: Final = 7.0
_INCIDENTS: Final = (
    TruthKind.REGRESSION,
    TruthKind.HOST_CAUSE,
    TruthKind.NEIGHBOUR,
    TruthKind.STORM,
    TruthKind.SILENT_HOST,
)


def main() -> None:
    """
    Print what was found, what was not, and what was wrong.
    """
    hosts, services, days = (int(word) for word in sys.argv[1:4]) if len(sys.argv) > 1 else (500, 60, 90)
    scenario = Scenario(hosts=hosts, services=services, days=float(days), status_interval_s=14_400.0)
    began_s, detector = time.process_time(), Detector()
    arrivals, truths = simulate(scenario)
    score = run(arrivals, truths, detector)
    used_s = time.process_time() - began_s
    print(f"{hosts} hosts, {services} services, {days} days: {score.events:,} events, {used_s:.0f} s of CPU")
    print("\nkind          happened  found  missed  median s  longest s")
    for kind in _INCIDENTS:
        _print_kind(kind, score, truths)
    opened, weeks = sum(score.opened.values()), days / _WEEK_DAYS
    print(f"\nfalse incidents: {len(score.false)} in {weeks:.1f} weeks, {len(score.false) / weeks:.2f} a week")
    print(f"wrong blame: {len(score.wrong)} of {opened} incidents, {len(score.wrong) / max(opened, 1):.1%}")
    for ratio in scenario.ratios:
        deaths = score.deaths_until_found(ratio)
        if deaths:
            ninth = deaths[int(0.9 * (len(deaths) - 1))]
            print(
                f"{ratio:.0f} times: reported after a median of {statistics.median(deaths):.0f} deaths, 90 %: {ninth}"
            )
    print(f"state: {len(detector.save()) / 1e6:.1f} MB as JSON")


def _print_kind(kind: TruthKind, score: Score, truths: list[Truth]) -> None:
    times = sorted(found_s for truth, found_s in score.found.items() if truth.kind is kind)
    missed = len(score.missed(truths, kind))
    middle, longest = (statistics.median(times), times[-1]) if times else (0.0, 0.0)
    print(f"{kind:<13} {len(times) + missed:>8} {len(times):>6} {missed:>7} {middle:>9.0f} {longest:>10.0f}")


if __name__ == "__main__":
    main()
