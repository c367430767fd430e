"""
Warnings about the host: the memory of all its containers compared with its own.
"""

from collections.abc import Iterable

from collector.facts.memory import MemorySample
from collector.memory.latch import Level
from collector.memory.pressure import HostLoad, PressureAlert, PressureKind, PressureLatches
from parsers.proc_files import HostMemory


class HostPressure:
    """
    The warnings about the host.
    """

    def __init__(self) -> None:
        self._latches = PressureLatches()

    def restore(self, kind: PressureKind, level: Level, since_ns: int) -> None:
        """
        Continue a warning that was raised before a restart of the agent.
        """
        self._latches.restore(kind, level, since_ns)

    def feed(
        self, samples: Iterable[MemorySample], host: HostMemory | None, at_ns: int, now_ns: int
    ) -> list[PressureAlert]:
        """
        Take the memory of all containers; return the warnings that were raised or resolved.

        Args:
            samples: the latest sample of each container.
            host: without it, or without its total, nothing is compared.
            at_ns: the wall clock.
            now_ns: a monotonic clock.
        """
        load = host_load(samples, host)
        if load is None:
            return []
        values = {
            PressureKind.HOST_MEMORY: load.working_sets_bytes / load.total_bytes,
            PressureKind.HOST_LIMITS: load.limits_bytes / load.total_bytes,
        }
        return [
            PressureAlert(
                kind=change.kind,
                level=change.level,
                value=values[change.kind],
                at_ns=at_ns,
                since_ns=change.since_ns,
                load=load,
            )
            for change in self._latches.update(values, at_ns, now_ns)
        ]


def host_load(samples: Iterable[MemorySample], host: HostMemory | None) -> HostLoad | None:
    """
    Add up the memory of all containers; None if the host's memory is unknown.
    """
    if host is None or not host.total_bytes:
        return None
    found = list(samples)
    limits = {sample.limit_cgroup: sample.limit_bytes for sample in found if sample.limit_bytes is not None}
    return HostLoad(
        total_bytes=host.total_bytes,
        working_sets_bytes=sum(sample.working_set_bytes for sample in found),
        limits_bytes=sum(limits.values()),
        containers=len(found),
        unlimited=sum(sample.limit_bytes is None for sample in found),
    )
