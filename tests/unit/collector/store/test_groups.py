"""
The groups that people are told of: what waits by group, and how often it has happened.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from collector.store import Store, StoredEvent, WaitingGroup

NOW_S = 1_763_781_424.0
DAY_S = 86_400.0
APPLICATION_ID = int.from_bytes(b"e137", "big")


class Clock:
    """
    The store's wall clock.
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


async def test_groups_wait_in_the_order_of_their_first_events(store: Store, clock: Clock) -> None:
    """
    Each since its first event was stored; those of other sinks are not among them.
    """
    await store.commit([event(1, "b"), event(2, "a", sink="other")], {})
    clock.now_s += 7
    await store.commit([event(3, "a"), event(4, "b")], {})
    expected = [WaitingGroup(name="b", since_s=NOW_S), WaitingGroup(name="a", since_s=NOW_S + 7)]
    assert await store.waiting("chat", clock.now_s) == expected


async def test_what_waits_for_a_retry_is_in_no_group(store: Store) -> None:
    """
    Nor what comes after it with the same key.
    """
    await store.commit([event(1, "a"), event(2, "b"), event(3, "c")], {})
    await store.failed("chat", ["e1"], NOW_S + 10, "timeout", "late")
    assert [group.name for group in await store.waiting("chat", NOW_S)] == ["b"]
    assert [group.name for group in await store.waiting("chat", NOW_S + 10)] == ["a", "b", "c"]


async def test_the_events_of_some_groups_can_be_had_alone(store: Store) -> None:
    """
    In their order, with the name of their group.
    """
    await store.commit([event(1, "a"), event(2, "b"), event(3, "a"), event(4, "c")], {})
    found = [event.outgoing for event in await store.pending("chat", 10, NOW_S, ["c", "a"])]
    assert [(outgoing.id, outgoing.group) for outgoing in found] == [("e1", "a"), ("e3", "a"), ("e4", "c")]


async def test_events_are_counted_by_group_and_when_they_happened(store: Store) -> None:
    """
    Delivered or not, and to whichever sink.
    """
    old, new = NOW_S - DAY_S - 1, NOW_S - DAY_S
    await store.commit([event(1, "a", at_s=old), event(2, "a", at_s=new), event(3, "a", sink="other")], {})
    await store.delivered("chat", ["e2"])
    assert await store.counts(["a", "unheard of"], NOW_S - DAY_S) == {"a": 2, "unheard of": 0}


async def test_events_of_an_older_store_have_groups_by_type_and_key(tmp_path: Path) -> None:
    """
    They are told as all others, and were never counted.
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
        assert [group.name for group in await store.waiting("chat", NOW_S)] == ["t k"]
        (found,) = await store.pending("chat", 10, NOW_S, ["t k"])
        assert found.outgoing.group == "t k"
        assert await store.counts(["t k"], 0) == {"t k": 0}
    finally:
        await store.aclose()
