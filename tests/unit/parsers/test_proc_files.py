"""
The parsers of /proc/<pid>/stat and /proc/<pid>/cgroup.
"""

import pytest

from parsers.errors import ParseError
from parsers.proc_files import parse_cgroup, parse_stat

_ID = "4e1d" * 16
_REST = b"20 20 0 -1 %d 0 0 0 0 0 0 0 0 20 0 %d 0 2027265 4096 1 18446744073709551615\n"


def _stat(comm: bytes = b"sleep", state: bytes = b"S", flags: int = 0x400000, threads: int = 1) -> bytes:
    return b"4123 (" + comm + b") " + state + b" 4100 " + _REST % (flags, threads)


def test_stat() -> None:
    """
    Name, parent, threads and start are where proc_pid_stat(5) has them.
    """
    stat = parse_stat(_stat(threads=7))
    assert (stat.pid, stat.comm, stat.parent_pid, stat.threads, stat.start_ticks) == (
        4123,
        "sleep",
        4100,
        7,
        2027265,
    )
    assert not stat.exiting


@pytest.mark.parametrize("comm", [b"a) S 1 (b", b"", b"new\nline", b"("])
def test_hostile_names(comm: bytes) -> None:
    """
    A name may hold parentheses, blanks and line breaks: it ends at the last parenthesis.
    """
    stat = parse_stat(_stat(comm=comm))
    assert (stat.comm.encode(), stat.parent_pid) == (comm, 4100)


@pytest.mark.parametrize(
    ("state", "flags", "threads", "exiting", "ended"),
    [
        (b"R", 0, 1, False, False),
        (b"R", 0x4, 1, True, False),
        (b"Z", 0x4, 1, True, True),
        (b"Z", 0x4, 3, True, False),
    ],
    ids=["lives", "on its way", "zombie", "zombie with living threads"],
)
def test_how_dead(state: bytes, flags: int, threads: int, exiting: bool, ended: bool) -> None:
    """
    A process has ended when its first thread is a zombie and there is no other.
    """
    stat = parse_stat(_stat(state=state, flags=flags, threads=threads))
    assert (stat.exiting, stat.ended) == (exiting, ended)


@pytest.mark.parametrize("text", [b"", b"4123 (sleep) S", b"x (y) S 1 2", b"9" * 5000])
def test_not_a_stat(text: bytes) -> None:
    """
    Anything else is an error.
    """
    with pytest.raises(ParseError):
        parse_stat(text)


@pytest.mark.parametrize(
    "text",
    [
        f"0::/system.slice/docker-{_ID}.scope\n",
        f"0::/system.slice/docker-{_ID}.scope (deleted)\n",
        f"9:name=systemd:/\n4:memory:/docker/{_ID}\n0::/\n",
        f"0::/../{_ID}\n",
    ],
    ids=["v2", "v2, after its end", "v1", "seen from within a container"],
)
def test_container(text: str) -> None:
    """
    The container is found in whichever hierarchy names it.
    """
    ref = parse_cgroup(text.encode())
    assert ref is not None
    assert ref.id == _ID


@pytest.mark.parametrize("text", ["", "0::/\n", "0::/user.slice/user-0.slice\n", "nonsense", ":::"])
def test_no_container(text: str) -> None:
    """
    Processes of the host are in none.
    """
    assert parse_cgroup(text.encode()) is None
