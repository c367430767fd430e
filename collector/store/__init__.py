"""
What must survive: events, what each sink has yet to take of them, and where each source goes on.
"""

from collector.store.errors import (
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreFullError,
    StoreInUseError,
    StoreNoSpaceError,
    StoreUnavailableError,
    StoreVersionError,
)
from collector.store.history import History
from collector.store.outbox import LONGEST_RETRY_S
from collector.store.records import Dropped, PastEvent, PendingEvent, StoredEvent, Told, WaitingGroup
from collector.store.salvage import Salvaged
from collector.store.store import Store

__all__ = [
    "LONGEST_RETRY_S",
    "Dropped",
    "History",
    "PastEvent",
    "PendingEvent",
    "Salvaged",
    "Store",
    "StoreCorruptError",
    "StoreError",
    "StoreForeignError",
    "StoreFullError",
    "StoreInUseError",
    "StoreNoSpaceError",
    "StoreUnavailableError",
    "StoreVersionError",
    "StoredEvent",
    "Told",
    "WaitingGroup",
]
