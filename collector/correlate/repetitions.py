"""
Folds kernel events that repeat: the first is published at once, and those of the next minute as one event with a count.

A program that crashes in a loop prints a line each time, and a broken disk prints hundreds a second. The number of
windows is bounded: what has no room shares the window of its kind.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from collector.correlate.findings import KernelEvent
from collector.facts.observed import Origin
from parsers.kernel import KernelNotice, NoticeKind

WINDOW_NS: Final = 60_000_000_000
_WINDOWS_AT_MOST: Final = 256
# NVIDIA's driver ends all channels of a processor after an error: each end is an error with this number.
_XID_CLEANUP: Final = 45

# What repetitions have in common: kind, container or program, device and number.
Group = tuple[NoticeKind, str | None, str | None, int | None]


@dataclass(slots=True, kw_only=True)
class _Window:
    """
    Repetitions of one event.

    Attributes:
        opened_ns: the line that it counts from, wall clock; None where lines have no time.
        due_ns: when the repetitions are published, on the clock of `now_ns`.
        first: the first repetition, with its origin.
        count: of repetitions.
        last_ns: the time of the last one.
    """

    opened_ns: int | None
    due_ns: int
    first: KernelEvent | None = None
    origin: Origin | None = None
    count: int = 0
    last_ns: int | None = None


class Repetitions:
    """
    The open windows of one host.
    """

    def __init__(self) -> None:
        self._windows: OrderedDict[Group, _Window] = OrderedDict()

    def admit(self, event: KernelEvent, now_ns: int, origin: Origin | None) -> list[KernelEvent]:
        """
        Take an event; return those that are to be published now.
        """
        key = self._key(event)
        window = self._windows.get(key)
        if window is None:
            self._windows[key] = _Window(opened_ns=event.line.at_ns, due_ns=now_ns + WINDOW_NS)
            return [event]
        if _is_over(window, event.line.at_ns):
            folded = self._close(key, window)
            self._windows[key] = _Window(opened_ns=event.line.at_ns, due_ns=now_ns + WINDOW_NS)
            return [*folded, event]
        window.count += 1
        window.last_ns = event.line.at_ns
        if window.first is None:
            window.first, window.origin = event, origin
        return []

    def tick(self, now_ns: int) -> list[KernelEvent]:
        """
        Return the repetitions whose window is over. While an event repeats, its next window follows.
        """
        folded: list[KernelEvent] = []
        for key, window in [item for item in self._windows.items() if item[1].due_ns <= now_ns]:
            repeated = self._close(key, window)
            if repeated:
                self._windows[key] = _Window(opened_ns=window.last_ns, due_ns=now_ns + WINDOW_NS)
            folded += repeated
        return folded

    def flush(self) -> list[KernelEvent]:
        """
        End the input: return all repetitions.
        """
        return [event for key, window in list(self._windows.items()) for event in self._close(key, window)]

    def next_deadline_ns(self) -> int | None:
        """
        Return when `tick` should be called next.
        """
        return min((window.due_ns for window in self._windows.values()), default=None)

    def held(self) -> list[Origin]:
        """
        Return the readings of repetitions that are not published yet.
        """
        return [window.origin for window in self._windows.values() if window.origin is not None]

    def _close(self, key: Group, window: _Window) -> list[KernelEvent]:
        del self._windows[key]
        if window.first is None:
            return []
        return [replace(window.first, count=window.count, last_ns=window.last_ns)]

    def _key(self, event: KernelEvent) -> Group:
        """
        Return the window of an event; NVIDIA's cleanup is counted with the error before it.
        """
        key, notice = group_of(event), event.notice
        if is_cleanup(notice):
            key = next((known for known in reversed(self._windows) if is_of_device(known, notice)), key)
        if key in self._windows or len(self._windows) < _WINDOWS_AT_MOST:
            return key
        return notice.kind, None, None, None


def is_cleanup(notice: KernelNotice) -> bool:
    """
    Return whether NVIDIA's driver only reports that it ended a program after the error before it.
    """
    return notice.kind is NoticeKind.GPU_ERROR and notice.code == _XID_CLEANUP


def is_of_device(group: Group, notice: KernelNotice) -> bool:
    """
    Return whether a group has errors of the kind and device of a notice.
    """
    return group[0] is notice.kind and group[2] == notice.component


def group_of(event: KernelEvent) -> Group:
    """
    Return what repetitions have in common: all crashes of a container are one, whatever its threads are called.

    The errors of a disk are one as well, whichever program met them.
    """
    notice, container_id = event.notice, event.attribution.container_id
    is_of_disk = notice.kind is NoticeKind.FILESYSTEM_ERROR and notice.device is not None
    comm = notice.task.comm if notice.task is not None and not is_of_disk else None
    return notice.kind, container_id or notice.cgroup or comm, notice.component, notice.code


def _is_over(window: _Window, at_ns: int | None) -> bool:
    return window.opened_ns is not None and at_ns is not None and at_ns - window.opened_ns > WINDOW_NS
