"""
Typed views of the parts of a published event that the Elastic Common Schema defines; see sinks/event/views.py.
"""

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True):
    """
    A part of a published event.
    """


class ClassificationView(View, frozen=True, kw_only=True):
    """
    ECS `event`.
    """

    severity: int = 0
    action: str | None = None
    reason: str | None = None


class HostView(View, frozen=True, kw_only=True):
    """
    ECS `host`.
    """

    id: str | None = None
    hostname: str | None = None


class ImageHashView(View, frozen=True, kw_only=True):
    """
    ECS `container.image.hash`.
    """

    all: tuple[str, ...] = ()


class ImageView(View, frozen=True, kw_only=True):
    """
    ECS `container.image`.
    """

    name: str | None = None
    hash: ImageHashView = ImageHashView()


class ContainerView(View, frozen=True, kw_only=True):
    """
    ECS `container`.
    """

    id: str | None = None
    name: str | None = None
    image: ImageView = ImageView()


class ResourceView(View, frozen=True, kw_only=True):
    """
    ECS `orchestrator.resource`.
    """

    name: str | None = None


class OrchestratorView(View, frozen=True, kw_only=True):
    """
    ECS `orchestrator`.
    """

    namespace: str | None = None
    resource: ResourceView = ResourceView()


class ServiceView(View, frozen=True, kw_only=True):
    """
    ECS `service`.
    """

    name: str | None = None
    version: str | None = None
