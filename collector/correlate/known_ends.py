"""
Ends of processes that a line of the kernel log has reported: audit and systemd-coredump report them once more.
"""

from typing import Final

from collector.facts.lru import LruDict
from parsers.kernel import KernelNotice, NoticeKind

# The audit record of an end by a signal follows the line about its cause.
_SAME_END_NS: Final = 1_000_000_000
# How long systemd-coredump may take (RuntimeMaxSec= of systemd-coredump@.service).
_STORED_NS: Final = 300_000_000_000
_ENDS_KEPT: Final = 256


class KnownEnds:
    """
    The latest ends, by the names and numbers of tasks.

    Args:
        is_pasted: the lines are of a pasted text. There a core dump has the time at which it was stored, or none.
    """

    def __init__(self, *, is_pasted: bool) -> None:
        self._is_pasted = is_pasted
        self._ended: LruDict[str | int, int | None] = LruDict(_ENDS_KEPT)

    def has(self, notice: KernelNotice, at_ns: int | None) -> bool:
        """
        Return whether a line repeats that a process ended; remember it otherwise.

        Args:
            notice: what the line says.
            at_ns: its time on the clock of its log; without one only the lines of a pasted text are compared.
        """
        if not notice.fatal or notice.task is None or (at_ns is None and not self._is_pasted):
            return False
        names = [name for name in (notice.task.comm, notice.task.id) if name is not None]
        is_known = notice.kind is NoticeKind.ABNORMAL_END and any(self._ended_then(name, at_ns) for name in names)
        if not is_known:
            self._ended.update(dict.fromkeys(names, at_ns))
        return is_known

    def _ended_then(self, name: str | int, at_ns: int | None) -> bool:
        if name not in self._ended:
            return False
        before_ns = self._ended[name]
        if before_ns is None or at_ns is None:
            return isinstance(name, int)
        same_ns = _STORED_NS if self._is_pasted and isinstance(name, int) else _SAME_END_NS
        return abs(at_ns - before_ns) < same_ns
