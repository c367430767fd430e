"""
Reading the history from another process, with and without a running agent.
"""

import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from collector.store import History, Store, StoreCorruptError, StoredEvent, StoreUnavailableError, StoreVersionError


def event(number: int, container: str, name: str, kind: str = "exit137.oom_kill") -> StoredEvent:
    """
    Return an event with this number as its time.
    """
    return StoredEvent(
        id=f"event-{number}",
        type=kind,
        subject=f"container/{container}",
        key=container,
        time_ns=number,
        container_id=container,
        body=orjson.dumps({"data": {"container": {"name": name}}}),
        sinks=(),
    )


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """
    The database of a running agent with four events.
    """
    store = await Store.open(tmp_path / "exit137.db")
    await store.commit(
        [
            event(1, "aaaa1111", "web"),
            event(2, "bbbb2222", "db"),
            event(3, "aaaa1111", "web", "exit137.container_death"),
            event(4, "aacc3333", "web"),
        ],
        {},
    )
    yield tmp_path / "exit137.db"
    await store.aclose()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"since_ns": 2}, [2, 3, 4]),
        ({"until_ns": 2}, [1]),
        ({"container": "aaaa1111"}, [1, 3]),
        ({"container": "aa"}, [1, 3, 4]),
        ({"container": "web"}, [1, 3, 4]),
        ({"container": "%"}, []),
        ({"types": ["exit137.container_death"]}, [3]),
        ({"types": []}, []),
        ({"limit": 2}, [3, 4]),
        ({"limit": 2, "after_seq": 1}, [2, 3]),
        ({"after_seq": 4}, []),
        ({"container": "web", "since_ns": 2, "types": ["exit137.oom_kill"]}, [4]),
    ],
)
async def test_each_condition_restricts_the_events(path: Path, wanted: dict[str, object], expected: list[int]) -> None:
    """
    Events come in the order of storing. `limit` selects the newest, or the first after a number.
    """
    with History(path) as history:
        assert [past.time_ns for past in history.events(**wanted)] == expected


async def test_a_reader_sees_new_events(tmp_path: Path) -> None:
    """
    `events --follow` continues after the last number that it saw.
    """
    store = await Store.open(tmp_path / "exit137.db")
    await store.commit([event(1, "aaaa1111", "web")], {})
    with History(tmp_path / "exit137.db") as history:
        last = history.events()[-1].seq

        await store.commit([event(2, "aaaa1111", "web")], {})

        assert [past.id for past in history.events(after_seq=last)] == ["event-2"]
    await store.aclose()


async def test_reading_the_history_of_a_stopped_agent_writes_nothing(tmp_path: Path) -> None:
    """
    Reading creates no file and changes none.
    """
    path = tmp_path / "exit137.db"
    store = await Store.open(path)
    await store.commit([event(1, "aaaa1111", "web")], {})
    await store.aclose()
    before = path.read_bytes()

    with History(path) as history:
        assert len(history.events()) == 1

    assert path.read_bytes() == before


def test_a_missing_database_is_an_error_and_not_created(tmp_path: Path) -> None:
    """
    A reader never creates a store.
    """
    with pytest.raises(StoreUnavailableError, match=r"exit137\.db"):
        History(tmp_path / "exit137.db")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_a_database_is_an_error(tmp_path: Path) -> None:
    """
    The error names the file.
    """
    (tmp_path / "exit137.db").write_bytes(b"not a database" * 100)

    with pytest.raises(StoreCorruptError, match=r"exit137\.db"):
        History(tmp_path / "exit137.db")


async def test_the_store_of_a_later_version_is_refused(path: Path) -> None:
    """
    The columns of a later schema may have another meaning.
    """
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreVersionError):
        History(path)


def test_the_error_says_why_a_store_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The error has the message of the operating system. SQLite reports the same error for every cause, and most users may
    not read the directory of the service.
    """
    path = tmp_path / "s.db"
    with pytest.raises(StoreUnavailableError, match="No such file"):
        History(path)
    path.touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreUnavailableError, match="Permission denied"):
        History(path)
