"""
What must survive: events, what each sink has yet to take of them, and where each source goes on.
"""

from collector.store.errors import (
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreFullError,
    StoreInUseError,
    StoreUnavailableError,
    StoreVersionError,
)
from collector.store.history import History
from collector.store.records import PastEvent, PendingEvent, StoredEvent
from collector.store.store import Store

__all__ = [
    "History",
    "PastEvent",
    "PendingEvent",
    "Store",
    "StoreCorruptError",
    "StoreError",
    "StoreForeignError",
    "StoreFullError",
    "StoreInUseError",
    "StoreUnavailableError",
    "StoreVersionError",
    "StoredEvent",
]
