"""
A scene on a host whose memory is sampled.
"""

from typing import Final

from collector.facts.kernel import KernelFact
from collector.facts.memory import MemoryRoundFact, MemorySample
from parsers.proc_files import HostMemory
from sinks.event import Event
from tests.unit.collector.correlate.scene import (
    LIMIT_BYTES,
    MAIN_PID,
    A,
    Scene,
    killed,
    line,
    ns,
    report,
    scope_path,
    summary,
)

MIB: Final = 1 << 20
CHILD_PID: Final = 4010


class Watched(Scene):
    """
    A scene in which memory is sampled.
    """

    def sample(self, mib: float, at_s: float, *, cpu_s: float = 0.0, container_id: str = A) -> list[Event]:
        one = MemorySample(
            container_id=container_id,
            cgroup=scope_path(container_id),
            at_ns=ns(at_s),
            usage_bytes=int(mib * MIB),
            working_set_bytes=int(mib * MIB),
            anon_bytes=int(mib * MIB),
            limit_bytes=LIMIT_BYTES,
            limit_cgroup=scope_path(container_id),
            cpu_ns=int(cpu_s * 1e9),
        )
        host = HostMemory(total_bytes=8 << 30)
        return self.feed(MemoryRoundFact(at_ns=ns(at_s), samples=(one,), host=host), at_s=at_s)

    def leak(self, until_s: int = 600) -> list[Event]:
        """
        Let the memory grow from 4 to 60 of 64 MiB.
        """
        return [event for at_s in range(0, until_s, 5) for event in self.sample(4 + 56 * at_s / until_s, at_s)]

    def kill(self, pid: int, at_s: float) -> list[Event]:
        return self.feed(*report(pid, A, at_s=at_s), at_s=at_s) + self.wait(0.01)


def with_table(at_s: float) -> list[KernelFact]:
    """
    Return the report of the kill of a child, with its task table.
    """
    lines = [
        "hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "memory: usage 65536kB, limit 65536kB, failcnt 27",
        "Tasks state (memory values in pages):",
        "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        f"[   {MAIN_PID}]     0  {MAIN_PID}     8474      100    65536        0             0 sh",
        f"[   {CHILD_PID}]     0  {CHILD_PID}     8474     8263   110592        0             0 hog",
        summary(CHILD_PID, scope_path(A)),
        killed(CHILD_PID),
    ]
    return [line(text, at_s) for text in lines]
