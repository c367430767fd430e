"""
Servers that run many workers: what all of them need together, against the limit.

A pool is a parent and its children of one kind; the count that the command line asks for is read too, since it may be
larger than what runs now. Threads are no workers here: they share their memory.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.correlate.memory_facts import RunningProcess
from collector.correlate.wording import size
from collector.memory.runtimes import number_of
from sinks.event import Advice

_FEWEST: Final = 2
_SERVERS: Final = re.compile(r"gunicorn|uvicorn|hypercorn|uwsgi|celery|php-fpm|puma|sidekiqswarm|unicorn")
_OPTIONS: Final = ("--workers", "-w", "--processes", "--concurrency", "-c")
_BUILDERS: Final = frozenset(
    {"cc1", "cc1plus", "clang", "ld", "lld", "ld.lld", "gold", "rustc", "cargo", "javac", "tsc", "webpack", "esbuild"}
    | {"go", "compile", "link", "ghc", "swiftc", "ninja", "make"}
)
_MANY_BUILDERS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPool:
    """
    A server's workers.

    Attributes:
        server: its name.
        running: the workers that there are.
        asked_for: the number on the command line or in WEB_CONCURRENCY; None where neither says.
        worker_bytes: resident memory of the largest.
        parent_bytes: of the process that made them.
    """

    server: str
    running: int
    asked_for: int | None
    worker_bytes: int
    parent_bytes: int

    @property
    def workers(self) -> int:
        """
        How many there may be.
        """
        return max(self.running, self.asked_for or 0)


def worker_pool(processes: Sequence[RunningProcess]) -> WorkerPool | None:
    """
    The largest pool among the processes of a container; None where there is none.
    """
    parents = {process.pid: process for process in processes}
    children: dict[int, list[RunningProcess]] = {}
    for process in processes:
        parent = parents.get(process.parent_pid or 0)
        if parent is not None and _server(parent) is not None:
            children.setdefault(parent.pid, []).append(process)
    pools = [_pool(parents[pid], workers) for pid, workers in children.items()]
    return max(pools, key=lambda pool: pool.workers * pool.worker_bytes, default=None)


def worker_advice(pool: WorkerPool, limit_bytes: int) -> Advice | None:
    """
    Fewer workers, where all of them at the size of the largest do not fit; None where they do.
    """
    if pool.worker_bytes == 0 or pool.workers < _FEWEST:
        return None
    needed = pool.parent_bytes + pool.workers * pool.worker_bytes
    if needed <= limit_bytes:
        return None
    fitting = max(1, (limit_bytes - pool.parent_bytes) // pool.worker_bytes)
    return Advice(
        kind="workers",
        value=fitting,
        cap=fitting,
        text=f"Run {fitting} workers of {pool.server} at most, or set the limit to {size(needed)}.",
        reason=f"{pool.workers} workers of up to {size(pool.worker_bytes)} and {size(pool.parent_bytes)} for their"
        f" parent are {size(needed)}; the limit is {size(limit_bytes)}.",
        unless="most of a worker's memory is shared with its parent (preloaded code): then it is counted twice here",
    )


def build_advice(names: Sequence[str]) -> Advice | None:
    """
    Fewer jobs at once, where several compilers or linkers ran in the container; None where not.

    Args:
        names: of the processes that were there, as in the kernel's task table.
    """
    builders = [name for name in names if name in _BUILDERS]
    if len(builders) < _MANY_BUILDERS:
        return None
    kinds = ", ".join(sorted(set(builders)))
    return Advice(
        kind="build_jobs",
        value=max(1, len(builders) // 2),
        text=f"Build with fewer jobs at once, {max(1, len(builders) // 2)} for a start (make -j, cargo --jobs).",
        reason=f"{len(builders)} build processes ran at the same time: {kinds}.",
        unless="a single link step alone needs more than the limit",
    )


def _server(process: RunningProcess) -> str | None:
    """
    The server that a process is: by its title, its script, or the module that Python runs.
    """
    for text in process.arguments[:4]:
        match = _SERVERS.match(text.rpartition("/")[2])
        if match is not None:
            return match[0]
    return None


def _pool(parent: RunningProcess, workers: Sequence[RunningProcess]) -> WorkerPool:
    return WorkerPool(
        server=_server(parent) or parent.name,
        running=len(workers),
        asked_for=_asked_for(parent),
        worker_bytes=max((worker.rss_bytes or 0 for worker in workers), default=0),
        parent_bytes=parent.rss_bytes or 0,
    )


def _asked_for(parent: RunningProcess) -> int | None:
    arguments = parent.arguments
    for at, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in _OPTIONS:
            return number_of(value if equals else next(iter(arguments[at + 1 : at + 2]), None))
    return number_of(parent.environment.get("WEB_CONCURRENCY"))
