"""
Which events are asked for, as queries of the engine; pure.

They mean the same as the conditions of `collector.store.filters`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from collector.store import EventFilter
from collector.store.fields import NAME_CHARACTERS

Query = Mapping[str, Any]

_SEARCHED: Final = ("message", "container_name", "container_id", "service", "image")
_KEYWORDS: Final = (("types", "type"), ("causes", "cause"))
_DAY_NS: Final = 86_400_000_000_000
# The characters that the engine's `wildcard` query does not take as they are.
_WILD: Final = str.maketrans({character: f"\\{character}" for character in "\\*?"})


def query_of(wanted: EventFilter, container: Query | None, *more: Query) -> Query:
    """
    Return the query for a filter.

    Args:
        wanted: the filter.
        container: the condition on the container, by `named` or `with_id`; None: no condition.
        more: further conditions.
    """
    conditions: list[Query] = [*_choices(wanted), *more]
    if container is not None:
        conditions.append(container)
    for key in ("service", "image", "host"):
        value = wanted.get(key)
        if isinstance(value, str):
            conditions.append(_term(key, value[:NAME_CHARACTERS]))
    times = {"gte": wanted.get("since_ns"), "lt": wanted.get("until_ns")}
    bounds = {name: at_ns for name, at_ns in times.items() if at_ns is not None}
    if bounds:
        conditions.append({"range": {"hub.time_ns": bounds}})
    text = wanted.get("text")
    if text:
        conditions.append(_contains(text))
    return {"bool": {"filter": conditions}}


def counted_query_of(wanted: EventFilter) -> Query:
    """
    Return the query for the events that are counted: by types, causes, service and whole days.
    """
    conditions = [*_choices(wanted)]
    service, since_ns, until_ns = wanted.get("service"), wanted.get("since_ns"), wanted.get("until_ns")
    if service is not None:
        conditions.append(_term("service", service[:NAME_CHARACTERS]))
    if since_ns is not None:
        conditions.append({"range": {"hub.day": {"gte": since_ns // _DAY_NS}}})
    if until_ns is not None:
        conditions.append({"range": {"hub.day": {"lte": (until_ns - 1) // _DAY_NS}}})
    return {"bool": {"filter": conditions}}


def named(container: str) -> Query:
    """
    Return the condition that a container has this name.
    """
    return _term("container_name", container[:NAME_CHARACTERS])


def with_id(container: str) -> Query:
    """
    Return the condition that a container's id begins with this.
    """
    prefix = container[:NAME_CHARACTERS]
    return {"prefix": {"hub.container_id": prefix}} if prefix else {"exists": {"field": "hub.container_id"}}


def between(*, after_seq: int | None = None, before_seq: int | None = None) -> Query:
    """
    Return the condition that an event was stored after and before others, by their numbers.

    The number of an event is one more than the engine's.
    """
    bounds = {}
    if after_seq is not None:
        bounds["gt"] = after_seq - 1
    if before_seq is not None:
        bounds["lt"] = before_seq - 1
    return {"range": {"_seq_no": bounds}} if bounds else {"match_all": {}}


def _choices(wanted: EventFilter) -> Sequence[Query]:
    found = []
    for key, field in _KEYWORDS:
        choices = wanted.get(key)
        if choices is not None:
            found.append({"terms": {f"hub.{field}": list(choices)}})  # type: ignore[call-overload]
    return found


def _term(field: str, value: str) -> Query:
    return {"term": {f"hub.{field}": value}}


def _contains(text: str) -> Query:
    pattern = {"value": f"*{text.translate(_WILD)}*", "case_insensitive": True}
    return {"bool": {"should": [{"wildcard": {f"hub.{field}": pattern}} for field in _SEARCHED]}}
