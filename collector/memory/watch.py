"""
Follow the memory of every container: its curve, its warnings, and whether it is stuck after the kill of a child.

The curves of ended containers are kept for some minutes, because their deaths are published after the last sample. The
end of a container drops its warnings without resolving them: its death is published instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from collector.facts.memory import MemoryRoundFact, MemorySample
from collector.facts.restored import RestoredWarningFact
from collector.memory.classify import shape_of
from collector.memory.container_pressure import WINDOW_S, ContainerPressure
from collector.memory.holders import DYING_NS, FRESH_S, OutsideUse, Span, is_below
from collector.memory.host_pressure import HostPressure
from collector.memory.latch import Level
from collector.memory.pressure import PressureAlert, PressureKind
from collector.memory.sample_ring import SampleRing
from collector.memory.shape import Trend
from collector.memory.stuck import Stuck, StuckWatch
from collector.memory.usage import GROWTH_WINDOW_NS, MemoryUse, use_of

_NS_PER_S: Final = 1_000_000_000
_KEEP_NS: Final = 600 * _NS_PER_S
# Bounds the agent's memory, at about 20 KB for each curve.
_MAX_CURVES: Final = 1500
_BUSY_SHARE: Final = 0.9
_GROWTH: Final = frozenset({PressureKind.GROWTH, PressureKind.FORECAST})
# Memory that a garbage collector or the kernel takes back by itself is not worth a warning.
_HARMLESS: Final = frozenset({Trend.SAWTOOTH, Trend.CACHE})

MemoryFinding = PressureAlert | Stuck


@dataclass(slots=True)
class _Watched:
    """
    Everything known about the memory of one container.

    Attributes:
        previous: the samples of the previous run, whose end may not have been published yet.
        reported: the growth warnings that were reported, so that only their end is.
        cpu_share: CPU used between the last two samples, of what the container may use.
        gone_ns: when its cgroup was removed, monotonic clock; `gone_at_ns` is the same on the wall clock.
    """

    ring: SampleRing = field(default_factory=SampleRing)
    previous: SampleRing | None = None
    pressure: ContainerPressure = field(default_factory=ContainerPressure)
    reported: set[PressureKind] = field(default_factory=set)
    stuck: StuckWatch | None = None
    cpu_share: float | None = None
    unhealthy: bool = False
    gone_ns: int | None = None
    gone_at_ns: int | None = None


class MemoryWatch:
    """
    Takes rounds of samples, kills of children and health checks; returns warnings and stuck containers.
    """

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._host = HostPressure()
        self.outside = OutsideUse()
        self._restored: dict[str, list[RestoredWarningFact]] = {}

    def restore(self, warning: RestoredWarningFact) -> None:
        """
        Continue a warning that was raised before a restart of the agent: only its end is reported again.
        """
        if warning.container_id is not None:
            self._restored.setdefault(warning.container_id, []).append(warning)
        else:
            self._host.restore(PressureKind(warning.kind), Level(warning.level), warning.since_ns)

    def feed(self, samples: MemoryRoundFact, now_ns: int) -> list[MemoryFinding]:
        """
        Take a round of samples; return what changed.

        Args:
            samples: the round.
            now_ns: a monotonic clock.
        """
        findings: list[MemoryFinding] = []
        for sample in samples.samples:
            findings += self._add_sample(sample, now_ns)
        for container_id in samples.gone:
            self._mark_gone(container_id, samples.at_ns, now_ns)
        self._forget_gone(now_ns)
        self.outside.feed(self._latest(), samples.host, samples.at_ns)
        findings += self._host.feed(self._latest(), samples.host, samples.at_ns, now_ns)
        return findings

    def add_child_kill(self, container_id: str, event_id: str, at_ns: int) -> list[MemoryFinding]:
        """
        Take the OOM kill of a process that is not the main process; return the state that it led to.

        Args:
            container_id: the container, which is still running.
            event_id: the event of the kill.
            at_ns: the wall clock.
        """
        watched = self._watched.get(container_id)
        if watched is None:
            return []
        if watched.stuck is None:
            busy = watched.cpu_share is not None and watched.cpu_share >= _BUSY_SHARE
            watched.stuck = StuckWatch(container_id, busy=busy, unhealthy=watched.unhealthy)
        return [*watched.stuck.add_kill(event_id, at_ns)]

    def add_health(self, container_id: str, status: str, at_ns: int) -> list[MemoryFinding]:
        """
        Take the result of a health check; return the state that it led to.
        """
        watched = self._watched.get(container_id)
        if watched is None:
            return []
        watched.unhealthy = status == "unhealthy"
        return [*watched.stuck.add_health(status, at_ns)] if watched.stuck is not None else []

    def curve(self, container_id: str, at_ns: int) -> SampleRing | None:
        """
        Return the samples of the run that was going on at a time; None if there are none.

        Args:
            container_id: the container; it may have ended some minutes ago.
            at_ns: the time, wall clock.
        """
        watched = self._watched.get(container_id)
        if watched is None:
            return None
        rings = (watched.ring, watched.previous)
        return next((ring for ring in rings if ring is not None and len(ring) and ring.first_ns <= at_ns), None)

    def spans(self, at_ns: int, limit_cgroup: str | None) -> dict[str, Span]:
        """
        Return the first and the last sample of the minutes before a time, of each container that existed then.

        Args:
            at_ns: the time, wall clock.
            limit_cgroup: only containers below this cgroup; None for all of the host.
        """
        found: dict[str, Span] = {}
        for container_id, watched in self._watched.items():
            gone = watched.gone_at_ns is not None and watched.gone_at_ns <= at_ns
            ring = self.curve(container_id, at_ns) if not gone else None
            if ring is None or ring.latest is None or not is_below(ring.latest.cgroup, limit_cgroup):
                continue
            span = ring.ends(at_ns - GROWTH_WINDOW_NS, at_ns - DYING_NS)
            if span is not None and at_ns / _NS_PER_S - span[1].at_s <= FRESH_S:
                found[container_id] = span
        return found

    def uses(self) -> list[MemoryUse]:
        """
        Return the memory of every running container, with its growth.
        """
        rings = [(watched.ring, watched.ring.latest) for watched in self._watched.values() if watched.gone_ns is None]
        return [
            use_of(sample, ring.points(sample.at_ns - GROWTH_WINDOW_NS))
            for ring, sample in rings
            if sample is not None and sample.usage_bytes
        ]

    def _add_sample(self, sample: MemorySample, now_ns: int) -> list[MemoryFinding]:
        watched = self._watch(sample)
        if watched is None:
            return []
        share = _cpu_share(watched.ring.latest, sample)
        watched.ring.add(sample)
        recent = partial(watched.ring.points, sample.at_ns - int(WINDOW_S * _NS_PER_S))
        alerts = watched.pressure.feed(sample, recent, now_ns)
        findings: list[MemoryFinding] = [alert for alert in alerts if _is_worth_reporting(watched, alert)]
        watched.cpu_share = share
        if watched.stuck is not None:
            findings += watched.stuck.tick(sample.at_ns)
            findings += watched.stuck.add_cpu_share(share, sample.at_ns) if share is not None else []
            watched.stuck = None if watched.stuck.idle else watched.stuck
        return findings

    def _watch(self, sample: MemorySample) -> _Watched | None:
        """
        Return the state of a sampled container, a fresh one for a new run; None if too many are watched.
        """
        watched = self._watched.get(sample.container_id)
        if watched is not None and watched.gone_ns is None and not _is_new_run(watched.ring.latest, sample):
            return watched
        if watched is None and len(self._watched) >= _MAX_CURVES:
            return None
        fresh = _Watched(previous=watched.ring if watched is not None else None)
        for warning in self._restored.pop(sample.container_id, ()):
            kind = PressureKind(warning.kind)
            fresh.pressure.restore(kind, Level(warning.level), warning.since_ns)
            fresh.reported.add(kind)
        self._watched[sample.container_id] = fresh
        return fresh

    def _mark_gone(self, container_id: str, at_ns: int, now_ns: int) -> None:
        watched = self._watched.get(container_id)
        if watched is not None:
            watched.gone_ns, watched.gone_at_ns, watched.stuck = now_ns, at_ns, None

    def _forget_gone(self, now_ns: int) -> None:
        for container_id, watched in list(self._watched.items()):
            if watched.gone_ns is not None and now_ns - watched.gone_ns >= _KEEP_NS:
                del self._watched[container_id]

    def _latest(self) -> Iterable[MemorySample]:
        for watched in self._watched.values():
            if watched.gone_ns is None and watched.ring.latest is not None:
                yield watched.ring.latest


def _is_worth_reporting(watched: _Watched, alert: PressureAlert) -> bool:
    """
    Return whether to report a warning: not harmless growth, and not the end of what was never reported.
    """
    if alert.kind not in _GROWTH:
        return True
    if alert.level is Level.RESOLVED:
        was_reported = alert.kind in watched.reported
        watched.reported.discard(alert.kind)
        return was_reported
    limit_bytes = alert.sample.limit_bytes if alert.sample is not None else None
    if shape_of(watched.ring.points(), limit_bytes).trend in _HARMLESS:
        return False
    watched.reported.add(alert.kind)
    return True


def _is_new_run(before: MemorySample | None, sample: MemorySample) -> bool:
    """
    Return whether this is another cgroup of the same name: its CPU time has gone back.
    """
    return before is not None and (before.cpu_ns or 0) > (sample.cpu_ns or 0)


def _cpu_share(before: MemorySample | None, sample: MemorySample) -> float | None:
    """
    Return the CPU used between two samples, as a share of the cores that the container may use (of one if unlimited).
    """
    if before is None or before.cpu_ns is None or sample.cpu_ns is None or sample.at_ns <= before.at_ns:
        return None
    return (sample.cpu_ns - before.cpu_ns) / (sample.at_ns - before.at_ns) / (sample.cpu_limit or 1.0)
