"""
Events as log records: OpenTelemetry's names where it has them, and no field lost.
"""

from typing import Any

import orjson
from hypothesis import given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from sinks.base import Outgoing
from sinks.event import Event
from sinks.otlp.attributes import attributes_of
from sinks.otlp.records import request_of
from tests.shared.any_event import EVENTS
from tests.unit.sinks.chat.scenes import leak, outgoing, recorded

SCOPE = InstrumentationScope(name="exit137", version="1")
NOW_NS = 1_764_403_200_000_000_000


def plain(value: AnyValue) -> Any:  # noqa: ANN401 (JSON)
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return as_dict(value.kvlist_value.values)
    return getattr(value, kind) if kind is not None else None


def as_dict(pairs: Any) -> dict[str, Any]:  # noqa: ANN401 (a repeated field)
    found = {pair.key: plain(pair.value) for pair in pairs}
    assert len(found) == len(list(pairs))
    return found


def exported(*batch: Outgoing) -> list[tuple[dict[str, Any], LogRecord]]:
    """
    Return the records of a request, each with its resource, as the official library decodes them.
    """
    request = ExportLogsServiceRequest.FromString(request_of(batch, SCOPE, NOW_NS))
    return [
        (as_dict(logs.resource.attributes), record)
        for logs in request.resource_logs
        for scoped in logs.scope_logs
        for record in scoped.log_records
    ]


def test_a_death_has_the_names_of_the_conventions() -> None:
    """
    The resource is the container on its host, and the record says what happened to it.
    """
    (death,) = leak()
    ((resource, record),) = exported(death)
    data = orjson.loads(death.body)["data"]
    assert resource["service.name"] == "api"
    assert resource["service.namespace"] == "shop"
    assert resource["container.id"] == data["container"]["id"]
    assert resource["container.name"] == "shop-api-1"
    assert resource["container.label.com.docker.compose.service"] == "api"
    assert resource["host.id"] == data["host"]["id"]
    attributes = as_dict(record.attributes)
    assert attributes["log.record.uid"] == death.id
    assert attributes["process.exit.code"] == 137
    assert attributes["exit137.cause"] == "oom_kill"
    assert attributes["exit137.memory.series.seconds"] == data["exit137"]["memory"]["series"]["seconds"]
    assert (record.event_name, record.body.string_value) == ("exit137.container_death", data["message"])
    assert record.severity_number == SeverityNumber.SEVERITY_NUMBER_ERROR2
    assert record.observed_time_unix_nano == NOW_NS


def test_a_time_keeps_its_microseconds() -> None:
    """
    The record has the time of the event.
    """
    body = orjson.dumps({"data": {"@timestamp": "2026-11-22T03:17:04.118203Z"}})
    ((_, record),) = exported(Outgoing(id="e", type="t", key="k", body=body))
    assert record.time_unix_nano == 1_795_317_424_118_203_000


def test_an_image_is_named_without_its_tag() -> None:
    """
    The tag and the digests have attributes of their own.
    """
    image = {
        "name": "ghcr.io:443/shop/api:1.42@sha256:bb",
        "tag": ["1.42"],
        "hash": {"all": ["sha256:aa", "sha256:bb"]},
    }
    found = attributes_of({"container": {"id": "c", "image": image}}).resource
    assert found["container.image.name"] == "ghcr.io:443/shop/api"
    assert found["container.image.tags"] == ["1.42"]
    assert found["container.image.id"] == "sha256:aa"
    assert found["container.image.repo_digests"] == ["ghcr.io:443/shop/api@sha256:bb"]


def test_a_pod_has_the_names_of_kubernetes() -> None:
    """
    Its namespace is that of Kubernetes, and its container has the name that the pod gives it.
    """
    orchestrator = {"type": "kubernetes", "namespace": "shop", "resource": {"type": "pod", "name": "api-0", "id": "u"}}
    labels = ["io.kubernetes.container.name=main"]
    found = attributes_of(
        {"container": {"id": "c"}, "orchestrator": orchestrator, "exit137": {"labels": labels}}
    ).resource
    names = ("k8s.pod.name", "k8s.pod.uid", "k8s.namespace.name", "k8s.container.name")
    assert [found[name] for name in names] == ["api-0", "u", "shop", "main"]


def test_an_event_about_the_agent_is_of_the_service_exit137() -> None:
    """
    A backend files records by their service.
    """
    assert attributes_of({"exit137": {"gap": {"source": "kmsg"}}}).resource["service.name"] == "exit137"


def test_events_of_one_container_share_a_resource_and_keep_their_order() -> None:
    """
    A request names each resource once.
    """
    batch = outgoing(recorded()[:60])
    request = ExportLogsServiceRequest.FromString(request_of(batch, SCOPE, NOW_NS))
    assert len(request.resource_logs) < len(batch)
    order = [event.id for event in batch]
    for logs in request.resource_logs:
        ids = [as_dict(record.attributes)["log.record.uid"] for record in logs.scope_logs[0].log_records]
        assert ids == sorted(ids, key=order.index)


@settings(max_examples=40)
@given(EVENTS)
def test_any_event_is_a_record_with_all_its_fields(event: Event) -> None:
    """
    As many fields arrive as the event has, and none replaces another.
    """
    (item,) = outgoing([event])
    ((resource, record),) = exported(item)
    data = orjson.loads(item.body)["data"]
    own = as_dict(record.attributes)
    assert resource.keys().isdisjoint(own.keys())
    assert own["exit137.confidence"] == data["exit137"]["confidence"]
    assert own.get("exit137.evidence") == data["exit137"]["evidence"]
    labels = {name.partition("=")[0] for name in data["exit137"].get("labels", ())}
    assert {name for name in resource if name.startswith("container.label.")} == {
        f"container.label.{x}" for x in labels
    }
