"""
Events may be sent while they are being stored, and deliveries are written with the next transaction.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from collector.store import Store, StoredEvent, StoreUnavailableError
from collector.store import store as store_module

NOW_S = 1_763_781_424.0
KILL = StoredEvent(
    id="1",
    type="exit137.oom_kill",
    subject="container/9f8e",
    key="9f8e",
    time_ns=1,
    container_id="9f8e",
    body=b"{}",
    sinks=("audit",),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """
    A store whose events may be sent early.
    """
    store = await Store.open(tmp_path / "exit137.db", wall_ns=lambda: int(NOW_S * 1e9))
    store.on_sendable = lambda: None
    yield store
    await store.aclose()


async def pending(store: Store) -> list[str]:
    return [event.outgoing.id for event in await store.pending("audit", 10, NOW_S)]


def rows(path: Path) -> int:
    """
    Return the deliveries that are pending on the disk.
    """
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])


async def test_events_may_be_sent_before_they_are_on_the_disk(tmp_path: Path, store: Store) -> None:
    """
    A sink does not wait for the disk: when an event is announced, another program does not see it yet.
    """
    seen: list[int] = []
    announce = store._announce

    def look(events: list[StoredEvent]) -> None:
        announce(events)
        seen.append(rows(tmp_path / "exit137.db"))

    store._announce = look  # type: ignore[assignment,method-assign]
    await store.commit([KILL], {})
    assert (seen, rows(tmp_path / "exit137.db"), await pending(store)) == ([0], 1, ["1"])


async def test_events_that_cannot_be_stored_are_pending_no_longer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    They are stored and sent later, and not sent with each attempt to store them.
    """
    calls: list[int] = []
    store.on_sendable = lambda: calls.append(1)

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    announce = store._announce

    def announce_and_fail(events: list[StoredEvent]) -> None:
        announce(events)
        refuse()

    monkeypatch.setattr(store, "_announce", announce_and_fail)
    with pytest.raises(StoreUnavailableError):
        await store.commit([KILL], {})
    monkeypatch.setattr(store, "_announce", announce)
    monkeypatch.setattr(store_module, "save_positions", refuse)
    with pytest.raises(StoreUnavailableError):
        await store.commit([KILL], {})
    await asyncio.sleep(0)
    assert (await pending(store), store.depth("audit"), calls) == ([], 0, [1])
    monkeypatch.undo()
    assert await store.commit([KILL], {}) == 1
    assert await pending(store) == ["1"]


async def test_a_known_event_is_not_sent_again(store: Store) -> None:
    """
    What is read again after a restart has been stored, and is not announced.
    """
    await store.commit([KILL], {})
    await store.note_delivered("audit", ["1"])
    calls: list[int] = []
    store.on_sendable = lambda: calls.append(1)
    await store.commit([KILL], {})
    await asyncio.sleep(0)
    assert (await pending(store), calls) == ([], [])


async def test_a_noted_delivery_is_owed_no_longer(store: Store) -> None:
    """
    Whoever asks what a sink still has to get need not wait for the next transaction.
    """
    await store.commit([KILL, replace(KILL, id="2")], {})
    assert await store.pending_ids("audit") == {"1", "2"}
    await store.note_delivered("audit", ["1"])
    assert await store.pending_ids("audit") == {"2"}
    await store.refresh()
    assert await store.pending_ids("audit") == {"2"}


@pytest.mark.parametrize("how", ["the next commit", "a refresh", "the end"])
async def test_noted_deliveries_are_written_later(tmp_path: Path, store: Store, how: str) -> None:
    """
    They need no transaction of their own while there are others.
    """
    path = tmp_path / "exit137.db"
    await store.commit([KILL], {})
    await store.note_delivered("audit", ["1"])
    assert (rows(path), store.depth("audit")) == (1, 0)
    if how == "the next commit":
        await store.commit([replace(KILL, id="2", sinks=())], {})
    elif how == "a refresh":
        await store.refresh()
    else:
        await store.aclose()
    assert rows(path) == 0


async def test_noted_deliveries_survive_a_failed_transaction(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The transaction after it writes them.
    """
    await store.commit([KILL], {})
    await store.note_delivered("audit", ["1"])

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store_module, "save_positions", refuse)
    with pytest.raises(StoreUnavailableError):
        await store.commit([], {})
    monkeypatch.undo()
    await store.commit([], {})
    assert rows(tmp_path / "exit137.db") == 0


async def test_a_sink_that_does_not_keep_up_has_deliveries_written_at_once(tmp_path: Path, store: Store) -> None:
    """
    The database decides which events may be sent to it.
    """
    await store.commit([KILL], {})
    await store.mark_failed("audit", ["1"], 0, "timeout", "no answer")
    await store.note_delivered("audit", ["1"])
    assert (rows(tmp_path / "exit137.db"), store.depth("audit")) == (0, 0)
