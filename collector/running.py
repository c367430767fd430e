"""
The sources, the sinks and the HTTP server that run, and how they change while the others go on.

A reload ends what is not configured any more, starts what is new, and starts again what is configured otherwise;
whatever stays the same is not touched. Each sink has a courier of its own, so that it can end alone.
"""

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from collector.config import ConfigurationError, HttpConfig, SourcesConfig
from collector.delivery import Courier, SinkHealth
from collector.hostclock import HostIdentity
from collector.metrics import Metrics
from collector.sources import SOURCES
from collector.sources.base import Position, Source
from collector.store import Store, StoreUnavailableError
from collector.supervisor import Emit, Supervisor
from sinks import SinkConfig, load

if TYPE_CHECKING:
    from collector.http import HttpServer

_WATCH_EVERY_S: Final = 2.0
_ORPHANS_EVERY_S: Final = 3600.0
_ORPHAN_WAITS_S: Final = 604_800.0
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


class RunningSources:
    """
    The sources.

    Args:
        host: this host.
        emit: takes their readings.
        positions: where each goes on.
        tasks: owns what they run in.
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
        Those that run now.
        """
        return [running.supervisor for running in self._running.values()]

    async def apply(self, config: SourcesConfig) -> None:
        """
        Run the sources that the configuration asks for, and those that this host offers.
        """
        sections = {name: getattr(config, name) for name in SOURCES}
        changed = [name for name, running in self._running.items() if running.section != sections[name]]
        await end(*[self._running.pop(name).task for name in changed])
        positions = await self._positions()
        for name, section in sections.items():
            source = None if name in self._running else _source(name, section, self._host)
            if source is not None:
                supervisor = Supervisor(source, required=section.enabled is True, emit=self._emit)
                task = self._tasks.create_task(supervisor.run(positions.get(name)), name=name)
                self._running[name] = _RunningSource(section, supervisor, task)

    async def end(self) -> None:
        """
        End all of them.
        """
        await end(*[running.task for running in self._running.values()])


class RunningSinks:
    """
    The sinks.

    Args:
        store: where events wait.
        metrics: what is counted.
        tasks: owns what they run in.
        wall_s: seconds since 1970.
    """

    def __init__(
        self, store: Store, metrics: Metrics, tasks: asyncio.TaskGroup, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._tasks = tasks
        self._wall_s = wall_s
        self._orphans_due_s = 0.0
        self._running: dict[str, _RunningSink] = {}

    @property
    def health(self) -> dict[str, SinkHealth]:
        """
        Per sink how it is.
        """
        return {name: running.courier.health for name, running in self._running.items()}

    async def apply(self, configs: Sequence[SinkConfig]) -> None:
        """
        Deliver to these sinks and to no others.
        """
        configured = {config.name: config for config in configs}
        kept = {name for name, running in self._running.items() if running.config == configured.get(name)}
        await self._end(self._running.keys() - kept)
        for name in configured.keys() - kept:
            config = configured[name]
            sink = load(config.type)[1](config)
            self._metrics.sink_added(name)
            courier = Courier(config, sink, store=self._store, metrics=self._metrics)
            task = self._tasks.create_task(courier.run(), name=f"sink {name}")
            self._running[name] = _RunningSink(config, courier, task)

    def wake(self) -> None:
        """
        Say that something was stored.
        """
        for running in self._running.values():
            running.courier.wake()

    async def watch(self) -> None:
        """
        Until cancelled: notice what another process changed in the store (`exit137 spool`), and look after what waits
        for sinks that are configured no more.
        """
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            with contextlib.suppress(StoreUnavailableError):
                if await self._store.refresh():
                    for running in self._running.values():
                        running.courier.retry()
                await self.expire_orphans()

    async def expire_orphans(self) -> None:
        """
        Put aside what has waited too long for a sink that is not configured any more, else it would fill the store.
        """
        now_s = self._wall_s()
        if now_s < self._orphans_due_s:
            return
        self._orphans_due_s = now_s + _ORPHANS_EVERY_S
        for sink in sorted(self._store.waiting_sinks() - self._running.keys()):
            expired = await self._store.expire(sink, now_s - _ORPHAN_WAITS_S)
            if expired:
                _LOG.error("%d events for the sink %s, not configured any more, were put aside", expired, sink)

    async def drain(self, deadline_s: float) -> bool:
        """
        Wait until every sink has what is stored, at most so long; returns whether they all do.

        Args:
            deadline_s: seconds from now.
        """
        drained = await asyncio.gather(*[running.courier.drain(deadline_s) for running in self._running.values()])
        return all(drained)

    async def end(self) -> None:
        """
        End all of them.
        """
        await end(*[running.task for running in self._running.values()])

    async def _end(self, names: Collection[str]) -> None:
        await end(*[self._running.pop(name).task for name in names])
        for name in names:
            self._metrics.sink_removed(name)


class RunningHttp:
    """
    /metrics, /healthz and /readyz, where the configuration wants them.

    Args:
        make: makes a server that listens at an address.
    """

    def __init__(self, make: "Callable[[str], HttpServer]") -> None:
        self._make = make
        self._listen: str | None = None
        self._server: HttpServer | None = None

    async def apply(self, config: HttpConfig) -> None:
        """
        Listen where the configuration says.

        Raises:
            ConfigurationError: that cannot be listened on; then nothing has changed.
        """
        if config.listen == self._listen:
            return
        server = None if config.listen is None else self._make(config.listen)
        if server is not None:
            try:
                await server.start()
            except OSError as error:
                raise ConfigurationError("http.listen", f"cannot be listened on: {error.strerror}") from error
        await self.end()
        self._listen, self._server = config.listen, server

    async def end(self) -> None:
        """
        Listen no more.
        """
        if self._server is not None:
            await self._server.aclose()


async def end(*tasks: "asyncio.Task[None]") -> None:
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
