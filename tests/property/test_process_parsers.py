"""
The parsers of process events and /proc are total, and masking never lets a secret through.
"""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import ParseError
from parsers.proc_event import DATAGRAM_BYTES, ProcEvent, parse_proc_event, wait_status
from parsers.proc_files import parse_cgroup, parse_namespace_pid, parse_stat
from sinks.masking import mask_command_line

_HEAD = bytes(16) + (1).to_bytes(4, "little") * 2 + bytes(12)
_TEXT = st.text(max_size=40)
# Not part of any other word, and long enough not to appear by chance.
_SECRET = st.text("QZ0123456789!%+,;&?#=:/", min_size=6, max_size=20).map(lambda text: f"Q7{text}Z9")
_PLACES = st.sampled_from(
    [
        ("--password={}",),
        ("--db-password", "{}"),
        ("API_TOKEN={}",),
        ("psql", "postgres://user:{}@host/db"),
        ("mysql", "-p{}"),
        ("curl", "-H", "Authorization: Bearer {}"),
        ("sh", "-c", "app --secret '{}' && true"),
        ("sh", "-c", "mysql -p{} shop"),
        ("app", '{{"password": "{}"}}'),
    ]
)


@given(st.binary(max_size=100) | st.binary(min_size=40, max_size=40).map(lambda event: _HEAD + event))
def test_any_datagram(datagram: bytes) -> None:
    """
    Any bytes give an event, None or ParseError.
    """
    with suppress(ParseError):
        parse_proc_event(datagram)


@given(st.binary(min_size=DATAGRAM_BYTES - 36, max_size=DATAGRAM_BYTES - 36))
def test_a_whole_datagram_is_no_error(event: bytes) -> None:
    """
    Any event of full length of the process connector gives an event or None.
    """
    parsed = parse_proc_event(_HEAD + event)
    assert parsed is None or isinstance(parsed, ProcEvent)


@given(st.integers())
def test_any_status(raw: int) -> None:
    """
    A wait status says either code or signal, never both.
    """
    with suppress(ParseError):
        status = wait_status(raw)
        assert (status.exit_code is None) != (status.signal is None)


@given(st.binary(max_size=200))
def test_any_file(text: bytes) -> None:
    """
    Any bytes give a fact, nothing or a ParseError.
    """
    with suppress(ParseError):
        parse_stat(text)
    parse_cgroup(text)
    parse_namespace_pid(text)


@given(st.lists(_TEXT, max_size=8))
def test_any_command_line(arguments: list[str]) -> None:
    """
    Masking returns as many arguments as it gets.
    """
    assert len(mask_command_line(arguments)) == len(arguments)


@given(before=st.lists(_TEXT, max_size=3), place=_PLACES, secret=_SECRET)
def test_a_secret_never_gets_through(before: list[str], place: tuple[str, ...], secret: str) -> None:
    """
    A secret is never in the result, whatever comes before it and in whatever form it is given.
    """
    arguments = [*before, *(part.format(secret) for part in place)]
    assert secret not in " ".join(mask_command_line(arguments))
