"""
Log records as journald receives them, over a real socket.
"""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.runtime.journal_handler import JournalHandler, is_journal


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
    A record carries its priority, its logger, and the source or sink that it is about.
    """
    log.warning("source %s is down", "docker", extra={"source": "docker"})
    lines = journald.recv(4096).decode().splitlines()
    assert {"MESSAGE=source docker is down", "PRIORITY=4", "EXIT137_SOURCE=docker", "LOGGER=collector.test"} <= {*lines}
    assert not [line for line in lines if line.startswith("EXIT137_SINK")]


def test_several_lines_are_one_entry(journald: socket.socket, log: logging.Logger) -> None:
    """
    A value of several lines is preceded by its length, so that no line can be mistaken for a field.
    """
    log.error("first\nPRIORITY=0")
    assert journald.recv(4096).startswith(b"MESSAGE\n\x10\0\0\0\0\0\0\0first\nPRIORITY=0\nPRIORITY=3\n")


def test_without_journald_records_go_to_standard_error(log: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A record that journald does not take is written to standard error, with its priority before the text.
    """
    handler = JournalHandler("/nonexistent/socket")
    handler.emit(logging.LogRecord("a", logging.ERROR, "f", 1, "the store is full", (), None))
    handler.close()
    assert capsys.readouterr().err == "<3>the store is full\n"


def test_the_stream_must_be_the_one_that_systemd_made() -> None:
    """
    JOURNAL_STREAM is inherited by children whose standard error is something else, so its value is compared.
    """
    status = os.fstat(2)
    assert is_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not is_journal({"JOURNAL_STREAM": "1:1"})
    assert not is_journal({})
