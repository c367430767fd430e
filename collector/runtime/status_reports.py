"""
Reports what runs on the host at an interval, where the configuration asks for it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from collector.analyzer import Analyzer
from collector.pipeline.status_schedule import StatusSchedule
from collector.publish.host_status import AgentState
from collector.runtime.supervisor import Supervisor
from collector.store import Store
from sinks.event import Event, EventType

_PACKAGE: Final = "exit137"


class StatusReports:
    """
    Makes the statuses of the host.

    Args:
        analyzer: knows what runs.
        store: has the last status from before a restart.
        supervisors: returns those of the running sources.
        wall_ns: the wall clock.

    Attributes:
        schedule: when the next status is due.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        store: Store,
        supervisors: Callable[[], Sequence[Supervisor]],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.schedule = StatusSchedule(self._status)
        self._analyzer = analyzer
        self._store = store
        self._supervisors = supervisors
        self._wall_ns = wall_ns

    async def apply(self, interval_s: float | None) -> None:
        """
        Report every so many seconds; None: not at all.

        Running time counts from the last status that is stored, because containers run on while the agent is down.
        """
        if interval_s is None:
            self._analyzer.count_time(None)
        elif self.schedule.due_ns is None:
            last = await self._store.events(types=[EventType.HOST_STATUS.value], limit=1)
            self._analyzer.count_time(last[0].time_ns if last else self._wall_ns())
        self.schedule.apply(interval_s)

    def _status(self, interval_s: float, at_ns: int) -> Event:
        from importlib.metadata import version  # noqa: PLC0415 (a megabyte, where a status is wanted)

        states = [supervisor.state for supervisor in self._supervisors()]
        sources = {state.name: state.up for state in states}
        return self._analyzer.status(
            AgentState(interval_s=interval_s, version=version(_PACKAGE), sources=sources), at_ns
        )
