"""
What the commands print on standard error: no secret and no control character, whatever an engine, a destination or a
file says.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

import collector.cli
from collector.cli import main
from collector.recordings import recorder
from tests.shared.settings import switched_off, switched_off_but

SECRET: Final = "hunter2hunter2"  # noqa: S105
HOSTILE: Final = f"no, password={SECRET} \x1b[2J\x1b]0;owned\x07"
# Such a URL is a secret as a whole: its user part is a password.
URL: Final = f"tcp://operator:{SECRET}@127.0.0.1:1"


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def assert_safe(result: Result) -> None:
    assert SECRET not in result.output
    assert not any(letter in result.output for letter in "\x1b\x07")
    assert "***" in result.output


def configuration(folder: Path, docker_url: str) -> Path:
    file = folder / "config.toml"
    file.write_text(
        f'{switched_off_but("docker")}[sources.docker]\nurl = "{docker_url}"\n[store]\npath = "{folder}/none.db"\n'
    )
    return file


@pytest.mark.parametrize("command", [("explain",), ("record", "DIR", "--for", "0.1")])
def test_the_address_of_an_engine_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """
    A command that reports an engine that does not answer prints the address without the password in it.
    """
    monkeypatch.setattr(recorder, "copy_journal", lambda *_: 0)  # the journal of this host may be long
    arguments = [str(tmp_path / "recording") if argument == "DIR" else argument for argument in command]
    assert_safe(run(*arguments, "--config", configuration(tmp_path, URL)))


class _Refusing(BaseHTTPRequestHandler):
    """
    A destination that answers with a secret and control characters.
    """

    def do_POST(self) -> None:
        body = HOSTILE.encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def webhook() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_the_answer_of_a_destination_is_masked(tmp_path: Path, webhook: str) -> None:
    """
    `check --send-test` quotes the answer of a destination without its secrets and control characters.
    """
    file = configuration(tmp_path, URL)
    file.write_text(file.read_text() + f'[[sinks]]\nname = "oncall"\ntype = "webhook"\nurl = "{webhook}"\n')
    result = run("check", "--send-test", "--config", file)
    assert "sink oncall: rejected" in result.output
    assert_safe(result)


@pytest.mark.parametrize(
    "command",
    [("events",), ("explain",), ("spool", "list")],
)
def test_the_path_of_a_store_is_masked(tmp_path: Path, command: tuple[str, ...]) -> None:
    """
    A command that cannot read the store prints its path without what looks like a secret, and on one line.
    """
    store = tmp_path / f"password={SECRET}\x1b[2J.db"
    store.mkdir()
    file = tmp_path / "config.toml"
    file.write_text(f"{switched_off()}[store]\npath = {json.dumps(str(store))}\n")
    assert_safe(run(*command, "--config", file))


def test_an_unexpected_error_is_masked() -> None:
    """
    The traceback of an error that nobody expected quotes its message without secrets.
    """
    program = f"""
import collector.cli, click, sys, types
def fail(): raise ValueError({HOSTILE!r})
sys.modules["boom"] = types.SimpleNamespace(command=click.Command("boom", callback=fail))
collector.cli.COMMANDS = {{"boom": "boom"}}
collector.cli.main(["boom"])
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert SECRET not in done.stderr
    assert "\x1b" not in done.stderr


def test_messages_are_printed_in_one_place() -> None:
    """
    No command prints on standard error by itself, so that no message can forget to be masked; a question is none.
    """
    others = [file for file in Path(collector.cli.__file__).parent.glob("*.py") if file.name != "messages.py"]
    lines = [line for file in others for line in file.read_text().splitlines()]
    assert [line for line in lines if "err=True" in line and "click.confirm(" not in line] == []
