"""
Finding stored events: pages, filters, one event, and counts.
"""

import sqlite3
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store import EventCount, History, Store, StoreCorruptError, StoredEvent, query
from collector.store.fields import index_hosts
from collector.store.rows import insert
from tests.shared.stored_events import COUNTS, DAY_NS, DEATH, FOUR, KILL, count, event, numbers

STATUS = "exit137.host_status"
APPLICATION_ID = int.from_bytes(b"e137", "big")


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """
    The database of a running agent with four events.
    """
    store = await Store.open(tmp_path / "s.db")
    await store.commit(FOUR, {})
    yield tmp_path / "s.db"
    await store.aclose()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [4, 3, 2, 1]),
        ({"types": [DEATH]}, [4, 3, 2]),
        ({"types": [DEATH, KILL]}, [4, 3, 2, 1]),
        ({"types": []}, []),
        ({"causes": ["exit"]}, [4, 3]),
        ({"causes": ["exit", "oom_kill"], "container": "web"}, [2]),
        ({"container": "aaaa"}, [3]),
        ({"container": "aa"}, [4, 2, 1]),
        ({"container": "aabb"}, [4]),
        ({"container": ""}, [4, 3, 2, 1]),
        ({"container": "nobody"}, []),
        ({"service": "shop", "types": [DEATH]}, [2]),
        ({"image": "registry/shop:2"}, [2]),
        ({"since_ns": 2 * DAY_NS, "until_ns": 4 * DAY_NS}, [3, 2]),
        ({"text": "KILLED 100%"}, [1]),
        ({"text": "d_w"}, [4]),
        ({"text": "%"}, [1]),
        ({"text": "\\"}, []),
        ({"text": "shop"}, [2, 1]),
    ],
)
async def test_a_page_has_the_newest_events_that_fulfil_every_condition(
    path: Path, wanted: dict[str, Any], expected: list[int]
) -> None:
    """
    A container is found by its name, or else by the beginning of its id; text is taken as it is, in either case.
    """
    with History(path) as history:
        found = history.page(**wanted)
    assert numbers(found.events) == expected
    assert found.next_before_seq is None


_CHOICES = {
    "type": [KILL, DEATH, STATUS],
    "cause": ["exit", "crash"],
    "name": ["web", "db"],
    "container": ["aa1", "aa2", "b"],
    "service": ["shop", "pay"],
    "host": ["h1", "h2"],
}
_FIELDS = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in _CHOICES.items()})
_WANTED = st.fixed_dictionaries(
    {},
    optional={
        "types": st.lists(st.sampled_from(_CHOICES["type"]), max_size=2),
        "causes": st.lists(st.sampled_from(_CHOICES["cause"]), max_size=2),
        "container": st.sampled_from(["web", "db", "a", "aa1", "b", "c"]),
        "service": st.sampled_from(_CHOICES["service"]),
        "host": st.sampled_from(_CHOICES["host"]),
        "since_ns": st.integers(0, 12 * DAY_NS),
        "until_ns": st.integers(0, 12 * DAY_NS),
    },
)


def fulfils(fields: dict[str, str], number: int, wanted: dict[str, Any], names: set[str]) -> bool:
    """
    Return whether an event fulfils a filter, by the definition of the filter.
    """
    container, time_ns = wanted.get("container", ""), number * DAY_NS + 1
    name, id_ = fields.get("name", "web"), fields.get("container", "aaaa1111")
    return (
        ("types" not in wanted or fields.get("type", KILL) in wanted["types"])
        and ("causes" not in wanted or fields.get("cause") in wanted["causes"])
        and ("service" not in wanted or fields.get("service") == wanted["service"])
        and ("host" not in wanted or fields.get("host") == wanted["host"])
        and (name == container if container in names else id_.startswith(container))
        and wanted.get("since_ns", 0) <= time_ns < wanted.get("until_ns", 99 * DAY_NS)
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(_FIELDS, max_size=12), _WANTED, st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_the_pages_together_have_every_event_once(
    fields: list[dict[str, str]], wanted: dict[str, Any], limit: int, examined: int, is_of_hosts: bool
) -> None:
    """
    However few rows one query looks at, following the cursors leads to all events, newest first, each once; in the
    store of a host and in that of a hub.
    """
    names = {one.get("name", "web") for one in fields}
    expected = [n for n, one in reversed(list(enumerate(fields))) if fulfils(one, n, wanted, names)]
    found: list[int] = []
    with closing(memory_store()) as connection, patch.object(query, "_EXAMINED_AT_ONCE", examined):
        if is_of_hosts:
            index_hosts(connection)
        for number, one in enumerate(fields):
            insert(connection, event(number, **one), number * DAY_NS + 2)
        cursor, is_last = None, False
        while not is_last:
            part = query.page(connection, wanted, before_seq=cursor, limit=limit)
            found += numbers(part.events)
            cursor, is_last = part.next_before_seq, part.next_before_seq is None
            assert len(part.events) <= limit
        assert numbers(query.newest(connection, wanted, -1)) == expected[::-1]
        assert numbers(query.newest(connection, wanted, 2)) == expected[:2][::-1]
        assert numbers(query.after(connection, wanted, after_seq=0, limit=-1)) == expected[::-1]
    assert found == expected


def memory_store() -> sqlite3.Connection:
    """
    Return an empty store in memory.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in scripts(5):
        connection.executescript(script)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def scripts(version: int) -> Iterator[str]:
    """
    Yield the scripts that make this version of the schema.
    """
    for number in range(1, version + 1):
        yield resources.files("collector.store").joinpath(f"schema_{number}.sql").read_text(encoding="utf-8")


async def test_statuses_do_not_hide_what_people_look_for(tmp_path: Path) -> None:
    """
    However many of them have come since.
    """
    store = await Store.open(tmp_path / "s.db", is_of_hosts=True)
    await store.commit([event(1, type=DEATH), *(event(number, type=STATUS) for number in range(2, 30))], {})
    await store.aclose()
    with History(tmp_path / "s.db") as history, patch.object(query, "_EXAMINED_AT_ONCE", 5):
        assert numbers(history.page(types=[DEATH, KILL]).events) == [1]
        assert numbers(history.page(types=[DEATH], text="EVENT 1").events) == [1]
        assert numbers(history.page(limit=2).events) == [29, 28]


async def test_one_event_is_found_by_its_id(path: Path) -> None:
    """
    An id that is not stored gives nothing.
    """
    with History(path) as history:
        found = history.event("event-2")
        assert found is not None
        assert found.type == DEATH
        assert history.event("event") is None
        assert history.last_seq() == 4


@pytest.mark.parametrize(
    ("by", "wanted", "expected"),
    COUNTS,
)
async def test_events_are_counted_by_day_type_cause_and_service(
    path: Path, by: tuple[str, ...], wanted: dict[str, Any], expected: list[EventCount]
) -> None:
    """
    A value that an event does not have is None, and is counted too.
    """
    with History(path) as history:
        assert history.count_by(*by, **wanted) == expected


async def test_deleted_events_are_neither_found_nor_counted(tmp_path: Path) -> None:
    """
    Retention deletes an event with everything by which it is found.
    """
    store = await Store.open(tmp_path / "s.db", keep_ns=5 * DAY_NS, wall_ns=lambda: now_ns)
    now_ns = DAY_NS
    await store.commit([event(1, service="shop")], {})
    now_ns = 10 * DAY_NS
    await store.commit([event(10)], {})
    await store.aclose()

    with History(tmp_path / "s.db") as history:
        assert numbers(history.page().events) == [10]
        assert history.page(service="shop").events == []
        assert history.count_by("day") == [count(1, day_ns=10 * DAY_NS)]


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_a_store_of_an_older_schema_is_read_as_it_is_and_after_its_migration(
    tmp_path: Path, version: int
) -> None:
    """
    Before the new agent has started, its commands read the store of the old one, and see what that still stores.
    """
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        for script in scripts(version):
            connection.executescript(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        store_as_before(connection, event(1, cause="exit", service="shop"))
        with History(path) as history:
            assert numbers(history.page(causes=["exit"]).events) == [1]
            store_as_before(connection, event(2, cause="exit"))
            assert numbers(history.page(causes=["exit"]).events) == [2, 1]
            assert history.count_by("cause") == [count(2, cause="exit")]

    await (await Store.open(path)).aclose()

    with History(path) as history:
        assert numbers(history.page(service="shop").events) == [1]
        assert history.count_by("cause") == [count(2, cause="exit")]


async def test_the_host_of_an_event_is_found_after_the_migration(tmp_path: Path) -> None:
    """
    A store of schema version 4 has every field but the host.
    """
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        for script in scripts(4):
            connection.executescript(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 4")
        store_as_before(connection, event(1, host="a"))
        store_as_before(connection, replace(event(2, host="b"), body=b"not json"))
        connection.execute("INSERT INTO event_fields (seq, time_ns, type) SELECT seq, time_ns, type FROM events")
        connection.commit()
    await (await Store.open(path, is_of_hosts=True)).aclose()
    with History(path) as history:
        assert numbers(history.page(host="a").events) == [1]
        assert history.page(host="b").events == []


def store_as_before(connection: sqlite3.Connection, new: StoredEvent) -> None:
    """
    Store an event as an older agent does.
    """
    row = (new.id, new.type, new.subject, new.key, new.container_id, new.time_ns, new.time_ns, new.body)
    columns = "id, type, subject, key, container_id, time_ns, stored_ns, body"
    connection.execute(f"INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
    connection.commit()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"not json", b'{"data": []}', b'{"data": {"container": 5, "exit137": {"cause": ["x"]}}}'],
)
async def test_an_event_that_cannot_be_read_is_found_by_what_its_row_says(tmp_path: Path, body: bytes) -> None:
    """
    A body of another version, or of a damaged page, hides no event.
    """
    store = await Store.open(tmp_path / "s.db")
    what = {"type": KILL, "subject": "s", "key": "k", "time_ns": 1, "container_id": "aa", "sinks": ()}
    await store.commit([StoredEvent(id="event-7", body=body, **what)], {})
    await store.aclose()
    with History(tmp_path / "s.db") as history:
        assert numbers(history.page(container="aa", types=[KILL]).events) == [7]


async def test_a_damaged_page_is_an_error_of_the_store(tmp_path: Path) -> None:
    """
    The agent repairs the store when it starts; whoever only reads says that it is damaged.
    """
    store = await Store.open(tmp_path / "s.db")
    await store.commit([event(number, message="x" * 900) for number in range(100)], {})
    await store.aclose()
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event_fields'").fetchone()
    with (tmp_path / "s.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(struct.pack(">B", 99) * 4096)

    with History(tmp_path / "s.db") as history, pytest.raises(StoreCorruptError):
        history.page()


async def test_salvaged_events_are_found_and_counted(tmp_path: Path) -> None:
    """
    The new store of a salvage has the fields of what could be read.
    """
    path = tmp_path / "s.db"
    store = await Store.open(path)
    await store.commit([event(number, service="shop") for number in range(100)], {})
    await store.aclose()
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event_counts'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)

    store = await Store.open(path)
    await store.aclose()

    assert store.salvaged is not None
    with History(path) as history:
        assert history.count_by("service") == [count(100, service="shop")]
        assert len(history.page(service="shop", limit=200).events) == 100
