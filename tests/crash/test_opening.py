"""
The agent is killed with SIGKILL while it opens a damaged store or a store of an older schema.
"""

import json
import signal
import sqlite3
import time
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from tests.crash import launcher
from tests.crash.agent import configuration, running, until

pytestmark = pytest.mark.slow

COUNT = 300
PAGE_BYTES = 4096
IN_PLACE = "after it is in its place"
BODY = '{"id": "%d", "text": "%s"}'


def write_first_schema(path: Path) -> None:
    """
    Create a store as the first version left it, with events that are pending for a file.
    """
    script = resources.files("collector.store").joinpath("schema_1.sql").read_text(encoding="utf-8")
    now_ns = time.time_ns()
    rows = [(number, f"{number}", now_ns, (BODY % (number, "x" * 100)).encode()) for number in range(1, COUNT + 1)]
    path.with_name(f"{path.name}.lock").touch()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            f"{script} PRAGMA application_id = {int.from_bytes(b'e137', 'big')}; PRAGMA user_version = 1;"
        )
        connection.execute("BEGIN")
        insert = "INSERT INTO events VALUES (?1, ?2, 'exit137.oom_kill', 'container/c', 'c', NULL, 0, ?3, ?4)"
        connection.executemany(insert, rows)
        connection.execute("INSERT INTO outbox (sink, seq, key) SELECT 'file', seq, key FROM events")
        connection.execute("COMMIT")


def damage(path: Path) -> None:
    """
    Overwrite the page of an index, so that no event is lost.
    """
    content = bytearray(path.read_bytes())
    root = _root(path)
    content[(root - 1) * PAGE_BYTES : root * PAGE_BYTES] = b"\xa5" * PAGE_BYTES
    path.write_bytes(content)


def _root(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_events_1'")
        return int(row.fetchone()[0])


def ids(file: Path) -> list[int]:
    return [int(json.loads(line)["id"]) for line in file.read_bytes().splitlines()] if file.exists() else []


def has_damage_event(home: Path) -> bool:
    published = home / "agent.jsonl"
    return published.exists() and "store_damaged" in published.read_text(encoding="utf-8")


@pytest.mark.timeout(90)
@pytest.mark.parametrize("step", launcher.OPENING)
def test_a_killed_start_is_completed_by_the_next(tmp_path: Path, step: str) -> None:
    """
    Every pending event arrives once, and the damage is published as an event.
    """
    write_first_schema(tmp_path / "s.db")
    if "schema" not in step:
        damage(tmp_path / "s.db")
    config = configuration(
        tmp_path,
        f'name = "file"\ntype = "file"\npath = "{tmp_path}/events.jsonl"\nevents = ["exit137.oom_kill"]',
        f'name = "agent"\ntype = "file"\npath = "{tmp_path}/agent.jsonl"\nevents = ["exit137.agent"]',
    )
    # The first call of exchange() finds nothing to do.
    with running(config, step, count=2 if step == IN_PLACE else 1) as killed:
        assert killed.wait(30) == -signal.SIGKILL
    with running(config):
        until(lambda: len(ids(tmp_path / "events.jsonl")) >= COUNT)
        if "schema" not in step and step != IN_PLACE:
            until(lambda: has_damage_event(tmp_path))
    assert ids(tmp_path / "events.jsonl") == list(range(1, COUNT + 1))
