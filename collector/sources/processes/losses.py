"""
Counts what the processes source could not see, until it is published as a gap.
"""

from collections.abc import Callable
from typing import Final

from collector.facts.observed import GapFact
from sinks.event import GapKind

_SOURCE: Final = "processes"


class Losses:
    """
    Counts the losses of one subscription.

    Args:
        wall_ns: the wall clock.
    """

    def __init__(self, wall_ns: Callable[[], int]) -> None:
        self._wall_ns = wall_ns
        self._whole_ns = wall_ns()
        self._since_ns: int | None = None
        self._scanning_since_ns: int | None = None
        self._dropped = 0
        self._count = 0
        self._refused = 0

    @property
    def open(self) -> bool:
        """
        Whether events were lost that no scan has repaired yet.
        """
        return self._since_ns is not None

    def all_read(self) -> None:
        """
        Record that the receive buffer is empty: a later overrun lost only events from now on.
        """
        self._whole_ns = self._wall_ns()

    def overrun(self) -> None:
        """
        Record that the kernel had no room for an event, at some time since the buffer was last empty.
        """
        if self._since_ns is None:
            self._since_ns = self._whole_ns

    def scan_begins(self, dropped: int) -> None:
        """
        Record that a scan starts: it repairs what was lost until now, not what is lost from now on.

        Args:
            dropped: how many events the kernel has dropped since the subscription.
        """
        self._scanning_since_ns, self._since_ns = self._since_ns, None
        self._count, self._dropped = dropped - self._dropped, dropped

    def scan_ended(self) -> GapFact | None:
        """
        Return what the scan has repaired; None if nothing was lost.
        """
        since_ns, self._scanning_since_ns = self._scanning_since_ns, None
        if since_ns is None:
            return None
        text = (
            f"{self._count or 'Some'} process events were lost because the receive buffer was full;"
            " processes that started and ended in that time are unknown."
        )
        return self._gap(GapKind.RECORDS_LOST, text, self._count or None, since_ns)

    def refused(self, refused: int) -> GapFact | None:
        """
        Return how many processes the table had no room for since the last call; None if it had room.

        Args:
            refused: how many processes the table has refused in all.
        """
        count, self._refused = refused - self._refused, refused
        if not count:
            return None
        return self._gap(GapKind.TABLE_FULL, f"{count} processes are not followed: too many are running.", count, None)

    def _gap(self, what: GapKind, text: str, count: int | None, from_ns: int | None) -> GapFact:
        now_ns = self._wall_ns()
        return GapFact(source=_SOURCE, what=what, at_ns=now_ns, text=text, count=count, from_ns=from_ns, to_ns=now_ns)
