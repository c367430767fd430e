"""
What the processes source could not see, counted until it is published.
"""

from collections.abc import Callable
from typing import Final

from collector.correlate.facts import GapFact

_SOURCE: Final = "processes"


class Losses:
    """
    Keeps the account of one subscription.

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
        Whether events were lost that no scan has made good for.
        """
        return self._since_ns is not None

    def all_read(self) -> None:
        """
        The receive buffer was read to its end: until now nothing is missing that is not known to be.
        """
        self._whole_ns = self._wall_ns()

    def overrun(self) -> None:
        """
        The kernel had no room for an event, at some time since the buffer was last read to its end.
        """
        if self._since_ns is None:
            self._since_ns = self._whole_ns

    def scan_begins(self, dropped: int) -> None:
        """
        A scan makes good for what was lost until now, not for what is lost from now on.

        Args:
            dropped: how many events the kernel has dropped in all.
        """
        self._scanning_since_ns, self._since_ns = self._since_ns, None
        self._count, self._dropped = dropped - self._dropped, dropped

    def scan_ended(self) -> GapFact | None:
        """
        What the scan has made good for, if anything.
        """
        since_ns, self._scanning_since_ns = self._scanning_since_ns, None
        if since_ns is None:
            return None
        text = (
            f"{self._count or 'Some'} process events were lost, since the receive buffer was full;"
            " processes that began and ended in that time are unknown."
        )
        return self._gap("records_lost", text, self._count or None, since_ns)

    def refused(self, refused: int) -> GapFact | None:
        """
        What the table had no room for since this was last asked, if anything.

        Args:
            refused: how many processes it has refused in all.
        """
        count, self._refused = refused - self._refused, refused
        if not count:
            return None
        return self._gap("table_full", f"{count} processes are not followed: too many live.", count, None)

    def _gap(self, what: str, text: str, count: int | None, from_ns: int | None) -> GapFact:
        now_ns = self._wall_ns()
        return GapFact(source=_SOURCE, what=what, at_ns=now_ns, text=text, count=count, from_ns=from_ns, to_ns=now_ns)
