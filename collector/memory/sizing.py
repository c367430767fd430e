"""
All advice for one container, from what is known of it now and from its past.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from collector.correlate.memory_facts import MemorySample, RunningProcess
from collector.memory.advice import Observation
from collector.memory.counsel import counsel, program_of
from collector.memory.past import Past
from collector.memory.runtimes import Language
from collector.memory.shape import Shape
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
    program = program_of(processes)
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
        language=program.language,
        host_bytes=host_bytes,
        killed=past.killed,
    )
    advice = counsel(seen, program, snapshot)
    return Sizing(language=program.language, peak_bytes=peak_bytes, seen_s=seen_s, advice=advice)


def _kernel_peak(sample: MemorySample) -> int:
    """
    The kernel's peak counts cached files too, as many as there are now at the least: without these it is no more than
    the working set's peak plus what was cached then.
    """
    if sample.peak_bytes is None or sample.file_bytes is None:
        return 0
    return max(0, min(sample.peak_bytes, sample.limit_bytes or sample.peak_bytes) - sample.file_bytes)
