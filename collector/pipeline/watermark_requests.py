"""
Decides when the sources are asked how far they have been read: only while something waits for the answer.

An idle host pays nothing. When something begins to wait, the answers are wanted fast, because on a host that keeps up
it waits for nothing else; later less often, because the sources are behind and asking costs time that reading needs.
"""

from collections.abc import Callable
from typing import Final

_FAST_NS: Final = 20_000_000
_SLOW_NS: Final = 100_000_000
_FAST_FOR_NS: Final = 200_000_000


class WatermarkRequests:
    """
    Asks for watermarks while something waits. Times are ns of a monotonic clock.

    Args:
        request: asks all sources.
    """

    def __init__(self, request: Callable[[], None]) -> None:
        self._request = request
        self._since_ns: int | None = None
        self._due_ns: int | None = None
        self._begun = 0

    @property
    def due_ns(self) -> int | None:
        """
        When `update` should be called next; None while nothing waits.
        """
        return self._due_ns

    def update(self, now_ns: int, *, wanted: bool, begun: int = 0) -> None:
        """
        Ask if something waits and the last request is long enough ago, or if something else has begun to wait.

        Args:
            now_ns: the time.
            wanted: whether something waits for watermarks.
            begun: how often something has begun to wait so far, if only for an answer that is wanted soon.
        """
        if begun != self._begun:
            self._begun, self._since_ns, self._due_ns = begun, None, None
            if not wanted:
                self._request()
        if not wanted:
            self._since_ns = self._due_ns = None
            return
        if self._since_ns is None:
            self._since_ns = now_ns
        if self._due_ns is None or now_ns >= self._due_ns:
            self._due_ns = now_ns + (_FAST_NS if now_ns - self._since_ns < _FAST_FOR_NS else _SLOW_NS)
            self._request()
