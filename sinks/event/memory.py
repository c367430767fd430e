"""
Memory in the published event: what it did before, warnings, stuck containers, and advice.
"""

from dataclasses import dataclass

from sinks.event.words import Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """
    What the container's memory did before.

    Attributes:
        limit_bytes: the smallest of the container's own limit and those of the cgroups above it.
        limit_cgroup: whose limit that is, where it is not the container's own.
        working_set_bytes: usage without the file pages that the kernel drops first; its parts follow.
        file_bytes: cached pages of files, also those that are not in the working set.
        trend: leak, spike, sawtooth, steady, undersized, cache or unknown.
        trend_confidence: how clear that is; never certain.
        r_squared: how well a straight line fits the growth, 0 to 1.
        rise_s: how long a spike took.
        series: (seconds before the event, bytes of the working set), oldest first.
    """

    limit_bytes: int | None = None
    limit_cgroup: str | None = None
    peak_bytes: int | None = None
    working_set_bytes: int | None = None
    anon_bytes: int | None = None
    file_bytes: int | None = None
    shmem_bytes: int | None = None
    kernel_bytes: int | None = None
    swap_bytes: int | None = None
    trend: str | None = None
    trend_confidence: Confidence | None = None
    growth_bytes_per_min: float | None = None
    r_squared: float | None = None
    rise_s: float | None = None
    series: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """
    All containers against the host: sums of working sets and of limits, and how many have no limit.
    """

    total_bytes: int
    working_sets_bytes: int
    limits_bytes: int
    containers: int
    unlimited: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """
    A warning about memory.

    Attributes:
        kind: limit, growth, forecast, stall, swap, host_memory or host_limits.
        level: warning, critical or resolved.
        since_ns: when it first rose.
        value: what was compared with the thresholds, as docs/event.md tells for each kind.
        growth_bytes: in ten minutes, where the working set doubled in that time.
        seconds_to_limit: at the growth of the last minutes; with it the soonest and the latest that the samples allow.
        host: for the kinds that are about the host.
    """

    kind: str
    level: str
    since_ns: int | None = None
    value: float | None = None
    growth_bytes: int | None = None
    seconds_to_limit: float | None = None
    soonest_s: float | None = None
    latest_s: float | None = None
    host: HostLoad | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """
    The bad state of a container that survived the OOM kill of a child.

    Attributes:
        state: spinning, unhealthy or killing.
        resolved: it is out of it again.
        since_ns: when it began.
        kills: children killed, in the ten minutes before and since.
        first_kill_ns: the first of these.
        oom_kill_ids: their events.
        cpu_share: of the CPU that it may use, 1.0 is all.
    """

    state: str
    resolved: bool
    since_ns: int | None = None
    kills: int
    first_kill_ns: int | None = None
    oom_kill_ids: tuple[str, ...] = ()
    cpu_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """
    What to do, and why.

    Attributes:
        kind: a word for it: `limit`, `heap`, `workers`, `swap`, …
        value: what to set it to, where that is a number; bytes, or a count for `workers`.
        cap: what `value` was kept below.
        unless: when it does not apply.
    """

    kind: str
    value: int | None = None
    text: str
    reason: str
    cap: int | None = None
    unless: str | None = None
