"""
Numbered events, which show loss and order.
"""

from collections.abc import Iterable

import orjson

from sinks.base import Outgoing


def event(number: int, key: str = "k", text: str = "x") -> Outgoing:
    """
    Return an event whose id is its number, of a container that is named like its key.
    """
    body = {
        "specversion": "1.0",
        "id": f"e{number:05}",
        "source": "urn:exit137:host:h",
        "type": "exit137.oom_kill",
        "datacontenttype": "application/json",
        "data": {"message": text, "container": {"name": key}},
    }
    return Outgoing(id=f"e{number:05}", type="exit137.oom_kill", key=key, body=orjson.dumps(body))


def events(numbers: Iterable[int], keys: int = 5) -> list[Outgoing]:
    """
    Return events of `keys` containers.
    """
    return [event(number, f"k{number % keys}") for number in numbers]


def disordered(arrived: Iterable[tuple[str, str]]) -> list[str]:
    """
    Return the ids that arrived for the first time after a later id of the same key, from (key, id) in order of arrival.
    """
    newest: dict[str, str] = {}
    seen: set[str] = set()
    wrong = []
    for key, event_id in arrived:
        if event_id not in seen and event_id < newest.get(key, ""):
            wrong.append(event_id)
        seen.add(event_id)
        newest[key] = max(newest.get(key, ""), event_id)
    return wrong
