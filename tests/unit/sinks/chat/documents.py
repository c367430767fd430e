"""
Events as short as can be.
"""

from typing import Any

import orjson

from sinks.base import Outgoing
from sinks.chat.document import Document, document_of


def body(kind: str = "", *, severity: int = 6, time: str | None = None, message: str = "m", **fields: Any) -> bytes:  # noqa: ANN401
    """
    The JSON of an event of a container `api` on `node-7`; of the fields `container` and `orchestrator` stand under
    `data`, all others under `exit137`.
    """
    places = {name: fields.pop(name) for name in ("container", "orchestrator") if name in fields}
    data = {
        "message": message,
        "event": {"severity": severity},
        "host": {"hostname": "node-7"},
        "container": {"id": "5f2c8e1d9b7a4c3e", "name": "api"},
        **places,
        "exit137": fields,
    }
    stamp = {"time": f"2026-11-22T{time}Z"} if time is not None else {}
    return orjson.dumps({"type": kind, "subject": "container/5f2c", "data": data, **stamp})


def event(number: int, group: str | None = "g", *, times: int | None = None, **fields: Any) -> Outgoing:  # noqa: ANN401
    """
    The event as delivery hands it over.
    """
    return Outgoing(id=f"e{number}", type="t", key="k", body=body(**fields), group=group, times_in_last_day=times)


def document(kind: str = "", **fields: Any) -> Document:  # noqa: ANN401
    """
    The event as a chat reads it.
    """
    return document_of(Outgoing(id="e", type=kind, key="k", body=body(kind, **fields)))
