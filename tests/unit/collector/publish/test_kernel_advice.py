"""
What to do about a line of the kernel depends on what it concerns.
"""

from dataclasses import replace

import pytest

from collector.publish.kernel_advice import advice_of
from parsers.kernel import Frame, parse_notice

FAULT = "a[7]: segfault at 8 ip 50 sp 7ffc error 4 in a[0+1000]"


@pytest.mark.parametrize(
    ("cgroup", "word"), [(f"/docker/{'a' * 64}", "--pids-limit"), ("/system.slice/a.service", "TasksMax of the unit")]
)
def test_a_limit_of_tasks(cgroup: str, word: str) -> None:
    """
    A service has no --pids-limit, and docker top does not show its processes.
    """
    notice = parse_notice(f"cgroup: fork rejected by pids controller in {cgroup}")
    assert notice is not None
    assert word in advice_of(notice)[0].text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nf_conntrack: table full, dropping packet", "nf_conntrack_max"),
        ("unregister_netdevice: waiting for lo to become free. Usage count = 1", "interface"),
    ],
)
def test_the_network(text: str, word: str) -> None:
    """
    A full table of connections and an interface that stays have nothing in common.
    """
    notice = parse_notice(text)
    assert notice is not None
    assert word in advice_of(notice)[0].text


def test_a_core_dump_that_is_there() -> None:
    """
    Who has the calls needs no advice how to get them.
    """
    notice = parse_notice(FAULT)
    assert notice is not None
    assert [advice.kind for advice in advice_of(notice)] == ["core"]
    assert advice_of(replace(notice, frames=(Frame(module="a", function="main"),))) == ()
