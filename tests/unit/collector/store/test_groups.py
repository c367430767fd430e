"""
Groups of events: which are pending, and how often each has happened.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from collector.store import PendingGroup, Store, StoredEvent

NOW_S = 1_763_781_424.0
DAY_S = 86_400.0
APPLICATION_ID = int.from_bytes(b"e137", "big")


class Clock:
    """
    The wall clock of the store.
    """

    now_s = NOW_S

    def wall_ns(self) -> int:
        return int(self.now_s * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "s.db", wall_ns=clock.wall_ns)
    yield store
    await store.aclose()


def event(number: int, group: str | None, *, at_s: float = NOW_S, sink: str = "chat") -> StoredEvent:
    return StoredEvent(
        id=f"e{number}",
        type="exit137.oom_kill",
        subject="container/c",
        key=f"k{number % 2}",
        time_ns=int(at_s * 1e9),
        container_id="c",
        body=b"{}",
        sinks=(sink,),
        group=group,
    )


async def test_groups_are_ordered_by_their_first_events(store: Store, clock: Clock) -> None:
    """
    Each group is pending since its first event was stored. Groups of other sinks are not returned.
    """
    await store.commit([event(1, "b"), event(2, "a", sink="other")], {})
    clock.now_s += 7
    await store.commit([event(3, "a"), event(4, "b")], {})
    expected = [PendingGroup(name="b", since_s=NOW_S), PendingGroup(name="a", since_s=NOW_S + 7)]
    assert await store.pending_groups("chat", clock.now_s) == expected


async def test_a_delayed_event_is_in_no_pending_group(store: Store) -> None:
    """
    Later events with the same key are not in a pending group either.
    """
    await store.commit([event(1, "a"), event(2, "b"), event(3, "c")], {})
    await store.mark_failed("chat", ["e1"], NOW_S + 10, "timeout", "late")
    assert [group.name for group in await store.pending_groups("chat", NOW_S)] == ["b"]
    assert [group.name for group in await store.pending_groups("chat", NOW_S + 10)] == ["a", "b", "c"]


async def test_pending_events_can_be_limited_to_groups(store: Store) -> None:
    """
    The events come in order, with the names of their groups.
    """
    await store.commit([event(1, "a"), event(2, "b"), event(3, "a"), event(4, "c")], {})
    found = [event.outgoing for event in await store.pending("chat", 10, NOW_S, ["c", "a"])]
    assert [(outgoing.id, outgoing.group) for outgoing in found] == [("e1", "a"), ("e3", "a"), ("e4", "c")]


async def test_events_are_counted_by_group_and_time(store: Store) -> None:
    """
    Every event counts, delivered or not, whatever its sinks.
    """
    old, new = NOW_S - DAY_S - 1, NOW_S - DAY_S
    await store.commit([event(1, "a", at_s=old), event(2, "a", at_s=new), event(3, "a", sink="other")], {})
    await store.mark_delivered("chat", ["e2"])
    assert await store.counts(["a", "unheard of"], NOW_S - DAY_S) == {"a": 2, "unheard of": 0}


async def test_events_of_an_older_schema_are_grouped_by_type_and_key(tmp_path: Path) -> None:
    """
    They are sent like all others, and are not counted.
    """
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        for number in (1, 2):
            connection.executescript(
                resources.files("collector.store").joinpath(f"schema_{number}.sql").read_text(encoding="utf-8")
            )
        connection.executescript(
            "INSERT INTO events VALUES (1, 'e1', 't', 's', 'k', NULL, 5, 5, x'7b7d');"
            "INSERT INTO outbox (sink, seq, key) VALUES ('chat', 1, 'k');"
        )
        connection.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 2;")
    store = await Store.open(path)
    try:
        assert [group.name for group in await store.pending_groups("chat", NOW_S)] == ["t k"]
        (found,) = await store.pending("chat", 10, NOW_S, ["t k"])
        assert found.outgoing.group == "t k"
        assert await store.counts(["t k"], 0) == {"t k": 0}
    finally:
        await store.aclose()
