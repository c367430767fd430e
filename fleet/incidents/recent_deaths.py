"""
The deaths of the last minutes, by service: on how many hosts does it die right now?
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fleet.incidents.observations import Death

_MOST_PER_SERVICE: Final = 5000
_MOST_SERVICES: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentDeath:
    """
    A death that is kept for some minutes.
    """

    at_ns: int
    host: str
    cause: str
    event_id: str
    digest: str | None = None


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept: deaths by service, in order of their arrival.
    """

    services: dict[str, list[RecentDeath]] = field(default_factory=dict)


class RecentDeaths:
    """
    Keeps the deaths of a short time.
    """

    def __init__(self, window_ns: int, state: Any = None) -> None:  # noqa: ANN401 (JSON)
        """
        Begin with the state that `save` returned, if any.

        Args:
            window_ns: how long a death is kept.
            state: JSON.
        """
        self._window_ns = window_ns
        self._state = msgspec.convert(state, _State) if state is not None else _State()

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        return msgspec.json.encode(self._state)

    def add(self, death: Death, service: str) -> None:
        """
        Keep a death, and drop those of its service that are too old.
        """
        kept_ns = death.origin.at_ns - self._window_ns
        services = self._state.services
        if service not in services and len(services) >= _MOST_SERVICES:
            del services[
                next((name for name, items in services.items() if items[-1].at_ns < kept_ns), next(iter(services)))
            ]
        known = services.setdefault(service, [])
        # One that arrives late must not keep the others from being dropped.
        if known and known[0].at_ns < kept_ns:
            known[:] = [item for item in known if item.at_ns >= kept_ns]
        known.append(
            RecentDeath(
                at_ns=death.origin.at_ns,
                host=death.origin.host,
                cause=death.cause,
                event_id=death.origin.event_id,
                digest=death.digest,
            )
        )
        del known[:-_MOST_PER_SERVICE]

    def of(self, service: str, at_ns: int, window_ns: int) -> list[RecentDeath]:
        """
        Return the deaths of a service around a time: at most `window_ns` before or after it.
        """
        return [item for item in self._state.services.get(service, ()) if abs(item.at_ns - at_ns) <= window_ns]

    def hosts_of(self, service: str, at_ns: int, window_ns: int) -> set[str]:
        """
        Return the hosts on which a service died around a time.
        """
        return {item.host for item in self.of(service, at_ns, window_ns)}
