"""
The process table compared with a model that knows every process, for any history of forks, ends and moves.
"""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from collector.sources.processes.table import GRACE_NS, Process, ProcessTable
from parsers.cgroup_path import ContainerRef, Runtime

_PIDS = st.integers(1, 12)  # few, so that they come back
_CONTAINERS = st.sampled_from([ContainerRef(runtime=Runtime.DOCKER, id=letter * 64) for letter in "ab"])
_STEP_NS = 1_000_000
_TICK_NS = 10_000_000


@dataclass
class Real:
    """
    The true state of a process.
    """

    pid: int
    start_ns: int
    container: ContainerRef | None


class Kernel(RuleBasedStateMachine):
    """
    Forks, ends and moves processes; the table gets every event, or loses some and scans later.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 1_000_000_000
        self.alive: dict[int, Real] = {}
        self.table = ProcessTable()

    def _tick(self) -> int:
        self.now_ns += _STEP_NS
        return self.now_ns

    @rule(pid=_PIDS, container=_CONTAINERS)
    def found(self, pid: int, container: ContainerRef) -> None:
        """
        Let a scan find a container's process for the first time.
        """
        if pid not in self.alive:
            self.now_ns += 200 * _STEP_NS
            self.alive[pid] = Real(pid=pid, start_ns=self.now_ns, container=container)
            self._see(self.alive[pid])

    @rule(pid=_PIDS, parent=_PIDS)
    def fork(self, pid: int, parent: int) -> None:
        """
        Fork a child of a process of a container or of the host.
        """
        if pid in self.alive or pid == parent:
            return
        owner = self.alive[parent].container if parent in self.alive else None
        self.alive[pid] = Real(pid=pid, start_ns=self._tick(), container=owner)
        self.table.fork(pid, parent if parent in self.alive else 99, self.now_ns)

    @rule(pid=_PIDS)
    def exit(self, pid: int) -> None:
        """
        End a process; the table must know its true container.
        """
        real = self.alive.pop(pid, None)
        known = self.table.processes.get(pid)
        if real is None:
            return
        ended = known if known is not None and self.table.exit(known, self._tick()) else None
        assert (ended.container if ended is not None else None) == real.container

    @rule(pid=_PIDS, container=_CONTAINERS)
    def move(self, pid: int, container: ContainerRef) -> None:
        """
        Move a process to another container, where the table sees it.
        """
        real, known = self.alive.get(pid), self.table.processes.get(pid)
        if real is not None and known is not None and real.container is not None:
            real.container = container
            self.table.set_container(known, container)

    @rule(lost=st.sets(_PIDS))
    def lose_and_scan(self, lost: set[int]) -> None:
        """
        End processes without events; the next scan must report exactly these as missed.
        """
        gone = [self.alive.pop(pid) for pid in lost if pid in self.alive]
        self.now_ns += 200 * _STEP_NS
        for real in self.alive.values():
            self._see(real)
        self.table.end_scan(set(self.alive), self.now_ns)
        missed = {(process.pid, process.container) for process in self.table.take_missed()}
        assert missed == {(real.pid, real.container) for real in gone if real.container is not None}

    @rule()
    def grace_ends(self) -> None:
        """
        Let the grace period of ended processes pass.
        """
        self.now_ns += GRACE_NS
        self.table.forget_dead(self.now_ns)
        assert all(process.died_ns is None for process in self.table.processes.values())

    @invariant()
    def all_of_containers_are_known(self) -> None:
        """
        Check that the running processes in the table are exactly those in containers.
        """
        living = {pid: process.container for pid, process in self.table.processes.items() if process.died_ns is None}
        assert living == {pid: real.container for pid, real in self.alive.items() if real.container is not None}

    def _see(self, real: Real) -> None:
        start_ns = real.start_ns // _TICK_NS * _TICK_NS
        self.table.find(Process(pid=real.pid, start_ns=start_ns, parent_pid=1, container=real.container, comm="app"))


TestKernel = Kernel.TestCase


@given(limit=st.integers(1, 8), pids=st.lists(st.integers(1, 1000), max_size=60))
def test_the_table_is_bounded(limit: int, pids: list[int]) -> None:
    """
    The table never holds more than its limit, and it counts what it refuses.
    """
    table = ProcessTable(limit=limit)
    container = ContainerRef(runtime=Runtime.DOCKER, id="a" * 64)
    for pid in pids:
        table.find(Process(pid=pid, start_ns=0, parent_pid=1, container=container, comm="app"))
    distinct = len(set(pids))
    assert len(table.processes) == min(limit, distinct)
    assert (table.refused == 0) == (distinct <= limit)
