"""
How far the sources have been read, and whether evidence of a moment can still be on its way.

A deadline on the clock is right only while the agent keeps up. An agent that is late asks instead how far its sources
have been read: once all of them have passed a moment, nothing more is to come about it (docs/adr/0015).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.facts.observed import GapFact
from collector.facts.watermark import WatermarkFact
from sinks.event import GapKind

# Longer than a storm on a starved host. What waits longer is published with lower confidence, and says why.
CAP_NS: Final = 60_000_000_000
# How soon what waits only for watermarks is looked at again.
RETRY_NS: Final = 50_000_000
# Sources are asked how far they have been read from so long before a deadline on: the journal answers within 0.5 s.
ASK_AHEAD_NS: Final = 900_000_000
_SECOND: Final = 1_000_000_000
# How much later than a moment a source may stamp its evidence of that moment (docs/adr/0006).
ATTRIBUTION_LAGS_NS: Final[Mapping[str, int]] = {
    "processes": _SECOND,
    "trace": _SECOND // 10,
    "journald": _SECOND,
    "docker": _SECOND // 10,
    "podman": _SECOND // 10,
}
VERDICT_LAGS_NS: Final[Mapping[str, int]] = {
    "kmsg": _SECOND // 10,
    "processes": _SECOND // 10,
    "trace": _SECOND // 10,
    "journald": _SECOND,
    "docker": _SECOND,
    "podman": _SECOND,
}
# A verdict that is settled needs only what those who saw the end themselves have stamped before it.
_SETTLED_LAGS_NS: Final[Mapping[str, int]] = {"kmsg": 0, "processes": 0, "trace": 0}
_SETTLED_WITHOUT_KMSG_LAGS_NS: Final[Mapping[str, int]] = {"journald": 0, "processes": 0, "trace": 0}
COUNTER_LAGS_NS: Final[Mapping[str, int]] = {
    "kmsg": _SECOND // 10,
    "processes": _SECOND // 10,
    "trace": _SECOND // 10,
    "journald": _SECOND,
}
_ENGINES: Final = ("docker", "podman")
_KERNEL_LOGS: Final = ("kmsg", "journald")
_WITH_WATERMARK: Final = frozenset(VERDICT_LAGS_NS)


@dataclass(slots=True, kw_only=True)
class _Progress:
    """
    How far one source has been read.

    Attributes:
        up_since_ns: since when everything has been read; None where nobody knows.
        first_kernel_us: the newest kernel line of its first watermark.
        stated: whether it has ever stated a watermark; a recording has sources that do not, and nothing waits for them.
        stalled_ns: the watermark that it had when it was given up; nothing waits for it until it is past that.
    """

    up: bool = True
    up_since_ns: int | None = None
    stated: bool = False
    read_until_ns: int = 0
    newest_kernel_us: int | None = None
    newest_kernel_ns: int = 0
    first_kernel_us: int | None = None
    stalled_ns: int = -1


@dataclass(slots=True, kw_only=True)
class Wait:
    """
    How long something waits for evidence, on the clock of `now_ns`.

    Attributes:
        deadline_ns: when it is looked at again, if no new fact concerns it before.
        latest_ns: when it waits no longer in any case.
    """

    deadline_ns: int
    latest_ns: int


class Watermarks:
    """
    The watermarks of the sources that run. Times are wall clock, in nanoseconds.

    Attributes:
        version: changes whenever `behind` may give another answer than before.
    """

    def __init__(self) -> None:
        self.version = 0
        self._sources: dict[str, _Progress] = {}

    def advance(self, fact: WatermarkFact) -> None:
        """
        Note that a source has been read up to a moment.
        """
        self.version += 1
        progress = self._sources.setdefault(fact.source, _Progress())
        if not progress.stated:
            progress.stated, progress.first_kernel_us = True, fact.newest_kernel_us
        progress.read_until_ns = max(progress.read_until_ns, fact.read_until_ns)
        if fact.newest_kernel_us is not None and fact.newest_kernel_us > (progress.newest_kernel_us or -1):
            progress.newest_kernel_us, progress.newest_kernel_ns = fact.newest_kernel_us, fact.newest_kernel_ns

    def feed_gap(self, fact: GapFact) -> None:
        """
        Note that a source went down, or is up again. A source that is down is not waited for.
        """
        if fact.source not in _WITH_WATERMARK:
            return
        self.version += 1
        if fact.what is GapKind.SOURCE_UP:
            progress = self._sources.setdefault(fact.source, _Progress())
            progress.up, progress.up_since_ns = True, fact.at_ns
        elif fact.what is GapKind.EVENTS_LOST and fact.source in self._sources:
            self._sources[fact.source].up_since_ns = fact.at_ns
        elif fact.what is GapKind.SOURCE_DOWN and fact.source in self._sources:
            self._sources[fact.source].up = False

    def end(self) -> None:
        """
        Wait for no source any more: the agent stops.
        """
        self.version += 1
        self._sources.clear()

    def is_up(self, source: str) -> bool:
        """
        Return whether a source runs.
        """
        progress = self._sources.get(source)
        return progress is not None and progress.up

    def is_up_since(self, source: str, at_ns: int) -> bool:
        """
        Return whether a source runs, and has missed nothing since a moment.
        """
        progress = self._sources.get(source)
        since_ns = progress.up_since_ns if progress is not None and progress.up else None
        return since_ns is not None and since_ns <= at_ns

    def settled_lags_ns(self) -> Mapping[str, int]:
        """
        Return what a settled verdict waits for: one kernel log, which is the journal only where kmsg is not read.
        """
        return _SETTLED_LAGS_NS if self.is_up("kmsg") else _SETTLED_WITHOUT_KMSG_LAGS_NS

    def behind(self, at_ns: int | None, lags_ns: Mapping[str, int]) -> tuple[str, ...]:
        """
        Return the sources that may still bring evidence of a moment.

        Args:
            at_ns: the moment; nothing is awaited of an unknown one.
            lags_ns: per source how much later it may stamp its evidence.
        """
        if at_ns is None:
            return ()
        return tuple(
            source
            for source, lag_ns in lags_ns.items()
            if (progress := self._sources.get(source)) is not None
            and progress.up
            and progress.stated
            and progress.stalled_ns < self._read_until_ns(source, progress) < at_ns + lag_ns
        )

    def have_all_passed(self, at_ns: int | None, lags_ns: Mapping[str, int]) -> bool:
        """
        Return whether every source that runs states that it has been read past a moment.

        False where all engines or all kernel logs are down: then no statement proves that nothing is missing. A
        recording states nothing.

        Args:
            at_ns: the moment; nothing is known to be past an unknown one.
            lags_ns: per source how much later it may stamp its evidence.
        """
        has_engine, has_log = (any(map(self.is_up, names)) for names in (_ENGINES, _KERNEL_LOGS))
        if at_ns is None or not has_engine or not has_log:
            return False
        up = {source: progress for source in lags_ns if (progress := self._sources.get(source)) and progress.up}
        return all(
            progress.stated and self._read_until_ns(source, progress) >= at_ns + lags_ns[source]
            for source, progress in up.items()
        )

    def extend(
        self, wait: Wait, now_ns: int, at_ns: int | None, lags_ns: Mapping[str, int], *, is_open: bool = False
    ) -> tuple[str, ...]:
        """
        Extend a wait that is due while sources may still bring evidence of a moment; at its latest, give them up.

        Args:
            wait: its deadline is later than `now_ns` afterwards if it goes on.
            now_ns: on the clock of the wait.
            at_ns: the moment; see `behind`.
            lags_ns: see `behind`.
            is_open: whether it also waits for something else.

        Returns:
            the sources that were given up.
        """
        behind = self.behind(at_ns, lags_ns)
        if (behind or is_open) and now_ns < wait.latest_ns:
            wait.deadline_ns = min(now_ns + RETRY_NS, wait.latest_ns)
            return ()
        self.give_up(behind)
        return behind

    def give_up(self, sources: tuple[str, ...]) -> None:
        """
        Wait no longer for sources that have not passed a moment until the cap; until they make progress again.
        """
        for source in sources:
            self.version += 1
            progress = self._sources[source]
            progress.stalled_ns = self._read_until_ns(source, progress)

    def _read_until_ns(self, source: str, progress: _Progress) -> int:
        """
        Return the watermark of a source.

        The end of the journal proves little while journald itself has not read the kernel's log: then the newest
        kernel line in the journal counts. A journal that has shown no new kernel line at all has no reader of that log.
        """
        kmsg = self._sources.get("kmsg")
        if source != "journald" or kmsg is None or kmsg.newest_kernel_us is None or progress.newest_kernel_us is None:
            return progress.read_until_ns
        follows = progress.newest_kernel_us != progress.first_kernel_us
        if not follows or progress.newest_kernel_us >= kmsg.newest_kernel_us:
            return progress.read_until_ns
        return min(progress.read_until_ns, progress.newest_kernel_ns)
