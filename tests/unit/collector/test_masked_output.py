"""
No secret of any fact is published: every text of every fact of a real host's recording gets one.
"""

import logging
import socket
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from collector.delivery.routing import addressed
from collector.explain.markdown import as_markdown
from collector.explain.report import report_of
from collector.explain.text import as_text
from collector.recordings.masked import masked_event, masked_inspection
from collector.recordings.replay import load, play
from collector.runtime.journal_handler import JournalHandler
from collector.runtime.log_format import MaskingFormatter
from sinks.base import SinkConfig
from sinks.errors import PermanentError, Reason
from sinks.event.reader import read_event

RECORDING: Final = Path(__file__).parents[2] / "recordings/debian12-docker20-cgroup2"
SECRET: Final = "hunter2Xk9v"  # noqa: S105 (the word to look for)
POISON: Final = f" password={SECRET}"
# What facts are joined by, and closed sets of words.
KEPT: Final = frozenset({"container_id", "id", "boot_id", "source", "event_id", "what", "status", "constraint"})


def poisoned(value: Any, name: str = "") -> Any:  # noqa: ANN401 (any part of a fact)
    """
    Return a part of a fact with a secret in every text of it.
    """
    if type(value) is str:
        return value if name in KEPT else value + POISON
    if is_dataclass(value) and not isinstance(value, type):
        changed = {item.name: poisoned(getattr(value, item.name), item.name) for item in fields(value) if item.init}
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(poisoned(item, name) for item in value)
    if isinstance(value, Mapping):
        return {key: poisoned(item, name) for key, item in value.items()}
    return value


@pytest.fixture(scope="module")
def stored() -> list[Any]:
    """
    What the store and the sinks get of the recording.
    """
    recording = load(RECORDING)
    facts = tuple((at_ns, poisoned(fact)) for at_ns, fact in recording.facts)
    every = SinkConfig(name="all", type="stdout")
    return [addressed(event, [every]) for event in play(replace(recording, facts=facts))]


def test_no_secret_of_a_fact_is_stored_or_sent(stored: list[Any]) -> None:
    """
    No column and no body has a secret, and most bodies had one.
    """
    assert [event.id for event in stored if SECRET in repr(event)] == []
    assert len([event for event in stored if b"password=***" in event.body]) > 100


def test_no_secret_of_a_fact_is_explained(stored: list[Any]) -> None:
    """
    The reports that people read have no secret.
    """
    for event in stored:
        report = report_of(read_event(event.body))
        assert SECRET not in as_markdown(report)
        assert SECRET not in as_text(report, 100)


def test_the_message_of_a_failed_start_is_masked() -> None:
    """
    State.Error quotes what the engine was asked to start, with the secrets of its command line.
    """
    error = f'exec: "app --token {SECRET}": executable file not found in $PATH'
    lines = [line for line in (RECORDING / "inspect.jsonl").read_bytes().splitlines() if line]
    answer = orjson.loads(lines[0])
    found = answer[0] if isinstance(answer, list) else answer
    found["State"]["Error"] = error
    assert SECRET not in str(masked_inspection(found))
    assert "executable file not found" in str(masked_inspection(found))


def test_a_field_that_a_newer_engine_adds_is_masked() -> None:
    """
    A recording masks the texts of fields that nobody knows yet.
    """
    new = {"Id": "a" * 64, "New": {"Deep": [f"token={SECRET}", {"Password": SECRET}]}}
    assert SECRET not in str(masked_inspection(new))
    assert SECRET not in str(masked_event(new))


def test_the_log_of_the_agent_is_masked(tmp_path: Path) -> None:
    """
    A record that quotes a text from outside is masked, also in its traceback and its fields.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "socket"))
        journald.settimeout(5)
        handler = JournalHandler(str(tmp_path / "socket"))
        error = ValueError(f"the answer was: password={SECRET}")
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "refused: %s", (f"token={SECRET}",), (ValueError, error, None)
        )
        record.source = f"password={SECRET}"
        handler.handle(record)
        handler.close()
        received = journald.recv(65_536).decode()
    assert SECRET not in received
    assert SECRET not in MaskingFormatter("%(message)s").format(record)
    assert "refused: token=***" in received


def test_what_a_destination_answered_is_masked() -> None:
    """
    The reason of a dead letter may quote the destination, which may quote the request.
    """
    error = PermanentError(Reason.REJECTED, f"HTTP 403: Authorization: Bearer {SECRET} is not allowed")
    assert SECRET not in f"{error} {error.detail}"
