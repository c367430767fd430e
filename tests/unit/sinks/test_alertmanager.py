"""
Which alert an event makes.
"""

from dataclasses import replace

import pytest

from sinks.alertmanager import AlertmanagerConfig
from sinks.alertmanager.alerts import Alert, Lasting, alert_of
from sinks.alertmanager.config import AlertSeverity
from sinks.base import Outgoing
from sinks.errors import DisabledError
from sinks.event import EventType, Orchestrator, OrchestratorResource, to_json
from sinks.event.reader import read_event
from sinks.secret import Secret
from tests.unit.sinks.chat.scenes import gap, recorded, resolved, stuck, warning


def of(message: list[Outgoing], **labels: str) -> Alert:
    return alert_of(read_event(message[-1].body), labels)


def test_a_warning_and_its_end_are_the_same_problem() -> None:
    """
    Else the alert would last for ever.
    """
    raised, over = of(warning()), of(resolved())
    assert (raised.lasting, over.lasting) == (Lasting.UNTIL_RESOLVED, Lasting.RESOLVED)
    assert {**raised.labels, "cause": ""} == {**over.labels, "cause": ""}
    assert raised.labels["alertname"] == "ContainerMemoryPressure"


def test_a_stuck_container_stays_a_problem_until_it_recovers() -> None:
    """
    Nothing but an event says that it is over.
    """
    assert (of(stuck()).labels["alertname"], of(stuck()).lasting) == ("ContainerStuck", Lasting.UNTIL_RESOLVED)


def test_lost_evidence_passes_by_itself() -> None:
    """
    It names the source that lost it.
    """
    alert = of(gap())
    assert (alert.labels["alertname"], alert.lasting) == ("Exit137EvidenceLost", Lasting.FOR_A_TIME)
    assert alert.labels["source"] == "kmsg"


def test_replicas_of_a_service_are_one_problem() -> None:
    """
    Their containers have other names and ids each time.
    """
    death = next(event for event in recorded() if event.type is EventType.CONTAINER_DEATH and event.container)
    orchestrator = Orchestrator(
        type="compose", namespace="shop", resource=OrchestratorResource(name="api", type="service")
    )
    service = replace(death, orchestrator=orchestrator)
    assert service.container is not None
    other = replace(service, id="other", container=replace(service.container, id="f" * 64, name="shop-api-2"))
    alerts = [alert_of(read_event(to_json(event)), {}) for event in (service, other)]
    assert alerts[0].problem == alerts[1].problem
    assert (alerts[0].labels["service"], alerts[0].labels["namespace"]) == ("shop/api", "shop")
    assert "container" not in alerts[0].labels


def test_labels_of_the_configuration_do_not_replace_others() -> None:
    """
    A label that says what happened is never overwritten.
    """
    alert = of(warning(), team="platform", alertname="x")
    assert (alert.labels["team"], alert.labels["alertname"]) == ("platform", "ContainerMemoryPressure")


def test_severities_are_those_that_prometheus_users_know() -> None:
    """
    Errors and worse wake somebody.
    """
    assert [AlertSeverity.of(number) for number in (1, 3, 4, 5, 6)] == [
        "info",
        "info",
        "warning",
        "critical",
        "critical",
    ]


def test_a_name_of_a_label_that_prometheus_refuses_is_an_error() -> None:
    """
    Alertmanager would refuse every alert.
    """
    config = AlertmanagerConfig(name="a", type="alertmanager", url=Secret("http://a/"), add_labels={"my-team": "x"})
    with pytest.raises(DisabledError):
        config.check()
