"""
The hub: one process that takes the events of many hosts, finds incidents, and serves pages.

Start: store, detector with what it knew, sinks, inputs, pages. Stop, on SIGTERM or SIGINT: first the inputs, then what
they delivered is stored, then the sinks. What is not stored was not acknowledged, so its sender sends it again.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from collector.config.loader import ConfigurationError
from collector.config.sections import Config
from collector.metrics import Metrics
from collector.runtime.http_manager import HttpManager
from collector.runtime.managers import SinkManager, cancel
from collector.runtime.sd_notify import SdNotifier
from collector.runtime.watchdog import Watchdog
from collector.store import PastEvent, StoredEvent, StoreError
from collector.store.records import Position
from fleet.health import HubHealth
from fleet.incidents.detector import Detector
from fleet.intake import DETECTOR, FleetIntake
from fleet.opening import opened
from fleet.pages.server import FleetPages
from fleet.stores import Stores
from sinks.errors import DisabledError, Reason

if TYPE_CHECKING:
    from collector.runtime.http_server import Api
    from fleet.inputs.kafka import KafkaInput
    from fleet.inputs.webhook import WebhookInput
    from fleet.opensearch.member import Member

_DRAIN_SINKS_S: Final = 5.0
_DRAIN_CLUSTER_S: Final = 10.0
_LOG: Final = logging.getLogger(__name__)

Fill = Callable[[FleetIntake], Awaitable[None]]


class Hub:
    """
    Owns the parts of the hub and connects them.

    Args:
        config: inputs, store, pages and sinks.
        stores: where events and incidents are; the caller closes them.
        state: the stored position of the detector; None if there is none, or if hubs take turns.
        tasks: owns everything that runs.
        notifier: reports the state of the hub to the service manager.
        fill: stores events before the hub is ready, for a demonstration.
        wall_ns: the wall clock.
    """

    def __init__(
        self,
        config: Config,
        stores: Stores,
        state: Position | None,
        *,
        tasks: asyncio.TaskGroup,
        notifier: SdNotifier,
        fill: Fill | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._config = config
        self._stores = stores
        self._tasks = tasks
        self._notifier = notifier
        self._stop = asyncio.Event()
        self._metrics = Metrics()
        self._sinks = SinkManager(stores.outbox, self._metrics, tasks)
        self._replay_after = int(state["seq"]) if state is not None else 0
        self._pages = FleetPages(config, stores.past, wall_ns)
        self._member = self._made_member(wall_ns)
        if self._member is None:
            detector = Detector.restore(state["state"]) if state is not None else Detector()
            self.intake = FleetIntake(stores.events, detector, config.sinks, on_stored=self._on_stored, wall_ns=wall_ns)
        else:
            self.intake = FleetIntake(stores.events, None, (), wall_ns=wall_ns)
        self._fill = fill
        self._webhook: WebhookInput | None = None
        self._kafka: KafkaInput | None = None
        self._health = HubHealth(
            self._metrics,
            stores.outbox,
            self.intake,
            self._sinks,
            kafka=lambda: self._kafka,
            cluster=self._member.troubles if self._member is not None else lambda: (),
        )
        self._http = HttpManager(self._metrics, self._health, _no_api)

    def stop(self) -> None:
        """
        Begin an orderly shutdown. A second call stops the hub immediately.
        """
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()

    async def run(self) -> None:
        """
        Run until `stop` is called.

        Raises:
            ConfigurationError: an address is not available, or a setting cannot be used.
        """
        watchdog = Watchdog(self._notifier, self._metrics, self._health.stall_reason)
        report = self._tasks.create_task(watchdog.run(), name="watchdog")
        replayed = await self._load()
        running = [
            self._tasks.create_task(self.intake.run(), name="intake"),
            self._tasks.create_task(self._sinks.watch(), name="watch the spool"),
        ]
        inputs = await self._start()
        if self._fill is not None:
            await self._fill(self.intake)
        self._health.ready = True
        self._notifier.ready(f"takes events; {replayed} were observed again")
        await self._stop.wait()
        self._health.ready = False
        self._notifier.stopping()
        await cancel(*inputs)
        if self._webhook is not None:
            await self._webhook.aclose()
        await cancel(*running)
        with contextlib.suppress(TimeoutError):
            # A cluster may be away for long. What it did not take was not acknowledged.
            async with asyncio.timeout(_DRAIN_CLUSTER_S if self._member is not None else None):
                await self.intake.drain()
        await self._sinks.drain(_DRAIN_SINKS_S)
        if self._member is not None:
            await self._member.stop()
        await self._sinks.stop()
        await self._pages.aclose()
        await self._http.stop()
        await cancel(report)

    async def _load(self) -> int:
        """
        Read what was stored before. Return how many events the detector took again.
        """
        if self._member is not None:
            after_seq = await self._stores.events.last_seq()
            known = await self._pages.load(self._stores.events)
            self._member.start(self._tasks, after_seq, known)
            return 0
        await self._pages.load(self._stores.events)
        replayed = await self.intake.replay(self._replay_after)
        await self._sinks.apply(self._config.sinks)
        return replayed

    def _made_member(self, wall_ns: Callable[[], int]) -> "Member | None":
        """
        Return this hub's part in a cluster; None with SQLite.
        """
        if self._stores.cluster is None:
            return None
        from fleet.opensearch.member import Member  # noqa: PLC0415 (only what is configured is imported)

        return Member(
            self._config,
            self._stores.cluster,
            self._stores.outbox,
            apply=self._sinks.apply,
            wake=self._sinks.wake,
            take=self._on_followed,
            wall_ns=wall_ns,
        )

    async def _start(self) -> "list[asyncio.Task[None]]":
        """
        Listen and read. Return the tasks of the inputs.
        """
        hub = self._config.hub
        await self._http.apply(self._config.http)
        try:
            key = "hub.listen"
            _LOG.info("pages at %s", await self._pages.start())
            inputs = [self._tasks.create_task(self._pages.run(), name="pages")]
            if hub.webhook is not None:
                from fleet.inputs.webhook import WebhookInput  # noqa: PLC0415 (only what is configured is imported)

                key = "hub.webhook"
                self._webhook = WebhookInput(hub.webhook, self.intake)
                _LOG.info("takes events at port %d", await self._webhook.start())
            if hub.kafka is not None:
                from fleet.inputs.kafka import KafkaInput, as_sink_config  # noqa: PLC0415

                key = "hub.kafka"
                as_sink_config(hub.kafka)
                self._kafka = KafkaInput(hub.kafka, self.intake, self._stores.events.positions)
                inputs.append(self._tasks.create_task(self._kafka.run(), name="kafka"))
        except (OSError, DisabledError) as error:
            raise ConfigurationError(key, str(error)) from error
        return inputs

    def _on_stored(self, events: Sequence[StoredEvent]) -> None:
        if any(event.sinks for event in events):
            self._sinks.wake()
        self._show(events)

    def _on_followed(self, events: Sequence[PastEvent]) -> None:
        self._show(events)

    def _show(self, events: Sequence[StoredEvent | PastEvent]) -> None:
        for event in events:
            self._metrics.events.add(event.type, "none")
        self._pages.take(events)


async def serve(
    config: Config,
    notifier: SdNotifier,
    *,
    fill: Fill | None = None,
    wall_ns: Callable[[], int] = time.time_ns,
) -> None:
    """
    Run a hub until SIGTERM or SIGINT.

    Args:
        config: inputs, store, pages and sinks.
        notifier: reports the state of the hub to the service manager.
        fill: stores events instead of an input, for a demonstration.
        wall_ns: the wall clock.

    Raises:
        StoreError: the store cannot be used.
        ConfigurationError: there is no input, or an address is not available.
    """
    if config.hub.webhook is None and config.hub.kafka is None and fill is None:
        raise ConfigurationError("hub", "no input is configured, expected [hub.webhook], [hub.kafka] or both")
    loop = asyncio.get_running_loop()
    try:
        async with opened(config, wall_ns, notifier.waiting) as stores, asyncio.TaskGroup() as tasks:
            positions: Mapping[str, Position] = await stores.outbox.positions()
            state = positions.get(DETECTOR) if stores.cluster is None else None
            hub = Hub(config, stores, state, tasks=tasks, notifier=notifier, fill=fill, wall_ns=wall_ns)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, hub.stop)
            await hub.run()
    except* ConfigurationError as group:
        raise group.exceptions[0] from group
    except* StoreError as group:
        raise group.exceptions[0] from group


def _no_api() -> "Api":
    raise DisabledError(Reason.UNUSABLE, "a hub serves /v1 at hub.listen")
