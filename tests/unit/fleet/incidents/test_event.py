"""
Incidents as events.
"""

from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from fleet.incidents import Incident, publish
from sinks.event import Fleet, FleetKind, IncidentState, VersionFigures
from tests.unit.sinks.test_event_schema import SCHEMA


def incident(kind: FleetKind, state: IncidentState = IncidentState.OPEN, **more: Any) -> Incident:  # noqa: ANN401
    fleet = Fleet(
        kind=kind,
        state=state,
        incident_id="i",
        opened_at_ns=1,
        service="api",
        before=VersionFigures(digest="sha256:a", deaths=3, container_hours=412.5),
        after=VersionFigures(digest="sha256:b", deaths=9, container_hours=87),
        rate_ratio=14,
        rate_ratio_low=6.1,
        e_value=1e9,
        hosts=("h",),
        hosts_affected=1,
        hosts_total=40,
        services=("web",),
        deaths=9,
        cause="oom_kill",
        examples=("e",),
    )
    return Incident(fleet=fleet, sequence=0, at_ns=1_790_000_000 * 10**9, **more)


@pytest.mark.parametrize("kind", FleetKind)
@pytest.mark.parametrize("state", IncidentState)
def test_the_event_follows_the_schema(kind: FleetKind, state: IncidentState) -> None:
    """
    Every kind in every state.
    """
    event = orjson.loads(orjson.dumps(publish(incident(kind, state))))
    assert list(Draft202012Validator(SCHEMA).iter_errors(event)) == []
    assert (event["type"], event["source"]) == ("exit137.fleet_incident", "urn:exit137:fleet")


def test_a_later_report_is_another_event() -> None:
    """
    Consumers drop ids that they have seen.
    """
    first = incident(FleetKind.STORM)
    second = Incident(fleet=first.fleet, sequence=1, at_ns=first.at_ns)
    assert publish(first)["id"] != publish(second)["id"]


def test_the_subject_is_a_service_or_a_host() -> None:
    """
    Whatever the incident is about.
    """
    assert publish(incident(FleetKind.STORM))["subject"] == "service/api"
    assert publish(incident(FleetKind.SILENT_HOST, host_id="h"))["subject"] == "host/h"
