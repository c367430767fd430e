"""
The answer of /v1/why in the short form of the tools.
"""

from collections.abc import Mapping
from typing import Any, Final

from collector.web.mcp.answers import NotSeen, WhyAnswer
from collector.web.mcp.incidents import incident_of, incidents_of, view_of
from collector.web.mcp.untrusted import proof_of, word
from sinks.event.views import MemoryView

_MOST: Final = 10


def why_answer(answer: Mapping[str, Any], *, known: bool) -> WhyAnswer:
    """
    Return the short form of an answer.

    Args:
        answer: of /v1/why, as docs/api.md describes it.
        known: False if nothing is known of the container or process: then the answer has few of the fields.
    """
    death = view_of(answer["death"]) if answer.get("death") else None
    kills, kernel = answer.get("kills", []), answer.get("kernel_events", [])
    newest = death or next((view_of(event) for event in (*kills, *kernel)), None)
    memory = (newest.exit137.memory if newest is not None else None) or MemoryView()
    container = answer.get("container") or {}
    return WhyAnswer(
        known=known,
        settled=bool(answer.get("settled")),
        awaited=[found for item in answer.get("awaited", []) if (found := word(item)) is not None],
        state=word(answer.get("state")) or "unknown",
        container_id=word(container.get("id")),
        death=incident_of(death) if death is not None else None,
        kills=incidents_of(kills[:_MOST]),
        kills_total=len(kills),
        kernel_events=incidents_of(kernel[:_MOST]),
        kernel_events_total=len(kernel),
        peak_bytes=memory.peak_bytes,
        memory_trend=word(memory.trend),
        not_seen=[_not_seen(item) for item in answer.get("blind", [])[:_MOST]],
        untrusted_text=proof_of(
            newest,
            container_name=container.get("name"),
            message=str(answer.get("message") or answer.get("error") or ""),
        ),
    )


def _not_seen(blind: Mapping[str, Any]) -> NotSeen:
    return NotSeen(
        source=word(blind.get("source")),
        what="source_down" if blind.get("now") else word(blind.get("what")),
        time=word(blind.get("time")),
    )
