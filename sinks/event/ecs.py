"""
The parts of the published event that the Elastic Common Schema defines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sinks.event.words import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsEvent:
    """
    ECS `event.*`.

    Attributes:
        start_ns: the start of what happened, if it lasted: of a run, for its end.
        end_ns: its end.
        duration: the nanoseconds between the two, as ECS counts them.
    """

    kind: str
    category: tuple[str, ...]
    type: tuple[str, ...]
    action: str
    reason: str | None = None
    severity: Severity
    code: str | None = None
    dataset: str = "exit137"
    start_ns: int | None = None
    end_ns: int | None = None
    duration: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """
    ECS `host.boot`.
    """

    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOs:
    """
    ECS `host.os`; `kernel` is the release (`uname -r`).
    """

    kernel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """
    ECS `host.*`; `id` is the machine id.
    """

    id: str | None = None
    hostname: str | None = None
    boot: Boot | None = None
    os: HostOs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHash:
    """
    ECS `container.image.hash`: the image's own digest (its id), then the digest by which it was requested, if any.
    """

    all: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """
    ECS `container.image`.
    """

    name: str | None = None
    tag: tuple[str, ...] = ()
    hash: ImageHash | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """
    ECS `container.*`; `id` is the full id (64 hex digits, or what the runtime uses).

    `labels` are as the container has them; `document()` writes them in two forms (`labels.py`).
    """

    id: str | None = None
    name: str | None = None
    image: Image | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    runtime: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorResource:
    """
    ECS `orchestrator.resource`: the compose service, swarm service or pod.
    """

    type: str | None = None
    name: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrator:
    """
    ECS `orchestrator.*`, read from labels: `type` is compose, swarm, kubernetes or podman; `namespace` the project
    or stack.
    """

    type: str | None = None
    namespace: str | None = None
    resource: OrchestratorResource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    ECS `service.*`: what the container is an instance of, and which version; the same on all hosts.
    """

    name: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentProcess:
    """
    ECS `process.parent`.
    """

    pid: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """
    ECS `process.*`: the victim of a kill, or the main process of a container.
    """

    pid: int | None = None
    name: str | None = None
    command_line: str | None = None
    start_ns: int | None = None
    parent: ParentProcess | None = None
