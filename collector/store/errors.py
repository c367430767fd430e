"""
What the store may raise, by what is to be done about it.

    StoreError
    ├── StoreFullError         there is no room, all of it waits for sinks: mend one, or raise max_bytes
    ├── StoreUnavailableError  the disk or its permissions refused; nothing was changed, trying again is right
    │   └── StoreNoSpaceError  the disk is full: wait for space
    ├── StoreCorruptError      the file is damaged: open it anew, that sets it aside
    ├── StoreInUseError        another process has it
    ├── StoreVersionError      another version of the program wrote it
    └── StoreForeignError      the file is none of ours, and is left alone
"""

from collections.abc import Mapping
from pathlib import Path


class StoreError(Exception):
    """
    Raised when the store did not do what was asked of it.
    """


class StoreFullError(StoreError):
    """
    Raised when there is no room and all that is stored still has to be delivered.

    Args:
        max_bytes: the limit.
        depths: per sink how many events wait for it.
    """

    def __init__(self, max_bytes: int, depths: Mapping[str, int]) -> None:
        waiting = ", ".join(f"{count} for {sink}" for sink, count in sorted(depths.items()) if count)
        super().__init__(f"all {max_bytes} bytes of the store hold what sinks have yet to take ({waiting})")


class StoreUnavailableError(StoreError):
    """
    Raised when the disk is full or failing, or the file may not be written.

    Args:
        path: the database.
        why: the words of SQLite or of the system.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class StoreNoSpaceError(StoreUnavailableError):
    """
    Raised when there is no space on the disk, or none for this user; other processes may make some.
    """


class StoreCorruptError(StoreError):
    """
    Raised when the database is damaged.

    Args:
        path: the database.
        why: the words of SQLite.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is damaged: {why}")


class StoreInUseError(StoreError):
    """
    Raised when another agent works with the same store.

    Args:
        path: the database.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another exit137")


class StoreVersionError(StoreError):
    """
    Raised when the database has a newer schema than this version knows, or an older one than it needs.

    It is left as it is.

    Args:
        path: the database.
        found: its schema's version.
        known: the newest version that is known here.
    """

    def __init__(self, path: Path, found: int, known: int) -> None:
        advice = "install a later one" if found > known else "the agent has yet to be started on it"
        super().__init__(f"{path} has schema version {found}; this exit137 knows up to {known}: {advice}")


class StoreForeignError(StoreError):
    """
    Raised when the file is not a store of this program; it is left as it is.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not a store of exit137: move it away, or set another path")
