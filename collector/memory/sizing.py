"""
Recommend a limit and settings for one container, from its memory now and its history.
"""

from dataclasses import dataclass

from collector.facts.memory import MemorySample
from collector.memory.advice import MemoryNeed, Workload, advise
from collector.memory.history import MemoryHistory
from collector.memory.runtimes import Language
from collector.memory.shape import Shape
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Advice, Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """
    How much memory a container needs, and the advice that follows.

    Attributes:
        language: the runtime of its main program; None if unknown.
        peak_bytes: the peak that the limit is based on.
        observed_s: for how long that peak was observed.
        advice: the limit first.
    """

    language: Language | None
    peak_bytes: int
    observed_s: float
    advice: tuple[Advice, ...]


def sizing_of(
    sample: MemorySample,
    *,
    observed_s: float,
    history: MemoryHistory,
    workload: Workload,
    snapshot: ContainerSnapshot | None = None,
    host_bytes: int | None = None,
) -> Sizing:
    """
    Work out what a container needs and return all advice for it.

    Args:
        sample: its memory now.
        observed_s: the age of its cgroup or of its history, whichever is longer.
        history: its memory in stored events.
        workload: what it runs.
        snapshot: the output of `docker inspect`; None if unknown.
        host_bytes: all memory of the host.
    """
    peak_bytes = max(history.peak_bytes, sample.working_set_bytes, _kernel_peak(sample))
    shape = Shape(
        trend=history.trend,
        confidence=Confidence.LIKELY,
        samples=0,
        span_s=0.0,
        growth_bytes_per_min=history.growth_bytes_per_min,
    )
    need = MemoryNeed(
        peak_bytes=peak_bytes,
        observed_s=observed_s,
        limit_bytes=sample.limit_bytes,
        shape=shape,
        language=workload.language,
        host_bytes=host_bytes,
        killed=history.killed,
    )
    advice = advise(need, workload, snapshot)
    return Sizing(language=workload.language, peak_bytes=peak_bytes, observed_s=observed_s, advice=advice)


def _kernel_peak(sample: MemorySample) -> int:
    """
    Estimate the peak working set from the kernel's peak, which counts file cache too.

    The file cache at the peak is unknown, so the cache of now is subtracted.
    """
    if sample.peak_bytes is None or sample.file_bytes is None:
        return 0
    return max(0, min(sample.peak_bytes, sample.limit_bytes or sample.peak_bytes) - sample.file_bytes)
