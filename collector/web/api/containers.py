"""
The running containers as JSON: their share of the limit, growth, forecast, and kills within a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.memory.history import KILLS_WITHIN_NS, kills_by_container
from collector.memory.usage import MemoryUse, sorted_uses
from collector.store import PastEvents
from sinks.event import EventType
from sinks.event.reader import read_events

# Kills beyond these are not counted: a storm has thousands.
_MOST_KILLS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningContainer:
    """
    A running container.

    Attributes:
        name: None if Docker has not said it.
        use: its memory now.
    """

    name: str | None
    use: MemoryUse


def as_json(running: Sequence[RunningContainer], past: PastEvents, now_ns: int) -> dict[str, Any]:
    """
    Return the containers, those next to their limits first.

    Args:
        running: the containers.
        past: the store, for the kills.
        now_ns: the wall clock.
    """
    kills = past.events(types=(EventType.OOM_KILL.value,), since_ns=now_ns - KILLS_WITHIN_NS, limit=_MOST_KILLS)
    counts = kills_by_container(read_events(kill.body for kill in kills))
    names = {one.use.sample.container_id: one.name for one in running}
    uses = sorted_uses(one.use for one in running)
    return {"containers": [_container(use, names, counts.get(use.sample.container_id, 0)) for use in uses]}


def _container(use: MemoryUse, names: dict[str, str | None], kills: int) -> dict[str, Any]:
    sample = use.sample
    return {
        "id": sample.container_id,
        "name": names[sample.container_id],
        "working_set_bytes": sample.working_set_bytes,
        "limit_bytes": sample.limit_bytes,
        "limit_share": sample.limit_share,
        "growth_bytes_per_min": use.growth_bytes_per_min,
        "limit_in_s": use.limit_in_s,
        "kills_in_last_day": kills,
    }
