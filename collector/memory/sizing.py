"""
All advice for one container, from what is known of it now and from its past.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.correlate.facts import MemorySample
from collector.memory.advice import Observation, limit_advice, setting_advice
from collector.memory.past import Past
from collector.memory.runtimes import Language, RunningProcess, language_of
from collector.memory.shape import Shape
from collector.memory.traps import traps
from collector.memory.workers import worker_advice, worker_pool
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Advice, Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """
    What a container needs, and what to do about it.

    Attributes:
        language: the runtime of its main process; None where it is not known.
        peak_bytes: what the limit is measured by.
        seen_s: for how long that was observed.
        advice: the limit first.
    """

    language: Language | None
    peak_bytes: int
    seen_s: float
    advice: tuple[Advice, ...]


def sizing_of(
    sample: MemorySample,
    *,
    seen_s: float,
    past: Past,
    processes: Sequence[RunningProcess] = (),
    snapshot: ContainerSnapshot | None = None,
    host_bytes: int | None = None,
) -> Sizing:
    """
    Everything that is to be said of a container's limit and settings.

    Args:
        sample: its memory now.
        seen_s: how long its cgroup or its past has been observed, whichever is longer.
        past: what stored events tell.
        processes: its processes, the main one first; empty where they cannot be read.
        snapshot: what `docker inspect` says; None where nobody was asked.
        host_bytes: all memory of the host.
    """
    language = next((found for found in map(language_of, processes) if found is not None), None)
    peak_bytes = max(past.peak_bytes, sample.working_set_bytes, _kernel_peak(sample))
    shape = Shape(
        trend=past.trend,
        confidence=Confidence.LIKELY,
        samples=0,
        span_s=0.0,
        growth_bytes_per_min=past.growth_bytes_per_min,
    )
    seen = Observation(
        peak_bytes=peak_bytes,
        seen_s=seen_s,
        limit_bytes=sample.limit_bytes,
        shape=shape,
        language=language,
        host_bytes=host_bytes,
        killed=past.killed,
    )
    advice = [limit_advice(seen)]
    if sample.limit_bytes is not None:
        for process in processes[:1]:
            advice += traps(process, sample.limit_bytes)
        pool = worker_pool(processes)
        crowded = worker_advice(pool, sample.limit_bytes) if pool is not None else None
        advice += [crowded] if crowded is not None else []
    advice += setting_advice(snapshot) if snapshot is not None else []
    return Sizing(language=language, peak_bytes=peak_bytes, seen_s=seen_s, advice=tuple(advice))


def _kernel_peak(sample: MemorySample) -> int:
    """
    The kernel's peak counts cached files too, as many as there are now at the least: without these it is no more than
    the working set's peak plus what was cached then.
    """
    if sample.peak_bytes is None or sample.file_bytes is None:
        return 0
    return max(0, min(sample.peak_bytes, sample.limit_bytes or sample.peak_bytes) - sample.file_bytes)
