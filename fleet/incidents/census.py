"""
What runs where, by the latest status of each host.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fleet.incidents.observations import Status


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept: for each host its running containers by service.
    """

    hosts: dict[str, dict[str, int]] = field(default_factory=dict)


class Census:
    """
    Knows which services run on which hosts.
    """

    def __init__(self, state: Any = None) -> None:  # noqa: ANN401 (JSON)
        """
        Begin with the state that `save` returned, if any.
        """
        self._state = msgspec.convert(state, _State) if state is not None else _State()
        self._host_counts: dict[str, int] = {}
        self._running: dict[str, int] = {}
        for services in self._state.hosts.values():
            self._count(services, 1)

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        return msgspec.json.encode(self._state)

    def observe(self, status: Status) -> None:
        """
        Note what runs on a host.
        """
        running: dict[str, int] = {}
        for item in status.services:
            if item.running > 0:
                running[item.service] = running.get(item.service, 0) + item.running
        if running == self._state.hosts.get(status.origin.host):
            return
        self.forget((status.origin.host,))
        self._state.hosts[status.origin.host] = running
        self._count(running, 1)

    def forget(self, hosts: Iterable[str]) -> None:
        """
        Forget what ran on hosts that are gone.
        """
        for host in hosts:
            self._count(self._state.hosts.pop(host, {}), -1)

    def services_on(self, host: str) -> Mapping[str, int]:
        """
        Return the running containers of a host by service.
        """
        return self._state.hosts.get(host, {})

    def hosts_with(self, service: str) -> int:
        """
        Return on how many hosts a service runs.
        """
        return self._host_counts.get(service, 0)

    def running(self, service: str) -> int:
        """
        Return how many containers of a service run.
        """
        return self._running.get(service, 0)

    @property
    def hosts(self) -> int:
        """
        How many hosts are known.
        """
        return len(self._state.hosts)

    def _count(self, services: Mapping[str, int], step: int) -> None:
        for service, running in services.items():
            count = self._host_counts.get(service, 0) + step
            if count:
                self._host_counts[service] = count
                self._running[service] = self._running.get(service, 0) + step * running
            else:
                self._host_counts.pop(service, None)
                self._running.pop(service, None)
