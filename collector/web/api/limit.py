"""
The recommended memory limit of a running container as JSON.
"""

from collections.abc import Sequence
from typing import Any, Final

from collector.memory.history import MEMORY_TYPES, MemoryHistory, memory_history_of
from collector.memory.sizing import Sizing
from collector.store import PastEvents
from collector.web.api.containers import RunningContainer
from sinks.event.reader import read_events

# A container has few events; one with more than these has its peak in the newest.
_MOST_EVENTS: Final = 1000


def find(running: Sequence[RunningContainer], wanted: str) -> RunningContainer | None:
    """
    Return the running container with a name, else the one with an id that begins so; None if there is none.

    Args:
        running: the containers.
        wanted: a name, an id, or the beginning of an id.
    """
    named = [one for one in running if one.name == wanted]
    found = named or [one for one in running if one.use.sample.container_id.startswith(wanted)]
    return found[0] if len(found) == 1 else None


def memory_history(past: PastEvents, container_id: str) -> MemoryHistory:
    """
    Return what the stored events say of a container's memory.

    Raises:
        StoreError: the store cannot be read.
    """
    events = past.events(container=container_id, types=MEMORY_TYPES, limit=_MOST_EVENTS)
    return memory_history_of(read_events(event.body for event in events))


def as_json(container: RunningContainer, sizing: Sizing) -> dict[str, Any]:
    """
    Return what a container has, and what it should have.

    Args:
        container: the container.
        sizing: how much memory it needs.
    """
    sample = container.use.sample
    limit = next((one for one in sizing.advice if one.kind == "limit"), None)
    return {
        "container": {"id": sample.container_id, "name": container.name},
        "limit_bytes": sample.limit_bytes,
        "working_set_bytes": sample.working_set_bytes,
        "peak_bytes": sizing.peak_bytes,
        "observed_s": sizing.observed_s,
        "runtime": sizing.language.value if sizing.language is not None else None,
        "recommended_limit_bytes": limit.value if limit is not None else None,
        "advice": [
            {"kind": one.kind, "value": one.value, "text": one.text, "reason": one.reason, "unless": one.unless}
            for one in sizing.advice
        ],
    }
