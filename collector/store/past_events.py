"""
What can be asked about stored events, wherever they are stored: in the database of a host, or in a cluster.
"""

from typing import Protocol, Unpack

from collector.store.filters import EventFilter
from collector.store.records import EventCount, Page, PastEvent


class PastEvents(Protocol):
    """
    The questions of the pages and of the API. `History` answers them from a database.
    """

    def events(
        self, *, limit: int = -1, after_seq: int | None = None, **wanted: Unpack[EventFilter]
    ) -> list[PastEvent]:
        """
        Return events in the order in which they were stored: the newest, or with `after_seq` the first after it.

        Raises:
            StoreError: the store cannot be read.
        """

    def page(self, *, limit: int = 50, before_seq: int | None = None, **wanted: Unpack[EventFilter]) -> Page:
        """
        Return a page of events, newest first.

        Raises:
            StoreError: the store cannot be read.
        """

    def event(self, id_: str) -> PastEvent | None:
        """
        Return the event with this id; None if it is not stored.

        Raises:
            StoreError: the store cannot be read.
        """

    def last_seq(self) -> int:
        """
        Return the number of the newest event; 0 if there is none.

        Raises:
            StoreError: the store cannot be read.
        """

    def count_by(self, *by: str, **wanted: Unpack[EventFilter]) -> list[EventCount]:
        """
        Count events by some of `day` (UTC), `type`, `cause` and `service`, in this order.

        Raises:
            StoreError: the store cannot be read.
        """
