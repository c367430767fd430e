"""
The first page: which kills it counts.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from collector.memory.history import KILLS_WITHIN_NS
from collector.store import History, Store, StoredEvent
from collector.web.pages.now import KillsOfLastDay
from tests.unit.collector.correlate.scene import A, B, ns
from tests.unit.collector.web.api.conftest import DEATH, event


def kill(number: int, at_s: float, *containers: str) -> StoredEvent:
    """
    Return an OOM kill with a victim in each of these containers.
    """
    victims = [{"pid": number, "container_id": container} for container in containers]
    return event(number, at_s=at_s, exit137={"oom": {"victims": victims}})


def add(path: Path, events: Sequence[StoredEvent]) -> None:
    async def commit() -> None:
        store = await Store.open(path, max_bytes=2**30)
        await store.commit(events, {})
        await store.aclose()

    asyncio.run(commit())


def test_kills_of_the_last_24_hours_are_counted(tmp_path: Path) -> None:
    """
    Each victim once, from any time of day; a kill is forgotten when it is older.
    """
    path = tmp_path / "s.db"
    add(path, [kill(1, 10, A), kill(2, 20, A, A, B), event(3, DEATH)])
    kills = KillsOfLastDay()
    with History(path) as past:
        assert kills.count(past, ns(30)) == {A: 3, B: 1}
        assert kills.count(past, ns(30)) == {A: 3, B: 1}
        assert kills.count(past, ns(15) + KILLS_WITHIN_NS) == {A: 2, B: 1}
        assert kills.count(past, ns(25) + KILLS_WITHIN_NS) == {}


def test_kills_that_are_stored_later_are_added(tmp_path: Path) -> None:
    """
    Also more than are read at once, as after a storm.
    """
    path = tmp_path / "s.db"
    add(path, [kill(1, 10, A)])
    kills = KillsOfLastDay()
    with History(path) as past:
        assert kills.count(past, ns(30)) == {A: 1}
    add(path, [kill(number, 20, B) for number in range(2, 503)])
    with History(path) as past:
        assert kills.count(past, ns(30)) == {A: 1, B: 501}


def test_another_store_is_counted_anew(tmp_path: Path) -> None:
    """
    The agent writes its store anew if it was deleted.
    """
    add(tmp_path / "a.db", [kill(1, 10, A), kill(2, 10, A)])
    add(tmp_path / "b.db", [kill(3, 10, B)])
    kills = KillsOfLastDay()
    for name, expected in (("a.db", {A: 2}), ("b.db", {B: 1})):
        with History(tmp_path / name) as past:
            assert kills.count(past, ns(30)) == expected
