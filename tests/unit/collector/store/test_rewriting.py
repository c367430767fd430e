"""
A store whose files are deleted or replaced while it is open is written anew.
"""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from collector.store import Store, StoredEvent, StoreLostError

COUNT = 300
SEEN = 100


def event(number: int) -> StoredEvent:
    return StoredEvent(
        id=str(number),
        type="exit137.oom_kill",
        subject="container/c",
        key="c",
        time_ns=number,
        container_id="c",
        body=b'{"text":"' + b"x" * 1000 + b'"}',
        sinks=("hook",),
        group="g",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "s.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path)
    await store.commit([event(number) for number in range(COUNT)], {"kmsg": {"seq": 7}})
    await store.mark_delivered("hook", [str(number) for number in range(SEEN)])
    await store.mark_failed("hook", [str(SEEN)], 1e9, "io_error", "down")
    yield store
    await store.aclose()


async def assert_everything_is_in(path: Path, *more: int) -> None:
    """
    Open what is in the file, and look for everything that the store knew.
    """
    store = await Store.open(path)
    pending = await store.pending("hook", 1000, 1e12)
    assert [each.outgoing.id for each in pending] == [str(number) for number in (*range(SEEN, COUNT), *more)]
    assert pending[0].attempts == 1
    assert {each.outgoing.group for each in pending} == {"g"}
    assert len(await store.events(limit=-1)) == COUNT + len(more)
    assert await store.positions() == {"kmsg": {"seq": 7}}
    await store.aclose()


def delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()


def delete_with_lock(path: Path) -> None:
    delete(path)
    path.with_name(f"{path.name}.lock").unlink()


def delete_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def delete_index(path: Path) -> None:
    path.with_name(f"{path.name}-shm").unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"not a database")
    other.rename(path)


def put_in_its_place(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text, encoding="utf-8")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def delete_directory(path: Path) -> None:
    shutil.rmtree(path.parent)


def move_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


LOSSES = (
    delete,
    delete_with_lock,
    delete_log,
    delete_index,
    move,
    replace,
    replace_by_directory,
    delete_directory,
    move_directory,
)


@pytest.mark.parametrize("lose", LOSSES)
async def test_nothing_is_missing_in_the_new_store(store: Store, path: Path, lose: Callable[[Path], None]) -> None:
    """
    Events, pending deliveries with their retries, and positions are in the new file as they were in the old one.
    """
    lose(path)

    (rewritten,) = await store.take_rewrites()

    assert (rewritten.pending, rewritten.complete, store.trouble) == (COUNT - SEEN, True, None)
    assert await store.take_rewrites() == []
    await store.commit([event(COUNT)], {})
    await store.aclose()
    await assert_everything_is_in(path, COUNT)


@pytest.mark.parametrize("lose", LOSSES)
async def test_the_next_commit_goes_into_the_new_store(
    store: Store, path: Path, lose: Callable[[Path], None], tmp_path: Path
) -> None:
    """
    A commit looks at the files first, so that what it acknowledges is in a file that survives the agent.
    """
    lose(path)

    await store.commit([event(COUNT)], {})

    # What a kill of the agent would leave: the files as they are, without closing the store.
    left = tmp_path / "left"
    shutil.copytree(path.parent, left)
    await assert_everything_is_in(left / path.name, COUNT)


async def test_a_foreign_file_in_its_place_is_kept(store: Store, path: Path) -> None:
    """
    Whatever somebody put there is moved, not deleted, however often it happens.
    """
    moved = []
    for number in range(5):
        put_in_its_place(path, f"precious {number}")
        moved += [rewritten.moved_to for rewritten in await store.take_rewrites()]

    assert [each.read_text(encoding="utf-8") for each in moved if each] == [f"precious {number}" for number in range(5)]


async def test_of_an_emptied_store_what_is_still_readable_is_kept(store: Store, path: Path) -> None:
    """
    Somebody truncates the file in place: its log still has the last commits.
    """
    empty(path)

    (rewritten,) = await store.take_rewrites()

    assert await store.commit([event(COUNT)], {}) == 1
    assert rewritten.pending <= COUNT
    assert store.trouble is None


async def test_while_no_new_store_can_be_written_the_open_files_are_used(store: Store, path: Path) -> None:
    """
    Events are still stored and delivered. As soon as the directory can be made, everything is in the new store.
    """
    moved = path.parent.with_name("moved")
    path.parent.rename(moved)
    path.parent.write_text("a file where the directory was", encoding="utf-8")

    assert await store.take_rewrites() == []

    assert isinstance(store.trouble, StoreLostError)
    assert await store.commit([event(COUNT)], {}) == 1
    assert len(await store.pending("hook", 1000, 1e12)) == COUNT - SEEN + 1
    path.parent.unlink()
    store._database._retry_at_s = 0
    (rewritten,) = await store.take_rewrites()
    assert (rewritten.pending, store.trouble) == (COUNT - SEEN + 1, None)
    await store.aclose()
    await assert_everything_is_in(path, COUNT)


async def test_a_second_agent_that_took_the_lock_keeps_the_place(store: Store, path: Path) -> None:
    """
    If the lock file was deleted too, another agent may have started in between: its store is not touched.
    """
    delete_with_lock(path)
    other = await Store.open(path)

    assert await store.take_rewrites() == []

    assert isinstance(store.trouble, StoreLostError)
    assert await other.commit([event(1)], {}) == 1
    await other.aclose()


async def test_a_store_in_its_place_is_left_alone(store: Store, path: Path) -> None:
    """
    Commits, checkpoints and readers do not look like a loss.
    """
    for number in range(COUNT, COUNT + 50):
        await store.commit([event(number)], {})

    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (COUNT + 50,)
    assert await store.take_rewrites() == []
    assert store.trouble is None
