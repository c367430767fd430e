"""
Events as a store keeps them, one a day, and how they are counted: for the tests of every store.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from collector.store import EventCount, PastEvent, StoredEvent

DAY_NS: Final = 86_400_000_000_000
KILL, DEATH = "exit137.oom_kill", "exit137.container_death"


def event(number: int, **fields: Any) -> StoredEvent:  # noqa: ANN401 (the fields of a body)
    """
    Return an event that happened on the day of its number.
    """
    name, id_, kind = fields.get("name", "web"), fields.get("container", "aaaa1111"), fields.get("type", KILL)
    data = {
        "message": fields.get("message", f"event {number}"),
        "host": {"id": fields["host"]} if "host" in fields else {},
        "container": {"id": id_, "name": name, "image": {"name": fields.get("image", "img")}},
        "service": {"name": fields["service"]} if "service" in fields else {},
        "exit137": {"cause": fields["cause"]} if "cause" in fields else {},
        **fields.get("data", {}),
    }
    return StoredEvent(
        id=f"event-{number}",
        type=kind,
        subject=f"container/{id_}",
        key=id_,
        time_ns=number * DAY_NS + 1,
        container_id=id_,
        body=orjson.dumps({"type": kind, "source": "urn:exit137:host:1", "data": data}),
        sinks=(),
    )


FOUR: Final = (
    event(1, service="shop", message="Killed 100% of it"),
    event(2, type=DEATH, cause="oom_kill", service="shop", image="registry/shop:2", data={"host": {"id": "h1"}}),
    event(3, type=DEATH, cause="exit", name="aaaa", container="bbbb2222", data={"host": {"id": "h1"}}),
    event(4, type=DEATH, cause="exit", name="db", container="aabb3333", message="ended_well, *or* not?"),
)


def numbers(events: Sequence[PastEvent]) -> list[int]:
    """
    Return the numbers of events.
    """
    return [int(past.id.removeprefix("event-")) for past in events]


def count(events: int, **values: Any) -> EventCount:  # noqa: ANN401 (any values)
    """
    Return a count with these values, and no others.
    """
    return EventCount(**{"day_ns": None, "type": None, "cause": None, "service": None, "events": events, **values})


# By what the events of FOUR are counted, under which conditions, and the counts.
COUNTS: Final[list[tuple[tuple[str, ...], dict[str, Any], list[EventCount]]]] = [
    ((), {}, [count(4)]),
    (("cause",), {}, [count(1), count(2, cause="exit"), count(1, cause="oom_kill")]),
    (
        ("cause", "day"),
        {"types": [DEATH], "since_ns": 3 * DAY_NS},
        [count(1, day_ns=3 * DAY_NS, cause="exit"), count(1, day_ns=4 * DAY_NS, cause="exit")],
    ),
    (("type",), {"until_ns": 2 * DAY_NS}, [count(1, type=KILL)]),
    (("service",), {"service": "shop"}, [count(2, service="shop")]),
    (("service",), {"causes": ["crash"]}, []),
    ((), {"types": []}, []),
]
