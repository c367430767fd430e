"""
Events that the program could make: any value of each field's type, from the types themselves.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.sources import SOURCES
from sinks.event import SCHEMA_VERSION, Event

TEXTS: Final = st.sampled_from(["", "api", "a.b", "x y\n", "\0", "\N{SNOWMAN}", "2 of 3", "-1"]) | st.text(max_size=6)
# Few keys, as an index without a template has a field for each: dots, collisions, blank and strange characters.
_KEYS: Final = st.sampled_from(["a", "a.b", "a_b", "a.b.c", ".", "..", " ", "", "a b", "_id", "Ünïcödé", "a\0b", "a=b"])
_LONGEST_S: Final = 2**40
_NUMBERS: Final[Mapping[type, st.SearchStrategy[Any]]] = {
    bool: st.booleans(),
    int: st.integers(0, 2**63 - 1),
    float: st.floats(-_LONGEST_S, _LONGEST_S) | st.integers(-_LONGEST_S, _LONGEST_S),
}


def values(kind: Any, name: str = "") -> st.SearchStrategy[Any]:  # noqa: ANN401 (any type of a field)
    """
    Return a strategy for the values of a type.

    Args:
        kind: the type.
        name: of the field; times are in fields that end in `_ns`.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return st.none() | values(arguments[0], name)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if name == "sources":
        return st.dictionaries(st.sampled_from(sorted(SOURCES)), st.sampled_from(["up", "down"]))
    if origin is not None:
        return st.dictionaries(_KEYS, TEXTS | st.just("x" * 40_000), max_size=3)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return st.builds(kind, **{item.name: values(hints[item.name], item.name) for item in fields(kind)})
    return st.sampled_from(kind) if issubclass(kind, Enum) else _plain(kind, name)


def _plain(kind: type, name: str) -> st.SearchStrategy[Any]:
    if name.endswith("_ns"):
        return st.integers(0, 2**62)
    if name == "schema_version":
        return st.just(SCHEMA_VERSION)
    if name in ("id", "subject"):
        return st.just("1")
    return _NUMBERS.get(kind, TEXTS)


EVENTS: Final = values(Event)


def sample(count: int) -> list[Event]:
    """
    Return this many events, the same ones each time, each with an id of its own.
    """
    found: list[Event] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(EVENTS)
    def take(event: Event) -> None:
        found.append(replace(event, id=str(UUID(int=len(found)))))

    take()
    return found
