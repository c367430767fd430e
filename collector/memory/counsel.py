"""
All advice for one container, put together in one place: its limit, its runtime, its workers, its settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.correlate.memory_facts import RunningProcess
from collector.memory.advice import Observation, limit_advice, setting_advice
from collector.memory.runtimes import Language, language_of
from collector.memory.traps import traps
from collector.memory.workers import WorkerPool, worker_advice, worker_pool
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """
    What a container runs, as far as advice needs it.

    Attributes:
        process: the largest of those whose runtime is known; None where it is of none.
        language: its runtime.
        pool: the workers of a server.
    """

    process: RunningProcess | None = None
    language: Language | None = None
    pool: WorkerPool | None = None


def program_of(processes: Sequence[RunningProcess]) -> Program:
    """
    The program that a container's processes are; a shell or an init before it is passed over.
    """
    known = [process for process in processes if language_of(process) is not None]
    process = max(known, key=lambda one: one.rss_bytes or 0, default=None)
    language = language_of(process) if process is not None else None
    return Program(process=process, language=language, pool=worker_pool(processes))


def counsel(
    seen: Observation, program: Program, snapshot: ContainerSnapshot | None, *, limit: bool = True
) -> tuple[Advice, ...]:
    """
    What to do about a container's memory, the limit first.

    Args:
        seen: its need.
        program: what it runs.
        snapshot: its settings; None where nobody was asked.
        limit: whether the limit is in question; not where the host ran out of memory.
    """
    advice = [limit_advice(seen)] if limit and seen.peak_bytes else []
    if seen.limit_bytes is not None:
        if program.process is not None:
            advice += traps(program.process, seen.limit_bytes)
        crowded = worker_advice(program.pool, seen.limit_bytes) if program.pool is not None else None
        advice += [crowded] if crowded is not None else []
    return (*advice, *(setting_advice(snapshot) if snapshot is not None else ()))
