"""
Keep the latest errors of the host, to which the deaths shortly after refer: a broken disk, lost packets, broken memory.

Such an error is never the cause of a death by itself: nothing shows that the container met it.
"""

from dataclasses import dataclass, replace
from typing import Final

from collector.facts.lru import LruDict
from parsers.kernel import KernelNotice, NoticeKind
from sinks.event import EvidenceSource

_KINDS: Final = frozenset({NoticeKind.FILESYSTEM_ERROR, NoticeKind.NETWORK_ERROR, NoticeKind.MEMORY_ERROR})
_WINDOW_NS: Final = 60_000_000_000
_KEPT: Final = 16
# The kernel's clock and Docker's differ by less.
_SLACK_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvent:
    """
    An error of the host, and the kernel event about it.

    Attributes:
        event_id: of the event that was published when it began.
        at_ns: of the latest line about it, wall clock.
        text: its first line.
    """

    event_id: str
    at_ns: int
    text: str
    source: EvidenceSource


class HostEvents:
    """
    The latest errors of one host, one for each kind and device.
    """

    def __init__(self) -> None:
        self._latest: LruDict[tuple[NoticeKind, str | None], HostEvent] = LruDict(_KEPT)

    def add(self, notice: KernelNotice, event: HostEvent) -> None:
        """
        Keep an event that concerns no container, if it is about such an error.

        An error that repeats stays the first event, with the latest time.
        """
        if notice.kind not in _KINDS or notice.is_harmless or notice.fatal or notice.cgroup is not None:
            return
        key = (notice.kind, notice.component)
        known = self._latest.get(key)
        repeats = known is not None and 0 <= event.at_ns - known.at_ns <= _WINDOW_NS
        self._latest[key] = replace(known, at_ns=event.at_ns) if known is not None and repeats else event

    def before(self, ended_ns: int | None) -> tuple[HostEvent, ...]:
        """
        Return the errors in the minute before an end, the earliest first.
        """
        if ended_ns is None:
            return ()
        near = (event for event in self._latest.values() if -_SLACK_NS <= ended_ns - event.at_ns <= _WINDOW_NS)
        return tuple(sorted(near, key=lambda event: event.at_ns))
