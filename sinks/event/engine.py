"""
The engine of a container, in the published event.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """
    The engine that runs a container.

    Attributes:
        name: docker or podman.
        version: as the engine states it.
        uid: the user whose engine it is; None for an engine of the host, and where nobody knows.
        unit: the systemd unit that runs the container, as the container's own label states it.
    """

    name: str
    version: str | None = None
    uid: int | None = None
    unit: str | None = None
