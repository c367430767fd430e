"""
Renders an event as a flat document of the Elastic Common Schema: its data, without the envelope of CloudEvents.
"""

from collections.abc import Mapping
from typing import Any


def ecs_document(event_id: str, envelope: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the data of an event, which follows ECS, with the event's id as `event.id`.

    Args:
        event_id: the id by which consumers drop duplicates.
        envelope: the CloudEvent.
    """
    data = envelope["data"]
    event = data.get("event")
    return {**data, "event": {**(event if isinstance(event, dict) else {}), "id": event_id}}
