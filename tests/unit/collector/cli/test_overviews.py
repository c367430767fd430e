"""
Where an answer begins with an overview, and where it never does.
"""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from collector.cli import COMMANDS, main
from collector.store import Store
from tests.unit.collector.web.api.conftest import DEATH, event

PROGRAM = "from collector.cli import main; main()"


def config(folder: Path, deaths: int) -> str:
    """
    Return a configuration whose store has this many deaths.
    """

    async def fill() -> None:
        store = await Store.open(folder / "s.db", max_bytes=2**30)
        await store.commit([event(n, DEATH, at_s=n, exit137={"cause": "crash"}) for n in range(1, deaths + 1)], {})
        await store.aclose()

    asyncio.run(fill())
    path = folder / "config.toml"
    path.write_text(f'[store]\npath = "{folder}/s.db"\n', encoding="utf-8")
    return str(path)


def explained(path: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["explain", "--since", "2020-01-01", "--config", path, *options])


def on_terminal(path: str, *options: str) -> list[str]:
    """
    Return what `events` prints on a terminal.
    """
    master, slave = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, "events", "--config", path, *options]
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL) as process:
        os.close(slave)
        shown = b""
        # A terminal whose last writer is gone refuses to be read (EIO).
        while piece := _read(master):
            shown += piece
    assert process.returncode == 0
    os.close(master)
    return shown.decode().splitlines()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:
        return b""


def test_many_reports_are_an_overview_and_follow_on_request(tmp_path: Path) -> None:
    """
    Five are printed as they are.
    """
    path = config(tmp_path, 6)
    short, full = explained(path), explained(path, "--full")
    assert (short.exit_code, full.exit_code) == (0, 0)
    assert short.stdout.startswith("6 deaths and 0 OOM kills from ")
    assert "event 6" not in short.stdout
    assert full.stdout.startswith(short.stdout)
    assert all(f"event {number}" in full.stdout for number in range(1, 7))


def test_few_reports_are_printed_at_once(tmp_path: Path) -> None:
    """
    Up to five.
    """
    shown = explained(config(tmp_path, 5)).stdout
    assert "5 deaths" not in shown
    assert all(f"event {number}" in shown for number in range(1, 6))


@pytest.mark.parametrize("form", ["--json", "--markdown"])
def test_other_forms_have_no_overview(tmp_path: Path, form: str) -> None:
    """
    They are for programs and tickets.
    """
    shown = explained(config(tmp_path, 6), form).stdout
    assert "6 deaths" not in shown
    assert "event 6" in shown


@pytest.mark.slow
def test_events_on_a_terminal_begin_with_an_overview(tmp_path: Path) -> None:
    """
    The events follow on request.
    """
    path = config(tmp_path, 6)
    short, full = on_terminal(path), on_terminal(path, "--full")
    assert short[0].startswith("6 deaths and 0 OOM kills from ")
    assert full[: len(short)] == short
    assert [orjson.loads(line)["id"] for line in full[len(short) :]] == [f"id-{number}" for number in range(1, 7)]
    few = on_terminal(path, "--limit", "2")
    assert [orjson.loads(line)["id"] for line in few] == ["id-5", "id-6"]


def test_events_in_a_pipe_are_only_events(tmp_path: Path) -> None:
    """
    However many there are.
    """
    shown = CliRunner().invoke(main, ["events", "--config", config(tmp_path, 6)]).stdout
    assert [orjson.loads(line)["id"] for line in shown.splitlines()] == [f"id-{number}" for number in range(1, 7)]


@pytest.mark.parametrize("command", ["", *COMMANDS, "spool list", "spool show", "spool requeue", "spool purge"])
def test_help_has_whole_sentences(command: str) -> None:
    """
    On a terminal of 80 columns, no description is cut, and each ends in a full stop or a default.
    """
    shown = CliRunner().invoke(main, [*command.split(), "--help"], terminal_width=80)
    assert shown.exit_code == 0
    assert "..." not in shown.output.replace("[ARGS]...", "").replace("[IDS]...", "")
    assert max(map(len, shown.output.splitlines())) <= 80
