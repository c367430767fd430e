"""
The command line: what goes to standard output, and the exit codes.
"""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli import COMMANDS, main
from collector.sources import SOURCES

RECORDING = Path(__file__).parents[3] / "recordings" / "debian12-docker20-cgroup2"
KILL = "Out of memory: Killed process 42 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB\n"


def _run(*args: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], input=text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_and_helps(name: str) -> None:
    """
    Table and modules agree.
    """
    assert _run(name, "--help").exit_code == 0


def test_an_unknown_command_is_a_usage_error() -> None:
    """
    Exit code 2.
    """
    assert _run("explian").exit_code == 2


def test_explain_reads_a_file_and_standard_input_alike(tmp_path: Path) -> None:
    """
    `-` is standard input.
    """
    file = tmp_path / "dmesg.txt"
    file.write_text(KILL)
    assert _run("explain", "--file", file).stdout == _run("explain", "--file", "-", text=KILL).stdout != ""


def test_explain_json_prints_events_and_nothing_else() -> None:
    """
    One CloudEvent a line on standard output.
    """
    (line,) = _run("explain", "--json", "--file", "-", text=KILL).stdout.splitlines()
    assert json.loads(line)["type"] == "exit137.oom_kill"


def test_explain_of_a_text_without_a_kill_says_so_beside() -> None:
    """
    Standard output stays empty: nothing is no event.
    """
    result = _run("explain", "--json", "--file", "-", text="all is well\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no OOM kill in 1 lines" in result.stderr


def test_explain_of_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """
    Exit code 2, and the file's name.
    """
    result = _run("explain", "--file", tmp_path / "none")
    assert (result.exit_code, str(tmp_path / "none") in result.stderr) == (2, True)


def test_explain_takes_one_form(tmp_path: Path) -> None:
    """
    Exit code 2; standard output is for the one that was asked for.
    """
    result = _run("explain", "--json", "--markdown", "--file", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_replay_says_what_it_could_not_read(tmp_path: Path) -> None:
    """
    On standard error, with the file; the rest is told.
    """
    shutil.copytree(RECORDING, tmp_path / "host")
    with (tmp_path / "host/events.jsonl").open("ab") as file:
        file.write(b'{"cut": ')
    result = _run("replay", tmp_path / "host")
    assert (result.exit_code, "events.jsonl: 1 of its records" in result.stderr) == (0, True)


def test_explain_without_a_store_and_without_a_host_to_ask_says_which_it_looked_for(tmp_path: Path) -> None:
    """
    Exit code 1.
    """
    config = tmp_path / "config.toml"
    sources = "".join(f"[sources.{name}]\nenabled = false\n" for name in ("journald", "docker"))
    config.write_text(f'[store]\npath = "{tmp_path}/none.db"\n{sources}')
    result = _run("explain", "--config", config)
    assert (result.exit_code, "none.db" in result.stderr) == (1, True)


def test_replay_prints_events_and_nothing_else() -> None:
    """
    As many lines as events.
    """
    lines = _run("replay", RECORDING).stdout.splitlines()
    assert {json.loads(line)["specversion"] for line in lines} == {"1.0"}


def test_replay_of_another_folder_is_a_usage_error(tmp_path: Path) -> None:
    """
    Exit code 2, and what is missing.
    """
    result = _run("replay", tmp_path)
    assert (result.exit_code, "kmsg.raw" in result.stderr) == (2, True)


def test_record_never_writes_into_a_folder_that_holds_something(tmp_path: Path) -> None:
    """
    A recording is made in a folder of its own.
    """
    (tmp_path / "file").touch()
    assert _run("record", tmp_path, "--for", "0").exit_code == 2


def test_a_wrong_configuration_names_file_key_and_nearest_name(tmp_path: Path) -> None:
    """
    Exit code 2.
    """
    config = tmp_path / "config.toml"
    config.write_text("[sources.kmsg]\nenable = true\n")
    result = _run("check", "--config", config)
    assert result.exit_code == 2
    for part in (str(config), "sources.kmsg.enable", "enabled"):
        assert part in result.stderr


def test_check_names_a_secret_that_cannot_be_read(tmp_path: Path) -> None:
    """
    Also without --send-test; what only the unit can find is not missed by hand.
    """
    config = tmp_path / "config.toml"
    sources = "".join(f"[sources.{name}]\nenabled = false\n" for name in SOURCES)
    sink = '[[sinks]]\nname = "a"\ntype = "webhook"\nurl_file = "{}/url"\n'
    config.write_text(sources + sink.format(tmp_path))
    result = _run("check", "--config", config)
    assert (result.exit_code, f"sink a: url_file {tmp_path}/url: cannot be read" in result.stdout) == (1, True)
    config.write_text(sources + sink.format("%d"))
    assert _run("check", "--config", config).exit_code == 0


@pytest.mark.parametrize(
    "mistake", ["[store]\nmax_byte = 1\n", "[store]\nmax_bytes = 1\n", "[[sinks]]\ntype = 'pigeon'\n"]
)
def test_a_wrong_configuration_does_not_touch_the_store(tmp_path: Path, mistake: str) -> None:
    """
    Exit code 2, and not a file is made or changed.
    """
    store = tmp_path / "s.db"
    store.write_bytes(b"what waits")
    config = tmp_path / "config.toml"
    document = mistake.replace("[store]\n", f'[store]\npath = "{store}"\n')
    config.write_text(document if "path" in document else f'[store]\npath = "{store}"\n{document}')

    assert _run("run", "--config", config).exit_code == 2
    assert store.read_bytes() == b"what waits"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "s.db"]
