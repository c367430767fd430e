"""
Opening the database: what is created, what is refused, and what is moved aside.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collector.store.connection import MIGRATIONS
from collector.store.database import Database
from collector.store.errors import (
    StoreForeignError,
    StoreInUseError,
    StoreNoSpaceError,
    StoreUnavailableError,
    StoreVersionError,
)


def write(path: Path, statement: str) -> None:
    """
    Change a database without the program.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_only_owner_and_group_can_read_the_files(tmp_path: Path) -> None:
    """
    Events contain command lines, so nobody else may read them.
    """
    path = tmp_path / "state" / "exit137.db"

    database = Database(path)

    assert path.stat().st_mode & 0o777 == 0o640
    assert path.with_name("exit137.db-wal").stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o750
    database.close()


def test_commits_are_synced(tmp_path: Path) -> None:
    """
    With WAL and synchronous=FULL, a power cut loses nothing that was committed.
    """
    database = Database(tmp_path / "exit137.db")

    settings = [
        database.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
    ]

    assert settings == ["wal", 2, 1, 2]
    database.close()


def test_a_second_agent_is_refused(tmp_path: Path) -> None:
    """
    Two agents would send everything twice.
    """
    first = Database(tmp_path / "exit137.db")

    with pytest.raises(StoreInUseError, match="in use"):
        Database(tmp_path / "exit137.db")

    first.close()
    Database(tmp_path / "exit137.db").close()


def test_a_damaged_database_is_moved_aside(tmp_path: Path) -> None:
    """
    The agent starts with a new database, and the damaged one stays for inspection.
    """
    path = tmp_path / "exit137.db"
    Database(path).close()
    damaged = b"\xff" * path.stat().st_size
    path.write_bytes(damaged)

    database = Database(path)

    assert database.salvaged.moved_to == tmp_path / "exit137.db.corrupt-1"
    assert database.salvaged.moved_to.read_bytes() == damaged
    assert database.connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    database.close()


def test_each_damaged_database_gets_its_own_name(tmp_path: Path) -> None:
    """
    A second damaged database does not overwrite the first.
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
    A readable header does not prove that the database is intact.
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
def test_a_file_of_another_program_is_not_changed(tmp_path: Path, content: bytes) -> None:
    """
    A wrong path in the configuration must not destroy a file.
    """
    path = tmp_path / "passwd"
    path.write_bytes(content)

    with pytest.raises(StoreForeignError, match="another path"):
        Database(path)

    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["passwd"]


def test_a_database_of_another_program_is_not_changed(tmp_path: Path) -> None:
    """
    The application id of a SQLite file shows which program created it.
    """
    path = tmp_path / "theirs.db"
    write(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()

    with pytest.raises(StoreForeignError):
        Database(path)

    assert path.read_bytes() == before


def test_a_newer_schema_is_not_changed(tmp_path: Path) -> None:
    """
    After a downgrade the agent refuses to start instead of damaging the store.
    """
    path = tmp_path / "exit137.db"
    Database(path).close()
    write(path, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()

    with pytest.raises(StoreVersionError, match="install a newer version"):
        Database(path)

    assert path.read_bytes() == before


def test_a_directory_instead_of_the_file_is_an_error(tmp_path: Path) -> None:
    """
    The error names the path.
    """
    with pytest.raises(StoreUnavailableError, match=str(tmp_path)):
        Database(tmp_path)


def test_a_full_disk_is_distinguished_from_other_failures(tmp_path: Path) -> None:
    """
    A full disk ends without a change of the configuration. SQLite's own size limit stands for the disk's.
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


def test_an_index_of_hosts_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    """
    As on a full disk: the hub ends with a sentence, not with a traceback.
    """
    path = tmp_path / "exit137.db"
    Database(path).close()
    write(path, "CREATE TABLE event_fields_host (a)")  # the index cannot have this name

    with pytest.raises(StoreUnavailableError):
        Database(path, is_of_hosts=True)
    Database(path).close()


def test_a_failed_transaction_changes_nothing(tmp_path: Path) -> None:
    """
    All statements of a transaction take effect, or none, whatever was raised.
    """
    database = Database(tmp_path / "exit137.db")

    with pytest.raises(sqlite3.ProgrammingError), database.transaction() as connection:
        connection.executemany("INSERT INTO positions VALUES (?, ?)", [("kmsg", "{}"), ("too few",)])

    assert database.connection.execute("SELECT count(*) FROM positions").fetchone() == (0,)
    database.close()
