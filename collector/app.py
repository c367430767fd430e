"""
The agent: starts, reloads and stops everything, in one task group.

Start: store, restored state, HTTP, delivery, sources. The agent is ready when each source has been tried. A reload
checks the new configuration first and touches only what changed. Stop, on SIGTERM or SIGINT: first the sources, then
the analyzer, which waits for late evidence, then the couriers, each with a deadline. What is not done by then is done
after the next start.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from collector.analyzer import Analyzer
from collector.config.loader import ConfigurationError
from collector.config.sections import Config
from collector.facts.observed import GapFact
from collector.host.clock import HostIdentity, identify
from collector.metrics import Metrics
from collector.pipeline import restore
from collector.pipeline.autopsies import Autopsies
from collector.pipeline.committer import Committer
from collector.pipeline.intake import Intake
from collector.publish.agent import AgentEvents
from collector.runtime.health import Health
from collector.runtime.http_manager import HttpManager
from collector.runtime.managers import SinkManager, SourceManager, cancel
from collector.runtime.sd_notify import SdNotifier
from collector.runtime.status_reports import StatusReports
from collector.runtime.store_watch import StoreWatch
from collector.runtime.watchdog import Watchdog
from collector.sources import SOURCES
from collector.store import Salvaged, Store, StoreError, StoreNoSpaceError
from sinks.event import EventType, GapKind

if TYPE_CHECKING:
    from collector.web.api.endpoints import Api

# With 10 s to close the sinks, these stay below the unit's TimeoutStopSec=30.
_DRAIN_INTAKE_S: Final = 4.0
_DRAIN_SINKS_S: Final = 5.0
# The agent reports itself as ready after this time, even if a source has not answered.
_READY_S: Final = 10.0
# An older kill cannot be the cause of a death that is still to come: verdict/oom.py looks back 30 s.
_RESTORE_KILLS_NS: Final = 600_000_000_000
# Far more than the 256 events that the engine can repeat.
_RESTORE_DEATHS: Final = 1024
_RESTORE_WARNINGS_NS: Final = 7 * 86_400_000_000_000
_NO_SPACE_RETRY_S: Final = 5.0
# How far each attempt extends systemd's timeout for the start; longer than the retry.
_NO_SPACE_EXTEND_S: Final = 60.0
_DAY_NS: Final = 86_400_000_000_000
_LOG: Final = logging.getLogger(__name__)


class Agent:
    """
    Owns the parts of the agent and connects them.

    Args:
        config: the sources, the sinks and the HTTP server.
        identity: this host.
        store: where events and positions are stored; the caller closes it.
        tasks: owns everything that runs.
        notifier: reports the state of the agent to the service manager.
    """

    def __init__(
        self, config: Config, identity: HostIdentity, *, store: Store, tasks: asyncio.TaskGroup, notifier: SdNotifier
    ) -> None:
        self._config, self._store, self._tasks, self._notifier = config, store, tasks, notifier
        self._stop = asyncio.Event()
        self._metrics = Metrics(sources=list(SOURCES))
        self._sinks = SinkManager(store, self._metrics, tasks)
        store.on_sendable = self._sinks.wake
        host = identity.published()
        analyzer = Analyzer(host, identity.booted_ns)
        self._committer = Committer(
            store,
            config.sinks,
            agent_events=AgentEvents(host=host),
            metrics=self._metrics,
            on_stored=self._on_stored,
            complete=Autopsies(analyzer.snapshot_of).complete,
        )
        self._status = StatusReports(analyzer, store, lambda: self._sources.supervisors)
        self._intake = Intake(
            analyzer,
            self._committer,
            metrics=self._metrics,
            request_watermarks=lambda: self._sources.request_watermarks(),  # noqa: PLW0108 (created below)
            on_behind=lambda is_behind: self._sources.set_behind(is_behind),  # noqa: PLW0108
            status=self._status.schedule,
        )
        self._sources = SourceManager(identity, self._intake.put, store.positions, tasks)
        self._health = Health(
            self._metrics,
            store,
            intake=self._intake,
            committer=self._committer,
            sources=self._sources,
            sinks=self._sinks,
        )
        self._store_watch = StoreWatch(store, self._metrics, self._committer.add_gap)
        self._analyzer = analyzer
        self._api: Api | None = None
        self._http = HttpManager(self._metrics, self._health, self._make_api)

    def stop(self) -> None:
        """
        Begin an orderly shutdown. A second call stops the agent immediately.
        """
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()

    async def run(self, reload: asyncio.Event, reread: Callable[[], Config]) -> None:
        """
        Run until `stop` is called.

        Args:
            reload: set to reload the configuration.
            reread: reads the configuration.

        Raises:
            ConfigurationError: the HTTP server cannot be started.
        """
        if self._store.salvaged is not None:
            self._publish_damage(self._store.salvaged)
        await self._restore()
        watchdog = Watchdog(self._notifier, self._metrics, self._health.stall_reason)
        report = self._tasks.create_task(watchdog.run(), name="watchdog")
        intake = self._tasks.create_task(self._intake.run(), name="intake")
        watches = [
            self._tasks.create_task(self._sinks.watch(), name="watch the spool"),
            self._tasks.create_task(self._store_watch.run(), name="watch the store"),
        ]
        try:
            await self._apply(self._config)
            control = self._tasks.create_task(self._control(reload, reread), name="control")
            await self._stop.wait()
            self._health.ready = False
            self._notifier.stopping()
            await cancel(control)
            await self._sources.stop()
            await cancel(intake)
            await self._intake.drain(_DRAIN_INTAKE_S)
            if not await self._sinks.drain(_DRAIN_SINKS_S):
                await self._store_watch.check()
                _LOG.warning("%s", self._store_watch.pending_at_end())
            await self._sinks.stop()
            await cancel(*watches, report)
        finally:
            await self._http.stop()

    def _publish_damage(self, salvaged: Salvaged) -> None:
        _LOG.error("the store was damaged: %s", salvaged)
        self._metrics.store_damaged.add()
        text = f"The store of the agent was damaged: {salvaged}."
        self._committer.add_gap(GapFact(source="store", what=GapKind.STORE_DAMAGED, at_ns=time.time_ns(), text=text))

    async def _restore(self) -> None:
        now_ns = time.time_ns()
        past = await self._store.events(since_ns=now_ns - _RESTORE_KILLS_NS, types=[EventType.OOM_KILL.value])
        self._intake.restore([fact for event in past for fact in restore.kills(event)])
        past = await self._store.events(types=[EventType.CONTAINER_DEATH.value], limit=_RESTORE_DEATHS)
        self._intake.restore(restore.deaths(past))
        since_ns = now_ns - _RESTORE_WARNINGS_NS
        past = await self._store.events(since_ns=since_ns, types=[EventType.MEMORY_PRESSURE.value])
        self._intake.restore(restore.warnings(past))

    async def _apply(self, config: Config) -> None:
        """
        Run what a configuration asks for. The HTTP server comes first: if it fails, nothing has changed.
        """
        await self._http.apply(config.http)
        self._committer.route_to(config.sinks)
        await self._sinks.apply(config.sinks)
        await self._sources.apply(config.sources)
        self._config = config
        self._sinks.warn_of_former()
        await self._status.apply(config.status.interval_s)

    async def _control(self, reload: asyncio.Event, reread: Callable[[], Config]) -> None:
        """
        Report when the agent is ready, then reload on each request.
        """
        _LOG.info("ready; %s", await self._report_ready())
        while True:
            self._health.ready = True
            await reload.wait()
            reload.clear()
            self._notifier.reloading()
            done = await self._reload(reread)
            status = await self._report_ready()
            if done:
                _LOG.info("reloaded; %s", status)

    async def _reload(self, reread: Callable[[], Config]) -> bool:
        """
        Apply the current configuration file. Return False if nothing changed, or if it is not valid.
        """
        before = self._config
        try:
            config = reread()
            if config == before:
                _LOG.info("reloaded; nothing has changed")
                return False
            await self._apply(config)
        except ConfigurationError as error:
            _LOG.error("reload failed, the old configuration stays in force: %s", error)
            return False
        if (config.host, config.store) != (before.host, before.store):
            _LOG.warning("changes in [host] and [store] take effect at the next start")
        return True

    async def _report_ready(self) -> str:
        """
        Wait until every source has been tried, then report to the service manager. Return the reported status.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_S):
                for supervisor in self._sources.supervisors:
                    await supervisor.tried.wait()
        states = [supervisor.state for supervisor in self._sources.supervisors]
        reads = ", ".join(state.name if state.up else f"{state.name} (down)" for state in states)
        status = f"reads {reads or 'nothing'}; sends to {', '.join(sink.name for sink in self._config.sinks)}"
        self._notifier.ready(status)
        return status

    def _on_stored(self) -> None:
        if self._api is not None:
            self._api.wake()

    def _make_api(self) -> "Api":
        from collector.web.api.agent import RunningAgent  # noqa: PLC0415 (only what is configured is imported)
        from collector.web.api.endpoints import Api  # noqa: PLC0415

        agent = RunningAgent(
            self._intake.questions,
            self._analyzer,
            down=self._health.down_sources,
            docker_url=lambda: self._config.sources.docker.url,
        )
        self._api = Api(agent, self._config.store_path)
        return self._api


async def serve(config: Config, reread: Callable[[], Config], notifier: SdNotifier) -> None:
    """
    Run an agent on this host until SIGTERM or SIGINT; SIGHUP reloads its configuration.

    Raises:
        StoreError: the store cannot be used.
        ConfigurationError: the HTTP server cannot be started.
    """
    identity = identify(machine_id=config.host.id, hostname=config.host.hostname)
    reload = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    store = await _open_store(config, notifier)
    try:
        async with asyncio.TaskGroup() as tasks:
            agent = Agent(config, identity, store=store, tasks=tasks, notifier=notifier)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, agent.stop)
            await agent.run(reload, reread)
    except* (StoreError, ConfigurationError) as group:
        raise _first_leaf(group) from group
    finally:
        await store.aclose()


async def _open_store(config: Config, notifier: SdNotifier) -> Store:
    """
    Open the store. On a full disk, wait for space: restarting would not help.
    """
    keep_ns, is_logged = int(config.store.keep_days * _DAY_NS), False
    while True:
        try:
            return await Store.open(config.store_path, max_bytes=config.store.max_bytes, keep_ns=keep_ns)
        except StoreNoSpaceError as error:
            if not is_logged:
                _LOG.error("cannot start yet, the disk of the store is full: %s", error)
            is_logged = True
            notifier.waiting("waiting for space on the disk of the store", _NO_SPACE_EXTEND_S)
        await asyncio.sleep(_NO_SPACE_RETRY_S)


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first
