"""
Incidents in one sentence each, for people.
"""

from typing import Final, assert_never

from fleet.incidents.incident import Incident
from sinks.event import Cause, Fleet, FleetKind, IncidentState, VersionFigures

_SHORT_DIGEST: Final = 19
_MOST_NAMES: Final = 4


def sentence_of(incident: Incident) -> str:
    """
    Return what an incident says, in the present tense while it lasts.
    """
    text = _text(incident)
    return f"Resolved: {text}" if incident.fleet.state is IncidentState.RESOLVED else text


def _text(incident: Incident) -> str:
    fleet = incident.fleet
    host = incident.hostname or incident.host_id or "?"
    match fleet.kind:
        case FleetKind.REGRESSION:
            return _regression(fleet)
        case FleetKind.HOST_CAUSE:
            why = (
                "nothing that the host reported explains it"
                if fleet.cause == Cause.UNKNOWN
                else _cause_words(fleet.cause)
            )
            return (
                f"Containers of {len(fleet.services)} services died on host {host} within minutes: {why}. "
                f"Services: {_names(fleet.services)}."
            )
        case FleetKind.NEIGHBOUR:
            extent = f"{_counted(fleet.deaths, 'kill')} on {_counted(fleet.hosts_affected, 'host')}"
            return (
                f'Service "{fleet.service}" took the memory of its hosts: the OOM killer killed processes of '
                f"{_names(fleet.services)} ({extent})."
            )
        case FleetKind.STORM:
            return (
                f'Service "{fleet.service}" died on {fleet.hosts_affected} of {fleet.hosts_total or "?"} hosts within '
                f"minutes ({_cause_words(fleet.cause)}), and no new version explains it."
            )
        case FleetKind.SILENT_HOST:
            if fleet.state is IncidentState.RESOLVED:
                return f"Host {host} did not report while others did."
            return f"Host {host} no longer reports, while others do."
        case _:
            assert_never(fleet.kind)


def _regression(fleet: Fleet) -> str:
    after, before = fleet.after, fleet.before
    times = f"{fleet.rate_ratio:.1f} times as often" if fleet.rate_ratio is not None else "more often"
    least = f" (at least {fleet.rate_ratio_low:.1f} times)" if fleet.rate_ratio_low is not None else ""
    return (
        f'Service "{fleet.service}" dies {times}{least} since version {_version(after)}: '
        f"{_figures(after)}; before, {_figures(before)}. Most frequent cause: {_cause_words(fleet.cause)}."
    )


def _figures(version: VersionFigures | None) -> str:
    if version is None:
        return "unknown"
    return f"{_counted(version.deaths, 'death')} in {version.container_hours:.1f} container-hours"


def _version(version: VersionFigures | None) -> str:
    if version is None:
        return "?"
    return version.version or (version.digest or "?")[:_SHORT_DIGEST]


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _cause_words(cause: str | None) -> str:
    return (cause or "unknown").replace("_", " ").replace("oom", "OOM")
