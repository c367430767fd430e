"""
Minimal events for the tests of chats.
"""

from typing import Any

import orjson

from sinks.base import Outgoing
from sinks.event.reader import read_event
from sinks.event.views import EventView


def body(kind: str = "", *, severity: int = 6, time: str | None = None, message: str = "m", **fields: Any) -> bytes:  # noqa: ANN401
    """
    Return the JSON of an event of a container `api` on `node-7`.

    The fields `container` and `orchestrator` go to `data`, all others to `exit137`.
    """
    own = {name: fields.pop(name) for name in ("container", "orchestrator") if name in fields}
    data = {
        "message": message,
        "event": {"severity": severity},
        "host": {"hostname": "node-7"},
        "container": {"id": "5f2c8e1d9b7a4c3e", "name": "api"},
        **own,
        "exit137": fields,
    }
    stamp = {"time": f"2026-11-22T{time}Z"} if time is not None else {}
    return orjson.dumps({"type": kind, "subject": "container/5f2c", "data": data, **stamp})


def event(number: int, group: str | None = "g", *, times: int | None = None, **fields: Any) -> Outgoing:  # noqa: ANN401
    """
    Return an event as delivery hands it to a sink.
    """
    return Outgoing(id=f"e{number}", type="t", key="k", body=body(**fields), group=group, times_in_last_day=times)


def view(kind: str = "", **fields: Any) -> EventView:  # noqa: ANN401
    """
    Return the view of an event.
    """
    return read_event(body(kind, **fields))
