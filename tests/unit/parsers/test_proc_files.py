"""
The parsers of /proc/<pid>/stat, cgroup and cmdline, and of /proc/meminfo.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.errors import ParseError
from parsers.proc_files import (
    HostMemory,
    parse_cgroup,
    parse_meminfo,
    parse_namespace_pid,
    parse_root_layers,
    parse_shim,
    parse_stat,
)

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
    A name with parentheses, blanks and line breaks ends at the last parenthesis.
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
    A process has ended if its first thread is a zombie and it has no other thread.
    """
    stat = parse_stat(_stat(state=state, flags=flags, threads=threads))
    assert (stat.exiting, stat.ended) == (exiting, ended)


@pytest.mark.parametrize("text", [b"", b"4123 (sleep) S", b"x (y) S 1 2", b"9" * 5000])
def test_not_a_stat(text: bytes) -> None:
    """
    Other text raises ParseError.
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
    The container is found in any hierarchy that names it.
    """
    ref = parse_cgroup(text.encode())
    assert ref is not None
    assert ref.id == _ID


@pytest.mark.parametrize("text", ["", "0::/\n", "0::/user.slice/user-0.slice\n", "nonsense", ":::"])
def test_no_container(text: str) -> None:
    """
    Processes of the host have no container.
    """
    assert parse_cgroup(text.encode()) is None


def test_the_hosts_memory_is_in_bytes() -> None:
    """
    /proc/meminfo prints KiB; the fact has bytes.
    """
    memory = parse_meminfo(b"MemTotal:       16384256 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n")
    assert memory == HostMemory(total_bytes=16384256 * 1024, available_bytes=1024 * 1024)


def test_a_missing_host_memory_is_unknown() -> None:
    """
    A file without the line gives None, not 0.
    """
    assert parse_meminfo(b"garbage") == HostMemory()


@pytest.mark.parametrize(
    ("command_line", "container_id"),
    [
        (f"/usr/bin/containerd-shim-runc-v2 -namespace moby -id {_ID} -address /run/containerd.sock", _ID),
        (f"containerd-shim-runc-v2 -id {_ID} -namespace moby", _ID),
        (f"containerd-shim-runc-v2 -namespace k8s.io -id {_ID}", None),
        ("containerd-shim-runc-v2 -namespace moby -id 4e1d", None),
        ("containerd-shim-runc-v2 -namespace moby -id", None),
        (f"docker-containerd-shim {_ID} /var/run/docker/libcontainerd/{_ID} docker-runc", None),
        ("", None),
    ],
)
def test_the_shim_of_a_container_names_it(command_line: str, container_id: str | None) -> None:
    """
    A shim of Docker serves the container of its `-id`; one of Kubernetes may serve several.
    """
    ref = parse_shim(command_line.replace(" ", "\0").encode())
    assert (ref.id if ref is not None else None) == container_id


@pytest.mark.parametrize(
    ("status", "pid"),
    [
        (b"Name:\tapp\nNSpid:\t4123\t1\nNSpgid:\t4123\t1\n", 1),
        (b"Name:\tapp\nNSpid:\t4123\t27\t5\n", 5),
        (b"Name:\tapp\nNSpid:\t4123\n", None),
        (b"Name:\tNSpid:\t1\t1\n", None),
        (b"Name:\tapp\nNSpid:\t4123\t", None),
        (b"", None),
    ],
)
def test_the_last_pid_is_that_of_the_innermost_namespace(status: bytes, pid: int | None) -> None:
    """
    A process of the host's namespace has one pid only, which says nothing about a container.
    """
    assert parse_namespace_pid(status) == pid


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ("rw,lowerdir=/s/11/fs:/s/10/fs,upperdir=/s/12/fs,workdir=/s/12/work", ("/s/12/fs", "/s/11/fs", "/s/10/fs")),
        ("rw,lowerdir=l/AB:l/CD,upperdir=/d/o/x/diff,workdir=/d/o/x/work", ("/d/o/x/diff", "/d/o/l/AB", "/d/o/l/CD")),
        ("rw,lowerdir+=/s/11/fs,lowerdir+=/s/10/fs,upperdir=/s/12/fs", ("/s/12/fs", "/s/11/fs", "/s/10/fs")),
        ("rw,lowerdir=/s/11/fs", ()),
        ("rw", ()),
    ],
)
def test_the_layers_of_a_root(options: str, layers: tuple[str, ...]) -> None:
    """
    The upper layer comes first; a relative one is in the directory that has the layers.
    """
    mounts = "22 27 0:21 / /proc rw - proc proc rw\n592 547 0:54 / / rw,relatime - overlay overlay"
    assert parse_root_layers(f"{mounts} {options}\n".encode()) == layers


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"592 547 0:54 / / rw - ext4 /dev/vda rw", b"1 2 3 / /x rw - overlay o a"]
)
def test_a_root_that_is_no_overlay(text: bytes) -> None:
    """
    Another root has no layers.
    """
    assert parse_root_layers(text) == ()


@given(st.binary(max_size=200))
def test_any_mounts(text: bytes) -> None:
    """
    Any bytes give layers or none.
    """
    assert all(layer.startswith("/") for layer in parse_root_layers(text))
    parse_root_layers(b"1 2 0:5 / / rw - overlay o upperdir=" + text)
