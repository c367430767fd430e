"""
One message of the Docker Engine's event stream (GET /events), reduced to what containers do.

Only Type, Action, Actor and the time are read: `status`, `id` and `from` are gone since API 1.52. The engine
copies a container's labels over the event's own attributes, so a label `exitCode` or `signal` forges the
value here; whoever has the labels from inspect can tell. podman's names for the same actions are understood.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from parsers.errors import ParseError
from parsers.untyped import decoded, fields_of, int_of, text_map_of, text_of

_EXPECTED: Final = "a message of Docker's event stream"
_NS_PER_S: Final = 1_000_000_000


class DockerAction(StrEnum):
    """
    What happened to a container; `OTHER` for all that is not listed.
    """

    CREATE = "create"
    START = "start"
    ATTACH = "attach"
    DETACH = "detach"
    KILL = "kill"
    OOM = "oom"
    DIE = "die"
    STOP = "stop"
    RESTART = "restart"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    RENAME = "rename"
    UPDATE = "update"
    DESTROY = "destroy"
    EXEC_CREATE = "exec_create"
    EXEC_START = "exec_start"
    EXEC_DIE = "exec_die"
    HEALTH_STATUS = "health_status"
    OTHER = "other"


_ACTIONS: Final = {
    **{action.value: action for action in DockerAction},
    "died": DockerAction.DIE,
    "remove": DockerAction.DESTROY,
    "exec_died": DockerAction.EXEC_DIE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEvent:
    """
    Something that happened to a container.

    Attributes:
        attributes: Actor.Attributes as sent: the event's own, with all labels of the container over them.
        time_ns: when the engine handled it, nanoseconds since 1970; a death was a little earlier.
        exit_code: of `die` and `exec_die`, unless a label forged it.
        signal: of `kill`, unless a label forged it.
        exec_id: the exec that `exec_…` is about.
        exec_command: its command line, where the action tells.
        health: `healthy` or `unhealthy`, of `health_status`.
    """

    action: DockerAction
    container_id: str
    name: str | None
    image: str | None
    attributes: Mapping[str, str]
    time_ns: int
    exit_code: int | None = None
    signal: int | None = None
    exec_id: str | None = None
    exec_command: str | None = None
    health: str | None = None


def parse_event(message: bytes | Mapping[str, Any]) -> DockerEvent | None:
    """
    Read one message; None when it is not about a container.

    Args:
        message: one line of the stream, or the same decoded.

    Raises:
        ParseError: it is no event.
    """
    fields = fields_of(decoded(message, _EXPECTED) if isinstance(message, bytes) else message)
    if text_of(fields.get("Type")) is None:
        raise ParseError(_EXPECTED, str(list(fields)))
    if fields["Type"] != "container":
        return None
    action = text_of(fields.get("Action"))
    actor = fields_of(fields.get("Actor"))
    container_id = text_of(actor.get("ID"))
    time_ns = _time_ns(fields)
    if action is None or container_id is None or time_ns is None:
        raise ParseError(f"{_EXPECTED} with action, id and time", str(list(fields)))
    return _event(action, container_id, time_ns, text_map_of(actor.get("Attributes")))


def _event(action_text: str, container_id: str, time_ns: int, attributes: dict[str, str]) -> DockerEvent:
    """
    Build the fact; `action_text` may carry a command or a status after a colon.
    """
    verb, _, detail = action_text.partition(":")
    action = _ACTIONS.get(verb.strip(), DockerAction.OTHER)
    detail = detail.strip()
    is_exec = action in (DockerAction.EXEC_CREATE, DockerAction.EXEC_START)
    return DockerEvent(
        action=action,
        container_id=container_id,
        name=(attributes.get("name") or "").removeprefix("/") or None,
        image=attributes.get("image") or None,
        attributes=attributes,
        time_ns=time_ns,
        exit_code=int_of(attributes.get("exitCode", attributes.get("containerExitCode"))),
        signal=int_of(attributes.get("signal")),
        exec_id=attributes.get("execID") or None,
        exec_command=detail or None if is_exec else None,
        health=detail or None if action is DockerAction.HEALTH_STATUS else None,
    )


def _time_ns(fields: Mapping[str, Any]) -> int | None:
    time_ns = int_of(fields.get("timeNano"))
    if time_ns is not None:
        return time_ns
    time_s = int_of(fields.get("time"))
    return int_of(time_s * _NS_PER_S) if time_s is not None else None
