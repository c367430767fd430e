"""
Check whether all workers of a server fit the limit together, and whether a build ran too many jobs at once.

A pool is a server process and its children. The configured number of workers counts too, since fewer may be running
now. Threads are not workers here: they share their memory.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.facts.memory import RunningProcess
from collector.memory.runtimes import parse_number
from sinks.event import Advice
from sinks.text import size

_MIN_WORKERS: Final = 2
_SERVERS: Final = re.compile(r"gunicorn|uvicorn|hypercorn|uwsgi|celery|php-fpm|puma|sidekiqswarm|unicorn")
_OPTIONS: Final = ("--workers", "-w", "--processes", "--concurrency", "-c")
_BUILDERS: Final = frozenset(
    {"cc1", "cc1plus", "clang", "ld", "lld", "ld.lld", "gold", "rustc", "cargo", "javac", "tsc", "webpack", "esbuild"}
    | {"go", "compile", "link", "ghc", "swiftc", "ninja", "make"}
)
_MIN_BUILDERS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPool:
    """
    The workers of a server.

    Attributes:
        server: the name of the server program.
        running: how many workers run now.
        configured: the number on the command line or in WEB_CONCURRENCY; None if neither sets it.
        worker_bytes: resident memory of the largest worker.
        parent_bytes: resident memory of their parent process.
    """

    server: str
    running: int
    configured: int | None
    worker_bytes: int
    parent_bytes: int

    @property
    def workers(self) -> int:
        """
        The number of workers to plan for.
        """
        return max(self.running, self.configured or 0)


def worker_pool(processes: Sequence[RunningProcess]) -> WorkerPool | None:
    """
    Find the largest pool among the processes of a container; None if there is none.
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
    Advise fewer workers if all of them at the size of the largest do not fit the limit; None if they do.
    """
    if pool.worker_bytes == 0 or pool.workers < _MIN_WORKERS:
        return None
    needed = pool.parent_bytes + pool.workers * pool.worker_bytes
    if needed <= limit_bytes:
        return None
    fitting = max(1, (limit_bytes - pool.parent_bytes) // pool.worker_bytes)
    return Advice(
        kind="workers",
        value=fitting,
        cap=fitting,
        text=f"Run at most {fitting} {pool.server} workers, or set the limit to {size(needed)}.",
        reason=f"{pool.workers} workers of up to {size(pool.worker_bytes)} and {size(pool.parent_bytes)} for their"
        f" parent need {size(needed)}; the limit is {size(limit_bytes)}.",
        unless="the workers share most of their memory with the parent (preloaded code), which is counted twice here",
    )


def build_advice(names: Sequence[str]) -> Advice | None:
    """
    Advise fewer parallel jobs if several compilers or linkers were running; None if not.

    Args:
        names: of the processes in the kernel's task table.
    """
    builders = [name for name in names if name in _BUILDERS]
    if len(builders) < _MIN_BUILDERS:
        return None
    kinds = ", ".join(sorted(set(builders)))
    return Advice(
        kind="build_jobs",
        value=max(1, len(builders) // 2),
        text=f"Run fewer build jobs in parallel; start with {max(1, len(builders) // 2)} (make -j, cargo --jobs).",
        reason=f"{len(builders)} build processes were running at the same time: {kinds}.",
        unless="a single link step alone needs more than the limit",
    )


def _server(process: RunningProcess) -> str | None:
    """
    Return the server program of a process, by its title, its script, or the module that Python runs.
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
        configured=_configured(parent),
        worker_bytes=max((worker.rss_bytes or 0 for worker in workers), default=0),
        parent_bytes=parent.rss_bytes or 0,
    )


def _configured(parent: RunningProcess) -> int | None:
    arguments = parent.arguments
    for at, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in _OPTIONS:
            return parse_number(value if equals else next(iter(arguments[at + 1 : at + 2]), None))
    return parse_number(parent.environment.get("WEB_CONCURRENCY"))
