"""
The store's facade over a real database: events, outbox and positions in one transaction.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from collector.store import Store, StoredEvent, StoreFullError, StoreUnavailableError

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
    The event of a number.
    """
    return replace(KILL, id=f"kill-{number}", key=key, **changes)


async def commit_for_ever(store: Store) -> None:
    """
    Store large events, each with a position, until something is raised.
    """
    for number in count():
        await store.commit([event(number, body=b"x" * 10_000)], {"kmsg": {"last": f"kill-{number}"}})


async def pending_ids(store: Store, sink: str = "audit", now_s: float = NOW_S, limit: int = 500) -> list[str]:
    """
    The ids of what a sink may be sent.
    """
    return [waiting.outgoing.id for waiting in await store.pending(sink, limit, now_s)]


async def test_event_waits_for_each_of_its_sinks_and_no_other(store: Store) -> None:
    """
    A stored event is pending for the sinks that it was routed to.
    """
    assert await store.commit([KILL], {}) == 1

    assert await pending_ids(store, "audit") == ["kill-1"]
    assert await pending_ids(store, "bus") == ["kill-1"]
    assert await pending_ids(store, "oncall") == []


async def test_pending_event_carries_what_a_sink_needs(store: Store) -> None:
    """
    Id, type, key and body come out as they went in, with the number of attempts.
    """
    await store.commit([KILL], {})
    await store.failed("audit", ["kill-1"], 0, "timeout", "no answer")

    (waiting,) = await store.pending("audit", 10, NOW_S)

    assert (waiting.outgoing.id, waiting.outgoing.type, waiting.outgoing.key) == (
        KILL.id,
        KILL.type,
        KILL.key,
    )
    assert waiting.outgoing.body == KILL.body
    assert waiting.attempts == 1


async def test_known_id_is_not_sent_again(store: Store) -> None:
    """
    A replay after a restart stores nothing twice and sends nothing twice.
    """
    await store.commit([KILL], {})
    await store.delivered("audit", ["kill-1"])

    assert await store.commit([KILL, KILL], {}) == 0
    assert await pending_ids(store, "audit") == []
    assert await pending_ids(store, "bus") == ["kill-1"]


async def test_delivery_to_one_sink_leaves_the_others_alone(store: Store) -> None:
    """
    Each sink has its own row of the outbox.
    """
    await store.commit([event(1), event(2)], {})

    await store.delivered("audit", ["kill-1", "kill-2"])

    assert (store.depth("audit"), store.depth("bus")) == (0, 2)
    assert store.waiting_sinks() == {"bus"}


async def test_pending_keeps_the_order_of_storing(store: Store) -> None:
    """
    Events come out in the order in which they were stored, whatever their ids and keys.
    """
    await store.commit([event(3, "c"), event(1, "a")], {})
    await store.commit([event(2, "b")], {})

    assert await pending_ids(store) == ["kill-3", "kill-1", "kill-2"]
    assert await pending_ids(store, limit=2) == ["kill-3", "kill-1"]


async def test_delayed_event_holds_back_later_ones_of_its_key_only(store: Store) -> None:
    """
    Nothing of one container overtakes; other containers go on.
    """
    await store.commit([event(1, "a"), event(2, "b"), event(3, "a")], {})

    await store.failed("audit", ["kill-1"], NOW_S + 10, "timeout", "no answer")

    assert await pending_ids(store) == ["kill-2"]
    assert await store.next_retry_s("audit") == NOW_S + 10
    assert await pending_ids(store, now_s=NOW_S + 10) == ["kill-1", "kill-2", "kill-3"]


async def test_delay_of_one_sink_does_not_delay_another(store: Store) -> None:
    """
    A retry belongs to one sink.
    """
    await store.commit([KILL], {})

    await store.failed("audit", ["kill-1"], NOW_S + 10, "timeout", "no answer")

    assert await pending_ids(store, "bus") == ["kill-1"]
    assert await store.next_retry_s("bus") is None


async def test_clock_that_was_put_back_does_not_delay_for_hours(store: Store) -> None:
    """
    A retry that lies more than an hour ahead is due: nobody sets one so late.
    """
    await store.commit([KILL], {})
    await store.failed("audit", ["kill-1"], NOW_S + 10, "timeout", "no answer")

    assert await pending_ids(store, now_s=NOW_S - 86_400) == ["kill-1"]


async def test_dead_event_is_out_of_the_way(store: Store) -> None:
    """
    What a sink will never take is put aside for that sink, and later ones of its key are free.
    """
    await store.commit([event(1), event(2)], {})

    await store.dead("audit", "kill-1", "too_large", "2 MB")

    assert await pending_ids(store, "audit") == ["kill-2"]
    assert await pending_ids(store, "bus") == ["kill-1", "kill-2"]
    assert store.depth("audit") == 1


async def test_positions_survive_a_restart_and_are_replaced(tmp_path: Path) -> None:
    """
    The last position of each source is what a restart finds.
    """
    first = await Store.open(tmp_path / "exit137.db")
    await first.commit([], {"kmsg": {"seq": 1}, "docker": {"since_ns": 5}})
    await first.commit([KILL], {"kmsg": {"seq": 2, "boot_id": "ab"}})
    await first.aclose()

    second = await Store.open(tmp_path / "exit137.db")

    assert await second.positions() == {"kmsg": {"seq": 2, "boot_id": "ab"}, "docker": {"since_ns": 5}}
    assert second.depth("audit") == 1
    await second.aclose()


async def test_full_store_refuses_and_keeps_everything(tmp_path: Path) -> None:
    """
    When all that is stored still has to be delivered, a commit fails as a whole, positions included.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=200_000)
    with pytest.raises(StoreFullError, match="for audit"):
        await commit_for_ever(store)

    stored = await pending_ids(store)
    assert 0 < len(stored) == store.depth("audit")
    assert await store.positions() == {"kmsg": {"last": stored[-1]}}
    await store.commit([], {"kmsg": {"seq": 1000}})
    await store.aclose()


async def test_cancelled_commit_is_whole_or_nothing(store: Store) -> None:
    """
    Whoever stops waiting for a commit does not tear it.
    """
    waiting = asyncio.gather(store.commit([KILL], {"kmsg": {"seq": 1}}))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    stored = await pending_ids(store)
    assert await store.positions() == ({"kmsg": {"seq": 1}} if stored else {})


async def test_history_within_the_agent(store: Store) -> None:
    """
    The running agent reads its own history, with the time of storing where no other is known.
    """
    await store.commit([event(1, time_ns=None)], {})

    (past,) = await store.events()

    assert (past.id, past.time_ns) == ("kill-1", int(NOW_S * 1e9))


async def test_disk_that_refuses_is_told_and_nothing_is_counted(store: Store) -> None:
    """
    A failed commit leaves neither rows nor depth behind.
    """
    await store._run(store._database.connection.execute, "PRAGMA query_only = ON")

    with pytest.raises(StoreUnavailableError, match=r"exit137\.db"):
        await store.commit([KILL], {})

    await store._run(store._database.connection.execute, "PRAGMA query_only = OFF")
    assert store.depth("audit") == 0
    assert await pending_ids(store) == []


async def test_closing_twice_is_safe(tmp_path: Path) -> None:
    """
    The second close does nothing, not even to whoever has opened the store since.
    """
    store = await Store.open(tmp_path / "exit137.db")
    await store.aclose()
    successor = await Store.open(tmp_path / "exit137.db")

    await store.aclose()
    assert await successor.positions() == {}
    await successor.aclose()
