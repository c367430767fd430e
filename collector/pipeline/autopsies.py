"""
Looks up, before an event is stored, what is gone soon: of a crash what the file of the faulting module says, of a
refused fork how many tasks there are, of a failure on a full disk how much space is left, and of a
JVM that crashed the calls in its report.

While a process of the container lives, the file is read as that sees it. Later it is read from the container's volumes
and layers on the host: they stay after the end of a container until it is removed. That needs root or
CAP_DAC_READ_SEARCH, and for the layers an engine that names them (overlay2).

An event waits for this a second at most. While the agent sees more crashes than the budget allows, they go without.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from collector.facts.lru import LruDict
from collector.host.procfs import ProcFiles
from collector.host.task_counts import count_tasks
from collector.host.threads import Threads
from collector.pipeline.disk_spaces import spaces_of
from collector.pipeline.module_files import find_code, frames_of_report
from collector.publish.disk_space import wants_disk_space, with_disk_space
from collector.publish.examined import with_code, with_frames
from collector.publish.task_limits import with_task_limit
from parsers.docker_inspect import ContainerSnapshot
from parsers.instruction import CodeAt
from parsers.kernel import KernelNotice, parse_notice
from parsers.tracebacks import hs_err_path
from sinks.event import Event, KernelEventKind, TaskLimit

# With the first import of the library, which takes a tenth of it on an idle host.
_WAIT_S: Final = 1.0
_THREADS_AT_MOST: Final = 2
_KEPT: Final = 256
# The file may be replaced while the container runs.
_KEPT_S: Final = 600.0
# So many searches for files in a row, and then one more in each period.
_BURST: Final = 8
_PERIOD_S: Final = 2.0
_CPU: Final = Path("/proc/cpuinfo")
_CPU_BYTES: Final = 65_536

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_Key = tuple[int, str, str, int | None, int]


class Autopsies:
    """
    Adds to crashes what the files of their modules say.

    Args:
        snapshot_of: returns what Docker last said about a container.
        clock_s: a monotonic clock.
        cpu: the file with the CPU's flags.
        count: counts the tasks of a cgroup; blocks.
        wait_s: how long an event waits at most.
    """

    def __init__(
        self,
        snapshot_of: Callable[[str], ContainerSnapshot | None],
        clock_s: Callable[[], float] = time.monotonic,
        cpu: Path = _CPU,
        count: Callable[[str], TaskLimit | None] = lambda cgroup: count_tasks(cgroup, ProcFiles()),
        wait_s: float = _WAIT_S,
    ) -> None:
        self._wait_s = wait_s
        self._snapshot_of = snapshot_of
        self._clock_s = clock_s
        self._cpu = cpu
        self._count = count
        self._cpu_flags: frozenset[str] | None = None
        self._threads = Threads(1)
        self._running = 0
        self._known: LruDict[_Key, CodeAt] = LruDict(_KEPT)
        # The time until which the budget is spent.
        self._spent_until_s = 0.0

    async def complete(self, event: Event) -> Event:
        """
        Return the event with what could be found in time; others are returned as they are.
        """
        kernel = event.exit137.kernel
        if kernel is not None and kernel.kind is KernelEventKind.PIDS_LIMIT and kernel.cgroup is not None:
            limit = await self._look_up(self._count, kernel.cgroup)
            return with_task_limit(event, limit) if limit is not None else event
        container_id = event.container.id if event.container is not None else None
        snapshot = self._snapshot_of(container_id) if container_id else None
        if snapshot is None:
            return event
        if wants_disk_space(event):
            spaces = await self._look_up(spaces_of, snapshot)
            event = with_disk_space(event, spaces) if spaces else event
        path, span_ns = hs_err_path(event.exit137.logs), _span_of(event)
        if path is not None or (span_ns is not None and _may_be_jvm(event)):
            frames = await self._look_up(frames_of_report, snapshot, path, span_ns)
            event = with_frames(event, frames) if frames else event
        return await self._with_code(event, snapshot) if event.exit137.crash is not None else event

    async def _with_code(self, event: Event, snapshot: ContainerSnapshot) -> Event:
        """
        Return the event of a crash with build-id, function and instruction.
        """
        notice = _notice_of(event)
        if notice is None:
            return event
        code = await self._code(snapshot, notice, _pids_of(event, snapshot))
        return with_code(event, notice, code, self._flags()) if code is not None else event

    async def _code(self, snapshot: ContainerSnapshot, notice: KernelNotice, pids: tuple[int, ...]) -> CodeAt | None:
        fault = notice.fault
        if fault is None or fault.module is None or fault.ip is None or fault.module_offset is None:
            return None
        period = int(self._clock_s() / _KEPT_S)
        key = (period, snapshot.id, fault.module.name, fault.module.size, fault.module_offset)
        if key in self._known:
            return self._known[key]
        if not self._may_search():
            return None
        code = await self._look_up(find_code, snapshot, notice, pids, time.monotonic() + self._wait_s)
        if code is not None:
            self._known[key] = code
        return code

    async def _look_up(
        self, function: Callable[_Arguments, _Result | None], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> _Result | None:
        """
        Call a function in a thread, unless others hang there; return its result, or None if it is not there in time.
        """
        if self._running >= _THREADS_AT_MOST:
            return None
        # Also where the host allows no further thread, or /proc cannot be read.
        with suppress(OSError):
            future = self._threads.call(function, *args, **kwargs)
            self._running += 1
            future.add_done_callback(self._done)
            async with asyncio.timeout(self._wait_s):
                return await asyncio.shield(future)
        return None

    def _may_search(self) -> bool:
        """
        Spend one search of the budget; return whether there was one.
        """
        now_s = self._clock_s()
        begins_s = max(self._spent_until_s, now_s)
        if begins_s - now_s > _BURST * _PERIOD_S:
            return False
        self._spent_until_s = begins_s + _PERIOD_S
        return True

    def _done(self, _future: "asyncio.Future[_Result | None]") -> None:
        self._running -= 1

    def _flags(self) -> frozenset[str]:
        """
        Return the flags of the first CPU.
        """
        if self._cpu_flags is None:
            self._cpu_flags = frozenset()
            with suppress(OSError), self._cpu.open("rb") as file:
                lines = file.read(_CPU_BYTES).decode("ascii", "replace").splitlines()
                flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
                self._cpu_flags = frozenset(flags.split())
        return self._cpu_flags


def _notice_of(event: Event) -> KernelNotice | None:
    """
    Return the kernel's line about the crash, from the evidence.
    """
    notices = (parse_notice(evidence.text) for evidence in event.exit137.evidence)
    return next((notice for notice in notices if notice is not None and notice.fault is not None), None)


def _span_of(event: Event) -> tuple[int, int] | None:
    """
    Return when a run began and ended; None where that is not known.
    """
    death = event.exit137.death
    if death is None or death.started_at_ns is None or death.finished_at_ns is None:
        return None
    return death.started_at_ns, death.finished_at_ns


def _may_be_jvm(event: Event) -> bool:
    """
    Return whether a JVM may have crashed, whose log does not say where its report is.
    """
    crash, process = event.exit137.crash, event.process
    is_crash = crash is not None and crash.signal is not None and not crash.frames
    command = (process.command_line or "").partition(" ")[0] if process is not None else ""
    return is_crash and process is not None and "java" in (process.name, command.rpartition("/")[2])


def _pids_of(event: Event, snapshot: ContainerSnapshot) -> tuple[int, ...]:
    """
    Return the processes whose root may be that of the one that crashed, itself first.
    """
    crashed = (event.exit137.kernel, event.process)
    pids = (*(each.pid for each in crashed if each is not None), snapshot.pid)
    return tuple(pid for pid in pids if pid is not None)
