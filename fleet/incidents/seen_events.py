"""
Which events have been seen: delivery repeats events, and an event must count once.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

_MOST_IDS: Final = 20_000
_MOST_STATUSES: Final = 16


@dataclass(slots=True, kw_only=True)
class _State:
    """
    Everything that is kept: the ids of the latest events, and those of the latest statuses of each host.
    """

    ids: dict[str, None] = field(default_factory=dict)
    statuses: dict[str, list[str]] = field(default_factory=dict)


class SeenEvents:
    """
    The ids of the latest events. Statuses are many, so those of each host are kept for themselves.
    """

    def __init__(self, state: Any = None) -> None:  # noqa: ANN401 (JSON)
        """
        Begin with the state that `save` returned, if any.
        """
        self._state = msgspec.convert(state, _State) if state is not None else _State()

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        return msgspec.json.encode(self._state)

    def is_new(self, host: str, event_id: str) -> bool:
        """
        Note the id of a host's event; return False if it is known. Another host may have used the same id.
        """
        ids, name = self._state.ids, f"{host}/{event_id}"
        if name in ids:
            return False
        ids[name] = None
        if len(ids) > _MOST_IDS:
            del ids[next(iter(ids))]
        return True

    def is_new_status(self, host: str, event_id: str) -> bool:
        """
        Note the id of a host's status; return False if it is known.
        """
        ids = self._state.statuses.setdefault(host, [])
        if event_id in ids:
            return False
        ids.append(event_id)
        del ids[:-_MOST_STATUSES]
        return True

    def forget(self, host: str) -> None:
        """
        Forget the statuses of a host that is gone.
        """
        self._state.statuses.pop(host, None)
