"""
The container that took the memory, in the published event.
"""

from dataclasses import dataclass

from sinks.event.words import Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """
    The container that took the memory of the host, or of a cgroup above several containers.

    Attributes:
        name: of the container; None where Docker has not named it.
        victim: whether a process of this container was killed.
        basis: growth or size: what it is named by.
        confidence: likely or possible: samples do not prove who took the memory.
        working_set_bytes: by the last sample before the kill.
        resident_bytes: of its processes in the kernel's task table.
        grew_bytes: how much more it held at the kill than `within_s` before.
        within_s: the time over which growth was measured, in seconds.
    """

    container_id: str
    name: str | None = None
    victim: bool
    basis: str
    confidence: Confidence
    working_set_bytes: int | None = None
    resident_bytes: int | None = None
    grew_bytes: int | None = None
    within_s: float | None = None
