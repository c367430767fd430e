"""
What is recovered from a store after some of its pages were overwritten.
"""

import sqlite3
import struct
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store import Store, StoredEvent

PAGE_BYTES = 4096
COUNT = 400


def event(number: int) -> StoredEvent:
    """
    Return the event with this number. Every second one is also for a second sink.
    """
    body = orjson.dumps({"number": number, "text": "x" * (number % 37) * 40})
    sinks = ("audit", "bus") if number % 2 else ("audit",)
    return StoredEvent(
        id=f"kill-{number:04}",
        type="exit137.oom_kill",
        subject=f"container/{number}",
        key=str(number % 7),
        time_ns=number,
        container_id=None,
        body=body,
        sinks=sinks,
    )


async def fill(path: Path) -> None:
    """
    Create a store with a position and a dead letter, whose first hundred events are delivered.
    """
    store = await Store.open(path)
    await store.commit([event(number) for number in range(COUNT)], {"kmsg": {"seq": 4711}})
    await store.mark_delivered("audit", [f"kill-{number:04}" for number in range(100)])
    await store.dead_letter("audit", "kill-0399", "rejected", "400")
    await store.aclose()


def overwrite(path: Path, page: int, content: bytes) -> None:
    """
    Overwrite one page, counted from 0.
    """
    with path.open("r+b") as file:
        file.seek(page * PAGE_BYTES)
        file.write((content * PAGE_BYTES)[:PAGE_BYTES])


def damage(path: Path, name: str) -> None:
    """
    Overwrite the last page below the root of a table or of an index (sqlite.org/fileformat2.html, 1.6).
    """
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    content = path.read_bytes()
    (leaf,) = struct.unpack_from(">I", content, (root - 1) * PAGE_BYTES + 8)
    assert leaf
    overwrite(path, leaf - 1, b"\xa5")


def page_of(path: Path, marker: bytes) -> int:
    """
    Return the page that contains these bytes.
    """
    return path.read_bytes().index(marker) // PAGE_BYTES


async def test_one_damaged_page_loses_only_its_own_rows(tmp_path: Path) -> None:
    """
    All other events are recovered and pending for the same sinks. Delivered events are not sent again.
    """
    path = tmp_path / "s.db"
    await fill(path)
    overwrite(path, page_of(path, b'"number":200'), b"\xa5")

    store = await Store.open(path)

    kept = {past.id for past in await store.events(limit=-1)}
    assert COUNT - 20 < len(kept) < COUNT
    pending = {waiting.outgoing.id for waiting in await store.pending("audit", COUNT, 0)}
    assert pending == {event_id for event_id in kept if "kill-0100" <= event_id < "kill-0399"}
    assert store.depth("audit") == len(pending)
    assert store.salvaged is not None
    assert (store.salvaged.events, store.salvaged.complete) == (len(kept), False)
    await store.aclose()


async def test_positions_are_dropped_if_events_are_missing(tmp_path: Path) -> None:
    """
    A position would claim that the lost events are stored. Without it the source reads them again.
    """
    path = tmp_path / "s.db"
    await fill(path)
    overwrite(path, page_of(path, b'"number":200'), b"\xa5")

    store = await Store.open(path)

    assert await store.positions() == {}
    await store.aclose()


async def test_damage_outside_of_events_loses_nothing(tmp_path: Path) -> None:
    """
    An index can be rebuilt, and sources continue where they were.
    """
    path = tmp_path / "s.db"
    await fill(path)
    page = path.read_bytes().rindex(b"kill-0200") // PAGE_BYTES
    overwrite(path, page, b"\xa5")

    store = await Store.open(path)

    assert store.salvaged is not None
    assert store.salvaged.complete
    assert len(await store.events(limit=-1)) == COUNT
    assert await store.positions() == {"kmsg": {"seq": 4711}}
    await store.aclose()


@pytest.mark.parametrize("copy", ["outbox", "outbox_event"])
async def test_the_outbox_survives_a_damaged_page(tmp_path: Path, copy: str) -> None:
    """
    The outbox is in the file twice, and one of the two copies is enough.
    """
    path = tmp_path / "s.db"
    await fill(path)
    damage(path, copy)

    store = await Store.open(path)

    assert store.salvaged is not None
    assert store.salvaged.complete
    assert (store.depth("audit"), store.depth("bus")) == (COUNT - 101, COUNT // 2)
    assert len(await store.events(limit=-1)) == COUNT
    await store.aclose()


async def test_a_body_that_is_not_json_is_not_recovered(tmp_path: Path) -> None:
    """
    SQLite notices a damaged page, but not damaged content. A receiver would.
    """
    path = tmp_path / "s.db"
    await fill(path)
    content = path.read_bytes().replace(b'{"number":200', b'{"number"!200')
    path.write_bytes(content)
    overwrite(path, path.read_bytes().rindex(b"kill-0200") // PAGE_BYTES, b"\xa5")

    store = await Store.open(path)

    assert "kill-0200" not in {past.id for past in await store.events(limit=-1)}
    await store.aclose()


# Opens a store, and dies before it renames or deletes the nth file.
DIES = """
import os, sys
from pathlib import Path
from collector.store.database import Database

left = int(sys.argv[2])

def counted(change):
    def changing(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return change(*arguments, **named)
    return changing

os.rename, os.unlink = counted(os.rename), counted(os.unlink)
Database(Path(sys.argv[1])).close()
"""


def dies(path: Path, changes: int) -> bool:
    """
    Return whether a process that opens the store dies before it has renamed or deleted this many files.
    """
    return subprocess.run([sys.executable, "-c", DIES, path, str(changes)], check=False).returncode != 0


def names(directory: Path) -> list[str]:
    """
    Return the names of the files in a directory, without the logs of databases.
    """
    return sorted(each.name for each in directory.iterdir() if not each.name.endswith(("-wal", "-shm")))


@pytest.mark.parametrize("changes", range(9))
async def test_an_interrupted_salvage_is_finished_by_the_next_start(tmp_path: Path, changes: int) -> None:
    """
    Wherever the process was killed, nothing readable is lost, and the salvage is reported.
    """
    path = tmp_path / "s.db"
    await fill(path)
    overwrite(path, page_of(path, b'"number":200'), b"\xa5")
    died = dies(path, changes)

    store = await Store.open(path)

    assert COUNT - 20 < len(await store.events(limit=-1)) < COUNT
    assert store.depth("audit") > 280
    assert died == (store.salvaged is not None)
    await store.aclose()
    assert names(tmp_path) == ["s.db", "s.db.corrupt-1", "s.db.lock"]


@pytest.mark.slow
@settings(max_examples=25)
@given(pages=st.sets(st.integers(0, 60), min_size=1, max_size=8), filler=st.binary(min_size=1, max_size=64))
async def test_no_damage_stops_the_agent_or_invents_an_event(pages: set[int], filler: bytes) -> None:
    """
    Whatever is overwritten, the store opens, accepts events, and returns only events that were stored before.
    """
    originals = {event(number).id: event(number).body for number in range(COUNT)}
    with TemporaryDirectory() as directory:
        path = Path(directory) / "s.db"
        await fill(path)
        last = path.stat().st_size // PAGE_BYTES
        for page in pages:
            overwrite(path, page % last, filler)

        store = await Store.open(path)

        past = await store.events(limit=-1)
        assert {event.id: event.body for event in past}.items() <= originals.items()
        assert await store.commit([event(9999)], {}) == 1
        await store.aclose()
