"""
The agent: everything that runs, in one task group, and the order in which it ends.

Start: store, correlator with what it knew, HTTP, delivery, sources. It is ready when each source that this host offers
has been tried. A reload checks the new configuration first and touches only what changed. End, on SIGTERM or SIGINT:
sources first, then what waits for late evidence, then what waits for a sink, each with its deadline; what is not done
by then is done after the next start.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from collector import remembered
from collector.config import Config, ConfigurationError
from collector.correlate.correlator import Correlator
from collector.correlate.facts import GapFact
from collector.health import Health
from collector.heartbeat import Heartbeat
from collector.hostclock import HostIdentity, identify
from collector.intake import Intake
from collector.memory.insight import MemoryInsight
from collector.metrics import Metrics
from collector.notify import Notifier
from collector.running import RunningHttp, RunningSinks, RunningSources, end
from collector.sources import SOURCES
from collector.store import Salvaged, Store, StoreError, StoreNoSpaceError
from sinks.event import EventType

if TYPE_CHECKING:
    from collector.http import HttpServer

_SETTLE_S: Final = 4.0
_DRAIN_S: Final = 5.0
_READY_S: Final = 10.0
# A kill older than this has nothing to do with a death that is yet to come; verdict/oom.py looks back 30 s.
_REMEMBERED_NS: Final = 600_000_000_000
_WARNINGS_REMEMBERED_NS: Final = 7 * 86_400_000_000_000
_NO_SPACE_RETRY_S: Final = 5.0
_NO_SPACE_PATIENCE_S: Final = 60.0
_DAY_NS: Final = 86_400_000_000_000
_LOG: Final = logging.getLogger(__name__)


class Agent:
    """
    One agent.

    Args:
        config: what to read and where to send it.
        identity: this host.
        store: where events wait; its owner closes it.
        tasks: owns all that runs.
        notifier: who is told how the agent is.
    """

    def __init__(
        self, config: Config, identity: HostIdentity, *, store: Store, tasks: asyncio.TaskGroup, notifier: Notifier
    ) -> None:
        self._config = config
        self._store = store
        self._tasks = tasks
        self._notifier = notifier
        self._stop = asyncio.Event()
        self._metrics = Metrics(sources=list(SOURCES))
        self._sinks = RunningSinks(store, self._metrics, tasks)
        host = identity.published()
        correlator = Correlator(host, identity.booted_ns, MemoryInsight(host))
        self._intake = Intake(correlator, store, config.sinks, metrics=self._metrics, stored=self._sinks.wake)
        self._sources = RunningSources(identity, self._intake.put, store.positions, tasks)
        self._health = Health(self._metrics, store, intake=self._intake, sources=self._sources, sinks=self._sinks)
        self._http = RunningHttp(self._http_server)

    def stop(self) -> None:
        """
        Ask it to end; asked twice, it ends at once.
        """
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()

    async def run(self, reload: asyncio.Event, reread: Callable[[], Config]) -> None:
        """
        Run until `stop`.

        Args:
            reload: set to have the configuration read again.
            reread: reads it.

        Raises:
            ConfigurationError: the HTTP server cannot be set up.
        """
        if self._store.salvaged is not None:
            self._tell_of_damage(self._store.salvaged)
        await self._remember()
        heart = Heartbeat(self._notifier, self._metrics, self._health.ailment)
        beat = self._tasks.create_task(heart.run(), name="heartbeat")
        take_in = self._tasks.create_task(self._intake.run(), name="intake")
        watch = self._tasks.create_task(self._sinks.watch(), name="watch the store")
        try:
            await self._apply(self._config)
            control = self._tasks.create_task(self._control(reload, reread), name="control")
            await self._stop.wait()
            self._health.ready = False
            self._notifier.stopping()
            await end(control)
            await self._sources.end()
            await end(take_in)
            await self._intake.settle(_SETTLE_S)
            if not await self._sinks.drain(_DRAIN_S):
                _LOG.warning("some events still wait for their sink; they are sent after the next start")
            await self._sinks.end()
            await end(watch, beat)
        finally:
            await self._http.end()

    def _tell_of_damage(self, salvaged: Salvaged) -> None:
        _LOG.error("the store was damaged: %s", salvaged)
        self._metrics.store_damaged()
        text = f"The store of the agent was damaged: {salvaged}."
        self._intake.tell(GapFact(source="store", what="store_damaged", at_ns=time.time_ns(), text=text))

    async def _remember(self) -> None:
        now_ns = time.time_ns()
        past = await self._store.events(since_ns=now_ns - _REMEMBERED_NS, types=[EventType.OOM_KILL.value])
        self._intake.remember([fact for event in past for fact in remembered.kills(event)])
        since_ns = now_ns - _WARNINGS_REMEMBERED_NS
        past = await self._store.events(since_ns=since_ns, types=[EventType.MEMORY_PRESSURE.value])
        self._intake.remember(remembered.warnings(past))

    async def _apply(self, config: Config) -> None:
        """
        Run what a configuration asks for. What may fail comes first, and changes nothing if it does.
        """
        await self._http.apply(config.http)
        self._intake.route_to(config.sinks)
        await self._sinks.apply(config.sinks)
        await self._sources.apply(config.sources)
        self._config = config
        self._warn_of_orphans()

    async def _control(self, reload: asyncio.Event, reread: Callable[[], Config]) -> None:
        """
        Tell when the agent is ready; then reload whenever that is asked for.
        """
        _LOG.info("ready; %s", await self._settled())
        while True:
            self._health.ready = True
            await reload.wait()
            reload.clear()
            self._notifier.reloading()
            done = await self._reload(reread)
            told = await self._settled()
            if done:
                _LOG.info("reloaded; %s", told)

    async def _reload(self, reread: Callable[[], Config]) -> bool:
        """
        Take over the configuration as it is now; with a mistake in it, nothing changes.
        """
        before = self._config
        try:
            config = reread()
            await self._apply(config)
        except ConfigurationError as error:
            _LOG.error("not reloaded, the configuration in force stays: %s", error)
            return False
        if (config.host, config.store) != (before.host, before.store):
            _LOG.warning("what changed in [host] and [store] is taken over at the next start")
        return True

    async def _settled(self) -> str:
        """
        Wait until every source has been tried, tell the service manager, and give what runs.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_S):
                for supervisor in self._sources.supervisors:
                    await supervisor.tried.wait()
        states = [supervisor.state for supervisor in self._sources.supervisors]
        reads = ", ".join(state.name if state.up else f"{state.name} (down)" for state in states)
        told = f"reads {reads or 'nothing'}; sends to {', '.join(sink.name for sink in self._config.sinks)}"
        self._notifier.ready(told)
        return told

    def _http_server(self, listen: str) -> "HttpServer":
        from collector.http import HttpServer  # noqa: PLC0415 (only what is configured is imported)

        return HttpServer(listen, self._metrics, self._health)

    def _warn_of_orphans(self) -> None:
        known = {sink.name for sink in self._config.sinks}
        for sink in sorted(self._store.waiting_sinks() - known):
            waiting = self._store.depth(sink)
            _LOG.warning(
                "%d events wait for the sink %s, which is not configured any more", waiting, sink, extra={"sink": sink}
            )


async def serve(config: Config, reread: Callable[[], Config], notifier: Notifier) -> None:
    """
    Run an agent on this host until SIGTERM or SIGINT; SIGHUP has it read its configuration again.

    Raises:
        StoreError: the store cannot be used.
        ConfigurationError: the HTTP server cannot be set up.
    """
    identity = identify(machine_id=config.host.id, hostname=config.host.hostname)
    reload = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    store = await _opened(config, notifier)
    try:
        async with asyncio.TaskGroup() as tasks:
            agent = Agent(config, identity, store=store, tasks=tasks, notifier=notifier)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, agent.stop)
            await agent.run(reload, reread)
    except* (StoreError, ConfigurationError) as group:
        raise _first(group) from group
    finally:
        await store.aclose()


async def _opened(config: Config, notifier: Notifier) -> Store:
    """
    Open the store; on a full disk wait for space, for it is no better to be started again and again.
    """
    keep_ns, told = int(config.store.keep_days * _DAY_NS), False
    while True:
        try:
            return await Store.open(config.store_path, max_bytes=config.store.max_bytes, keep_ns=keep_ns)
        except StoreNoSpaceError as error:
            if not told:
                _LOG.error("not started yet, the store needs space: %s", error)
            told = True
            notifier.waiting("waits for space on the disk of the store", _NO_SPACE_PATIENCE_S)
        await asyncio.sleep(_NO_SPACE_RETRY_S)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
