"""
Folds the kernel events of a pasted text: all lines that repeat within a minute are one event with their number.

Nobody waits for such an event, so the first line is held until its window is over. Each process has a window of its
own, up to a bound for those of one kind and name. The number of windows is bounded: the oldest is closed.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from collector.correlate.findings import KernelEvent
from collector.correlate.repetitions import WINDOW_NS, Group, group_of, is_cleanup, is_of_device
from collector.facts.kernel import clock_ns

_WINDOWS_AT_MOST: Final = 256
_PROCESSES_AT_MOST: Final = 8

_Key = tuple[Group, tuple[int | None, int | None] | None]


@dataclass(slots=True, kw_only=True)
class _Window:
    """
    The lines that one event stands for.
    """

    first: KernelEvent
    opened_ns: int | None
    last_ns: int | None = None
    count: int = 1


class HeldRepetitions:
    """
    The open windows of one host of a pasted text.
    """

    def __init__(self) -> None:
        self._windows: OrderedDict[_Key, _Window] = OrderedDict()
        self._processes: Counter[Group] = Counter()

    def admit(self, event: KernelEvent) -> list[KernelEvent]:
        """
        Take an event; return those whose window is over.
        """
        key, at_ns = self._key(event), clock_ns(event.line)
        window = self._windows.get(key)
        if window is not None and not _is_over(window, at_ns):
            window.count += 1
            window.last_ns = event.line.at_ns
            return []
        ended = [self._close(key)] if window is not None else []
        if len(self._windows) >= _WINDOWS_AT_MOST:
            ended.append(self._close(next(iter(self._windows))))
        self._windows[key] = _Window(first=event, opened_ns=at_ns)
        self._processes[key[0]] += 1
        return ended

    def flush(self) -> list[KernelEvent]:
        """
        End the text: return all events.
        """
        return [self._close(key) for key in list(self._windows)]

    def _close(self, key: _Key) -> KernelEvent:
        window = self._windows.pop(key)
        self._processes[key[0]] -= 1
        if not self._processes[key[0]]:
            del self._processes[key[0]]
        if window.count == 1:
            return window.first
        return replace(window.first, count=window.count, last_ns=window.last_ns)

    def _key(self, event: KernelEvent) -> _Key:
        """
        Return the window of an event: that of its process and place, or the one that further processes share.
        """
        group, notice = group_of(event), event.notice
        if is_cleanup(notice):
            root = next((known for known in reversed(self._windows) if is_of_device(known[0], notice)), None)
            if root is not None:
                return root
        number = notice.task.id if notice.task is not None else None
        key = (group, (number, notice.fault.module_offset if notice.fault is not None else None))
        return key if key in self._windows or self._processes[group] < _PROCESSES_AT_MOST else (group, None)


def _is_over(window: _Window, at_ns: int | None) -> bool:
    return window.opened_ns is not None and at_ns is not None and abs(at_ns - window.opened_ns) > WINDOW_NS
