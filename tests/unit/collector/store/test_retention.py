"""
What goes when the store is full, and what never does.
"""

from pathlib import Path

import pytest

from collector.store import Store, StoredEvent, StoreFullError

pytestmark = pytest.mark.slow

MAX_BYTES = 300_000
BODY = b"x" * 3000


def event(number: int) -> StoredEvent:
    """
    The event of a number, for one sink.
    """
    return StoredEvent(
        id=f"kill-{number:04}",
        type="exit137.oom_kill",
        subject=f"container/{number}",
        key=str(number),
        time_ns=number,
        container_id=str(number),
        body=BODY,
        sinks=("audit",),
    )


async def fill(store: Store, numbers: range) -> None:
    """
    Store and deliver one after the other.
    """
    for number in numbers:
        await store.commit([event(number)], {})
        await store.delivered("audit", [f"kill-{number:04}"])


async def ids(store: Store) -> list[str]:
    """
    What is still stored.
    """
    return [past.id for past in await store.events(limit=-1)]


async def test_oldest_delivered_events_go_first(tmp_path: Path) -> None:
    """
    The newest history stays, within the size.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)

    await fill(store, range(500))

    kept = await ids(store)
    assert kept == [f"kill-{number:04}" for number in range(500 - len(kept), 500)]
    assert 0 < len(kept) < 100
    await store.aclose()
    assert (tmp_path / "exit137.db").stat().st_size < 1.5 * MAX_BYTES


async def test_undelivered_event_outlives_newer_delivered_ones(tmp_path: Path) -> None:
    """
    Age does not matter while a sink has yet to take it.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)
    await store.commit([event(9999)], {})

    await fill(store, range(500))

    assert (await ids(store))[0] == "kill-9999"
    assert store.depth("audit") == 1
    await store.aclose()


async def test_delivered_go_before_dead_letters(tmp_path: Path) -> None:
    """
    What failed is kept for a person as long as there is anything else to drop.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)
    await store.commit([event(9999)], {})
    await store.dead("audit", "kill-9999", "rejected", "400")

    await fill(store, range(500))

    assert (await ids(store))[0] == "kill-9999"
    await store.aclose()


async def test_dead_letters_go_before_the_agent_stops(tmp_path: Path) -> None:
    """
    A sink that refuses everything does not fill the store for good.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)

    for number in range(500):
        await store.commit([event(number)], {})
        await store.dead("audit", f"kill-{number:04}", "rejected", "400")

    assert (await ids(store))[-1] == "kill-0499"
    await store.aclose()


async def test_full_store_takes_events_again_once_a_sink_moves(tmp_path: Path) -> None:
    """
    Full is a state, not an end.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)
    with pytest.raises(StoreFullError):
        await store.commit([event(number) for number in range(200)], {})
    assert await ids(store) == []

    await store.commit([event(number) for number in range(50)], {})
    await store.delivered("audit", [f"kill-{number:04}" for number in range(50)])
    await store.commit([event(number) for number in range(50, 100)], {})

    assert store.depth("audit") == 50
    await store.aclose()
