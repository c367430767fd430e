"""
Advice about a container's memory: which limit it should have, and which of its settings work against it.

`advise` puts all advice for one container together: limit, runtime, workers and Docker settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.facts.memory import RunningProcess
from collector.memory.runtime_pitfalls import runtime_pitfalls
from collector.memory.runtimes import OVERHEAD_BYTES, Language, language_of
from collector.memory.shape import Shape, Trend
from collector.memory.workers import WorkerPool, worker_advice, worker_pool
from parsers.docker_inspect import ContainerSnapshot
from sinks.event import Advice
from sinks.text import duration, size

_MIB: Final = 1 << 20
# Limits are advised in steps: a finer figure would promise a precision that the samples do not have.
_STEP_BYTES: Final = 16 * _MIB
_S_PER_DAY: Final = 86_400.0
_S_PER_MIN: Final = 60.0
# Less than two days may have missed the busiest hours, so the headroom is larger.
_LONG_OBSERVED_S: Final = 2 * _S_PER_DAY
_HEADROOM: Final = 1.5
_SHORT_HEADROOM: Final = 2.0
# The rest of the host's memory is left to the kernel, the daemons and the other containers.
_HOST_SHARE: Final = 0.8
# From this oom_score_adj down, other processes of the host are killed first.
_PROTECTED_SCORE: Final = -500
_UNLESS: Final = "it leaks, or a single request needs far more than usual"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeed:
    """
    What is known about how much memory a container needs.

    Attributes:
        peak_bytes: the highest working set; after a kill at the limit, at least the limit.
        observed_s: for how long the container was observed.
        limit_bytes: the current limit; None if there is none.
        shape: the shape of the memory curve.
        language: the runtime of the main program.
        host_bytes: all memory of the host.
        killed: True if the container was killed at its limit, so that it needed more than its peak.
    """

    peak_bytes: int
    observed_s: float
    limit_bytes: int | None
    shape: Shape
    language: Language | None = None
    host_bytes: int | None = None
    killed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """
    What a container runs, as far as the advice depends on it.

    Attributes:
        process: the largest process with a known runtime; None if there is none.
        language: the runtime of that process.
        pool: the worker pool of a server.
    """

    process: RunningProcess | None = None
    language: Language | None = None
    pool: WorkerPool | None = None


def workload_of(processes: Sequence[RunningProcess]) -> Workload:
    """
    Find the program that a container runs; shells and init processes around it are ignored.
    """
    known = [process for process in processes if language_of(process) is not None]
    process = max(known, key=lambda one: one.rss_bytes or 0, default=None)
    language = language_of(process) if process is not None else None
    return Workload(process=process, language=language, pool=worker_pool(processes))


def advise(
    need: MemoryNeed, workload: Workload, snapshot: ContainerSnapshot | None, *, limit: bool = True
) -> tuple[Advice, ...]:
    """
    Return all advice for one container, the limit first.

    Args:
        need: how much memory the container needs.
        workload: what it runs.
        snapshot: its Docker settings; None if they are unknown.
        limit: whether to advise on the limit; False if the host ran out of memory, not the container.
    """
    advice = [limit_advice(need)] if limit and need.peak_bytes else []
    if need.limit_bytes is not None:
        if workload.process is not None:
            advice += runtime_pitfalls(workload.process, need.limit_bytes)
        pool = worker_advice(workload.pool, need.limit_bytes) if workload.pool is not None else None
        advice += [pool] if pool is not None else []
    return (*advice, *(setting_advice(snapshot) if snapshot is not None else ()))


def limit_advice(need: MemoryNeed) -> Advice:
    """
    Recommend a limit; for a leak, say how much time a higher limit would buy.
    """
    if need.shape.trend is Trend.LEAK:
        return _leak_advice(need)
    if need.shape.trend is Trend.CACHE:
        reason = "Its memory is filled with file cache, which the kernel drops when memory is needed."
        return Advice(kind="limit", text="Keep the limit.", reason=reason, unless="reads have become slow")
    wanted = _wanted_bytes(need)
    cap = int(need.host_bytes * _HOST_SHARE) if need.host_bytes is not None else None
    value = wanted if cap is None else min(wanted, cap)
    text = f"Set the limit to {size(value)}."
    if value < wanted:
        text = (
            f"Set the limit to {size(value)}: it needs {size(wanted)}, but the host has only {size(need.host_bytes)}."
        )
    elif need.limit_bytes is not None and not need.killed and _is_right(wanted, need):
        text, value = f"Keep the limit of {size(need.limit_bytes)}.", need.limit_bytes
    return Advice(kind="limit", value=value, cap=cap, text=text, reason=_calculation(need), unless=_UNLESS)


def setting_advice(snapshot: ContainerSnapshot) -> list[Advice]:
    """
    Return advice on the Docker settings that work against the container.
    """
    found = (_reservation(snapshot), _swap(snapshot), _score(snapshot), _kill_disable(snapshot))
    return [advice for advice in found if advice is not None]


def _wanted_bytes(need: MemoryNeed) -> int:
    overhead = OVERHEAD_BYTES.get(need.language, 0) if need.language is not None else 0
    wanted = int(need.peak_bytes * _headroom(need)) + overhead
    return -(-wanted // _STEP_BYTES) * _STEP_BYTES


def _headroom(need: MemoryNeed) -> float:
    return _HEADROOM if need.observed_s >= _LONG_OBSERVED_S else _SHORT_HEADROOM


def _is_right(wanted_bytes: int, need: MemoryNeed) -> bool:
    """
    Return whether the limit is large enough and, if observed for two days or more, at most twice what is needed.
    """
    limit = need.limit_bytes or 0
    return limit >= wanted_bytes and (need.observed_s < _LONG_OBSERVED_S or limit <= 2 * wanted_bytes)


def _calculation(need: MemoryNeed) -> str:
    days = need.observed_s / _S_PER_DAY
    observed = f"{days:.1f} days" if days >= 1 else duration(need.observed_s)
    overhead = OVERHEAD_BYTES.get(need.language) if need.language is not None else None
    plus = f", plus {size(overhead)} that {need.language} needs outside its heap" if overhead and need.language else ""
    least = "at least " if need.killed else ""
    short = " (not 1.5 times, because it was observed for less than two days)" if _headroom(need) > _HEADROOM else ""
    return (
        f"{_headroom(need):g} times the peak of {least}{size(need.peak_bytes)} in {observed}{short}{plus},"
        f" rounded up to a multiple of {size(_STEP_BYTES)}."
    )


def _leak_advice(need: MemoryNeed) -> Advice:
    """
    Say how long it takes a leak to fill as much memory again as the limit allows now.
    """
    per_min = need.shape.growth_bytes_per_min
    if not per_min or need.limit_bytes is None:
        return Advice(kind="leak", text="Find the leak; a limit does not fix it.", reason="Its memory keeps growing.")
    bought = duration(need.limit_bytes / per_min * _S_PER_MIN)
    return Advice(
        kind="leak",
        text="Find the leak; a higher limit only delays the next OOM kill.",
        reason=f"Its memory grows by {size(int(per_min))} per minute and never shrinks:"
        f" doubling the limit buys {bought}.",
        unless="the growth is a cache with an upper bound",
    )


def _reservation(snapshot: ContainerSnapshot) -> Advice | None:
    limit, reserved = snapshot.memory_limit_bytes, snapshot.memory_reservation_bytes
    if limit is None or reserved is None or reserved >= limit:
        return None
    return Advice(
        kind="reservation",
        value=limit,
        text=f"Set the reservation to the limit, {size(limit)}.",
        reason=f"Only {size(reserved)} of {size(limit)} are reserved: when the host runs short of memory, the kernel"
        " reclaims the rest first.",
        unless="the host is overcommitted on purpose",
    )


def _swap(snapshot: ContainerSnapshot) -> Advice | None:
    limit, both = snapshot.memory_limit_bytes, snapshot.memory_swap_bytes
    if limit is None or both is None or both == limit:
        return None
    allowed = "as much swap as the host has" if both < 0 else f"{size(both - limit)} of swap"
    return Advice(
        kind="swap",
        value=limit,
        text=f"Set --memory-swap to {size(limit)}, the same as --memory.",
        reason=f"The container may use {allowed}: at its limit it slows down before it is killed.",
        unless="the host has no swap, or slow is better than killed",
    )


def _score(snapshot: ContainerSnapshot) -> Advice | None:
    score = snapshot.oom_score_adj
    if score is None or score > _PROTECTED_SCORE:
        return None
    return Advice(
        kind="oom_score_adj",
        value=0,
        text="Set --oom-score-adj to 0.",
        reason=f"It is {score}: when the host runs out of memory, other processes are killed instead.",
        unless="the host cannot work without this container",
    )


def _kill_disable(snapshot: ContainerSnapshot) -> Advice | None:
    if not snapshot.oom_kill_disable:
        return None
    reason = "At the limit every allocation then blocks for ever: the container hangs instead of being restarted."
    return Advice(kind="oom_kill_disable", text="Remove --oom-kill-disable.", reason=reason)
