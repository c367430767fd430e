"""
Lines of trace_pipe.
"""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import ParseError
from parsers.trace_line import (
    EventsLost,
    ProgramRun,
    SignalGenerated,
    TaskEnded,
    VictimMarked,
    begins_line,
    parse_line,
)

SENT = (
    b"            bash-27095   [001] d..1.  1234.567890: signal_generate: "
    b"sig=9 errno=0 code=0 comm=%b pid=26981 grp=1 res=0"
)
COMMS = st.binary(min_size=1, max_size=15).filter(lambda comm: b"\0" not in comm)


def test_a_signal_names_its_sender_and_its_target() -> None:
    """
    `kill -9` in a shell gives the shell as the sender.
    """
    assert parse_line(SENT % b"sleep") == SignalGenerated(
        monotonic_us=1_234_567_890,
        sender_pid=27095,
        sender_comm="bash",
        signal=9,
        code=0,
        target_pid=26981,
        target_comm="sleep",
        delivered=True,
    )


@pytest.mark.parametrize(
    "line",
    [
        b"            bash-27095   ( 27095) [001] d..1.  1234.567890: signal_generate: "
        + SENT.partition(b"generate: ")[2],
        b"            bash-27095   (-------) [001] .....  1234.567890: signal_generate: "
        + SENT.partition(b"generate: ")[2],
        b"            bash-27095   [001]  1234.567890: signal_generate: " + SENT.partition(b"generate: ")[2],
    ],
    ids=["record-tgid", "unknown tgid", "no irq-info"],
)
def test_columns_that_options_add_or_take_away(line: bytes) -> None:
    """
    The same line is parsed on a host with other trace options.
    """
    parsed = parse_line(line % b"sleep")
    assert isinstance(parsed, SignalGenerated)
    assert (parsed.sender_pid, parsed.monotonic_us, parsed.target_pid) == (27095, 1_234_567_890, 26981)


def test_a_sender_that_the_kernel_forgot_has_no_name() -> None:
    """
    A sender that has left the kernel's small cache of names gives None.
    """
    parsed = parse_line((SENT % b"sleep").replace(b"            bash", b"           <...>"))
    assert isinstance(parsed, SignalGenerated)
    assert parsed.sender_comm is None


@pytest.mark.parametrize(
    ("fields", "comm"),
    [
        (b"pid=4123", None),
        (b"pid=4123 comm=ja va total-vm=9kB anon-rss=7kB file-rss:0kB shmem-rss:0kB uid=0 pgtables=1kB", "ja va"),
    ],
    ids=["before 6.8", "since 6.8"],
)
def test_a_victim_is_marked(fields: bytes, comm: str | None) -> None:
    """
    A victim is parsed also on older kernels, which give only the pid.
    """
    line = b"            java-4123    [000] .....  1234.600000: mark_victim: " + fields
    assert parse_line(line) == VictimMarked(monotonic_us=1_234_600_000, pid=4123, comm=comm)


@pytest.mark.parametrize(("text", "count"), [(b"CPU:1 [LOST 12 EVENTS]", 12), (b" CPU:0 [LOST EVENTS]", None)])
def test_lost_events_are_counted(text: bytes, count: int | None) -> None:
    """
    Lost events are counted if the kernel knows how many.
    """
    assert parse_line(text) == EventsLost(count=count)


def test_another_event_is_ignored() -> None:
    """
    An event that somebody else enabled in the agent's instance gives None.
    """
    assert parse_line(b"            bash-27095   [001] d..1.  1234.567890: sched_switch: prev_comm=x") is None


@given(COMMS)
def test_no_name_moves_a_pid(comm: bytes) -> None:
    """
    A process that is named like the rest of the line does not change a pid.
    """
    parsed = parse_line(SENT % comm)
    assert isinstance(parsed, SignalGenerated)
    assert (parsed.sender_pid, parsed.target_pid, parsed.signal) == (27095, 26981, 9)


@given(COMMS)
def test_the_rest_of_a_name_does_not_begin_a_line(comm: bytes) -> None:
    """
    A newline in a name does not split a line, because a name is too short to look like a header.
    """
    pieces = (SENT % comm).split(b"\n")
    assert begins_line(pieces[0])
    assert not any(begins_line(piece) for piece in pieces[1:])


@given(st.binary())
def test_nothing_else_is_raised(raw: bytes) -> None:
    """
    Any bytes give a fact, nothing, or a ParseError.
    """
    with suppress(ParseError):
        parse_line(raw)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            b"sched_process_exec: filename=/usr/bin/crun pid=50 old_pid=50",
            ProgramRun(monotonic_us=10_400_000, pid=50, file="/usr/bin/crun"),
        ),
        (b"sched_process_exit: comm=crun pid=50 prio=120", TaskEnded(pid=50)),
        (b"sched_process_exit: comm=crun pid=50 prio=120 group_dead=true", TaskEnded(pid=50)),
    ],
)
def test_begin_and_end_of_a_runtime(fields: bytes, expected: ProgramRun | TaskEnded) -> None:
    """
    Since Linux 6.16 the end of a task says whether its whole process ended.
    """
    assert parse_line(b"            crun-50      [000] .....    10.400000: " + fields) == expected
