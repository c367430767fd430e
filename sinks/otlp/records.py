"""
From events to the request of OTLP: one log record per event, grouped by the resource that they come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs, SeverityNumber
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from sinks.base import Outgoing
from sinks.event.reader import time_ns
from sinks.otlp.attributes import attributes_of

# event.severity of the event, by OpenTelemetry's number and word.
_SEVERITIES: Final = {
    1: (SeverityNumber.SEVERITY_NUMBER_DEBUG, "DEBUG"),
    2: (SeverityNumber.SEVERITY_NUMBER_INFO, "INFO"),
    3: (SeverityNumber.SEVERITY_NUMBER_INFO2, "INFO2"),
    4: (SeverityNumber.SEVERITY_NUMBER_WARN, "WARN"),
    5: (SeverityNumber.SEVERITY_NUMBER_ERROR, "ERROR"),
    6: (SeverityNumber.SEVERITY_NUMBER_ERROR2, "ERROR2"),
}
_FIELDS: Final[Mapping[type, Any]] = {
    str: "string_value",
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
}
_UNKNOWN: Final = (SeverityNumber.SEVERITY_NUMBER_UNSPECIFIED, "")
# The semantic convention for the identity of a record; the same when the event is sent again.
_UID: Final = "log.record.uid"


def request_of(batch: Sequence[Outgoing], scope: InstrumentationScope, now_ns: int) -> bytes:
    """
    Return the body of an export request.

    Args:
        batch: the events.
        scope: names the program.
        now_ns: the wall clock, nanoseconds since 1970.
    """
    by_resource: dict[bytes, ScopeLogs] = {}
    request = ExportLogsServiceRequest()
    for event in batch:
        data = orjson.loads(event.body)["data"]
        attributes = attributes_of(data)
        key = orjson.dumps(attributes.resource, option=orjson.OPT_SORT_KEYS)
        if key not in by_resource:
            logs = request.resource_logs.add(resource=Resource(attributes=_key_values(attributes.resource)))
            by_resource[key] = logs.scope_logs.add(scope=scope)
        by_resource[key].log_records.append(_record(event, data, attributes.record, now_ns))
    return request.SerializeToString()


def _record(event: Outgoing, data: Mapping[str, Any], attributes: Mapping[str, Any], now_ns: int) -> LogRecord:
    severity, word = _SEVERITIES.get(data.get("event", {}).get("severity", 0), _UNKNOWN)
    return LogRecord(
        time_unix_nano=max(0, time_ns(data.get("@timestamp")) or 0),
        observed_time_unix_nano=now_ns,
        severity_number=severity,
        severity_text=word,
        event_name=event.type,
        body=AnyValue(string_value=str(data.get("message", ""))),
        attributes=_key_values({_UID: event.id, **attributes}),
    )


def _key_values(fields: Mapping[str, Any]) -> Iterable[KeyValue]:
    return [KeyValue(key=name, value=_any(value)) for name, value in fields.items()]


def _any(value: Any) -> AnyValue:  # noqa: ANN401 (JSON)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(_any, value)))
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=_key_values(value)))
    # A bool is an int to Python, so that its own class decides.
    field = _FIELDS.get(type(value))
    return AnyValue(**{field: value}) if field is not None else AnyValue()
