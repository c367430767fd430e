"""
What is left of a store after pages of it were overwritten.
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
    The event of a number; every second one is also for a second sink.
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


async def filled(path: Path) -> None:
    """
    A store of which the first hundred events were delivered, with a position and a dead letter.
    """
    store = await Store.open(path)
    await store.commit([event(number) for number in range(COUNT)], {"kmsg": {"seq": 4711}})
    await store.delivered("audit", [f"kill-{number:04}" for number in range(100)])
    await store.dead("audit", "kill-0399", "rejected", "400")
    await store.aclose()


def overwrite(path: Path, page: int, content: bytes) -> None:
    """
    Put other bytes into one page, counted from 0.
    """
    with path.open("r+b") as file:
        file.seek(page * PAGE_BYTES)
        file.write((content * PAGE_BYTES)[:PAGE_BYTES])


def spoil(path: Path, name: str) -> None:
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
    The page that holds this.
    """
    return path.read_bytes().index(marker) // PAGE_BYTES


async def test_one_bad_page_costs_only_what_was_on_it(tmp_path: Path) -> None:
    """
    All other events are there, still wait for whom they waited for, and those that were delivered are not sent again.
    """
    path = tmp_path / "s.db"
    await filled(path)
    overwrite(path, page_of(path, b'"number":200'), b"\xa5")

    store = await Store.open(path)

    kept = {past.id for past in await store.events(limit=-1)}
    assert COUNT - 20 < len(kept) < COUNT
    waiting = {pending.outgoing.id for pending in await store.pending("audit", COUNT, 0)}
    assert waiting == {event_id for event_id in kept if "kill-0100" <= event_id < "kill-0399"}
    assert store.depth("audit") == len(waiting)
    assert store.salvaged is not None
    assert (store.salvaged.events, store.salvaged.whole) == (len(kept), False)
    await store.aclose()


async def test_sources_read_again_what_they_have_when_events_are_missing(tmp_path: Path) -> None:
    """
    A position would say that the lost events are safe.
    """
    path = tmp_path / "s.db"
    await filled(path)
    overwrite(path, page_of(path, b'"number":200'), b"\xa5")

    store = await Store.open(path)

    assert await store.positions() == {}
    await store.aclose()


async def test_damage_that_costs_no_event_costs_nothing(tmp_path: Path) -> None:
    """
    An index can be made anew; sources go on where they were.
    """
    path = tmp_path / "s.db"
    await filled(path)
    page = path.read_bytes().rindex(b"kill-0200") // PAGE_BYTES
    overwrite(path, page, b"\xa5")

    store = await Store.open(path)

    assert store.salvaged is not None
    assert store.salvaged.whole
    assert len(await store.events(limit=-1)) == COUNT
    assert await store.positions() == {"kmsg": {"seq": 4711}}
    await store.aclose()


@pytest.mark.parametrize("copy", ["outbox", "outbox_event"])
async def test_what_waits_is_known_though_a_page_of_it_is_bad(tmp_path: Path, copy: str) -> None:
    """
    It is in the file twice, and one of the two is enough.
    """
    path = tmp_path / "s.db"
    await filled(path)
    spoil(path, copy)

    store = await Store.open(path)

    assert store.salvaged is not None
    assert store.salvaged.whole
    assert (store.depth("audit"), store.depth("bus")) == (COUNT - 101, COUNT // 2)
    assert len(await store.events(limit=-1)) == COUNT
    await store.aclose()


async def test_body_that_is_no_json_is_not_sent(tmp_path: Path) -> None:
    """
    SQLite notices a broken page, not broken content; a receiver would.
    """
    path = tmp_path / "s.db"
    await filled(path)
    content = path.read_bytes().replace(b'{"number":200', b'{"number"!200')
    path.write_bytes(content)
    overwrite(path, path.read_bytes().rindex(b"kill-0200") // PAGE_BYTES, b"\xa5")

    store = await Store.open(path)

    assert "kill-0200" not in {past.id for past in await store.events(limit=-1)}
    await store.aclose()


# Opens a store, and dies before the system has done the nth change of a name.
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
    Whether a process that opens the store is dead before it has changed so many names.
    """
    return subprocess.run([sys.executable, "-c", DIES, path, str(changes)], check=False).returncode != 0


def names(directory: Path) -> list[str]:
    """
    The files in it, without the logs of databases.
    """
    return sorted(each.name for each in directory.iterdir() if not each.name.endswith(("-wal", "-shm")))


@pytest.mark.parametrize("changes", range(9))
async def test_salvage_that_is_killed_is_finished_by_the_next_start(tmp_path: Path, changes: int) -> None:
    """
    Wherever it was: nothing that could be read is lost, and it is told.
    """
    path = tmp_path / "s.db"
    await filled(path)
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
    Whatever is overwritten, the store opens, takes events, and gives only what was once put in.
    """
    originals = {event(number).id: event(number).body for number in range(COUNT)}
    with TemporaryDirectory() as directory:
        path = Path(directory) / "s.db"
        await filled(path)
        last = path.stat().st_size // PAGE_BYTES
        for page in pages:
            overwrite(path, page % last, filler)

        store = await Store.open(path)

        past = await store.events(limit=-1)
        assert {event.id: event.body for event in past}.items() <= originals.items()
        assert await store.commit([event(9999)], {}) == 1
        await store.aclose()
