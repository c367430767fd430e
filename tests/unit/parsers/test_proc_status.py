"""
What a task is doing and whether it is being killed, from /proc as a real kernel (6.18) prints it.
"""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import ParseError
from parsers.proc_status import TaskStatus, is_ending, parse_stack, parse_task_status, parse_wchan, signal_lines

FROZEN = b"""Name:\tsleep
Umask:\t0022
State:\tD (disk sleep)
Tgid:\t4512
Ngid:\t0
Pid:\t4512
PPid:\t4502
TracerPid:\t0
Uid:\t0\t0\t0\t0
NSpid:\t4512\t1
Threads:\t1
SigPnd:\t0000000000000100
ShdPnd:\t0000000000000100
SigBlk:\t0000000000000000
"""
STACK = b"""[<0>] hrtimer_nanosleep+0xb5/0x130
[<0>] common_nsleep+0x30/0x60
[<ffffffff810a1b2c>] do_syscall_64+0x71/0x290
"""


def test_a_frozen_process_with_a_pending_kill() -> None:
    """
    SIGKILL is bit 8 of the pending signals.
    """
    assert parse_task_status(FROZEN) == TaskStatus(
        name="sleep", state="D", pid=4512, parent_pid=4502, tracer_pid=0, namespace_pid=1, kill_pending=True
    )


@pytest.mark.parametrize(
    ("thread", "process", "pending"),
    [
        ("0000000000000000", "0000000000000000", False),
        ("0000000000000000", "0000000000000100", True),
        ("0000000000004000", "0000000000004000", False),
    ],
    ids=["none", "of the process", "SIGTERM alone"],
)
def test_only_a_pending_sigkill_counts(thread: str, process: str, *, pending: bool) -> None:
    """
    Other signals may be blocked or ignored for ever; SIGKILL cannot.
    """
    text = FROZEN.replace(b"SigPnd:\t0000000000000100", f"SigPnd:\t{thread}".encode())
    text = text.replace(b"ShdPnd:\t0000000000000100", f"ShdPnd:\t{process}".encode())
    assert parse_task_status(text).kill_pending is pending


def test_a_kernel_before_pid_namespaces_were_shown() -> None:
    """
    NSpid came with Linux 4.1: without it the pid in the namespace is unknown.
    """
    assert parse_task_status(FROZEN.replace(b"NSpid:\t4512\t1\n", b"")).namespace_pid is None


@pytest.mark.parametrize("field", [b"State", b"Tgid", b"PPid", b"TracerPid", b"SigPnd", b"ShdPnd", b"Name"])
def test_a_missing_field_is_an_error(field: bytes) -> None:
    """
    What is not there is not guessed.
    """
    lines = [line for line in FROZEN.splitlines(keepends=True) if not line.startswith(field)]
    with pytest.raises(ParseError):
        parse_task_status(b"".join(lines))


@pytest.mark.parametrize(
    ("state", "flags", "pending", "ending"),
    [
        ("S", 4194304, 0, False),
        ("D", 4194304, 256, True),
        ("S", 4194308, 0, True),
        ("Z", 4194304, 0, True),
        ("S", 4194304, 16384, False),
    ],
    ids=["runs", "killed", "exits", "dead", "SIGTERM pending"],
)
def test_the_stat_file_shows_an_ending_process(state: str, flags: int, pending: int, *, ending: bool) -> None:
    """
    By its state, by PF_EXITING or by a pending SIGKILL, whatever its name holds.
    """
    fields = f"{state} 1 1 1 0 -1 {flags} {'0 ' * 8}20 0 1 0 99 {'0 ' * 8}{pending} 0 0 0"
    assert is_ending(f"7 (a) Z 4 (b) {fields}\n".encode()) is ending


def test_a_cut_stat_file_is_an_error() -> None:
    """
    What is not there is not guessed.
    """
    with pytest.raises(ParseError):
        is_ending(b"7 (a) S 1 1 1 0 -1 4194304")


def test_an_empty_field_of_a_stat_file_is_an_error() -> None:
    """
    Two blanks in a row shift the fields; found by fuzzing.
    """
    with pytest.raises(ParseError):
        is_ending(b"7 (a) S 1 1 1 0 -1  " + b"0 " * 40)


def test_the_lines_about_signals_are_those_between_the_threads_and_the_capabilities() -> None:
    """
    The kernel prints them in a row; what else changes in the file does not count.
    """
    text = FROZEN + b"SigIgn:\t0000000000001000\nSigCgt:\t0000000000000000\nCapInh:\t0000000000000000\n"
    lines = signal_lines(text)
    assert lines.splitlines()[1:] == text.splitlines()[-6:-1]
    assert signal_lines(text.replace(b"Threads:\t1", b"Threads:\t2")) == lines
    assert signal_lines(text.replace(b"SigIgn:\t0000000000001000", b"SigIgn:\t0000000000000000")) != lines
    assert signal_lines(b"Name:\tsleep\n") == b""


@given(st.binary())
def test_any_bytes_have_lines_about_signals_or_none(text: bytes) -> None:
    """
    What is returned is part of the text.
    """
    assert signal_lines(text) in text


def test_where_a_task_waits() -> None:
    """
    `0` means that the task does not wait, or that the kernel does not tell.
    """
    assert parse_wchan(b"nfs_wait_bit_killable") == "nfs_wait_bit_killable"
    assert parse_wchan(b"poll_schedule_timeout.constprop.0\n") == "poll_schedule_timeout.constprop.0"
    assert parse_wchan(b"0") is None
    assert parse_wchan(b"") is None


def test_the_stack_has_the_innermost_function_first() -> None:
    """
    Offsets and addresses are left out.
    """
    assert parse_stack(STACK) == ("hrtimer_nanosleep", "common_nsleep", "do_syscall_64")


LINES = st.sampled_from(FROZEN.splitlines(keepends=True)) | st.binary(max_size=30)


@given(st.binary(max_size=300) | st.lists(LINES, max_size=20).map(b"".join))
def test_any_text_gives_a_status_or_an_error(text: bytes) -> None:
    """
    The parsers are total.
    """
    parse_wchan(text)
    parse_stack(text)
    with suppress(ParseError):
        is_ending(text)
    with suppress(ParseError):
        assert parse_task_status(text).state.isalpha()
