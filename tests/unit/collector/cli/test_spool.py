"""
`exit137 spool` as a person types it.
"""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli import main
from collector.store import Store, StoredEvent


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """
    The configuration of an agent that is stopped: of two events one was refused, one waits.
    """

    async def fill() -> None:
        store = await Store.open(tmp_path / "s.db")
        await store.commit([event("aa-1"), event("bb-2")], {})
        await store.dead("bus", "aa-1", "too_large", "2000000 bytes")
        await store.aclose()

    asyncio.run(fill())
    path = tmp_path / "config.toml"
    path.write_text(f'[store]\npath = "{tmp_path}/s.db"\n')
    return path


def event(event_id: str) -> StoredEvent:
    """
    An event for one sink.
    """
    body = json.dumps({"id": event_id}).encode()
    return StoredEvent(
        id=event_id,
        type="exit137.oom_kill",
        subject="container/c",
        key="c",
        time_ns=1,
        container_id=None,
        body=body,
        sinks=("bus",),
    )


def spool(config: Path, *args: str, text: str | None = None) -> Result:
    """
    Run the command.
    """
    return CliRunner().invoke(main, ["spool", args[0], "--config", str(config), *args[1:]], input=text)


def test_list_is_one_line_a_sink(config: Path) -> None:
    """
    What waits, what is dead, and for how long.
    """
    assert spool(config, "list").stdout.startswith("bus: 1 waiting, 1 dead, the oldest for ")


def test_list_names_dead_letters_with_their_reason(config: Path) -> None:
    """
    For a person, and for a program.
    """
    (line,) = spool(config, "list", "--dead").stdout.splitlines()
    assert line.startswith("bus dead aa-1 ")
    assert line.endswith("too_large: 2000000 bytes")
    (entry,) = map(json.loads, spool(config, "list", "--dead", "--json").stdout.splitlines())
    assert (entry["id"], entry["dead"], entry["reason"]) == ("aa-1", True, "too_large")


def test_show_prints_the_event_as_the_sink_gets_it(config: Path) -> None:
    """
    Chosen by how the id begins; one that is not there is a failure.
    """
    assert spool(config, "show", "aa").stdout == '{"id": "aa-1"}\n'
    assert spool(config, "show", "cc").exit_code == 1


def test_requeue_and_purge_want_to_be_told_what(config: Path) -> None:
    """
    A usage error, and nothing is done; also where an id is empty, which every id begins with.
    """
    assert spool(config, "requeue").exit_code == 2
    assert spool(config, "purge", "--yes", "").exit_code == 2
    assert spool(config, "purge", "--yes").exit_code == 2
    assert spool(config, "list").stdout.startswith("bus: 1 waiting, 1 dead")


def test_requeue_sends_again(config: Path) -> None:
    """
    Of one sink, all that was put aside.
    """
    assert spool(config, "requeue", "--sink", "bus").stdout == "1 to be sent again\n"
    assert spool(config, "list").stdout.startswith("bus: 2 waiting, 0 dead")


def test_purge_asks_first(config: Path) -> None:
    """
    No is no; --yes does not ask.
    """
    assert spool(config, "purge", "--sink", "bus", text="n\n").exit_code == 1
    assert spool(config, "list").stdout.startswith("bus: 1 waiting, 1 dead")
    assert spool(config, "purge", "--sink", "bus", "--yes").stdout == "1 given up\n"
    assert spool(config, "purge", "--sink", "bus", "--waiting", text="y\n").stdout == "1 given up\n"
    assert spool(config, "list").stdout == ""


def test_without_a_store_it_says_where_it_looked(tmp_path: Path) -> None:
    """
    Exit code 1.
    """
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/none.db"\n')
    result = spool(config, "list")
    assert (result.exit_code, "none.db" in result.stderr) == (1, True)
