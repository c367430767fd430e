"""
What survives a restart: events, their pending deliveries, and the position of each source.
"""

from collector.store.database import last_alive_s
from collector.store.errors import (
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreFullError,
    StoreInUseError,
    StoreLostError,
    StoreNoSpaceError,
    StoreUnavailableError,
    StoreVersionError,
)
from collector.store.filters import EventFilter
from collector.store.history import History
from collector.store.outbox import LONGEST_RETRY_S
from collector.store.past_events import PastEvents
from collector.store.records import (
    Dropped,
    EventCount,
    NotificationLog,
    Page,
    PastEvent,
    PendingEvent,
    PendingGroup,
    StoredEvent,
)
from collector.store.rewriting import Rewritten
from collector.store.salvage import Salvaged
from collector.store.store import Store

__all__ = [
    "LONGEST_RETRY_S",
    "Dropped",
    "EventCount",
    "EventFilter",
    "History",
    "NotificationLog",
    "Page",
    "PastEvent",
    "PastEvents",
    "PendingEvent",
    "PendingGroup",
    "Rewritten",
    "Salvaged",
    "Store",
    "StoreCorruptError",
    "StoreError",
    "StoreForeignError",
    "StoreFullError",
    "StoreInUseError",
    "StoreLostError",
    "StoreNoSpaceError",
    "StoreUnavailableError",
    "StoreVersionError",
    "StoredEvent",
    "last_alive_s",
]
