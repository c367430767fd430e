"""
Published events in the short form of the tools.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from collector.web.mcp.answers import Incident
from collector.web.mcp.untrusted import names_of, word
from sinks.event.reader import read_event, read_events
from sinks.event.views import EventView, OomView

_PIDS: Final = 10
_TYPE_PREFIX: Final = "exit137."


def view_of(event: Mapping[str, Any]) -> EventView:
    """
    Return the view of an event that the API has answered with.

    Raises:
        UnreadableEventError: it is not an event.
    """
    return read_event(orjson.dumps(event))


def incidents_of(events: Iterable[Mapping[str, Any]]) -> list[Incident]:
    """
    Return events of the API in the short form.
    """
    return [incident_of(event) for event in read_events(map(orjson.dumps, events))]


def incident_of(event: EventView) -> Incident:
    """
    Return an event in the short form.
    """
    found, container = event.exit137, event.data.container
    oom = found.oom or OomView()
    limit_bytes = oom.limit_bytes or (found.memory.limit_bytes if found.memory is not None else None)
    return Incident(
        event_id=word(event.id),
        type=(word(event.type) or "?").removeprefix(_TYPE_PREFIX),
        time=word(event.time),
        container_id=word(container.id) if container is not None else None,
        cause=word(found.cause),
        kind=_kind(event),
        confidence=word(found.confidence),
        exit_code=found.death.exit_code if found.death is not None else None,
        signal=found.death.signal if found.death is not None else None,
        oom_scope=word(oom.scope),
        oom_killer=word(oom.killer),
        limit_bytes=limit_bytes,
        victims=len(oom.victims),
        victim_pids=_pids(oom),
        untrusted_text=names_of(event),
    )


def _kind(event: EventView) -> str | None:
    kernel, gap = event.exit137.kernel, event.exit137.gap
    if kernel is not None:
        return word(kernel.kind)
    return word(gap.what) if gap is not None else None


def _pids(oom: OomView) -> list[int]:
    pids: Sequence[int] = [victim.pid for victim in oom.victims if victim.pid is not None]
    return list(pids[:_PIDS])
