"""
Entries of the journal, in all forms.
"""

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parsers.errors import ParseError
from parsers.journal import (
    KERNEL_MISSED,
    kernel_line,
    missed_kernel_records,
    parse_entry,
    parse_kernel_line,
)
from parsers.journal_export import parse_export

BOOT = "b343311393934ed2bd8400172bb8b692"


def _fields(**fields: object) -> dict[str, Any]:
    return {
        "MESSAGE": "Out of memory",
        "_TRANSPORT": "kernel",
        "_BOOT_ID": BOOT,
        "__REALTIME_TIMESTAMP": "1795337577000000",
        "__MONOTONIC_TIMESTAMP": "14000000",
        "_SOURCE_MONOTONIC_TIMESTAMP": "13000000",
        **fields,
    }


def test_line_of_journalctl_json() -> None:
    """
    Numbers are read from strings, because all values of the JSON output are strings.
    """
    entry = parse_entry(json.dumps(_fields(_PID="1", UNIT="web.service", __CURSOR="s=1")).encode())
    assert (entry.message, entry.pid, entry.unit, entry.cursor) == ("Out of memory", 1, "web.service", "s=1")
    assert (entry.realtime_ns, entry.monotonic_us) == (1795337577000000000, 14000000)


def test_entry_of_the_systemd_reader() -> None:
    """
    The converted ids and times of systemd-python give the same facts as JSON.
    """
    converted = _fields(
        _BOOT_ID=uuid.UUID(BOOT),
        __REALTIME_TIMESTAMP=datetime.fromtimestamp(1795337577, timezone(timedelta(hours=2))),
        __MONOTONIC_TIMESTAMP=(timedelta(seconds=14), uuid.UUID(BOOT)),
        _SOURCE_MONOTONIC_TIMESTAMP=timedelta(seconds=13),
    )
    assert parse_entry(converted) == parse_entry(_fields())
    assert parse_entry(_fields(__REALTIME_TIMESTAMP=datetime.now(UTC).replace(tzinfo=None))).realtime_ns is None


@pytest.mark.parametrize("message", [b"caf\xc3", [99, 97, 102, 0xC3], [[99, 97, 102, 0xC3], "again"]])
def test_message_of_any_bytes(message: object) -> None:
    """
    Bytes that are not UTF-8 are kept as surrogates; the first value of a repeated field counts.
    """
    assert parse_entry(_fields(MESSAGE=message)).message.encode("utf-8", "surrogateescape") == b"caf\xc3"


@pytest.mark.parametrize("message", [None, [], [300], [-1], 5, {}, [None]])
def test_message_that_is_not_there(message: object) -> None:
    """
    The message is empty if journalctl left it out as too large (null).
    """
    assert parse_entry(_fields(MESSAGE=message)).message == ""


@pytest.mark.parametrize(
    ("fields", "from_kernel"),
    [
        ({}, True),
        ({"SYSLOG_FACILITY": "0"}, True),
        ({"SYSLOG_FACILITY": "1", "SYSLOG_IDENTIFIER": "kernel"}, False),
        ({"_TRANSPORT": "syslog", "SYSLOG_IDENTIFIER": "kernel"}, False),
    ],
)
def test_only_the_kernel_writes_kernel_lines(fields: dict[str, str], from_kernel: bool) -> None:
    """
    The transport and the facility decide; a program can write to /dev/kmsg or call itself `kernel`.
    """
    assert (kernel_line(parse_entry(_fields(**fields))) is not None) is from_kernel


def test_time_of_a_kernel_line_is_when_it_was_printed() -> None:
    """
    The time is the kernel's own, although journald may receive a line many seconds later at boot.
    """
    line = kernel_line(parse_entry(_fields()))
    assert line is not None
    assert line.at_ns == 1795337576000000000
    assert (line.monotonic_us, line.boot_id) == (13000000, BOOT)


def test_a_time_that_64_bits_do_not_hold_is_none() -> None:
    """
    A time that does not fit 64 bits is None and does not move the time of the entry.
    """
    entry = parse_entry(_fields() | {"_SOURCE_MONOTONIC_TIMESTAMP": "9223372036854775807"})
    assert entry.source_monotonic_us is None
    assert entry.at_ns == entry.realtime_ns


def test_export_with_text_and_bytes() -> None:
    """
    A value with a line feed has the binary form; a repeated field gives all its values.
    """
    data = b"A=1\nMESSAGE\n" + (3).to_bytes(8, "little") + b"x\ny\nA=2\nA=3\n\n\nA=4\n"
    assert list(parse_export(data)) == [{"A": [b"1", b"2", b"3"], "MESSAGE": b"x\ny"}, {"A": b"4"}]


@pytest.mark.parametrize("data", [b"A=1", b"A\n", b"A\n\x05\0\0\0\0\0\0\0abc", b"A\n" + b"\xff" * 8 + b"x\n"])
def test_export_that_is_cut(data: bytes) -> None:
    """
    A broken tail raises ParseError.
    """
    with pytest.raises(ParseError):
        list(parse_export(data))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"5", b"[" * 100_000])
def test_garbage_is_a_parse_error(data: bytes) -> None:
    """
    Input that is not an entry raises only ParseError.
    """
    with pytest.raises(ParseError):
        parse_entry(data)


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"MESSAGE": "Missed 81 kernel messages"}, 81),
        ({"MESSAGE": "/dev/kmsg buffer overrun, some messages lost."}, None),
        ({"MESSAGE": "Missed 81 kernel messages", "_TRANSPORT": "journal"}, None),
        ({"MESSAGE": "Missed 81 kernel messages", "MESSAGE_ID": "0" * 32}, None),
    ],
)
def test_journald_says_how_many_records_it_has_missed(fields: dict[str, str], count: int | None) -> None:
    """
    Only journald itself writes entries of the transport `driver`.
    """
    entry = parse_entry({"_TRANSPORT": "driver", "MESSAGE_ID": KERNEL_MISSED} | fields)
    assert missed_kernel_records(entry) == count


_VALUES = (
    st.none()
    | st.text(max_size=20)
    | st.sampled_from(["kernel", "0", "4", "13000000", "9223372036854775807", BOOT])
    | st.binary(max_size=20)
    | st.integers()
    | st.lists(st.integers(-1, 300) | st.text(max_size=3), max_size=3)
    | st.uuids()
    | st.datetimes()
    | st.timedeltas()
)
_NAMES = (*_fields(), "SYSLOG_FACILITY", "_SOURCE_REALTIME_TIMESTAMP", "_PID")


@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES), st.booleans())
@example({}, True)
@example({"SYSLOG_FACILITY": "1"}, True)
@example({"SYSLOG_FACILITY": 0, "_SOURCE_REALTIME_TIMESTAMP": "1795337577000001"}, True)
def test_the_short_way_to_a_kernel_line_gives_the_same(fields: dict[str, Any], is_whole: bool) -> None:
    """
    Whatever the fields hold, it is the line of the parsed entry.
    """
    entry = _fields() | fields if is_whole else {"_PID": "1"} | fields
    assert parse_kernel_line(entry) == kernel_line(parse_entry(entry))
