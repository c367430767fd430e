"""
Alerts in a real Alertmanager: one for each problem, resolved, grouped, silenced, and back after a restart or an outage.
"""

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from collector.delivery import Courier, addressed
from collector.metrics import Metrics
from collector.store import Store
from sinks.alertmanager import AlertmanagerConfig, AlertmanagerSink
from sinks.base import Outgoing
from sinks.errors import TransientError
from sinks.event import Container, Event, EventType, Severity, to_json
from sinks.secret import Secret
from tests.alertmanager.server import Alertmanager, alertmanager
from tests.crash.agent import configuration, running, until
from tests.lab.waiting import eventually
from tests.unit.sinks.chat.scenes import recorded, trial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SOON_S = 20.0


class QuickClock:
    """
    The wall clock, and waits of a twentieth of a second at most.
    """

    def now_s(self) -> float:
        return time.time()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        await asyncio.wait_for(event.wait(), None) if seconds is None else await asyncio.sleep(min(seconds, 0.05))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path) as made:
        made.start()
        yield made


def config(server: Alertmanager, **settings: float) -> AlertmanagerConfig:
    return AlertmanagerConfig(name="alerts", type="alertmanager", url=Secret(server.url), **settings)  # type: ignore[arg-type]


@asynccontextmanager
async def sink(server: Alertmanager, **settings: float) -> AsyncIterator[AlertmanagerSink]:
    made = AlertmanagerSink(config(server, **settings))
    await made.open()
    yield made
    await made.aclose()


def death(number: int, name: str = "box", *, ago_s: float = 1) -> Event:
    """
    Return the death of a container by an OOM kill.
    """
    found = next(
        event
        for event in recorded()
        if event.type is EventType.CONTAINER_DEATH and event.exit137.cause == "oom_kill" and event.container is not None
    )
    return replace(
        found,
        id=f"death-{number}",
        container=Container(id=f"{number:064x}", name=name),
        time_ns=int((time.time() - ago_s) * 1e9),
        event=replace(found.event, severity=Severity.ERROR),
    )


def sent(*events: Event) -> list[Outgoing]:
    return [Outgoing(id=event.id, type=event.type.value, key=event.key, body=to_json(event)) for event in events]


def warning(level: str, severity: Severity) -> list[Outgoing]:
    """
    Return a warning about the memory of a container, at a level.
    """
    made = death(1)
    body = to_json(replace(made, type=EventType.MEMORY_PRESSURE, event=replace(made.event, severity=severity)))
    pressure = f'"pressure":{{"kind":"limit","level":"{level}"}},"schema_version"'.encode()
    return [Outgoing(id=level, type="t", key="k", body=body.replace(b'"schema_version"', pressure, 1))]


def pending(store: Path) -> int:
    """
    Return how many deliveries are pending in the store of an agent.
    """
    with closing(sqlite3.connect(store)) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])


async def soon(condition: Callable[[], object]) -> None:
    """
    Wait until what Alertmanager must do has happened.
    """
    await eventually(condition, SOON_S, "Alertmanager has acted")


async def test_the_deaths_of_one_container_are_one_alert(server: Alertmanager) -> None:
    """
    Its labels are those by which people route: what, whose, where, why and how bad. Another container has its own.
    """
    async with sink(server) as made:
        await made.send(sent(death(1), death(2)))
        await made.send(sent(death(3), death(4, "other")))

    labels = sorted((alert["labels"] for alert in server.alerts()), key=lambda each: each["container"])
    assert [each["container"] for each in labels] == ["box", "other"]
    assert labels[0] | {"instance": ""} == {
        "alertname": "ContainerDied",
        "job": "exit137",
        "instance": "",
        "container": "box",
        "cause": "oom_kill",
        "severity": "critical",
    }


async def test_a_death_is_resolved_after_a_stated_time(server: Alertmanager) -> None:
    """
    Nothing says that a death is over, so that it passes by itself; people hear both.
    """
    async with sink(server, resolve_after_s=3) as made:
        await made.send(sent(death(1)))
        await soon(lambda: server.notified[-1:] and server.notified[-1][0] == "firing")
        await soon(lambda: server.alerts() == [])
        await soon(lambda: server.notified[-1][0] == "resolved")


async def test_a_warning_lasts_until_it_passes(server: Alertmanager) -> None:
    """
    A worse level replaces the alert; the end resolves it, also after a restart of the agent.
    """
    async with sink(server) as made:
        await made.send(warning("warning", Severity.WARNING))
        await made.send(warning("critical", Severity.CRITICAL))
        (alert,) = server.alerts()
        assert (alert["labels"]["alertname"], alert["labels"]["severity"]) == ("ContainerMemoryPressure", "critical")
    async with sink(server) as restarted:
        await restarted.send(warning("resolved", Severity.INFO))
        await soon(lambda: server.alerts() == [])


async def test_alertmanager_groups_them(server: Alertmanager) -> None:
    """
    Twenty deaths of two containers are two notifications.
    """
    async with sink(server) as made:
        await made.send(sent(*(death(number, f"box-{number % 2}") for number in range(20))))
        await soon(lambda: len(server.notified) == 2)
        await asyncio.sleep(2)
    assert sorted(labels["container"] for _, (labels,) in server.notified) == ["box-0", "box-1"]


async def test_a_silence_holds_for_later_deaths(server: Alertmanager) -> None:
    """
    A maintenance window is made in Alertmanager; nobody is notified.
    """
    await asyncio.to_thread(server.silence, "container", "box")
    async with sink(server) as made:
        await made.send(sent(death(1), death(2, "other")))
        await soon(lambda: len(server.notified) == 1)
        await asyncio.sleep(2)
    assert [labels["container"] for _, (labels,) in server.notified] == ["other"]
    assert len(server.alerts(active=False)) == 2


async def test_events_that_are_no_problem_make_no_alert(server: Alertmanager) -> None:
    """
    A container that was stopped by its operator wakes nobody, unless `min_severity` says so.
    """
    stopped = death(1)
    async with sink(server) as made:
        await made.send(sent(replace(stopped, event=replace(stopped.event, severity=Severity.INFO))))
    assert server.alerts() == []


async def test_the_test_event_makes_an_alert(server: Alertmanager) -> None:
    """
    `exit137 check --send-test` shows whether Alertmanager takes alerts, although the event is not severe.
    """
    async with sink(server) as made:
        await made.send(trial())
    assert [alert["labels"]["alertname"] for alert in server.alerts()] == ["Exit137Test"]


async def test_an_alertmanager_that_does_not_answer_is_tried_again(server: Alertmanager) -> None:
    """
    Closing is safe at any time, and a sink may be opened again.
    """
    server.kill()
    async with sink(server) as made:
        await made.open()
        with pytest.raises(TransientError):
            await made.send(sent(death(1)))
        await made.aclose()
        await made.send([])
        await asyncio.to_thread(server.start)
        await made.open()
        await made.send(sent(death(1)))
        assert len(server.alerts()) == 1


@asynccontextmanager
async def courier(server: Alertmanager, folder: Path) -> AsyncIterator[tuple[Store, Courier]]:
    """
    Yield a store, and the real delivery from it to the server.
    """
    store = await Store.open(folder / "s.db")
    settings = config(server, repeat_every_s=1)
    made = Courier(
        settings, AlertmanagerSink(settings), store=store, metrics=Metrics(sinks=["alerts"]), clock=QuickClock()
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(made.run())
        yield store, made
        task.cancel()
    await store.aclose()


async def test_alerts_are_back_after_a_restart_of_alertmanager(server: Alertmanager, tmp_path: Path) -> None:
    """
    Alertmanager keeps alerts in memory only: delivery has the sink repeat what is not resolved.
    """
    async with courier(server, tmp_path) as (store, made):
        await store.commit([addressed(death(1), [config(server)])], {})
        made.wake()
        await soon(server.alerts)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await soon(server.alerts)
        assert store.depth("alerts") == 0


async def test_what_happened_during_an_outage_fires_afterwards(server: Alertmanager, tmp_path: Path) -> None:
    """
    A death of an hour ago is not resolved before anybody has heard of it.
    """
    server.kill()
    async with courier(server, tmp_path) as (store, made):
        events = [death(number, f"box-{number}", ago_s=3600 - number) for number in range(100)]
        await store.commit([addressed(event, [config(server)]) for event in events], {})
        made.wake()
        await soon(lambda: made.health.why is not None)
        await asyncio.to_thread(server.start)
        await soon(lambda: store.depth("alerts") == 0)
        assert len(server.alerts()) == 100


def test_a_kill_between_sending_and_recording_makes_no_second_alert(server: Alertmanager, tmp_path: Path) -> None:
    """
    The agent sends the alert again, and Alertmanager takes it for the same.
    """
    (tmp_path / "home").mkdir()
    path = configuration(tmp_path / "home", f'name = "alerts"\ntype = "alertmanager"\nurl = "{server.url}"')

    async def fill() -> None:
        store = await Store.open(tmp_path / "home" / "s.db")
        await store.commit([addressed(death(1), [config(server)])], {})
        await store.aclose()

    asyncio.run(fill())
    with running(path, "before a delivery is recorded") as agent:
        assert agent.wait(60) == -signal.SIGKILL
    assert len(server.alerts()) == 1
    with running(path) as agent:
        until(lambda: pending(tmp_path / "home" / "s.db") == 0)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(20) == 0
    assert len(server.alerts()) == 1
