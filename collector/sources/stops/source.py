"""
Watch for kills that do not end: containers with tasks that SIGKILL was sent to and that are still there, and containers
whose main process ignores signals.

Nobody reports such a kill: Docker waits, and the kernel is silent. A pending SIGKILL shows in /proc whoever sent it.
The main process of each container is looked at every few seconds, and every second while it is being killed. There is
nothing to resume. Needs to see the processes of others in /proc; the function in which a task waits needs
CAP_SYS_PTRACE, its stack CAP_SYS_ADMIN, and without them both are missing.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.config.sources import StopsConfig
from collector.facts.stops import MainSignalsFact, PendingKillFact, StopsFact
from collector.host.beat import until_beat_s
from collector.host.clock import HostIdentity
from collector.host.threads import Threads
from collector.sources.base import Position, Reading, SourceMissingError
from collector.sources.memory.cgroups import CgroupTree, ContainerCgroup, NoCgroupsError
from collector.sources.stops.open_files import OpenFilesWatch
from collector.sources.stops.tasks import TaskReader
from parsers.errors import ParseError
from parsers.proc_status import parse_task_status, signal_lines

# While something is being killed.
_SOON_S: Final = 1.0
# A host where more containers are stuck at once has one reason for all of them.
_MAX_PENDING: Final = 32
_FIRST_PID: Final = 1
_MAX_LOOKED_AT: Final = 64
_FROZEN: Final = frozenset({"FROZEN", "FREEZING"})


@dataclass(frozen=True, slots=True)
class _Main:
    """
    The main process of a container, and its pid in the container: a later process with the same pid has another one.
    """

    pid: int
    namespace_pid: int | None


class StopsSource:
    """
    Watches the main process of each container.

    Args:
        config: the interval, and where cgroups are mounted.
        proc: the mount point of procfs.
        wall_ns: the wall clock.
    """

    name = "stops"

    def __init__(
        self, config: StopsConfig, proc: Path = Path("/proc"), wall_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._config = config
        self._proc = proc
        self._wall_ns = wall_ns
        self._mains: dict[str, _Main] = {}
        self._signals: dict[str, MainSignalsFact] = {}
        # By container: the pid and the lines about signals that its fact was made of.
        self._signal_lines: dict[str, tuple[int, bytes]] = {}
        self._open_files = OpenFilesWatch(wall_ns)
        self._pending: set[str] = set()
        self._threads = Threads(1)
        self.is_behind = False
        self.records = 0
        self.garbage = 0

    async def readings(self, position: Position | None) -> AsyncGenerator[Reading]:
        """
        Watch from now on; the position is ignored.

        Raises:
            SourceMissingError: there is no hierarchy of cgroups to find containers in.
        """
        del position
        tree = self._tree()
        yield Reading(facts=(), position={})
        try:
            while True:
                facts = () if self.is_behind else await self._threads.call(self.scan, tree)
                if facts:
                    self.records += len(facts)
                    yield Reading(facts=facts, position={})
                interval_s = min(_SOON_S, self._config.interval_s) if self._pending else self._config.interval_s
                await asyncio.sleep(until_beat_s(interval_s))
        finally:
            self._threads.end_idle()

    def request_watermark(self) -> None:
        """
        Do nothing: each fact states when /proc was read.
        """

    def scan(self, tree: CgroupTree) -> tuple[StopsFact, ...]:
        """
        Look at all containers; return those that are being killed, and once those that no longer are.

        Of the others return what the main process does with signals, when that was first read or has changed, and how
        many files it has open, if that is near its limit.
        """
        containers = tree.containers()
        self._mains = {one: main for one, main in self._mains.items() if one in containers}
        self._signals = {one: known for one, known in self._signals.items() if one in containers}
        self._signal_lines = {one: known for one, known in self._signal_lines.items() if one in containers}
        self._open_files.keep(containers)
        facts: list[StopsFact] = []
        pending: set[str] = set()
        for container in containers.values():
            found = self._look(tree, container) if len(pending) < _MAX_PENDING else ()
            facts += found
            pending |= {fact.container_id for fact in found if isinstance(fact, PendingKillFact)}
        at_ns = self._wall_ns()
        over = [PendingKillFact(container_id=one, at_ns=at_ns, tasks=()) for one in sorted(self._pending - pending)]
        self._pending = pending
        return (*facts, *over)

    def _look(self, tree: CgroupTree, container: ContainerCgroup) -> tuple[StopsFact, ...]:
        reader = TaskReader(self._proc)
        pids = tree.pids(container)
        main = self._main(reader, container.container_id, pids)
        if main is None and not pids:
            return ()
        if main is not None and main.pid in pids and not reader.is_ending(main.pid):
            return self._of_running(reader, container.container_id, main.pid)
        status = reader.status(main.pid) if main is not None else None
        if main is None or status is None or status.namespace_pid != main.namespace_pid:
            main = None  # it is gone, or its pid is that of another process by now
        tasks = reader.killed(pids, main.pid if main is not None else None)
        if not tasks:
            return ()
        fact = PendingKillFact(
            container_id=container.container_id,
            at_ns=self._wall_ns(),
            tasks=tasks,
            frozen=self._frozen(container),
            unread=tuple(sorted(reader.unread)),
        )
        return (fact,)

    def _of_running(self, reader: TaskReader, container_id: str, pid: int) -> tuple[StopsFact, ...]:
        found = (self._changed_signals(reader, container_id, pid), self._open_files.look(reader, container_id, pid))
        return tuple(fact for fact in found if fact is not None)

    def _changed_signals(self, reader: TaskReader, container_id: str, pid: int) -> MainSignalsFact | None:
        text = reader.status_text(pid)
        if self._signal_lines.get(container_id) == (lines := (pid, signal_lines(text))):
            return None
        try:
            status, known = parse_task_status(text), self._signals.get(container_id)
        except ParseError:
            return None
        self._signal_lines[container_id] = lines
        if known is not None and (known.pid, known.ignored) == (pid, status.ignored):
            return None
        self._signals[container_id] = fact = MainSignalsFact(
            container_id=container_id,
            at_ns=self._wall_ns(),
            pid=pid,
            name=status.name,
            state=status.state,
            ignored=status.ignored,
        )
        return fact

    def _main(self, reader: TaskReader, container_id: str, pids: list[int]) -> _Main | None:
        """
        Return the main process: as found before, if nothing else can be it, else the first of its PID namespace.

        In a container that shares a PID namespace it is the process with the lowest pid.
        """
        known = self._mains.get(container_id)
        if known is not None and (known.pid in pids or not pids):
            return known
        found = [status for pid in sorted(pids)[:_MAX_LOOKED_AT] if (status := reader.status(pid)) is not None]
        first = next((status for status in found if status.namespace_pid == _FIRST_PID), None)
        if first is None and known is None:
            first = next(iter(found), None)
        if first is not None:
            self._mains[container_id] = _Main(first.pid, first.namespace_pid)
        return self._mains.get(container_id)

    def _frozen(self, container: ContainerCgroup) -> bool | None:
        """
        Return whether the freezer of cgroup v1 holds the container; that of cgroup v2 lets killed processes end.
        """
        try:
            state = Path(f"{self._config.cgroups}/freezer{container.path}/freezer.state").read_text(encoding="ascii")
        except OSError:
            return None
        return state.strip() in _FROZEN

    def _tree(self) -> CgroupTree:
        try:
            return CgroupTree(self._config.cgroups)
        except NoCgroupsError as error:
            raise SourceMissingError(str(error)) from error


def offered(config: StopsConfig) -> bool:
    """
    Return whether this host has cgroups to find containers in.
    """
    try:
        CgroupTree(config.cgroups)
    except NoCgroupsError:
        return False
    return True


def create(config: StopsConfig, _host: HostIdentity) -> StopsSource:
    """
    Create the source for this host.
    """
    return StopsSource(config)
