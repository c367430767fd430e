"""
The agent: everything that runs, in one task group, and the order in which it ends.

Start: store, correlator with what it knew, delivery, HTTP, sources. It is ready when each source that this host offers
has been tried. End, on SIGTERM or SIGINT: sources first, then what waits for late evidence, then what waits for a sink,
each with its deadline; what is not done by then is done after the next start.
"""

import asyncio
import contextlib
import importlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry

from collector import remembered
from collector.config import Config, ConfigurationError
from collector.correlate.correlator import Correlator
from collector.delivery import Delivery, SinkState
from collector.hostclock import HostIdentity, identify
from collector.http import HttpServer
from collector.intake import Intake
from collector.metrics import Metrics
from collector.sources import SOURCES
from collector.sources.base import Source
from collector.store import Store, StoreError
from collector.supervisor import Emit, Supervisor
from sinks import Sink, load
from sinks.event import EventType

_SETTLE_S: Final = 4.0
_DRAIN_S: Final = 5.0
_READY_S: Final = 10.0
# A kill older than this has nothing to do with a death that is yet to come; verdict/oom.py looks back 30 s.
_REMEMBERED_NS: Final = 600_000_000_000
_LOG: Final = logging.getLogger(__name__)


class Agent:
    """
    One agent.

    Args:
        config: what to read and where to send it.
        identity: this host.
    """

    def __init__(self, config: Config, identity: HostIdentity) -> None:
        self._config = config
        self._identity = identity
        self._stop = asyncio.Event()
        names = [sink.name for sink in config.sinks]
        self._metrics = Metrics(CollectorRegistry(), sources=list(SOURCES), sinks=names)
        self._supervisors: list[Supervisor] = []
        self._delivery: Delivery | None = None
        self._ready = False

    def stop(self) -> None:
        """
        Ask it to end; asked twice, it ends at once.
        """
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()

    async def run(self) -> None:
        """
        Run until `stop`.

        Raises:
            StoreError: the store cannot be used.
            ConfigurationError: a sink or the HTTP server cannot be set up.
        """
        store = await Store.open(self._config.store_path, max_bytes=self._config.store.max_bytes)
        try:
            if store.set_aside is not None:
                _LOG.error("the store was damaged; it was moved to %s and a new one begun", store.set_aside)
                self._metrics.store_damaged()
            await self._run_with(store)
        finally:
            await store.aclose()

    async def _run_with(self, store: Store) -> None:
        self._warn_of_orphans(store)
        delivery = self._delivery = Delivery(store, _sinks(self._config), self._metrics)
        correlator = Correlator(self._identity.published(), self._identity.booted_ns)
        intake = Intake(correlator, store, self._config.sinks, metrics=self._metrics, stored=delivery.wake)
        since_ns = time.time_ns() - _REMEMBERED_NS
        past = await store.events(since_ns=since_ns, types=[EventType.OOM_KILL.value])
        intake.remember([fact for event in past for fact in remembered.kills(event)])
        self._supervisors = _supervisors(self._config, self._identity, intake.put)
        async with self._http(), asyncio.TaskGroup() as tasks:
            deliver = tasks.create_task(delivery.run(), name="delivery")
            take_in = tasks.create_task(intake.run(), name="intake")
            positions = await store.positions()
            sources = [
                tasks.create_task(supervisor.run(positions.get(supervisor.state.name)), name=supervisor.state.name)
                for supervisor in self._supervisors
            ]
            ready = tasks.create_task(self._tell_ready(), name="ready")
            await self._stop.wait()
            self._ready = False
            await _end(ready, *sources)
            await _end(take_in)
            await intake.settle(_SETTLE_S)
            await self._drain(delivery)
            await _end(deliver)

    async def _drain(self, delivery: Delivery) -> None:
        if not await delivery.drain(_DRAIN_S):
            _LOG.warning("some events still wait for their sink; they are sent after the next start")

    async def _tell_ready(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READY_S):
                for supervisor in self._supervisors:
                    await supervisor.tried.wait()
        states = [supervisor.state for supervisor in self._supervisors]
        told = ", ".join(state.name if state.up else f"{state.name} (down)" for state in states)
        _LOG.info("ready; reads %s; sends to %s", told or "nothing", ", ".join(s.name for s in self._config.sinks))
        self._ready = True

    def _http(self) -> contextlib.AbstractAsyncContextManager[None]:
        if self._config.http.listen is None:
            return contextlib.nullcontext()
        return _serving(HttpServer(self._config.http.listen, self._metrics, self._readiness))

    def _readiness(self) -> tuple[bool, Sequence[str]]:
        """
        Whether the agent does its work: started, and no source is down that was asked for or has been up.
        """
        reasons = [] if self._ready else ["starting or stopping"]
        states = [supervisor.state for supervisor in self._supervisors]
        reasons += [f"source {state.name} is down: {state.why}" for state in states if state.missed]
        sinks = self._delivery.health if self._delivery is not None else {}
        notes = [
            f"sink {name} is {health.state.value}: {health.why}"
            for name, health in sinks.items()
            if health.state in (SinkState.DOWN, SinkState.DISABLED)
        ]
        return not reasons, [*reasons, *notes]

    def _warn_of_orphans(self, store: Store) -> None:
        known = {sink.name for sink in self._config.sinks}
        for sink in sorted(store.waiting_sinks() - known):
            _LOG.warning("%d events wait for the sink %s, which is not configured any more", store.depth(sink), sink)


async def serve(config: Config) -> None:
    """
    Run an agent on this host until SIGTERM or SIGINT.
    """
    agent = Agent(config, identify(machine_id=config.host.id, hostname=config.host.hostname))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stop)
    try:
        await agent.run()
    except* (StoreError, ConfigurationError) as group:
        raise _first(group) from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _supervisors(config: Config, host: HostIdentity, emit: Emit) -> list[Supervisor]:
    """
    The sources to run: those that the configuration asks for, and those that this host offers.
    """
    supervisors: list[Supervisor] = []
    for name, module_name in SOURCES.items():
        section = getattr(config.sources, name)
        if section.enabled is False:
            continue
        module = importlib.import_module(module_name)
        if section.enabled is True or module.offered(section):
            source: Source = module.create(section, host)
            supervisors.append(Supervisor(source, required=section.enabled is True, emit=emit))
    return supervisors


def _sinks(config: Config) -> dict[str, Sink]:
    return {sink.name: load(sink.type)[1](sink) for sink in config.sinks}


@contextlib.asynccontextmanager
async def _serving(server: HttpServer) -> AsyncIterator[None]:
    try:
        await server.start()
    except OSError as error:
        raise ConfigurationError("http.listen", f"cannot be listened on: {error.strerror}") from error
    try:
        yield
    finally:
        await server.aclose()


async def _end(*tasks: "asyncio.Task[None]") -> None:
    """
    Cancel tasks and wait until they have ended.
    """
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
