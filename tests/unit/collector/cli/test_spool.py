"""
`exit137 spool` as an operator uses it.
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
    The configuration of a stopped agent with one dead-lettered and one pending event.
    """

    async def fill() -> None:
        store = await Store.open(tmp_path / "s.db")
        await store.commit([event("aa-1"), event("bb-2")], {})
        await store.dead_letter("bus", "aa-1", "too_large", "2000000 bytes")
        await store.aclose()

    asyncio.run(fill())
    path = tmp_path / "config.toml"
    path.write_text(f'[store]\npath = "{tmp_path}/s.db"\n')
    return path


def event(event_id: str) -> StoredEvent:
    """
    Return an event for one sink.
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


def test_list_prints_one_line_per_sink(config: Path) -> None:
    """
    The line has the numbers of pending and dead-lettered events, and the age of the oldest.
    """
    assert spool(config, "list").stdout.startswith("bus: 1 pending, 1 dead-lettered, oldest pending for ")


def test_list_names_dead_letters_with_their_reason(config: Path) -> None:
    """
    The reason is printed for people, and as JSON for programs.
    """
    (line,) = spool(config, "list", "--dead").stdout.splitlines()
    assert line.startswith("bus dead aa-1 ")
    assert line.endswith("too_large: 2000000 bytes")
    (entry,) = map(json.loads, spool(config, "list", "--dead", "--json").stdout.splitlines())
    assert (entry["id"], entry["dead"], entry["reason"]) == ("aa-1", True, "too_large")


def test_show_prints_the_event_as_the_sink_receives_it(config: Path) -> None:
    """
    An event is selected by the beginning of its id. An unknown id is an error.
    """
    assert spool(config, "show", "aa").stdout == '{"id": "aa-1"}\n'
    assert spool(config, "show", "cc").exit_code == 1


def test_requeue_and_purge_require_a_selection(config: Path) -> None:
    """
    Without a selection, or with an empty id, which is the beginning of every id, nothing is done.
    """
    assert spool(config, "requeue").exit_code == 2
    assert spool(config, "purge", "--yes", "").exit_code == 2
    assert spool(config, "purge", "--yes").exit_code == 2
    assert spool(config, "list").stdout.startswith("bus: 1 pending, 1 dead-lettered")


def test_requeue_queues_the_dead_letters_of_a_sink(config: Path) -> None:
    """
    All dead letters of the sink become pending.
    """
    assert spool(config, "requeue", "--sink", "bus").stdout == "1 requeued\n"
    assert spool(config, "list").stdout.startswith("bus: 2 pending, 0 dead-lettered")


def test_purge_asks_for_confirmation(config: Path) -> None:
    """
    Without a yes nothing is discarded. With --yes the command does not ask.
    """
    assert spool(config, "purge", "--sink", "bus", text="n\n").exit_code == 1
    assert spool(config, "list").stdout.startswith("bus: 1 pending, 1 dead-lettered")
    assert spool(config, "purge", "--sink", "bus", "--yes").stdout == "1 discarded\n"
    assert spool(config, "purge", "--sink", "bus", "--waiting", text="y\n").stdout == "1 discarded\n"
    assert spool(config, "list").stdout == ""


def test_a_missing_store_is_an_error_that_names_its_path(tmp_path: Path) -> None:
    """
    The exit status is 1.
    """
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/none.db"\n')
    result = spool(config, "list")
    assert (result.exit_code, "none.db" in result.stderr) == (1, True)
