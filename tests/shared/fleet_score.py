"""
How well the detectors do on a simulated fleet: each incident is compared with what really happened.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from fleet.incidents import Detector, Incident
from fleet.simulation import Arrival, Truth, TruthKind
from fleet.simulation.events import time_ns
from sinks.event import FleetKind, IncidentState

_MARGIN_S: Final = 7200.0
_INCIDENTS: Final = frozenset({"regression", "host_cause", "neighbour", "storm", "silent_host"})


@dataclass(slots=True, kw_only=True)
class Score:
    """
    What was found, and what was not.

    Attributes:
        opened: incidents by kind.
        found: the truths for which an incident opened, with the time that it took, in seconds.
        deaths: for each regression that was found, the deaths of the version until then.
        wrong: incidents that blame something else than what happened there.
        false: incidents where nothing happened.
        events: how many events arrived.
    """

    opened: Counter[str] = field(default_factory=Counter)
    found: dict[Truth, float] = field(default_factory=dict)
    deaths: dict[Truth, int] = field(default_factory=dict)
    wrong: list[tuple[Incident, Truth]] = field(default_factory=list)
    false: list[Incident] = field(default_factory=list)
    events: int = 0

    def missed(self, truths: Iterable[Truth], kind: TruthKind) -> list[Truth]:
        """
        Return what happened and was not found.
        """
        return [truth for truth in truths if truth.kind is kind and truth not in self.found]

    def deaths_until_found(self, ratio: float) -> list[int]:
        """
        Return, for each regression of this ratio that was found, the deaths of the version until then.
        """
        return sorted(count for truth, count in self.deaths.items() if truth.ratio == ratio)


def run(arrivals: Iterator[Arrival], truths: list[Truth], detector: Detector) -> Score:
    """
    Let a detector see all events, and compare what it finds with the truth.
    """
    score = Score()
    deaths: Counter[str] = Counter()
    seen: set[str] = set()
    for arrival in arrivals:
        score.events += 1
        digest = _digest_of_death(arrival.event)
        if digest is not None and arrival.event["id"] not in seen:
            seen.add(arrival.event["id"])
            deaths[digest] += 1
        for incident in detector.observe(arrival.event, arrival.at_ns):
            if incident.fleet.state is IncidentState.OPEN:
                _compare(score, incident, truths, deaths)
    return score


def _digest_of_death(event: dict[str, Any]) -> str | None:
    if event["type"] != "exit137.container_death":
        return None
    digest: str = event["data"]["container"]["image"]["hash"]["all"][0]
    return digest


def _compare(score: Score, incident: Incident, truths: list[Truth], deaths: Counter[str]) -> None:
    score.opened[incident.fleet.kind] += 1
    matching = [truth for truth in truths if _is_near(truth, incident) and truth.kind == incident.fleet.kind]
    right = [truth for truth in matching if _is_about(truth, incident)]
    if right:
        truth = min(right, key=lambda item: abs(incident.at_ns - time_ns(item.from_s)))
        if truth not in score.found:
            score.found[truth] = (incident.at_ns - time_ns(truth.from_s)) / 1e9
            if truth.kind is TruthKind.REGRESSION and truth.digest is not None:
                score.deaths[truth] = deaths[truth.digest]
        return
    others = [truth for truth in truths if _is_near(truth, incident) and _touches(truth, incident)]
    if others:
        score.wrong.append((incident, others[0]))
    else:
        score.false.append(incident)


def _is_near(truth: Truth, incident: Incident) -> bool:
    return time_ns(truth.from_s) <= incident.at_ns <= time_ns(truth.until_s + _MARGIN_S)


def _is_about(truth: Truth, incident: Incident) -> bool:
    fleet = incident.fleet
    if fleet.kind is FleetKind.REGRESSION:
        return fleet.after is not None and fleet.after.digest == truth.digest
    if fleet.kind in (FleetKind.HOST_CAUSE, FleetKind.SILENT_HOST):
        return set(fleet.hosts) <= set(truth.hosts)
    return fleet.service == truth.service


def _touches(truth: Truth, incident: Incident) -> bool:
    """
    Return True if what happened can have been taken for the incident: on the same hosts, or to the same service.
    """
    fleet = incident.fleet
    is_local = truth.kind in (TruthKind.HOST_CAUSE, TruthKind.SILENT_HOST, TruthKind.NEIGHBOUR)
    if is_local or fleet.kind is FleetKind.HOST_CAUSE:
        return bool(set(truth.hosts) & set(fleet.hosts))
    return truth.service == fleet.service
