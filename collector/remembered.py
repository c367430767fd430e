"""
From stored events back to facts: what the correlator knew before the agent was last stopped.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from collector.correlate.facts import RememberedKillFact
from collector.store import PastEvent
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
