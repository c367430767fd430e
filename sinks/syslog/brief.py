"""
Makes an event small enough for a receiver of syslog: RFC 5425 asks receivers for 8,192 bytes, and for 2,048 at least.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from sinks.event.size import fit

# What an event that is far too large keeps, the first fields before the later ones.
_ESSENTIAL: Final = (
    "@timestamp",
    "event",
    "host.hostname",
    "host.id",
    "container.id",
    "container.name",
    "exit137.schema_version",
    "exit137.cause",
    "exit137.confidence",
    "exit137.death.exit_code",
    "exit137.oom.scope",
    "exit137.oom.limit_bytes",
    "message",
    "service",
    "container.image.name",
    "exit137.death",
    "exit137.pressure",
    "exit137.stuck",
    "exit137.gap",
)
_SHORTEST: Final = 64


def brief(document: dict[str, Any], max_bytes: int) -> bytes:
    """
    Encode an event as JSON of at most `max_bytes`, which is 1,500 or more.

    Lists that only describe are trimmed first, as in every event (sinks/event/size.py). If that is not enough, the
    fields that say what happened stay, and `exit137.trimmed` names `data`.
    """
    whole = len(orjson.dumps(document))
    encoded = fit(document, max_bytes)
    if len(encoded) <= max_bytes:
        return encoded
    return _essential(document, max_bytes, whole)


def at(data: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 (JSON)
    """
    Return the field with this path; None if it is missing.
    """
    found: Any = data
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _essential(document: dict[str, Any], max_bytes: int, whole: int) -> bytes:
    data: dict[str, Any] = {}
    kept = {name: _cut(value) for name, value in document.items() if name != "data"} | {"data": data}
    note = {"field": "data", "unit": "characters", "kept": max_bytes, "of": whole}
    data["exit137"] = {"trimmed": [note]}
    encoded = orjson.dumps(kept)
    for path in _ESSENTIAL:
        value = at(document["data"], path)
        if value is None or isinstance(value, list):
            continue
        before = orjson.dumps(data)
        _put(data, path, _cut(value))
        attempt = orjson.dumps(kept)
        if len(attempt) > max_bytes:
            kept["data"] = data = orjson.loads(before)
        else:
            encoded = attempt
    return encoded


def _put(data: dict[str, Any], path: str, value: object) -> None:
    *folders, name = path.split(".")
    for folder in folders:
        data = data.setdefault(folder, {})
    data[name] = value


def _cut(value: Any) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, str):
        return value[: _SHORTEST * 4] if value.isascii() else value[:_SHORTEST]
    if isinstance(value, Mapping):
        return {name: _cut(item) for name, item in value.items() if not isinstance(item, list)}
    return value
