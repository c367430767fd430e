"""
What a chat reads of the published event: the part of docs/event.md that messages are made of.

Lenient, for the event may have been stored by another version: what is missing is None, what is new is passed over.
"""

from typing import Final

import msgspec

from sinks.base import Outgoing
from sinks.chat.text import visible
from sinks.errors import PermanentError, Reason


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.evidence`.
    """

    source: str = "?"
    time: str | None = None
    text: str = ""


class Victim(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.oom.victims`.
    """

    pid: int | None = None
    name: str | None = None
    main_process: bool | None = None


class Oom(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.oom`.
    """

    victims: tuple[Victim, ...] = ()


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.death`.
    """

    exit_code: int | None = None
    restart_count: int | None = None


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.memory`; `series` are seconds before the event and bytes, oldest first.
    """

    limit_bytes: int | None = None
    peak_bytes: int | None = None
    trend: str | None = None
    trend_confidence: str | None = None
    series: tuple[tuple[float, int], ...] = ()


class Pressure(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.pressure`.
    """

    kind: str
    level: str | None = None


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.stuck`.
    """

    state: str
    resolved: bool = False


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.advice`.
    """

    text: str
    unless: str | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137.gap`.
    """

    source: str
    what: str


class Exit137(msgspec.Struct, frozen=True, kw_only=True):
    """
    `exit137`.
    """

    cause: str | None = None
    confidence: str | None = None
    evidence: tuple[Evidence, ...] = ()
    oom: Oom | None = None
    death: Death | None = None
    memory: Memory | None = None
    pressure: Pressure | None = None
    stuck: Stuck | None = None
    advice: tuple[Advice, ...] = ()
    logs: tuple[str, ...] = ()
    logs_missing: str | None = None
    gap: Gap | None = None


class Classes(msgspec.Struct, frozen=True, kw_only=True):
    """
    `event`: the classification of ECS.
    """

    severity: int = 0


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """
    `host`.
    """

    hostname: str | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """
    `container.image`.
    """

    name: str | None = None


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """
    `container`.
    """

    id: str | None = None
    name: str | None = None
    image: Image = Image()


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """
    `orchestrator.resource`.
    """

    name: str | None = None


class Orchestrator(msgspec.Struct, frozen=True, kw_only=True):
    """
    `orchestrator`.
    """

    namespace: str | None = None
    resource: Resource = Resource()


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """
    `data`.
    """

    message: str = ""
    event: Classes = Classes()
    host: Host = Host()
    container: Container | None = None
    orchestrator: Orchestrator = Orchestrator()
    exit137: Exit137 = Exit137()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """
    One event.
    """

    type: str = ""
    subject: str = ""
    time: str | None = None
    data: Data = Data()

    @property
    def host(self) -> str:
        """
        Where it happened.
        """
        return visible(self.data.host.hostname or "") or "?"

    @property
    def owner(self) -> str:
        """
        Whose container it is about: a service or pod, else the container's name; the host, if it is about none.
        """
        namespace, resource = self.data.orchestrator.namespace, self.data.orchestrator.resource.name
        if resource is not None:
            return f"{namespace}/{resource}" if namespace is not None else resource
        container = self.data.container
        return (container.name or (container.id or "")[:12] if container is not None else "") or self.host

    @property
    def over(self) -> bool:
        """
        It tells that something bad has passed.
        """
        ours = self.data.exit137
        return (
            (ours.pressure is not None and ours.pressure.level == "resolved")
            or (ours.stuck is not None and ours.stuck.resolved)
            or (ours.gap is not None and ours.gap.what == "source_up")
        )


_DECODER: Final = msgspec.json.Decoder(Document)


def document_of(event: Outgoing) -> Document:
    """
    An event as a chat reads it.

    Raises:
        PermanentError: it is none of ours.
    """
    try:
        return _DECODER.decode(event.body)
    except msgspec.DecodeError as error:
        raise PermanentError(Reason.REJECTED, "the event has another form than the contract says") from error
