"""
The command line: what goes to standard output, and the exit codes.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from collector.cli import COMMANDS, main
from sinks import SINKS, SinkEntry
from tests.shared.settings import switched_off

RECORDING = Path(__file__).parents[3] / "recordings" / "debian12-docker20-cgroup2"
KILL = "Out of memory: Killed process 42 (java) total-vm:9kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB\n"


def _run(*args: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], input=text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_and_helps(name: str) -> None:
    """
    Every command of the table has a module and a help text.
    """
    assert _run(name, "--help").exit_code == 0


def test_the_pages_do_without_tls() -> None:
    """
    The module takes 4 MB, and the pages are served without it.
    """
    program = "import sys; from collector.cli import main; main.get_command(None, 'web'); print(sys.modules['ssl'])"
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout == "None\n"


def test_an_unknown_command_is_a_usage_error() -> None:
    """
    An unknown command ends with exit code 2.
    """
    assert _run("explian").exit_code == 2


def test_explain_reads_a_file_and_standard_input_alike(tmp_path: Path) -> None:
    """
    `--file -` reads standard input and prints what it prints for a file.
    """
    file = tmp_path / "dmesg.txt"
    file.write_text(KILL)
    assert _run("explain", "--file", file).stdout == _run("explain", "--file", "-", text=KILL).stdout != ""


def test_explain_json_prints_events_and_nothing_else() -> None:
    """
    With --json, standard output has one CloudEvent per line and nothing else.
    """
    (line,) = _run("explain", "--json", "--file", "-", text=KILL).stdout.splitlines()
    assert json.loads(line)["type"] == "exit137.oom_kill"


def test_explain_of_a_text_without_a_kill_says_so_on_standard_error() -> None:
    """
    Without a kill, standard output stays empty and the exit code is 0.
    """
    result = _run("explain", "--json", "--file", "-", text="all is well\n")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no OOM kill found, lines read: 1" in result.stderr


def test_explain_of_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """
    A file that cannot be read ends the command with exit code 2 and the file's name.
    """
    result = _run("explain", "--file", tmp_path / "none")
    assert (result.exit_code, str(tmp_path / "none") in result.stderr) == (2, True)


@pytest.mark.parametrize("forms", [("--json", "--markdown"), ("--json", "--html", "-"), ("--markdown", "--html", "-")])
def test_explain_takes_one_form(forms: tuple[str, ...], tmp_path: Path) -> None:
    """
    --json, --markdown and --html exclude each other: exit code 2, and nothing is printed on standard output.
    """
    result = _run("explain", *forms, "--file", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")


def test_explain_writes_a_page_of_a_pasted_log(tmp_path: Path) -> None:
    """
    --html writes the kills of a pasted text into one file, and `-` prints the same page.
    """
    page = tmp_path / "page.html"
    result = _run("explain", "--file", "-", "--html", page, text=KILL * 2)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "java" in page.read_text(encoding="utf-8")
    assert _run("explain", "--file", "-", "--html", "-", text=KILL * 2).stdout.strip() == page.read_text().strip()


def test_explain_writes_a_page_of_a_recording(tmp_path: Path) -> None:
    """
    The last death of a container in a recording, with its evidence; without a name, the last death of all.
    """
    page = tmp_path / "page.html"
    assert _run("explain", "glob", "--file", RECORDING, "--html", page).exit_code == 0
    assert "<h1>glob was OOM-killed (exit code 137)</h1>" in page.read_text(encoding="utf-8")


def test_a_page_has_the_newest_incidents_first(tmp_path: Path) -> None:
    """
    A page of many incidents holds the newest 50, and says how many it leaves out.
    """
    page = tmp_path / "page.html"
    since = ("--since", "2026-01-01")
    events = _run("explain", *since, "--json", "--file", RECORDING).stdout.splitlines()
    assert _run("explain", *since, "--file", RECORDING, "--html", page).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("<article") == 50
    assert f"{len(events) - 50} older incidents are not in this file" in text
    assert text.index(json.loads(events[-1])["id"]) < text.index(json.loads(events[-2])["id"])


def test_explain_says_that_a_page_cannot_be_written(tmp_path: Path) -> None:
    """
    Exit code 1, and the name of the file.
    """
    result = _run("explain", "--file", "-", "--html", tmp_path / "no/page.html", text=KILL)
    assert (result.exit_code, str(tmp_path / "no/page.html") in result.stderr) == (1, True)


def test_a_folder_that_is_no_recording_is_a_usage_error(tmp_path: Path) -> None:
    """
    Exit code 2, and the name of the folder.
    """
    result = _run("explain", "--file", tmp_path)
    assert (result.exit_code, str(tmp_path) in result.stderr) == (2, True)


def test_a_replay_says_what_it_could_not_read(tmp_path: Path) -> None:
    """
    Records that cannot be read are counted on standard error with their file; the rest is replayed.
    """
    shutil.copytree(RECORDING, tmp_path / "host")
    with (tmp_path / "host/events.jsonl").open("ab") as file:
        file.write(b'{"cut": ')
    result = _run("replay", tmp_path / "host")
    assert (result.exit_code, "events.jsonl: 1 records could not be read" in result.stderr) == (0, True)


def test_explain_without_a_store_and_without_a_host_to_ask_says_which_it_looked_for(tmp_path: Path) -> None:
    """
    Without a store and without sources to ask, the command ends with exit code 1 and names the store.
    """
    config = tmp_path / "config.toml"
    sources = switched_off(("journald", "docker"))
    config.write_text(f'[store]\npath = "{tmp_path}/none.db"\n{sources}')
    result = _run("explain", "--config", config)
    assert (result.exit_code, "none.db" in result.stderr) == (1, True)


def test_replay_prints_events_and_nothing_else() -> None:
    """
    Every line on standard output is a CloudEvent.
    """
    lines = _run("replay", RECORDING).stdout.splitlines()
    assert {json.loads(line)["specversion"] for line in lines} == {"1.0"}


def test_replay_of_another_folder_is_a_usage_error(tmp_path: Path) -> None:
    """
    A folder that is not a recording ends the command with exit code 2, and the error names the missing file.
    """
    result = _run("replay", tmp_path)
    assert (result.exit_code, "kmsg.raw" in result.stderr) == (2, True)


def test_record_never_writes_into_a_folder_that_holds_something(tmp_path: Path) -> None:
    """
    A recording is made in an empty or new folder only.
    """
    (tmp_path / "file").touch()
    assert _run("record", tmp_path, "--for", "0").exit_code == 2


def test_a_wrong_configuration_names_file_key_and_nearest_name(tmp_path: Path) -> None:
    """
    An error in the configuration ends with exit code 2 and names the file, the key and the nearest valid name.
    """
    config = tmp_path / "config.toml"
    config.write_text("[sources.kmsg]\nenable = true\n")
    result = _run("check", "--config", config)
    assert result.exit_code == 2
    for part in (str(config), "sources.kmsg.enable", "enabled"):
        assert part in result.stderr


def test_check_names_a_secret_that_cannot_be_read(tmp_path: Path) -> None:
    """
    A file that cannot be read is a failure even without --send-test; a path with %d is skipped.
    """
    config = tmp_path / "config.toml"
    sources = switched_off()
    sink = '[[sinks]]\nname = "a"\ntype = "webhook"\nurl_file = "{}/url"\n'
    config.write_text(sources + sink.format(tmp_path))
    result = _run("check", "--config", config)
    assert (result.exit_code, f"sink a: url_file: cannot read {tmp_path}/url" in result.stdout) == (1, True)
    config.write_text(sources + sink.format("%d"))
    assert _run("check", "--config", config).exit_code == 0


def test_check_says_which_sinks_can_be_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A kind whose library is missing is named with what to install; that is no failure.
    """
    monkeypatch.setitem(
        cast("dict[str, SinkEntry]", SINKS), "odd", SinkEntry(module="no_such_library.odd", config="", sink="")
    )
    config = tmp_path / "config.toml"
    config.write_text(switched_off())

    result = _run("check", "--config", config)

    assert result.exit_code == 0
    assert "available sinks: stdout, file, webhook" in result.stdout
    assert "the odd sink needs the module no_such_library: install exit137 again with its dependencies" in result.stdout


@pytest.mark.parametrize(
    "mistake", ["[store]\nmax_byte = 1\n", "[store]\nmax_bytes = 1\n", "[[sinks]]\ntype = 'pigeon'\n"]
)
def test_a_wrong_configuration_does_not_touch_the_store(tmp_path: Path, mistake: str) -> None:
    """
    A configuration error ends with exit code 2, and no file is created or changed.
    """
    store = tmp_path / "s.db"
    store.write_bytes(b"what waits")
    config = tmp_path / "config.toml"
    document = mistake.replace("[store]\n", f'[store]\npath = "{store}"\n')
    config.write_text(document if "path" in document else f'[store]\npath = "{store}"\n{document}')

    assert _run("run", "--config", config).exit_code == 2
    assert store.read_bytes() == b"what waits"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "s.db"]
