"""
The hosts of one pasted text, and the figures of their reports.
"""

import pytest

from collector.recordings.pasted import events_of

HEADER = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"


def report(host: str, pids: range, second: int = 0) -> list[str]:
    """
    Return the lines of a report whose task table has some processes, the first of them killed.
    """
    texts = [
        "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "memory: usage 131072kB, limit 131072kB, failcnt 812",
        "Tasks state (memory values in pages):",
        HEADER,
        *(f"[{pid:7d}]     0 {pid} 100000 {pid} 200000 0 0 of-{host}" for pid in pids),
        (
            f"Memory cgroup out of memory: Killed process {pids[0]} (java) total-vm:568056kB, anon-rss:107940kB, "
            "file-rss:11516kB, shmem-rss:6280kB, UID:1000 pgtables:524kB oom_score_adj:0"
        ),
    ]
    return [f"Oct 30 10:13:{second:02d} {host} kernel: {text}" for text in texts]


def candidates(lines: list[str]) -> dict[int | None, list[str]]:
    """
    Return the names in the task table of each kill, by the pid of its victim.
    """
    ooms = [event.exit137.oom for event in events_of("\n".join(lines).encode())]
    return {oom.victims[0].pid: [one.name for one in oom.candidates] for oom in ooms if oom is not None}


def test_rows_belong_to_the_report_of_their_host() -> None:
    """
    Where the lines of two hosts alternate, each report has the rows of its own host.
    """
    one, other = report("a", range(100, 104)), report("b", range(200, 204))
    mixed = [line for pair in zip(one, other, strict=True) for line in pair]
    assert candidates(mixed) == {100: ["of-a"] * 4, 200: ["of-b"] * 4}


@pytest.mark.parametrize("rows", [1, 255, 256, 257, 600])
def test_every_row_of_a_long_table_is_read(rows: int) -> None:
    """
    The number of processes in a report is that of its rows, however many these are.
    """
    (event,) = events_of("\n".join(report("a", range(1000, 1000 + rows))).encode())
    oom = event.exit137.oom
    assert oom is not None
    assert oom.choice is not None
    assert rows == 1 or f" {rows} processes" in oom.choice
