"""
The syslog sink's messages: bounded, on one line, and read back by their formats' rules.
"""

import re

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.base import Outgoing
from sinks.errors import DisabledError
from sinks.event import Event
from sinks.syslog.config import Address, Facility, Format, SyslogConfig, address_of
from sinks.syslog.messages import message_of
from tests.shared.any_event import EVENTS
from tests.unit.sinks.chat.scenes import leak, outgoing, recorded

HEAD = re.compile(rb"<(\d{1,3})>1 (\S+) (\S{1,255}) exit137 - (\S{1,32}) - ")
# CEF: a key, and a value that ends before the next key; `\=`, `\\` are escapes.
EXTENSION = re.compile(r"(\w+)=((?:\\.|[^=\\])*?)(?= \w+=|$)")


def message(event: Outgoing, form: Format = Format.JSON, max_bytes: int = 8192) -> bytes:
    return message_of(event, form, Facility.DAEMON, "1.0", max_bytes)


def named(name: str, text: str = "m") -> Outgoing:
    data = {"message": text, "container": {"name": name}, "event": {"severity": 6}, "host": {"hostname": "node 7\n"}}
    return Outgoing(id="e", type="exit137.oom_kill", key="k", body=orjson.dumps({"id": "e", "data": data}))


def test_the_header_is_that_of_rfc_5424() -> None:
    """
    Facility and severity are one number; a name cannot add a field.
    """
    head = HEAD.match(message(named("api")))
    assert head is not None
    assert head.groups() == (b"26", b"-", b"node_7_", b"exit137.oom_kill")


def test_an_event_of_a_usual_size_is_whole() -> None:
    """
    Its text is the event, byte for byte the same JSON.
    """
    (event,) = outgoing(recorded()[:1])
    text = message(event)
    assert orjson.loads(text[text.index(b"{") :]) == orjson.loads(event.body)


def test_an_event_that_is_too_large_keeps_what_happened() -> None:
    """
    It is valid JSON within the limit, and says that it was trimmed.
    """
    (death,) = leak()
    text = message(death, max_bytes=2048)
    found = orjson.loads(text[text.index(b"{") :])
    assert len(text) <= 2048
    assert found["id"] == death.id
    assert found["data"]["exit137"]["cause"] == "oom_kill"
    assert found["data"]["container"]["name"] == "shop-api-1"
    assert found["data"]["exit137"]["trimmed"]


@settings(max_examples=60)
@given(EVENTS, st.sampled_from(Format), st.sampled_from([2048, 8192]))
def test_any_event_is_one_bounded_line(event: Event, form: Format, max_bytes: int) -> None:
    """
    No event is longer than the limit, has a line break, or breaks the header; the JSON is whole.
    """
    (item,) = outgoing([event])
    text = message(item, form, max_bytes)
    assert len(text) <= max_bytes
    assert b"\n" not in text
    head = HEAD.match(text)
    assert head is not None
    text.decode()
    if form is Format.JSON:
        assert orjson.loads(text[head.end() :])["id"] == item.id


@given(st.text(max_size=60))
def test_a_value_cannot_add_a_field_to_cef(text: str) -> None:
    """
    Equals signs and backslashes in values are escaped, and come back.
    """
    line = message(named(text, "end"), Format.CEF).decode()
    fields = dict(EXTENSION.findall(line.split("|", 7)[7]))
    assert fields["msg"] == "end"
    assert fields["cs1Label"] == "containerName"
    expected = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)
    assert re.sub(r"\\(.)", r"\1", fields["cs1"]) == expected or not expected.isascii() or expected != expected.rstrip()


@given(st.text(max_size=60))
def test_a_value_cannot_add_a_field_to_leef(text: str) -> None:
    """
    A tab ends a field, so that no value has one.
    """
    line = message(named(f"a{text}"), Format.LEEF).decode()
    fields = [field.partition("=")[0] for field in line.split("|", 6)[6].split("\t")]
    assert fields == ["sev", "eventId", "identHostName", "containerName", "msg"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tls://siem.example", Address(host="siem.example", port=6514, tls=True)),
        ("tcp://10.0.0.1:10514", Address(host="10.0.0.1", port=10_514)),
        ("tcp://[::1]:514", Address(host="::1", port=514)),
        ("unix:/dev/log", Address(path="/dev/log")),
    ],
)
def test_addresses_are_read(text: str, address: Address) -> None:
    """
    A port that is missing is the one of the protocol.
    """
    assert address_of(text) == address


@pytest.mark.parametrize(
    "text", ["", "siem:514", "udp://siem:514", "tls://siem:x", "tls://siem/path", "unix:log", "tls://a@b"]
)
def test_other_addresses_are_refused(text: str) -> None:
    """
    UDP loses messages, and nobody learns of it.
    """
    with pytest.raises(DisabledError):
        SyslogConfig(name="s", type="syslog", address=text).check()


def test_a_facility_that_does_not_exist_is_refused() -> None:
    """
    The kernel's facility is not for programs.
    """
    with pytest.raises(DisabledError):
        SyslogConfig(name="s", type="syslog", address="unix:/dev/log", facility="kern").check()
