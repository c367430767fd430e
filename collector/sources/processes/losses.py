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
        self._dropped = 0
        self._refused = 0

    @property
    def open(self) -> bool:
        """
        Whether events were lost and not published yet.
        """
        return self._since_ns is not None

    def all_read(self) -> None:
        """
        The receive buffer was read to its end: until now nothing is missing that is not known to be.
        """
        if self._since_ns is None:
            self._whole_ns = self._wall_ns()

    def overrun(self) -> None:
        """
        The kernel had no room for an event, at some time since the buffer was last read to its end.
        """
        if self._since_ns is None:
            self._since_ns = self._whole_ns

    def repaired(self, dropped: int) -> GapFact | None:
        """
        A scan has repaired the table; gives what was lost until then, if anything was.

        Args:
            dropped: how many events the kernel has dropped in all.
        """
        since_ns, self._since_ns = self._since_ns, None
        if since_ns is None:
            return None
        count, self._dropped = dropped - self._dropped, dropped
        return self._gap(
            "records_lost",
            f"{count or 'Some'} process events were lost since the receive buffer was full;"
            " processes that began and ended in that time are unknown.",
            count or None,
            since_ns,
        )

    def refused(self, refused: int) -> GapFact | None:
        """
        What the table had no room for since this was last asked.

        Args:
            refused: how many processes it has refused in all.
        """
        count, self._refused = refused - self._refused, refused
        if not count:
            return None
        return self._gap("table_full", f"{count} processes are not followed: too many live.", count, None)

    def _gap(self, what: str, text: str, count: int | None, from_ns: int | None) -> GapFact:
        now_ns = self._wall_ns()
        return GapFact(
            source=_SOURCE, what=what, at_ns=now_ns, text=text, count=count, from_ns=from_ns, to_ns=now_ns
        )
