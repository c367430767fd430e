"""
Parse one message of the Docker Engine's event stream (GET /events), reduced to what containers do.

Only Type, Action, Actor and the time are read; API 1.52 removed `status`, `id` and `from`. The engine copies a
container's labels over the event's own attributes, so a label `exitCode` or `signal` can forge a value here. The labels
in the answer of inspect reveal that. podman's names for the same actions are understood.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from parsers.engine import ContainerEngine
from parsers.errors import ParseError
from parsers.untyped import decoded, fields_of, int_of, text_map_of, text_of

_EXPECTED: Final = "a message of Docker's event stream"
_NS_PER_S: Final = 1_000_000_000


class DockerAction(StrEnum):
    """
    What happened to a container; `OTHER` stands for everything that is not listed.
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
    CLEANUP = "cleanup"
    OTHER = "other"


_ACTIONS: Final = {
    **{action.value: action for action in DockerAction},
    # podman's names.
    "died": DockerAction.DIE,
    "remove": DockerAction.DESTROY,
    "exec_died": DockerAction.EXEC_DIE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEvent:
    """
    Something that happened to a container.

    Attributes:
        attributes: Actor.Attributes as sent: the event's own, overwritten by all labels of the container.
        time_ns: when the engine handled it, in nanoseconds since 1970; a death happened a little earlier.
        exit_code: of `die` and `exec_die`; a label can forge it.
        signal: of `kill`; a label can forge it.
        exec_id: the exec session of an `exec_…` action.
        exec_command: the command line of the exec session, if the action carries it.
        health: `healthy` or `unhealthy`, of `health_status`.
        engine: the engine that sent it, where that is not the host's Docker.
        is_vouched: whether somebody else than the engine says whose engine it is.
        command: of Podman's events in the journal, the command that wrote it: `stop`, `rm`, …
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
    engine: ContainerEngine | None = None
    is_vouched: bool = False
    command: str | None = None

    @property
    def occurred_at_ns(self) -> int:
        """The time at which the engine handled the event."""
        return self.time_ns


def parse_event(message: bytes | Mapping[str, Any], engine: ContainerEngine | None = None) -> DockerEvent | None:
    """
    Parse one message; None if it is not about a container.

    Args:
        message: one line of the stream, or the same decoded.
        engine: the engine that sent it, where that is not the host's Docker.

    Raises:
        ParseError: the message is not an event.
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
    return _event(action, container_id, time_ns, text_map_of(actor.get("Attributes")), engine)


def _event(
    action_text: str, container_id: str, time_ns: int, attributes: dict[str, str], engine: ContainerEngine | None
) -> DockerEvent:
    """
    Build the fact; `action_text` may have a command or a status after a colon.
    """
    verb, _, detail = action_text.partition(":")
    action = _ACTIONS.get(verb.strip(), DockerAction.OTHER)
    detail = detail.strip()
    exit_code = int_of(attributes.get("exitCode", attributes.get("containerExitCode")))
    is_exec = action in (DockerAction.EXEC_CREATE, DockerAction.EXEC_START)
    return DockerEvent(
        action=action,
        container_id=container_id,
        name=(attributes.get("name") or "").removeprefix("/") or None,
        image=attributes.get("image") or None,
        attributes=attributes,
        time_ns=time_ns,
        # Podman writes -1 where it does not know it.
        exit_code=exit_code if exit_code is None or exit_code >= 0 else None,
        signal=int_of(attributes.get("signal")),
        exec_id=attributes.get("execID") or None,
        exec_command=detail or None if is_exec else None,
        health=detail or None if action is DockerAction.HEALTH_STATUS else None,
        engine=engine,
    )


def _time_ns(fields: Mapping[str, Any]) -> int | None:
    time_ns = int_of(fields.get("timeNano"))
    if time_ns is not None:
        return time_ns
    time_s = int_of(fields.get("time"))
    return int_of(time_s * _NS_PER_S) if time_s is not None else None
