"""
Events that are numbered, so that loss and order can be seen.
"""

from collections.abc import Iterable

import orjson

from sinks.base import Outgoing


def event(number: int, key: str = "k", text: str = "x") -> Outgoing:
    """
    One event; its id is its number.
    """
    body = {
        "specversion": "1.0",
        "id": f"e{number:05}",
        "source": "urn:exit137:host:h",
        "type": "exit137.oom_kill",
        "datacontenttype": "application/json",
        "data": {"message": text},
    }
    return Outgoing(id=f"e{number:05}", type="exit137.oom_kill", key=key, body=orjson.dumps(body))


def events(numbers: Iterable[int], keys: int = 5) -> list[Outgoing]:
    """
    Events of so many containers.
    """
    return [event(number, f"k{number % keys}") for number in numbers]


def disordered(arrived: Iterable[tuple[str, str]]) -> list[str]:
    """
    Of (key, id) in the order of arrival, the ids that came for the first time after a later one of their key.
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
