"""
Which events are deleted when the store is full, and which never are.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from collector.store import Store, StoredEvent, StoreFullError

pytestmark = pytest.mark.slow

MAX_BYTES = 300_000
BODY = b"x" * 3000


def event(number: int) -> StoredEvent:
    """
    Return the event with this number, for one sink.
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
    Store and deliver events, one after the other.
    """
    for number in numbers:
        await store.commit([event(number)], {})
        await store.mark_delivered("audit", [f"kill-{number:04}"])


async def ids(store: Store) -> list[str]:
    """
    Return the ids of the stored events.
    """
    return [past.id for past in await store.events(limit=-1)]


async def test_the_oldest_delivered_events_are_deleted_first(tmp_path: Path) -> None:
    """
    The newest history stays, within the size limit.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)

    await fill(store, range(500))

    kept = await ids(store)
    assert kept == [f"kill-{number:04}" for number in range(500 - len(kept), 500)]
    assert 0 < len(kept) < 100
    await store.aclose()
    assert (tmp_path / "exit137.db").stat().st_size < 1.5 * MAX_BYTES


async def test_a_pending_event_outlives_newer_delivered_ones(tmp_path: Path) -> None:
    """
    A pending event is not deleted because of its age.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)
    await store.commit([event(9999)], {})

    await fill(store, range(500))

    assert (await ids(store))[0] == "kill-9999"
    assert store.depth("audit") == 1
    await store.aclose()


async def test_delivered_events_are_deleted_before_dead_letters(tmp_path: Path) -> None:
    """
    Dead letters stay for inspection as long as anything else can be deleted.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)
    await store.commit([event(9999)], {})
    await store.dead_letter("audit", "kill-9999", "rejected", "400")

    await fill(store, range(500))

    assert (await ids(store))[0] == "kill-9999"
    await store.aclose()


async def test_dead_letters_are_deleted_before_the_store_refuses_events(tmp_path: Path) -> None:
    """
    A sink that refuses everything does not fill the store for good.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)

    for number in range(500):
        await store.commit([event(number)], {})
        await store.dead_letter("audit", f"kill-{number:04}", "rejected", "400")

    assert (await ids(store))[-1] == "kill-0499"
    await store.aclose()


async def test_a_full_store_accepts_events_again_after_deliveries(tmp_path: Path) -> None:
    """
    A full store is a temporary state.
    """
    store = await Store.open(tmp_path / "exit137.db", max_bytes=MAX_BYTES)
    with pytest.raises(StoreFullError):
        await store.commit([event(number) for number in range(200)], {})
    assert await ids(store) == []

    await store.commit([event(number) for number in range(50)], {})
    await store.mark_delivered("audit", [f"kill-{number:04}" for number in range(50)])
    await store.commit([event(number) for number in range(50, 100)], {})

    assert store.depth("audit") == 50
    await store.aclose()


async def test_statuses_of_hosts_are_kept_for_hours_only(tmp_path: Path) -> None:
    """
    A fleet sends hundreds a minute; a pending one is kept all the same.
    """
    hour_ns, now = 3_600_000_000_000, {"ns": 1_790_000_000_000_000_000}
    store = await Store.open(tmp_path / "s.db", wall_ns=lambda: now["ns"])
    status = [replace(event(number), type="exit137.host_status") for number in range(2)]
    await store.commit([replace(status[0], sinks=()), status[1], replace(event(2), sinks=())], {})
    now["ns"] += 3 * hour_ns
    await store.commit([event(3)], {})
    assert sorted(await ids(store)) == ["kill-0001", "kill-0002", "kill-0003"]
    await store.aclose()
