"""
Checks OCSF documents against the published schema and against py-ocsf-models.

The JSON Schema of a class has its fields, types, closed sets of numbers and required fields, and allows no other field.
What it cannot express is checked here: the name of each number, and the type of each activity.
py-ocsf-models ignores fields that it does not know, and has no model of Application Error and Base Event.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from pydantic import ValidationError

from sinks.base import Outgoing
from sinks.event import Event, to_json
from sinks.formats import Format, rendered

NOW: Final = datetime(2026, 11, 29, 8, tzinfo=UTC)
_VERSION: Final = "1.5.0"
_FINDING: Final = 2004


def outgoing_of(event: Event) -> Outgoing:
    return Outgoing(id=event.id, type=event.type.value, key=event.key, body=to_json(event))


def ocsf_of(event: Outgoing) -> Any:  # noqa: ANN401 (JSON)
    """
    Return an event as a consumer of OCSF reads it.
    """
    return orjson.loads(rendered(event, Format.OCSF, NOW))


def problems(document: Mapping[str, Any]) -> list[str]:
    """
    Return how a document breaks the rules of its class.
    """
    uid = document["class_uid"]
    found = [f"{error.json_path}: {error.message}" for error in _validator(uid).iter_errors(document)]
    found += _captions(_attributes("classes", _names()[uid]), document)
    if document["type_uid"] != uid * 100 + document["activity_id"]:
        found.append("type_uid is not that of class and activity")
    if uid == _FINDING:
        found += _of_models(document)
    return found


@cache
def _schema() -> dict[str, Any]:
    return get_ocsf_schema(_VERSION)


@cache
def _names() -> dict[int, str]:
    return {kind["uid"]: name for name, kind in _schema()["classes"].items()}


@cache
def _validator(uid: int) -> Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(_schema())
    return Draft202012Validator(schema.get_class_schema(_names()[uid], ["container", "host"]))


def _attributes(kind: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _schema()[kind][name]["attributes"]
    return found


def _captions(attributes: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the names that do not belong to their number, at any depth.
    """
    for name, value in document.items():
        attribute = attributes.get(name, {})
        sibling = document.get(attribute.get("sibling"))
        if sibling is not None and "enum" in attribute and attribute["enum"][str(value)]["caption"] != sibling:
            yield f"{name} {value} is not named {sibling}"
        if "object_type" in attribute:
            inner = _attributes("objects", attribute["object_type"])
            for item in value if isinstance(value, list) else [value]:
                yield from _captions(inner, item)


def _of_models(document: Mapping[str, Any]) -> list[str]:
    try:
        DetectionFinding.model_validate(document)
    except ValidationError as error:
        return [str(error)]
    return []
