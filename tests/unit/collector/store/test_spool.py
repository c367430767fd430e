"""
What a person sees of undelivered events and can do about them, beside the agent that has the store open.
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
    The event of a number, for two sinks.
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


def spoil(path: Path) -> None:
    path.write_bytes(b"\xa5" * 8192)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """
    Of three events, `audit` refused the first, failed with the second, and nothing was tried with `bus`.
    """
    store = await Store.open(path, wall_ns=lambda: int(NOW_S * 1e9))
    await store.commit([event(number) for number in range(3)], {})
    await store.dead("audit", "kill-0", "rejected", "400")
    await store.failed("audit", ["kill-1"], NOW_S + 60, "unreachable", "no route")
    yield store
    await store.aclose()


async def ready(store: Store, sink: str) -> list[str]:
    """
    What a sink may be sent now.
    """
    return [pending.outgoing.id for pending in await store.pending(sink, 10, NOW_S)]


async def test_backlog_says_what_waits_and_what_was_put_aside(store: Store, path: Path) -> None:
    """
    Per sink; with the worst attempt and the last words.
    """
    with Spool(path) as spool:
        audit, bus = spool.backlogs()

    assert (audit.sink, audit.waiting, audit.dead, audit.attempts, audit.detail) == ("audit", 2, 1, 1, "no route")
    assert (bus.sink, bus.waiting, bus.dead, bus.attempts) == ("bus", 3, 0, 0)
    assert audit.oldest_ns == NOW_S * 1e9
    assert audit.retry_at_s == NOW_S + 60


async def test_entries_are_chosen_by_sink_and_by_how_the_id_begins(store: Store, path: Path) -> None:
    """
    As with container ids, a few characters are enough.
    """
    with Spool(path) as spool:
        assert [(entry.sink, entry.id) for entry in spool.entries(dead=True)] == [("audit", "kill-0")]
        assert [entry.id for entry in spool.entries(dead=False, sinks=["bus"])] == ["kill-0", "kill-1", "kill-2"]
        (one,) = spool.entries(dead=False, sinks=["audit"], ids=["kill-1"])
    assert (one.reason, one.attempts, one.body) == ("unreachable", 1, b'{"number":1}')


async def test_requeued_dead_letter_comes_first_again(store: Store, path: Path) -> None:
    """
    At its old place in the order, and what waited for a retry is due at once.
    """
    with Spool(path) as spool:
        assert spool.requeue(["audit"]) == 2

    assert await ready(store, "audit") == ["kill-0", "kill-1", "kill-2"]


async def test_requeue_leaves_other_sinks_and_events_alone(store: Store, path: Path) -> None:
    """
    Only what was named.
    """
    with Spool(path) as spool:
        assert spool.requeue(["bus"]) == 0
        assert spool.requeue(ids=["kill-0"]) == 1
        assert spool.entries(dead=True) == []

    assert await ready(store, "audit") == ["kill-0"]


async def test_requeued_dead_letter_is_as_young_as_a_new_event(store: Store, path: Path) -> None:
    """
    Else its age would put it aside again at once.
    """
    with Spool(path, wall_ns=lambda: int((NOW_S + 1000) * 1e9)) as spool:
        spool.requeue(ids=["kill-0"])

    assert await store.expire("audit", NOW_S + 500) == 2
    assert await ready(store, "audit") == ["kill-0"]


async def test_purged_events_stay_in_the_history(store: Store, path: Path) -> None:
    """
    Only that they are sent is given up.
    """
    with Spool(path) as spool:
        assert spool.purge(dead=True) == 1
        assert spool.purge(dead=False, sinks=["bus"]) == 3
        assert [backlog.sink for backlog in spool.backlogs()] == ["audit"]

    assert len(await store.events()) == 3


async def test_agent_notices_what_was_changed(store: Store, path: Path) -> None:
    """
    Its own count of what waits is right again after it looked.
    """
    assert not await store.refresh()
    with Spool(path) as spool:
        spool.requeue(["audit"])
        spool.purge(dead=False, sinks=["bus"])

    assert await store.refresh()
    assert (store.depth("audit"), store.depth("bus")) == (3, 0)
    assert not await store.refresh()


def test_store_that_is_not_there_is_not_made(path: Path) -> None:
    """
    A wrong configuration leaves no file behind.
    """
    with pytest.raises(StoreUnavailableError):
        Spool(path)
    assert not path.exists()


def test_file_of_another_program_is_refused(path: Path) -> None:
    """
    Neither a database without our mark nor a file that is none.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (id)")
    with pytest.raises(StoreForeignError):
        Spool(path)
    path.write_bytes(b"hello" * 1000)
    with pytest.raises(StoreForeignError):
        Spool(path)


@pytest.mark.parametrize(("version", "advice"), [(0, "has yet to be started"), (99, "install a later one")])
async def test_store_of_another_version_is_refused_but_not_disowned(
    store: Store, path: Path, version: int, advice: str
) -> None:
    """
    Whoever is told to move it away would lose what waits in it.
    """
    await store.aclose()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(StoreVersionError, match=advice):
        Spool(path)


async def test_damaged_store_is_called_so(store: Store, path: Path) -> None:
    """
    The lock file beside it shows that it was ours; the agent saves of it what can be read.
    """
    await store.aclose()
    spoil(path)
    with pytest.raises(StoreCorruptError):
        Spool(path)
