"""
Deaths as cases: a crash loop is one case, not a thousand.

The deaths of one version of a service on one host belong to one case as long as each follows the one before within a
gap. So hosts are clusters: what kills all containers of a service on a host counts once.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

_MOST_PER_HOST: Final = 512


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept: by host and by service, for each digest the last bad death.
    """

    hosts: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)


class Cases:
    """
    Knows which deaths continue a case.
    """

    def __init__(self, gap_ns: int, state: Any = None) -> None:  # noqa: ANN401 (JSON)
        """
        Begin with the state that `save` returned, if any.

        Args:
            gap_ns: the longest time between two deaths of one case.
            state: JSON.
        """
        self._gap_ns = gap_ns
        self._state = msgspec.convert(state, _State) if state is not None else _State()

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        return msgspec.json.encode(self._state)

    def is_new(self, host: str, service: str, digest: str, at_ns: int) -> bool:
        """
        Note a bad death; return True if a case begins with it.
        """
        services = self._state.hosts.setdefault(host, {})
        if len(services) > _MOST_PER_HOST:
            del services[next(iter(services))]
        digests = services.setdefault(service, {})
        if len(digests) > _MOST_PER_HOST:
            del digests[next(iter(digests))]
        last_ns = digests.get(digest)
        digests[digest] = at_ns if last_ns is None else max(last_ns, at_ns)
        return last_ns is None or abs(at_ns - last_ns) > self._gap_ns

    def others_died(self, host: str, service: str, at_ns: int, window_ns: int) -> bool:
        """
        Return True if another service died on a host around a time.
        """
        return any(
            abs(at_ns - last_ns) <= window_ns
            for other, digests in self._state.hosts.get(host, {}).items()
            if other != service
            for last_ns in digests.values()
        )

    def forget(self, host: str) -> None:
        """
        Forget a host that is gone.
        """
        self._state.hosts.pop(host, None)
