"""
The parsers of containers, events, the journal and killers are total: a fact, None or ParseError.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.cgroup_path import container_of, container_of_unit
from parsers.docker_event import parse_event
from parsers.docker_inspect import parse_inspect
from parsers.errors import ParseError
from parsers.exit_code import meaning
from parsers.journal import JournalEntry, kernel_line, parse_entry
from parsers.journal_export import parse_export
from parsers.killers import KillerFact, parse_killer, parse_killer_text

_TEXT = st.text(st.characters(codec=None), max_size=60)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


def _object(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, _JSON))


_EVENTS = st.fixed_dictionaries(
    {"Type": st.just("container") | _JSON},
    optional={
        "Action": st.sampled_from(["die", "kill", "exec_start: x"]) | _JSON,
        "Actor": st.fixed_dictionaries(
            {"ID": _TEXT, "Attributes": _object("exitCode", "signal", "name", "image", "execID")}
        )
        | _JSON,
        "time": _JSON,
        "timeNano": _JSON,
    },
)
_ANSWERS = st.fixed_dictionaries(
    {"Id": _TEXT, "State": _object("Pid", "ExitCode", "StartedAt", "FinishedAt", "Health", "Running")},
    optional={
        "Config": _object("Image", "Labels", "StopTimeout") | _JSON,
        "HostConfig": _object("Memory", "MemorySwap", "RestartPolicy", "LogConfig") | _JSON,
        "Path": _JSON,
        "Args": _JSON,
    },
)
_ENTRIES = _object(
    "MESSAGE",
    "_TRANSPORT",
    "_BOOT_ID",
    "__REALTIME_TIMESTAMP",
    "__MONOTONIC_TIMESTAMP",
    "_SOURCE_MONOTONIC_TIMESTAMP",
)


@pytest.mark.parametrize("parse", [parse_event, parse_inspect, parse_entry, lambda data: list(parse_export(data))])
@given(data=st.binary(max_size=200))
def test_any_bytes(parse: Callable[[bytes], object], data: bytes) -> None:
    """
    Any bytes give a fact, nothing or a ParseError.
    """
    with suppress(ParseError):
        parse(data)


@given(message=_EVENTS)
def test_any_event(message: dict[str, Any]) -> None:
    """
    An event with values of any type raises only ParseError, and its time fits 64 bits.
    """
    with suppress(ParseError):
        event = parse_event(message)
        assert event is None or abs(event.time_ns) <= 2**63


@given(answer=_ANSWERS)
def test_any_inspect(answer: dict[str, Any]) -> None:
    """
    An answer with values of any type gives a snapshot or a ParseError.
    """
    with suppress(ParseError):
        parse_inspect(answer)


@given(fields=_ENTRIES)
def test_any_entry(fields: dict[str, Any]) -> None:
    """
    An entry with values of any type gives a fact, nothing or a ParseError.
    """
    with suppress(ParseError):
        entry = parse_entry(fields)
        kernel_line(entry)
        parse_killer(entry)


@given(path=_TEXT, ids=st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), max_size=5))
def test_any_path(path: str, ids: list[str]) -> None:
    """
    The innermost container is the last one named, whatever the path begins with.
    """
    container_of(path)
    container_of_unit(path)
    ref = container_of("/".join([path.replace("/", ""), *(f"docker-{name}.scope" for name in ids)]))
    if ids:
        assert ref is not None
        assert ref.id == ids[-1]


@given(text=_TEXT, identifier=st.sampled_from([None, "systemd[1]", "systemd-oomd", "earlyoom", "oomd"]) | _TEXT)
def test_any_text(text: str, identifier: str | None) -> None:
    """
    Any pasted text gives a fact or nothing.
    """
    for fact in (parse_killer_text(text, identifier), parse_killer(JournalEntry(message=text, pid=1))):
        assert fact is None or isinstance(fact, KillerFact)


@given(exit_code=st.integers())
def test_any_exit_code(exit_code: int) -> None:
    """
    Every number has a meaning in words.
    """
    assert meaning(exit_code).text
