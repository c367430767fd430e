"""
Log records as journald gets them, over a real socket.
"""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.journal_log import JournalHandler, to_journal


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.settimeout(5)
        yield listener


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    handler = JournalHandler(str(tmp_path / "socket"))
    log = logging.getLogger("collector.test")
    log.addHandler(handler)
    yield log
    log.removeHandler(handler)
    handler.close()


def test_a_record_has_fields(journald: socket.socket, log: logging.Logger) -> None:
    """
    The priority, where it was written, and which source or sink it is about.
    """
    log.warning("source %s is down", "docker", extra={"source": "docker"})
    lines = journald.recv(4096).decode().splitlines()
    assert {"MESSAGE=source docker is down", "PRIORITY=4", "EXIT137_SOURCE=docker", "LOGGER=collector.test"} <= {*lines}
    assert not [line for line in lines if line.startswith("EXIT137_SINK")]


def test_several_lines_are_one_entry(journald: socket.socket, log: logging.Logger) -> None:
    """
    Their length stands before them, so that no line can pass for a field.
    """
    log.error("first\nPRIORITY=0")
    assert journald.recv(4096).startswith(b"MESSAGE\n\x10\0\0\0\0\0\0\0first\nPRIORITY=0\nPRIORITY=3\n")


def test_without_journald_it_is_standard_error(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Nothing is lost; the priority stands before the text.
    """
    handler = JournalHandler("/nonexistent/socket")
    handler.emit(logging.LogRecord("a", logging.ERROR, "f", 1, "the store is full", (), None))
    handler.close()
    assert capsys.readouterr().err == "<3>the store is full\n"


def test_the_stream_must_be_the_one_that_systemd_made() -> None:
    """
    The variable is inherited by children whose standard error is somewhere else.
    """
    status = os.fstat(2)
    assert to_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not to_journal({"JOURNAL_STREAM": "1:1"})
    assert not to_journal({})
