"""
Adds up how long the containers of each service run, from one status of the host to the next.

Pure: times come from Docker's records and from the caller. A run counts until its end, whenever that becomes known, so
that the sum over all statuses is exact across starts, ends and statuses in any order.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final, NamedTuple

from collector.correlate.container_record import ContainerRecord
from collector.correlate.inventory import ContainerInventory
from collector.correlate.runs import Run
from collector.publish.containers import container_of_record, service_of
from sinks.event import ServiceStatus

_NS_PER_S: Final = 1_000_000_000


class _Version(NamedTuple):
    """
    One version of a service: containers are counted together if all three are equal.
    """

    name: str
    version: str
    digest: str


@dataclass(slots=True)
class _Counted:
    """
    Until when an open run has been counted, wall clock. It holds the run, so that no other gets its identity.
    """

    run: Run
    until_ns: int


class ServiceTime:
    """
    The running time of a host's containers by service and digest, since the last status.

    Args:
        since_ns: what ran before this time was counted by an earlier status, or is not to be counted; wall clock.
    """

    def __init__(self, since_ns: int) -> None:
        self._since_ns = since_ns
        self._ran_ns: Counter[_Version] = Counter()
        self._open: dict[int, _Counted] = {}

    def end(self, record: ContainerRecord, run: Run) -> None:
        """
        Count the rest of a run whose death is published now.
        """
        self._count(record, run, run.ended_ns)
        self._open.pop(id(run), None)

    def take(self, inventory: ContainerInventory, now_ns: int) -> tuple[ServiceStatus, ...]:
        """
        Return what ran since the last call, by service, and begin anew.

        Args:
            inventory: the containers of the host.
            now_ns: the end of the time that is counted, wall clock.
        """
        running: Counter[_Version] = Counter()
        for record in inventory:
            for run in (run for run in record.runs if not run.judged):
                self._count(record, run, run.ended_ns if run.ended else now_ns)
            living, version = record.living, _version_of(record)
            if living is not None and living.began_ns is not None and version is not None:
                running[version] += 1
        self._open = {key: counted for key, counted in self._open.items() if not counted.run.judged}
        ran_ns, self._ran_ns = self._ran_ns, Counter()
        return tuple(_status(each, running[each], ran_ns[each]) for each in sorted(running.keys() | ran_ns.keys()))

    def _count(self, record: ContainerRecord, run: Run, until_ns: int | None) -> None:
        """
        Count a run until a time. An end that turns out to be earlier than what was counted takes the rest back.
        """
        version = _version_of(record)
        if version is None or run.began_ns is None or until_ns is None:
            return
        counted = self._open.get(id(run))
        from_ns = counted.until_ns if counted is not None else max(run.began_ns, self._since_ns)
        if counted is None and until_ns < from_ns:
            return
        self._ran_ns[version] += until_ns - from_ns
        self._open[id(run)] = _Counted(run, until_ns)


def _version_of(record: ContainerRecord) -> _Version | None:
    """
    Return the version that a container runs; None where neither a label nor the image names a service.
    """
    service, image = service_of(record), container_of_record(record).image
    if service is None or service.name is None:
        return None
    digests = image.hash.all if image is not None and image.hash is not None else ()
    return _Version(service.name, service.version or "", next(iter(digests), ""))


def _status(version: _Version, running: int, ran_ns: int) -> ServiceStatus:
    return ServiceStatus(
        name=version.name,
        version=version.version or None,
        digest=version.digest or None,
        running=running,
        container_seconds=round(max(ran_ns, 0) / _NS_PER_S, 3),
    )
