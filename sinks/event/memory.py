"""
Memory in the published event: the curve before the event, warnings, stuck containers, and advice.
"""

from dataclasses import dataclass, field

from sinks.event.words import Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """
    The curve of the working set, oldest first: one entry of each field per sample.

    Attributes:
        seconds: when the sample was taken, from the event; negative before it.
        bytes: the working set.
    """

    seconds: tuple[float, ...] = ()
    bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """
    The container's memory before the event.

    Attributes:
        limit_bytes: the smallest of the container's own limit and those of the cgroups above it.
        limit_cgroup: the cgroup with that limit, if it is not the container's own.
        working_set_bytes: usage minus inactive file pages; its parts follow.
        file_bytes: page cache, including pages outside the working set.
        trend: the shape: leak, spike, sawtooth, steady, undersized, cache or unknown.
        trend_confidence: how well the samples support the shape; never certain.
        r_squared: how well a straight line fits the growth, 0 to 1.
        rise_s: how long a spike took, in seconds.
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
    series: Series = field(default_factory=Series)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLoad:
    """
    All containers compared with the host: the sums of working sets and limits, and how many have no limit.
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
        since_ns: when the warning was first raised.
        value: what was compared with the thresholds; docs/event.md explains it for each kind.
        growth_bytes: growth in ten minutes, if the working set doubled in that time.
        seconds_to_limit: forecast from the growth of the last minutes; `soonest_s` and `latest_s` are its bounds.
        host: set for the kinds that are about the host.
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
class StuckTask:
    """
    The task that shows why a kill does not end.

    Attributes:
        tid: the thread; the same as `pid` for the first thread.
        state: the kernel's letter: D waits without a way to be interrupted, t is held by its tracer, Z is dead.
        wchan: the kernel function that it waits in.
        tracer_pid: the process that traces it.
    """

    pid: int
    tid: int
    name: str
    state: str
    wchan: str | None = None
    tracer_pid: int | None = None
    tracer_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """
    The bad state of a container that survived the OOM kill of a child process, or a kill that it does not end by.

    Attributes:
        state: spinning, unhealthy or killing; stopping for a kill that does not end.
        resolved: True if the container has recovered.
        since_ns: when the state began.
        kills: child processes killed in the ten minutes before, and since.
        first_kill_ns: when the first of them was killed.
        oom_kill_ids: the ids of the events about these kills.
        cpu_share: the share of its CPU quota that the container uses; 1.0 is all of it.
        reason: what holds a container that is stopping, as docs/memory.md lists it.
        tasks: how many of its tasks are being killed, eight at most.
        task: the one that shows the reason.
    """

    state: str
    resolved: bool
    since_ns: int | None = None
    kills: int
    first_kill_ns: int | None = None
    oom_kill_ids: tuple[str, ...] = ()
    cpu_share: float | None = None
    reason: str | None = None
    tasks: int | None = None
    task: StuckTask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """
    What to do, and why.

    Attributes:
        kind: what it is about: `limit`, `heap`, `workers`, `swap`, …
        value: the suggested setting, if it is a number: bytes, or a count for `workers`.
        cap: the bound that `value` was limited to.
        unless: a clause that says when the advice does not apply.
    """

    kind: str
    value: int | None = None
    text: str
    reason: str
    cap: int | None = None
    unless: str | None = None
