"""
Standard output that is full, closed, cut off, or of an encoding that lacks letters: never a traceback.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collector.cli import spool as spool_command
from collector.store.spool import Entry

RECORDING = Path(__file__).parents[3] / "recordings/debian12-docker20-cgroup2"
COMMAND = (sys.executable, "-c", "from collector.cli import main; main()")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """
    Run a shell command line in which `$EXIT137` stands for the program.
    """
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("$EXIT137", '"$@"'), "bash", *COMMAND],
        check=False,
        capture_output=True,
        env=os.environ | environment,
    )


@pytest.mark.parametrize(
    ("redirection", "error"),
    [
        ("> /dev/full", "exit137: standard output: No space left on device\n"),
        (">&-", "exit137: standard output is closed\n"),
        ("| head -n 1", ""),
    ],
)
def test_an_output_that_cannot_be_written_ends_the_command(redirection: str, error: str) -> None:
    """
    The command ends with exit code 1 and one line that says why; a closed pipe needs no line.
    """
    done = shell(f"$EXIT137 replay {RECORDING} {redirection}")
    assert (done.returncode, done.stderr.decode()) == (1, error)


def test_a_letter_that_the_terminal_lacks_is_a_question_mark(tmp_path: Path) -> None:
    """
    A letter that the terminal cannot show is printed as a question mark and is not an error.
    """
    kill = "Out of memory: Killed process 42 (日本) total-vm:9kB, anon-rss:7kB, file-rss:1kB, shmem-rss:0kB\n"
    (tmp_path / "kernel.log").write_text(kill, encoding="utf-8")
    done = shell(f"$EXIT137 explain --file {tmp_path}/kernel.log", PYTHONIOENCODING="latin-1")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert b"??" in done.stdout


def test_json_is_utf_8_whatever_the_terminal_is() -> None:
    """
    JSON is read by programs, so it is UTF-8 whatever the encoding of the terminal is.
    """
    entry = Entry(
        dead=True,
        sink="größe",
        id="i",
        type="t",
        subject="container/日本",
        stored_ns=1,
        attempts=1,
        reason=None,
        detail=None,
        body=b"{}",
    )
    line = spool_command._entry(entry, as_json=True)
    assert isinstance(line, bytes)
    assert json.loads(line)["subject"] == "container/日本"
