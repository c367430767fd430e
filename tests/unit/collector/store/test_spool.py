"""
What an operator sees of undelivered events and can do about them, while an agent has the store open.
"""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.store import (
    Store,
    StoreCorruptError,
    StoredEvent,
    StoreForeignError,
    StoreUnavailableError,
    StoreVersionError,
)
from collector.store.spool import Spool

NOW_S = 1_800_000_000.0


def event(number: int) -> StoredEvent:
    """
    Return the event with this number, for two sinks.
    """
    return StoredEvent(
        id=f"kill-{number}",
        type="exit137.oom_kill",
        subject=f"container/{number}",
        key="k",
        time_ns=number,
        container_id=None,
        body=b'{"number":%d}' % number,
        sinks=("audit", "bus"),
    )


def damage(path: Path) -> None:
    path.write_bytes(b"\xa5" * 8192)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """
    A store with three events: `audit` refused the first and failed with the second; `bus` was not tried.
    """
    store = await Store.open(path, wall_ns=lambda: int(NOW_S * 1e9))
    await store.commit([event(number) for number in range(3)], {})
    await store.dead_letter("audit", "kill-0", "rejected", "400")
    await store.mark_failed("audit", ["kill-1"], NOW_S + 60, "unreachable", "no route")
    yield store
    await store.aclose()


async def ready(store: Store, sink: str) -> list[str]:
    """
    Return the ids of the events that may be sent to a sink now.
    """
    return [pending.outgoing.id for pending in await store.pending(sink, 10, NOW_S)]


async def test_a_backlog_counts_pending_and_dead_lettered_events(store: Store, path: Path) -> None:
    """
    It also has the largest number of attempts and the last failure.
    """
    with Spool(path) as spool:
        audit, bus = spool.backlogs()

    assert (audit.sink, audit.waiting, audit.dead, audit.attempts, audit.detail) == ("audit", 2, 1, 1, "no route")
    assert (bus.sink, bus.waiting, bus.dead, bus.attempts) == ("bus", 3, 0, 0)
    assert audit.oldest_ns == NOW_S * 1e9
    assert audit.retry_at_s == NOW_S + 60


async def test_entries_are_selected_by_sink_and_by_a_prefix_of_the_id(store: Store, path: Path) -> None:
    """
    As with container ids, a few characters are enough.
    """
    with Spool(path) as spool:
        assert [(entry.sink, entry.id) for entry in spool.entries(dead=True)] == [("audit", "kill-0")]
        assert [entry.id for entry in spool.entries(dead=False, sinks=["bus"])] == ["kill-0", "kill-1", "kill-2"]
        (one,) = spool.entries(dead=False, sinks=["audit"], ids=["kill-1"])
    assert (one.reason, one.attempts, one.body) == ("unreachable", 1, b'{"number":1}')


async def test_a_requeued_dead_letter_has_its_old_place_in_the_order(store: Store, path: Path) -> None:
    """
    Delayed events become due at once.
    """
    with Spool(path) as spool:
        assert spool.requeue(["audit"]) == 2

    assert await ready(store, "audit") == ["kill-0", "kill-1", "kill-2"]


async def test_requeue_affects_only_the_selected_events(store: Store, path: Path) -> None:
    """
    Other sinks and other events are not changed.
    """
    with Spool(path) as spool:
        assert spool.requeue(["bus"]) == 0
        assert spool.requeue(ids=["kill-0"]) == 1
        assert spool.entries(dead=True) == []

    assert await ready(store, "audit") == ["kill-0"]


async def test_the_age_of_a_requeued_dead_letter_starts_again(store: Store, path: Path) -> None:
    """
    Otherwise it would expire again at once.
    """
    with Spool(path, wall_ns=lambda: int((NOW_S + 1000) * 1e9)) as spool:
        spool.requeue(ids=["kill-0"])
    assert await store.refresh()

    assert await store.expire("audit", NOW_S + 500) == 2
    assert await ready(store, "audit") == ["kill-0"]


async def test_purged_events_stay_in_the_history(store: Store, path: Path) -> None:
    """
    Only their deliveries are deleted.
    """
    with Spool(path) as spool:
        assert spool.purge(dead=True) == 1
        assert spool.purge(dead=False, sinks=["bus"]) == 3
        assert [backlog.sink for backlog in spool.backlogs()] == ["audit"]

    assert len(await store.events()) == 3


async def test_the_agent_notices_changes(store: Store, path: Path) -> None:
    """
    After a refresh, the agent's own counts are right again.
    """
    assert not await store.refresh()
    with Spool(path) as spool:
        spool.requeue(["audit"])
        spool.purge(dead=False, sinks=["bus"])

    assert await store.refresh()
    assert (store.depth("audit"), store.depth("bus")) == (3, 0)
    assert not await store.refresh()


def test_a_missing_store_is_not_created(path: Path) -> None:
    """
    A wrong configuration leaves no file behind.
    """
    with pytest.raises(StoreUnavailableError):
        Spool(path)
    assert not path.exists()


def test_a_file_of_another_program_is_refused(path: Path) -> None:
    """
    Neither a foreign database nor a file that is not a database is accepted.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (id)")
    with pytest.raises(StoreForeignError):
        Spool(path)
    path.write_bytes(b"hello" * 1000)
    with pytest.raises(StoreForeignError):
        Spool(path)


@pytest.mark.parametrize(("version", "advice"), [(0, "start the agent once"), (99, "install a newer version")])
async def test_a_store_of_another_version_is_refused_but_not_called_foreign(
    store: Store, path: Path, version: int, advice: str
) -> None:
    """
    An operator who is asked to move the file away would lose its pending events.
    """
    await store.aclose()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(StoreVersionError, match=advice):
        Spool(path)


async def test_a_damaged_store_is_reported_as_damaged(store: Store, path: Path) -> None:
    """
    The lock file proves that it is a store of exit137. The agent salvages it at its next start.
    """
    await store.aclose()
    damage(path)
    with pytest.raises(StoreCorruptError):
        Spool(path)
