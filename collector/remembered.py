"""
From stored events back to facts: what the correlator knew before the agent was last stopped.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from collector.correlate.facts import RememberedKillFact
from collector.correlate.memory_facts import RememberedWarningFact
from collector.memory.latch import Level
from collector.memory.warnings import PressureKind
from collector.store import PastEvent
from parsers.untyped import time_ns_of
from sinks.event import Killer, Scope


def kills(past: PastEvent) -> Iterator[RememberedKillFact]:
    """
    The victims of a stored `exit137.oom_kill` that were in a container.

    Args:
        past: the event; a body in a strange form gives nothing.
    """
    try:
        exit137 = orjson.loads(past.body)["data"]["exit137"]
        for victim in exit137["oom"]["victims"]:
            if "container_id" in victim:
                yield _kill(past, exit137, victim)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return


def warnings(past: Iterable[PastEvent]) -> list[RememberedWarningFact]:
    """
    The warnings that had not passed: the latest word of each container and kind.

    Args:
        past: stored `exit137.memory_pressure` events, oldest first; a body in a strange form is passed over.
    """
    latest: dict[tuple[str | None, str], RememberedWarningFact] = {}
    for event in past:
        warning = _warning(event)
        if warning is not None:
            latest[warning.container_id, warning.kind] = warning
    return [warning for warning in latest.values() if warning.level != Level.RESOLVED.value]


def _warning(past: PastEvent) -> RememberedWarningFact | None:
    try:
        pressure = orjson.loads(past.body)["data"]["exit137"]["pressure"]
        since_ns = time_ns_of(pressure["since"])
        kind, level = PressureKind(pressure["kind"]), Level(pressure["level"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    if since_ns is None:
        return None
    return RememberedWarningFact(container_id=past.container_id, kind=kind.value, level=level.value, since_ns=since_ns)


def _kill(past: PastEvent, exit137: dict[str, Any], victim: dict[str, Any]) -> RememberedKillFact:
    oom = exit137["oom"]
    evidence = exit137.get("evidence") or [{"text": ""}]
    return RememberedKillFact(
        event_id=past.id,
        container_id=victim["container_id"],
        at_ns=past.time_ns,
        pid=victim["pid"],
        comm=victim.get("name"),
        main_process=victim.get("main_process"),
        killer=Killer(oom["killer"]),
        scope=Scope(oom["scope"]) if "scope" in oom else None,
        limit_bytes=oom.get("limit_bytes"),
        text=evidence[0]["text"],
    )
