"""
Start and stop sources and sinks, at the start and on each reload.

A reload stops what is no longer configured, starts what is new and restarts what has changed. What stays the same is
not touched. Each sink has its own courier, so that it can be stopped alone.
"""

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.config.sections import SourcesConfig
from collector.delivery import Courier, SinkHealth
from collector.host.beat import until_beat_s
from collector.host.clock import HostIdentity
from collector.metrics import Metrics
from collector.runtime.supervisor import Emit, Supervisor
from collector.sources import SOURCES
from collector.sources.base import Position, Source
from collector.store import Store, StoreUnavailableError
from sinks import SinkConfig, load

# How soon the agent follows `exit137 spool`.
_WATCH_INTERVAL_S: Final = 2.0
_EXPIRE_INTERVAL_S: Final = 3600.0
# A week: until then a sink may come back under its name. Later its events would only fill the store.
_EXPIRE_AFTER_S: Final = 604_800.0
_LOG: Final = logging.getLogger(__name__)
Positions = Callable[[], Awaitable[Mapping[str, Position]]]


@dataclass(frozen=True, slots=True)
class _RunningSource:
    section: Any
    supervisor: Supervisor
    task: "asyncio.Task[None]"


@dataclass(frozen=True, slots=True)
class _RunningSink:
    config: SinkConfig
    courier: Courier
    task: "asyncio.Task[None]"


class SourceManager:
    """
    Runs the configured sources, each under a supervisor.

    Args:
        host: this host.
        emit: takes the readings.
        positions: returns the stored positions, by source.
        tasks: owns the tasks of the sources.
    """

    def __init__(self, host: HostIdentity, emit: Emit, positions: Positions, tasks: asyncio.TaskGroup) -> None:
        self._host = host
        self._emit = emit
        self._positions = positions
        self._tasks = tasks
        self._running: dict[str, _RunningSource] = {}

    @property
    def supervisors(self) -> list[Supervisor]:
        """
        The supervisors of the running sources.
        """
        return [running.supervisor for running in self._running.values()]

    def request_watermarks(self) -> None:
        """
        Ask every source how far it has been read.
        """
        for running in self._running.values():
            running.supervisor.request_watermark()

    def set_behind(self, is_behind: bool) -> None:
        """
        Have every source do less while the agent is behind.
        """
        for running in self._running.values():
            running.supervisor.set_behind(is_behind=is_behind)

    async def apply(self, config: SourcesConfig) -> None:
        """
        Run the sources that are enabled, or set to "auto" and offered by this host; stop all others.
        """
        sections = {name: getattr(config, name) for name in SOURCES}
        changed = [name for name, running in self._running.items() if running.section != sections[name]]
        await cancel(*[self._running.pop(name).task for name in changed])
        positions = await self._positions()
        for name, section in sections.items():
            source = None if name in self._running else _source(name, section, self._host)
            if source is not None:
                supervisor = Supervisor(source, required=section.enabled is True, emit=self._emit)
                task = self._tasks.create_task(supervisor.run(positions.get(name)), name=name)
                self._running[name] = _RunningSource(section, supervisor, task)

    async def stop(self) -> None:
        """
        Stop all sources.
        """
        await cancel(*[running.task for running in self._running.values()])


class SinkManager:
    """
    Runs a courier for each configured sink.

    Args:
        store: where pending events are.
        metrics: counts deliveries.
        tasks: owns the tasks of the couriers.
        wall_s: the wall clock, seconds since 1970.
    """

    def __init__(
        self, store: Store, metrics: Metrics, tasks: asyncio.TaskGroup, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._tasks = tasks
        self._wall_s = wall_s
        self._expire_due_s = 0.0
        self._former: frozenset[str] = frozenset()
        self._running: dict[str, _RunningSink] = {}

    @property
    def health(self) -> dict[str, SinkHealth]:
        """
        The health of each sink, by name.
        """
        return {name: running.courier.health for name, running in self._running.items()}

    async def apply(self, configs: Sequence[SinkConfig]) -> None:
        """
        Deliver to these sinks, and stop the couriers of all others.
        """
        configured = {config.name: config for config in configs}
        kept = {name for name, running in self._running.items() if running.config == configured.get(name)}
        await self._stop(self._running.keys() - kept)
        for name in configured.keys() - kept:
            config = configured[name]
            sink = load(config.type)[1](config)
            self._metrics.add_sink(name)
            courier = Courier(config, sink, store=self._store, metrics=self._metrics)
            task = self._tasks.create_task(courier.run(), name=f"sink {name}")
            self._running[name] = _RunningSink(config, courier, task)

    def wake(self) -> None:
        """
        Wake all couriers: new events were stored.
        """
        for running in self._running.values():
            running.courier.wake()

    async def watch(self) -> None:
        """
        Follow changes of the store by another process (`exit137 spool`), and expire events of former sinks.

        Runs until cancelled.
        """
        while True:
            await asyncio.sleep(until_beat_s(_WATCH_INTERVAL_S))
            with contextlib.suppress(StoreUnavailableError):
                if await self._store.refresh():
                    for running in self._running.values():
                        running.courier.retry()
                await self.expire_orphans()

    def warn_of_former(self) -> None:
        """
        Warn of events that are pending for a sink that is no longer configured, once per sink.
        """
        former = self._store.pending_sinks() - self._running.keys()
        new, self._former = former - self._former, former
        for sink in sorted(new):
            _LOG.warning(
                "%d events are pending for the sink %s, which is no longer configured",
                self._store.depth(sink),
                sink,
                extra={"sink": sink},
            )

    async def expire_orphans(self) -> None:
        """
        Dead-letter events that have been pending for a week for a sink that is no longer configured.
        """
        now_s = self._wall_s()
        if now_s < self._expire_due_s:
            return
        self._expire_due_s = now_s + _EXPIRE_INTERVAL_S
        for sink in sorted(self._store.pending_sinks() - self._running.keys()):
            expired = await self._store.expire(sink, now_s - _EXPIRE_AFTER_S)
            if expired:
                _LOG.error("%d events dead-lettered: the sink %s is no longer configured", expired, sink)

    async def drain(self, deadline_s: float) -> bool:
        """
        Wait until every sink has its events. Return whether all have.

        Args:
            deadline_s: seconds from now.
        """
        drained = await asyncio.gather(*[running.courier.drain(deadline_s) for running in self._running.values()])
        return all(drained)

    async def stop(self) -> None:
        """
        Stop all couriers; pending events stay in the store.
        """
        await cancel(*[running.task for running in self._running.values()])

    async def _stop(self, names: Collection[str]) -> None:
        await cancel(*[self._running.pop(name).task for name in names])
        for name in names:
            self._metrics.remove_sink(name)


async def cancel(*tasks: "asyncio.Task[None]") -> None:
    """
    Cancel tasks and wait until they have ended.
    """
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _source(name: str, section: Any, host: HostIdentity) -> Source | None:  # noqa: ANN401 (each has its own type)
    if section.enabled is False:
        return None
    module = importlib.import_module(SOURCES[name])
    if section.enabled is True or module.offered(section):
        source: Source = module.create(section, host)
        return source
    return None
