"""
Follows the memory of every container: its curve, its warnings, and whether it is stuck after a child's kill.

The curves of containers that are gone are kept for some minutes: the events of their deaths come later than the last
sample. With a container's end its warnings end, untold.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from collector.correlate.memory_facts import MemoryRound, MemorySample, RememberedWarningFact
from collector.memory.latch import Level
from collector.memory.samples import SampleRing
from collector.memory.shape import Trend, shape_of
from collector.memory.stuck import Stuck, StuckWatch
from collector.memory.warnings import WINDOW_S, Alarm, HostWatch, PressureKind, PressureWatch

_NS_PER_S: Final = 1_000_000_000
_KEEP_NS: Final = 600 * _NS_PER_S
_MOST_CURVES: Final = 1500
_BUSY_SHARE: Final = 0.9
# Growth that a collector or the kernel takes back by itself is no news.
_GROWTH: Final = frozenset({PressureKind.GROWTH, PressureKind.FORECAST})
_HARMLESS: Final = frozenset({Trend.SAWTOOTH, Trend.CACHE})

Finding = Alarm | Stuck


@dataclass(slots=True)
class _Followed:
    """
    All that is known of one container.

    Attributes:
        previous: the samples of the run before, whose end may not have been told yet.
        told: the kinds of growth that were told, so that their end is.
        cpu_share: of what it may use, between the last two samples.
        gone_ns: when it went, on the clock of `now_ns`.
    """

    ring: SampleRing = field(default_factory=SampleRing)
    previous: SampleRing | None = None
    warnings: PressureWatch = field(default_factory=PressureWatch)
    told: set[PressureKind] = field(default_factory=set)
    stuck: StuckWatch | None = None
    cpu_share: float | None = None
    unhealthy: bool = False
    gone_ns: int | None = None


class MemoryWatch:
    """
    Takes rounds of samples, kills of children and health checks; gives what is to be told.
    """

    def __init__(self) -> None:
        self._followed: dict[str, _Followed] = {}
        self._host = HostWatch()
        self._remembered: dict[str, list[RememberedWarningFact]] = {}

    def remember(self, warning: RememberedWarningFact) -> None:
        """
        Take up a warning that was told before the agent was last stopped, so that it is not told again but its end is.
        """
        if warning.container_id is not None:
            self._remembered.setdefault(warning.container_id, []).append(warning)
        else:
            self._host.take_up(PressureKind(warning.kind), Level(warning.level), warning.since_ns)

    def feed(self, told: MemoryRound, now_ns: int) -> list[Finding]:
        """
        Take a round of samples.

        Args:
            told: the round.
            now_ns: a clock that only goes forward.
        """
        findings: list[Finding] = []
        for sample in told.samples:
            findings += self._sample(sample, now_ns)
        for container_id in told.gone:
            self._gone(container_id, now_ns)
        self._forget(now_ns)
        findings += self._host.feed(self._latest(), told.host, told.at_ns, now_ns)
        return findings

    def killed(self, container_id: str, event_id: str, at_ns: int) -> list[Finding]:
        """
        A process of a container other than its main process was killed for want of memory.

        Args:
            container_id: the container, which lives on.
            event_id: the event of the kill.
            at_ns: the wall clock.
        """
        followed = self._followed.get(container_id)
        if followed is None:
            return []
        if followed.stuck is None:
            busy = followed.cpu_share is not None and followed.cpu_share >= _BUSY_SHARE
            followed.stuck = StuckWatch(container_id, busy=busy, unhealthy=followed.unhealthy)
        return [*followed.stuck.killed(event_id, at_ns)]

    def health(self, container_id: str, status: str, at_ns: int) -> list[Finding]:
        """
        What a container's health check says now.
        """
        followed = self._followed.get(container_id)
        if followed is None:
            return []
        followed.unhealthy = status == "unhealthy"
        return [*followed.stuck.health(status, at_ns)] if followed.stuck is not None else []

    def curve(self, container_id: str, at_ns: int) -> SampleRing | None:
        """
        The samples of the run of a container that went on at a moment; None where there are none.

        Args:
            container_id: the container; it may be gone for some minutes.
            at_ns: the moment, wall clock.
        """
        followed = self._followed.get(container_id)
        if followed is None:
            return None
        rings = (followed.ring, followed.previous)
        return next((ring for ring in rings if ring is not None and len(ring) and ring.first_ns <= at_ns), None)

    def _sample(self, sample: MemorySample, now_ns: int) -> list[Finding]:
        followed = self._follow(sample)
        if followed is None:
            return []
        share = _cpu_share(followed.ring.latest, sample)
        followed.ring.add(sample)
        recent = partial(followed.ring.points, sample.at_ns - int(WINDOW_S * _NS_PER_S))
        alarms = followed.warnings.feed(sample, recent, now_ns)
        findings: list[Finding] = [alarm for alarm in alarms if _worth_telling(followed, alarm)]
        followed.cpu_share = share
        if followed.stuck is not None:
            findings += followed.stuck.tick(sample.at_ns)
            findings += followed.stuck.cpu(share, sample.at_ns) if share is not None else []
            followed.stuck = None if followed.stuck.idle else followed.stuck
        return findings

    def _follow(self, sample: MemorySample) -> _Followed | None:
        """
        What is known of a container that has a sample; a new run begins anew.
        """
        followed = self._followed.get(sample.container_id)
        if followed is not None and followed.gone_ns is None and not _begins_anew(followed.ring.latest, sample):
            return followed
        if followed is None and len(self._followed) >= _MOST_CURVES:
            return None
        anew = _Followed(previous=followed.ring if followed is not None else None)
        for warning in self._remembered.pop(sample.container_id, ()):
            kind = PressureKind(warning.kind)
            anew.warnings.take_up(kind, Level(warning.level), warning.since_ns)
            anew.told.add(kind)
        self._followed[sample.container_id] = anew
        return anew

    def _gone(self, container_id: str, now_ns: int) -> None:
        followed = self._followed.get(container_id)
        if followed is not None:
            followed.gone_ns, followed.stuck = now_ns, None

    def _forget(self, now_ns: int) -> None:
        for container_id, followed in list(self._followed.items()):
            if followed.gone_ns is not None and now_ns - followed.gone_ns >= _KEEP_NS:
                del self._followed[container_id]

    def _latest(self) -> Iterable[MemorySample]:
        for followed in self._followed.values():
            if followed.gone_ns is None and followed.ring.latest is not None:
                yield followed.ring.latest


def _worth_telling(followed: _Followed, alarm: Alarm) -> bool:
    """
    Whether a warning is one: not where growth is that of a collector's sawtooth, or of file pages.
    """
    if alarm.kind not in _GROWTH:
        return True
    if alarm.level is Level.RESOLVED:
        worth = alarm.kind in followed.told
        followed.told.discard(alarm.kind)
        return worth
    limit_bytes = alarm.sample.limit_bytes if alarm.sample is not None else None
    if shape_of(followed.ring.points(), limit_bytes).trend in _HARMLESS:
        return False
    followed.told.add(alarm.kind)
    return True


def _begins_anew(before: MemorySample | None, sample: MemorySample) -> bool:
    """
    Whether the cgroup is another one of the same name: its count of CPU time has gone back.
    """
    return before is not None and (before.cpu_ns or 0) > (sample.cpu_ns or 0)


def _cpu_share(before: MemorySample | None, sample: MemorySample) -> float | None:
    """
    The CPU used between two samples, of the cores that the container may use, or of one where it has no limit.
    """
    if before is None or before.cpu_ns is None or sample.cpu_ns is None or sample.at_ns <= before.at_ns:
        return None
    return (sample.cpu_ns - before.cpu_ns) / (sample.at_ns - before.at_ns) / (sample.cpu_limit or 1.0)
