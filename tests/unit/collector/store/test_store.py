"""
The store over a real database: events, outbox and positions in one transaction.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from collector.store import Store, StoredEvent, StoreFullError, StoreUnavailableError
from collector.store.thread import on_store_thread

NOW_S = 1_763_781_424.0
KILL = StoredEvent(
    id="kill-1",
    type="exit137.oom_kill",
    subject="container/9f8e",
    key="9f8e",
    time_ns=1_763_781_424_118_203_000,
    container_id="9f8e",
    body=b'{"id":"kill-1"}',
    sinks=("audit", "bus"),
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """
    An empty store.
    """
    store = await Store.open(tmp_path / "exit137.db", wall_ns=lambda: int(NOW_S * 1e9))
    yield store
    await store.aclose()


def event(number: int, key: str = "9f8e", **changes: object) -> StoredEvent:
    """
    Return the event with this number.
    """
    return replace(KILL, id=f"kill-{number}", key=key, **changes)


@on_store_thread
def execute(store: Store, statement: str) -> list[Any]:
    """
    Run a statement on the store's own connection.
    """
    return store._database.connection.execute(statement).fetchall()


async def fill(store: Store) -> None:
    """
    Store large events, each with a position, until the store refuses one.
    """
    for number in count():
        await store.commit([event(number, body=b"x" * 10_000)], {"kmsg": {"last": f"kill-{number}"}})


async def pending_ids(store: Store, sink: str = "audit", now_s: float = NOW_S, limit: int = 500) -> list[str]:
    """
    Return the ids of the events that may be sent to a sink.
    """
    return [waiting.outgoing.id for waiting in await store.pending(sink, limit, now_s)]


async def test_an_event_is_pending_for_each_of_its_sinks(store: Store) -> None:
    """
    An event is pending for the sinks that it was routed to, and for no other.
    """
    assert await store.commit([KILL], {}) == 1

    assert await pending_ids(store, "audit") == ["kill-1"]
    assert await pending_ids(store, "bus") == ["kill-1"]
    assert await pending_ids(store, "oncall") == []


async def test_a_pending_event_has_what_a_sink_needs(store: Store) -> None:
    """
    Id, type, key and body are returned as they were stored, with the number of attempts.
    """
    await store.commit([KILL], {})
    await store.mark_failed("audit", ["kill-1"], 0, "timeout", "no answer")

    (pending,) = await store.pending("audit", 10, NOW_S)

    assert (pending.outgoing.id, pending.outgoing.type, pending.outgoing.key) == (
        KILL.id,
        KILL.type,
        KILL.key,
    )
    assert pending.outgoing.body == KILL.body
    assert pending.attempts == 1


async def test_a_known_id_is_not_delivered_again(store: Store) -> None:
    """
    Reading the same evidence again after a restart stores and delivers nothing twice.
    """
    await store.commit([KILL], {})
    await store.mark_delivered("audit", ["kill-1"])

    assert await store.commit([KILL, KILL], {}) == 0
    assert await pending_ids(store, "audit") == []
    assert await pending_ids(store, "bus") == ["kill-1"]


async def test_a_delivery_to_one_sink_does_not_affect_the_others(store: Store) -> None:
    """
    Each sink has its own row in the outbox.
    """
    await store.commit([event(1), event(2)], {})

    await store.mark_delivered("audit", ["kill-1", "kill-2"])

    assert (store.depth("audit"), store.depth("bus")) == (0, 2)
    assert store.pending_sinks() == {"bus"}


async def test_pending_events_keep_the_order_of_storing(store: Store) -> None:
    """
    Events are returned in the order in which they were stored, whatever their ids and keys.
    """
    await store.commit([event(3, "c"), event(1, "a")], {})
    await store.commit([event(2, "b")], {})

    assert await pending_ids(store) == ["kill-3", "kill-1", "kill-2"]
    assert await pending_ids(store, limit=2) == ["kill-3", "kill-1"]


async def test_a_delayed_event_delays_only_later_events_of_its_key(store: Store) -> None:
    """
    The events of one container keep their order; those of other containers are not delayed.
    """
    await store.commit([event(1, "a"), event(2, "b"), event(3, "a")], {})

    await store.mark_failed("audit", ["kill-1"], NOW_S + 10, "timeout", "no answer")

    assert await pending_ids(store) == ["kill-2"]
    assert await store.next_retry_s("audit") == NOW_S + 10
    assert await pending_ids(store, now_s=NOW_S + 10) == ["kill-1", "kill-2", "kill-3"]


async def test_a_delay_applies_to_one_sink(store: Store) -> None:
    """
    A retry belongs to one sink.
    """
    await store.commit([KILL], {})

    await store.mark_failed("audit", ["kill-1"], NOW_S + 10, "timeout", "no answer")

    assert await pending_ids(store, "bus") == ["kill-1"]
    assert await store.next_retry_s("bus") is None


async def test_a_clock_that_is_set_back_does_not_delay_for_hours(store: Store) -> None:
    """
    A retry more than an hour ahead is due now, because no retry is set that far ahead.
    """
    await store.commit([KILL], {})
    await store.mark_failed("audit", ["kill-1"], NOW_S + 10, "timeout", "no answer")

    assert await pending_ids(store, now_s=NOW_S - 86_400) == ["kill-1"]


async def test_a_dead_letter_does_not_block_later_events(store: Store) -> None:
    """
    An event that one sink refuses is dead-lettered for that sink only, and later events of its key are pending.
    """
    await store.commit([event(1), event(2)], {})

    await store.dead_letter("audit", "kill-1", "too_large", "2 MB")

    assert await pending_ids(store, "audit") == ["kill-2"]
    assert await pending_ids(store, "bus") == ["kill-1", "kill-2"]
    assert store.depth("audit") == 1


async def test_positions_survive_a_restart_and_are_replaced(tmp_path: Path) -> None:
    """
    After a restart, the last position of each source is returned.
    """
    first = await Store.open(tmp_path / "exit137.db")
    await first.commit([], {"kmsg": {"seq": 1}, "docker": {"since_ns": 5}})
    await first.commit([KILL], {"kmsg": {"seq": 2, "boot_id": "ab"}})
    await first.aclose()

    second = await Store.open(tmp_path / "exit137.db")

    assert await second.positions() == {"kmsg": {"seq": 2, "boot_id": "ab"}, "docker": {"since_ns": 5}}
    assert second.depth("audit") == 1
    await second.aclose()


async def test_a_full_store_refuses_new_events_and_keeps_the_old(tmp_path: Path) -> None:
    """
    When only undelivered events are stored, a commit fails as a whole, including its positions.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=200_000)
    with pytest.raises(StoreFullError, match="for audit"):
        await fill(store)

    stored = await pending_ids(store)
    assert 0 < len(stored) == store.depth("audit")
    assert await store.positions() == {"kmsg": {"last": stored[-1]}}
    await store.commit([], {"kmsg": {"seq": 1000}})
    await store.aclose()


async def test_a_cancelled_commit_is_complete_or_has_no_effect(store: Store) -> None:
    """
    Cancelling the caller does not split a transaction.
    """
    waiting = asyncio.gather(store.commit([KILL], {"kmsg": {"seq": 1}}))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    positions = await store.positions()
    assert positions == ({"kmsg": {"seq": 1}} if await pending_ids(store) else {})


async def test_the_agent_reads_its_own_history(store: Store) -> None:
    """
    An event whose time is unknown has the time of storing.
    """
    await store.commit([event(1, time_ns=None)], {})

    (past,) = await store.events()

    assert (past.id, past.time_ns) == ("kill-1", int(NOW_S * 1e9))


async def test_a_failed_commit_changes_nothing(store: Store) -> None:
    """
    A failed commit leaves neither rows nor counts behind.
    """
    await execute(store, "PRAGMA query_only = ON")

    with pytest.raises(StoreUnavailableError, match=r"exit137\.db"):
        await store.commit([KILL], {})

    await execute(store, "PRAGMA query_only = OFF")
    assert store.depth("audit") == 0
    assert await pending_ids(store) == []


async def test_closing_twice_is_safe(tmp_path: Path) -> None:
    """
    The second close does nothing, and does not affect another store on the same file.
    """
    store = await Store.open(tmp_path / "exit137.db")
    await store.aclose()
    successor = await Store.open(tmp_path / "exit137.db")

    await store.aclose()
    assert await successor.positions() == {}
    await successor.aclose()
