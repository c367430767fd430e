"""
The queries of requests to an engine.
"""

from typing import Final

import orjson

_NS_PER_S: Final = 1_000_000_000
# Only exact names: with exec_* or a bare health_status in the list, Docker would match by prefix (moby filter.go).
_EVENTS: Final = (
    "create",
    "start",
    "die",
    "kill",
    "oom",
    "stop",
    "restart",
    "destroy",
    "update",
    "rename",
    "exec_die",
    "health_status: healthy",
    "health_status: unhealthy",
    "died",
    "remove",
    "cleanup",
)


def event_query(since_ns: int, *more_types: str) -> dict[str, str]:
    """
    Return the query for events of containers, and of more types, from a time on.
    """
    filters = orjson.dumps({"type": ["container", *more_types], "event": _EVENTS}).decode()
    return {"since": timestamp(since_ns), "filters": filters}


def timestamp(time_ns: int) -> str:
    """
    Return a time as the engine reads it: seconds since 1970, with nanoseconds.
    """
    seconds, rest = divmod(time_ns, _NS_PER_S)
    return f"{seconds}.{rest:09d}"
