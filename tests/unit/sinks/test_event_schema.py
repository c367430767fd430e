"""
The JSON Schema and the types agree, and third-party libraries accept the events.
"""

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum, StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from jsonschema import Draft202012Validator

import sinks
from sinks import event as event_module
from sinks.event import Confidence, EcsEvent, Event, EventType, Exit137, Host, Memory, Series, document, to_json

SCHEMA = orjson.loads((Path(sinks.__file__).parent / "event.schema.json").read_bytes())
DOCS = Path(sinks.__file__).parent.parent / "docs/event.md"


def filled(kind: Any) -> Any:  # noqa: ANN401 (any type and a value of it)
    """
    Return a value of a type with nothing left out.
    """
    if get_origin(kind) is UnionType:
        return filled(get_args(kind)[0])
    if get_origin(kind) is tuple:
        items = get_args(kind)
        return (filled(items[0]),) if items[-1] is Ellipsis else tuple(filled(item) for item in items)
    if get_origin(kind) is not None:
        return {"label": "value"}
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{item.name: filled(hints[item.name]) for item in fields(kind)})
    if issubclass(kind, Enum):
        return next(iter(kind))
    return {int: 1, float: 1.5, str: "text", bool: True}[kind]


def minimal() -> Event:
    ecs = EcsEvent(kind="event", category=(), type=(), action="a", severity=2)
    own = Exit137(confidence=Confidence.POSSIBLE)
    return Event(
        id="1",
        type=EventType.AGENT,
        subject="s",
        time_ns=None,
        message="m",
        event=ecs,
        host=Host(),
        exit137=own,
    )


def paths(definition: dict[str, Any], prefix: str = "") -> list[str]:
    """
    Yield the dotted names of all fields below a definition.
    """
    found: list[str] = []
    for name, field in definition.get("properties", {}).items():
        found.append(prefix + name)
        reference = field.get("$ref") or (field.get("items") or {}).get("$ref")
        if reference:
            found += paths(SCHEMA["$defs"][reference.rsplit("/")[-1]], f"{prefix}{name}.")
    return found


def test_the_schema_is_valid() -> None:
    """
    The schema follows the rules of draft 2020-12.
    """
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("event", [filled(Event), minimal()], ids=["full", "minimal"])
def test_every_event_follows_the_schema(event: Event) -> None:
    """
    An event with every field and one without optional fields are both valid.
    """
    assert list(Draft202012Validator(SCHEMA).iter_errors(orjson.loads(to_json(event)))) == []


def numbers(value: Any, definition: dict[str, Any]) -> Iterator[tuple[str, object]]:  # noqa: ANN401 (JSON)
    """
    Yield every number of an event with the type that the schema gives it.
    """
    definition = SCHEMA["$defs"][definition["$ref"].rsplit("/")[-1]] if "$ref" in definition else definition
    if isinstance(value, list):
        for item in value:
            yield from numbers(item, definition["items"])
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from numbers(item, definition.get("properties", {}).get(name, {}))
    elif definition.get("type") in ("number", "integer"):
        yield definition["type"], value


def test_a_field_has_one_type_of_number() -> None:
    """
    Seconds, shares and rates have a point, also where the figure is whole; bytes and counts have none.
    """
    whole = replace(
        filled(Event),
        exit137=replace(
            filled(Exit137), memory=Memory(growth_bytes_per_min=7, series=Series(seconds=(-5, 0), bytes=(1, 2)))
        ),
    )
    for event in (filled(Event), whole):
        found = list(numbers(orjson.loads(to_json(event)), SCHEMA))
        assert len(found) > 10
        assert [item for item in found if type(item[1]) is not {"number": float, "integer": int}[item[0]]] == []


@pytest.mark.parametrize("figure", [2**63, -(2**63) - 1, math.inf, math.nan])
def test_a_figure_that_no_consumer_can_hold_is_unknown(figure: float) -> None:
    """
    JSON has no infinity, and an index holds integers of 64 bits with a sign.
    """
    event = replace(minimal(), exit137=Exit137(confidence=Confidence.POSSIBLE, memory=Memory(peak_bytes=figure)))  # type: ignore[arg-type]
    assert orjson.loads(to_json(event))["data"]["exit137"]["memory"] == {"series": {"seconds": [], "bytes": []}}


def test_the_schema_knows_no_field_that_events_do_not_have() -> None:
    """
    An event with every field has every field of the schema.
    """

    def present(value: object, prefix: str = "") -> set[str]:
        if isinstance(value, list):
            return set().union(*(present(item, prefix) for item in value))
        if not isinstance(value, dict) or prefix in ("container.labels.", "exit137.status.sources."):
            return set()
        return {prefix + key for key in value}.union(*(present(item, f"{prefix}{key}.") for key, item in value.items()))

    data = document(filled(Event))["data"]
    assert present(data) == set(paths(SCHEMA["properties"]["data"]))


@pytest.mark.parametrize(
    ("definition", "enum"),
    [
        ("event_type", event_module.EventType),
        ("cause", event_module.Cause),
        ("confidence", event_module.Confidence),
        ("scope", event_module.Scope),
        ("killer", event_module.Killer),
        ("evidence_source", event_module.EvidenceSource),
        ("trim_unit", event_module.TrimUnit),
        ("fleet_kind", event_module.FleetKind),
        ("incident_state", event_module.IncidentState),
    ],
)
def test_the_closed_sets_are_the_same(definition: str, enum: type[StrEnum]) -> None:
    """
    The enums of the schema are those of the program.
    """
    assert SCHEMA["$defs"][definition]["enum"] == [item.value for item in enum]


@pytest.mark.parametrize("kind", [item for item in vars(event_module).values() if is_dataclass(item)])
def test_what_may_be_unknown_may_be_left_out(kind: type) -> None:
    """
    The schema requires no field whose default is None.
    """
    optional = {item.name.removesuffix("_ns") for item in fields(kind) if item.default is None}
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).lstrip("_")
    definition = SCHEMA["$defs"].get(name, {})
    assert not optional & set(definition.get("required", ()))


def test_the_library_of_cloudevents_reads_it() -> None:
    """
    The official CloudEvents library parses the envelope.
    """
    message = HTTPMessage(headers={"content-type": "application/cloudevents+json"}, body=to_json(filled(Event)))
    read = from_structured_event(message)
    assert read.get_id() == "text"


def test_the_documentation_has_every_field() -> None:
    """
    docs/event.md names each field by its full name.
    """
    text = DOCS.read_text(encoding="utf-8")
    assert [path for path in paths(SCHEMA["properties"]["data"]) if f"`{path}`" not in text] == []
