"""
Every carrier of the table: what it carries is read as if it stood alone, and the documentation lists it.
"""

import json
from pathlib import Path

import pytest

from parsers.carriers.pasted import lines
from parsers.carriers.table import CARRIERS, Carrier

ID = "fd92d65e92f9edc800266ece977e4316a31716bf6f008ba834b4a930b19b20e3"
REPORT = (
    "php-fpm invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "CPU: 3 PID: 79699 Comm: php-fpm Not tainted 5.15.0-122-generic #132-Ubuntu",
    "memory: usage 131072kB, limit 131072kB, failcnt 812",
    f"Memory cgroup stats for /docker/{ID}:",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "[  79000]     0 79000   100000     2000   200000        0             0 php-fpm",
    "[  79699]  1000 79699   142014    31434   536576        0             0 php-fpm",
    (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={ID},mems_allowed=0,oom_memcg=/docker/{ID},"
        f"task_memcg=/docker/{ID},task=php-fpm,pid=79699,uid=1000"
    ),
    (
        "Memory cgroup out of memory: Killed process 79699 (php-fpm) total-vm:568056kB, anon-rss:107940kB, "
        "file-rss:11516kB, shmem-rss:6280kB, UID:1000 pgtables:524kB oom_score_adj:0"
    ),
)
PAGE = Path(__file__).parents[4] / "docs" / "reading-a-report.md"


def carried(carrier: Carrier) -> str:
    """
    Return the report in a carrier.
    """
    rows = (
        carrier.sample.replace("{message}", message).replace("{json}", json.dumps(message)[1:-1]) for message in REPORT
    )
    return carrier.header + "\n".join(rows) + "\n"


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.name)
def test_a_report_in_any_carrier_is_the_report(carrier: Carrier) -> None:
    """
    The messages in a carrier are those of the report, in its order, and the kernel wrote them.
    """
    read = [line for line in lines(carried(carrier)) if line.line.text.strip()]
    assert [line.line.text for line in read] == list(REPORT)
    assert all(line.from_kernel for line in read)


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.name)
def test_a_kernel_notice_in_any_carrier_is_the_notice(carrier: Carrier) -> None:
    """
    A line that begins with the name of a process is not taken for a line of that process.
    """
    notice = f"php-fpm[79699]: segfault at 8 ip 7f5d0050 sp 7ffc error 4 in libc.so.6[7f5d0000+1000] {ID}"
    sample = carrier.sample.replace("{message}", notice).replace("{json}", json.dumps(notice)[1:-1])
    read = [line for line in lines(f"{carrier.header}{sample}\n") if line.line.text.strip()]
    assert [(line.line.text, line.from_kernel) for line in read] == [(notice, True)]


def test_the_numbers_of_cat_are_no_hosts() -> None:
    """
    Numbers in front of lines are not hosts, so that all lines stay of one host.
    """
    text = "".join(f"{number:6d}\t{line}\n" for number, line in enumerate(REPORT, start=1))
    assert {line.host for line in lines(text)} == {None}
    assert [line.line.text for line in lines(text)][: len(REPORT)] == list(REPORT)


def test_the_documentation_lists_all_carriers() -> None:
    """
    docs/reading-a-report.md has a row for each carrier.
    """
    page = PAGE.read_text(encoding="utf-8")
    assert [carrier.name for carrier in CARRIERS if f"| {carrier.name} |" not in page] == []
