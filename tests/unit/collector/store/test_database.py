"""
Opening the database file: what is created, what is refused, and what is set aside.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collector.store.database import MIGRATIONS, Database
from collector.store.errors import (
    StoreForeignError,
    StoreInUseError,
    StoreNoSpaceError,
    StoreUnavailableError,
    StoreVersionError,
)


def write(path: Path, statement: str) -> None:
    """
    Change a database behind the program's back.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_file_and_directory_are_for_owner_and_group_only(tmp_path: Path) -> None:
    """
    Events hold command lines: nobody else may read them.
    """
    path = tmp_path / "state" / "exit137.db"

    database = Database(path)

    assert path.stat().st_mode & 0o777 == 0o640
    assert path.with_name("exit137.db-wal").stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o750
    database.close()


def test_commits_are_synced(tmp_path: Path) -> None:
    """
    WAL and synchronous=FULL: a power cut takes nothing that was committed.
    """
    database = Database(tmp_path / "exit137.db")

    settings = [
        database.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
    ]

    assert settings == ["wal", 2, 1, 2]
    database.close()


def test_second_agent_is_refused(tmp_path: Path) -> None:
    """
    Two agents would send everything twice.
    """
    first = Database(tmp_path / "exit137.db")

    with pytest.raises(StoreInUseError, match="in use"):
        Database(tmp_path / "exit137.db")

    first.close()
    Database(tmp_path / "exit137.db").close()


def test_damaged_database_is_set_aside(tmp_path: Path) -> None:
    """
    The agent begins a new one, and the damaged one stays for salvage.
    """
    path = tmp_path / "exit137.db"
    Database(path).close()
    damaged = b"\xff" * path.stat().st_size
    path.write_bytes(damaged)

    database = Database(path)

    assert database.salvaged.set_aside == tmp_path / "exit137.db.corrupt-1"
    assert database.salvaged.set_aside.read_bytes() == damaged
    assert database.connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    database.close()


def test_each_damaged_database_keeps_its_own_name(tmp_path: Path) -> None:
    """
    A second accident does not overwrite what the first left.
    """
    path = tmp_path / "exit137.db"
    Database(path).close()
    for _ in range(2):
        path.write_bytes(b"\xff" * 4096)
        Database(path).close()

    assert (tmp_path / "exit137.db.corrupt-1").exists()
    assert (tmp_path / "exit137.db.corrupt-2").exists()


def test_damage_within_a_page_is_found_at_opening(tmp_path: Path) -> None:
    """
    A readable header does not make a sound database.
    """
    path = tmp_path / "exit137.db"
    database = Database(path)
    row = "INSERT INTO positions VALUES (?, ?)"
    database.connection.executemany(row, [(f"source-{number}", "x" * 1000) for number in range(100)])
    database.close()
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half:] = b"\xa5" * (len(content) - half)
    path.write_bytes(content)

    database = Database(path)

    assert database.salvaged is not None
    assert (tmp_path / "exit137.db.corrupt-1").exists()
    assert database.connection.execute("SELECT count(*) FROM positions").fetchone() < (100,)
    database.close()


@pytest.mark.parametrize("content", [b"root:x:0:0:root:/root:/bin/bash\n" * 20, b"\x00" * 4096])
def test_file_of_somebody_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """
    A wrong path in the configuration costs nobody a file.
    """
    path = tmp_path / "passwd"
    path.write_bytes(content)

    with pytest.raises(StoreForeignError, match="another path"):
        Database(path)

    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["passwd"]


def test_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """
    SQLite files are told apart by their application id.
    """
    path = tmp_path / "theirs.db"
    write(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()

    with pytest.raises(StoreForeignError):
        Database(path)

    assert path.read_bytes() == before


def test_newer_schema_is_left_alone(tmp_path: Path) -> None:
    """
    After a downgrade the agent says so instead of damaging the store.
    """
    path = tmp_path / "exit137.db"
    Database(path).close()
    write(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()

    with pytest.raises(StoreVersionError, match="install a later one"):
        Database(path)

    assert path.read_bytes() == before


def test_directory_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    """
    The error names the path.
    """
    with pytest.raises(StoreUnavailableError, match=str(tmp_path)):
        Database(tmp_path)


def test_full_disk_is_told_from_other_failures(tmp_path: Path) -> None:
    """
    It passes without anybody's work on the configuration; SQLite's own limit stands for the disk's.
    """
    database = Database(tmp_path / "exit137.db")
    pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
    database.connection.execute(f"PRAGMA max_page_count = {pages}")
    row = ("kmsg", "x" * 100_000)

    with pytest.raises(StoreNoSpaceError), database.transaction() as connection:
        connection.execute("INSERT INTO positions VALUES (?, ?)", row)

    database.connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    with database.transaction() as connection:
        connection.execute("INSERT INTO positions VALUES (?, ?)", row)
    database.close()


def test_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """
    All or nothing, whatever was raised.
    """
    database = Database(tmp_path / "exit137.db")

    with pytest.raises(sqlite3.ProgrammingError), database.transaction() as connection:
        connection.executemany("INSERT INTO positions VALUES (?, ?)", [("kmsg", "{}"), ("too few",)])

    assert database.connection.execute("SELECT count(*) FROM positions").fetchone() == (0,)
    database.close()
