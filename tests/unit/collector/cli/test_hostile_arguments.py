"""
Every command with arguments that nobody means: an error is one line and exit code 1 or 2, never a traceback.
"""

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from collector.cli import COMMANDS, main
from collector.store import Store

CONFIG: Final = """
[store]
path = "{folder}/store.db"
[[sinks]]
name = "audit"
type = "file"
path = "{folder}/events.jsonl"
"""
# {folder} has a store, a configuration, a pipe without a writer and an empty folder; {config} is the option.
REFUSED: Final = (
    "explain --since 9999-12-31T23:59:59+00:00 {config}",
    "explain --since 9999-12-31 {config}",
    "explain --since 0001-01-01 {config}",
    "explain --since 999999999w {config}",
    "explain --since {empty} {config}",
    "explain {empty} {config}",
    "explain nobody {config}",
    "explain --file {empty}",
    "explain --file /dev/zero",
    "explain --file /dev/full",
    "explain --file {folder}",
    "explain --file {folder}/missing",
    "why {empty} {config}",
    "why nobody --socket {folder}/missing {config}",
    "why nobody --socket {folder} {config}",
    "why nobody --socket /dev/zero {config}",
    "why nobody --socket {empty} {config}",
    "explain --config {empty}",
    "explain --config /dev/zero",
    "explain --config /dev/full",
    "explain --config /dev/null",
    "explain --config {folder}/pipe",
    "explain --config {folder}",
    "explain --config {folder}/store.db",
    "explain --json --markdown",
    "run --config /dev/zero",
    "run --config {folder}/pipe",
    "check --config /dev/zero",
    "events -n 1e23 {config}",
    "events -n 100000000000000000000000 {config}",
    "events -n -1 {config}",
    "events -n nan {config}",
    "events --config {folder}/pipe",
    "replay {empty}",
    "replay /dev/zero",
    "replay {folder}/pipe",
    "replay {folder}/empty",
    "replay {folder}/missing",
    "record {empty} --for 1",
    "record {folder} --for 1",
    "record {folder}/new --for nan",
    "record {folder}/new --for inf",
    "record {folder}/new --for -1",
    "record {folder}/new --for 1e300",
    "record /dev/zero --for 1",
    "spool list --sink nobody {config}",
    "spool list --sink {empty} {config}",
    "spool list nothing {config}",
    "spool show nothing {config}",
    "spool show {empty} {config}",
    "spool requeue nothing {config}",
    "spool requeue --sink nobody {config}",
    "spool requeue {config}",
    "spool purge nothing --yes {config}",
    "spool purge --sink nobody --yes {config}",
    "spool purge {empty} --yes {config}",
    "size {empty} {config}",
    "size nobody {config}",
    "web --config {empty}",
    "web extra {config}",
    "hub --config {empty}",
    "hub --config {folder}/pipe",
    "hub extra {config}",
    "mcp --config {empty}",
    "mcp --socket {empty} {config}",
    "mcp extra {config}",
    "top --once -n 0 {config}",
    "top --once -n 1e9 {config}",
    "install --nothing",
    "uninstall --nothing",
    "explian",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "config.toml").write_text(CONFIG.format(folder=folder))
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")

    async def create() -> None:
        store = await Store.open(folder / "store.db", max_bytes=1 << 28, keep_ns=10**18)
        await store.aclose()

    asyncio.run(create())
    return folder


def words(line: str, folder: Path) -> list[str]:
    """
    Return the arguments of a line of the table.
    """
    options = line.replace("{config}", "--config {folder}/config.toml").split()
    return [word.replace("{empty}", "").replace("{folder}", str(folder)) for word in options]


@pytest.mark.parametrize("line", REFUSED)
def test_a_hostile_argument_is_refused_in_one_line(line: str, folder: Path) -> None:
    """
    The exit code is 1 or 2, the last line says what is wrong, and no exception escapes.
    """
    result = CliRunner().invoke(main, words(line, folder))
    assert result.exit_code in (1, 2), (result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    lines = result.stderr.splitlines()
    assert lines[-1].startswith(("exit137: ", "Error: "))
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_every_command_is_in_the_table() -> None:
    """
    A new command gets its hostile arguments too.
    """
    assert {line.split()[0] for line in REFUSED} >= set(COMMANDS)


def test_a_pipe_is_read_as_a_text(folder: Path) -> None:
    """
    `--file` takes what a shell's `<(…)` gives: a pipe ends with its writer.
    """
    command = [sys.executable, "-c", "from collector.cli import main; main()", "explain", "--file", "/dev/stdin"]
    done = subprocess.run(command, input=b"nothing here\n", capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"lines read: 1" in done.stderr


def run(arguments: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
    """
    Run a command in a process of its own, with limits or closed streams.
    """
    command = [sys.executable, "-c", "from collector.cli import main; main()", *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ["explain --file -", "events {config}", "spool list {config}"])
@pytest.mark.parametrize("closed", [0, 1])
def test_a_closed_stream_is_no_traceback(arguments: str, closed: int, folder: Path) -> None:
    """
    A command whose standard input or output is closed ends, and says why if it could not do its work.
    """
    done = run(words(arguments, folder), preexec_fn=lambda: os.close(closed))
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("descriptors", [6, 12])
@pytest.mark.parametrize("arguments", ["events {config}", "check {config}", "spool list {config}", "run {config}"])
def test_few_descriptors_are_no_traceback(arguments: str, descriptors: int, folder: Path) -> None:
    """
    A command that may open almost no file ends with one line, or does its work all the same.
    """

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    done = run(words(arguments, folder), preexec_fn=limited, stdout=subprocess.DEVNULL)
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("mib", [64, 128])
def test_little_memory_is_no_traceback(mib: int, folder: Path) -> None:
    """
    A command that gets little memory ends with one line, or does its work.
    """

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))

    done = run(words("events {config}", folder), preexec_fn=limited, stdout=subprocess.DEVNULL)
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr
