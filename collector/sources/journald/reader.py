"""
Reads the systemd journal with python-systemd: where to start, what to match, how to survive rotation.

Create, use and close a reader in one thread; libsystemd requires that. A cursor may name an entry that has been
vacuumed. Seeking to it finds the next entry that is left, which has not been read, so that entry is not skipped. When
journal files appear or disappear the reader is opened again, because it would keep deleted files open; so it is after
many entries, because libsystemd keeps the parts of the files mapped that it has read.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.host.wake import Wake
from collector.sources.base import Position, SourceError
from collector.sources.journald.files import open_journal
from parsers.journal import KERNEL_MISSED
from parsers.kernel import AUDIT_TYPES, COREDUMP_MESSAGE_ID
from parsers.killers import EARLYOOM_UNIT, OOMD_UNIT, SYSTEMD_OOMD_UNIT, UNIT_OOMD_KILL, UNIT_OUT_OF_MEMORY
from parsers.podman_event import PODMAN_EVENTS
from parsers.unit_stops import UNIT_STOPPING

_MATCHES: Final = (
    ("_TRANSPORT", "kernel"),
    ("MESSAGE_ID", KERNEL_MISSED),
    ("MESSAGE_ID", UNIT_OUT_OF_MEMORY),
    ("MESSAGE_ID", UNIT_OOMD_KILL),
    ("MESSAGE_ID", COREDUMP_MESSAGE_ID),
    ("MESSAGE_ID", UNIT_STOPPING),
    *(("PODMAN_EVENT", action) for action in PODMAN_EVENTS),
    *(("_AUDIT_TYPE", number) for number in AUDIT_TYPES),
    *(("_SYSTEMD_UNIT", unit) for unit in (SYSTEMD_OOMD_UNIT, EARLYOOM_UNIT, OOMD_UNIT)),
)
# They take 2 to 5 MB of mapped files; opening the journal again takes a millisecond.
_MAPPED_ENTRIES: Final = 8192
# More unreadable entries than a damaged file has: the journal as a whole cannot be read.
_BROKEN_ENTRIES: Final = 1000

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCursor:
    """
    The entry at the stored cursor is no longer in the journal.

    Attributes:
        from_us: wall clock time of the last entry that was read, microseconds since 1970.
        to_us: that of the first entry that is left.
    """

    from_us: int | None
    to_us: int | None


class JournalReader:
    """
    Reads the entries of this boot and the boot before it that may concern a kill.

    Args:
        path: a directory of journal files; None for this host's journal.
        boot_id: this boot, 32 hex digits.
        history_us: without a position, so much before the newest entry is read; None: whatever there is.
    """

    def __init__(self, path: str | None, boot_id: str | None, history_us: int | None = None) -> None:
        self._path = path
        self._boot_id = boot_id
        self._history_us = history_us
        self._reader: Any = None
        self._unread: Entry | None = None
        self._position: Position | None = None
        self._mapped = 0
        self.broken = 0

    def open(self, position: Position | None) -> LostCursor | None:
        """
        Start after a stored position; without one, at the beginning of the boot before this one.

        Raises:
            SourceMissingError: there is no journal, or python-systemd is not installed.
            PrivilegeError: reading the journal is not permitted.
        """
        self._position, self._mapped = position, 0
        self._reader = open_journal(self._path)
        self._reader.wait(0)  # starts to watch the files; the existing ones count as a change
        cursor = position.get("cursor") if position is not None else None
        if position is None or not isinstance(cursor, str):
            self._seek_first()
            return None
        from_us = position.get("realtime_us")
        try:
            next_us = self._seek_after(cursor)
        except (OSError, ValueError):
            self._seek_first()
            return LostCursor(from_us=from_us, to_us=None)
        return LostCursor(from_us=from_us, to_us=next_us) if next_us is not None else None

    def read(self, at_most: int) -> list[Entry]:
        """
        Return the entries that have not been read yet, `at_most` so many.

        Raises:
            SourceError: too many entries cannot be read.
        """
        entries: list[Entry] = []
        for entry in self._entries():
            entries.append(entry)
            self._position = _position_of(entry)
            if len(entries) == at_most:
                break
        self._mapped += len(entries)
        return entries

    @property
    def is_reopen_due(self) -> bool:
        """
        Whether so many entries have been read since the journal was opened that `reopen` is due.
        """
        return self._mapped >= _MAPPED_ENTRIES

    def wait(self, timeout_s: float, wake: Wake | None = None) -> bool:
        """
        Wait for entries; return True if files appeared or disappeared, so that `reopen` is due after reading the rest.

        Args:
            timeout_s: how long to wait at most.
            wake: ends the wait early when it is set.
        """
        from systemd import journal  # noqa: PLC0415 - only where the journal is read

        if wake is not None:
            wake.wait(timeout_s, self._reader.fileno(), self._reader.get_events())
            timeout_s = 0
        return bool(self._reader.wait(timeout_s) == journal.INVALIDATE)

    def reopen(self) -> LostCursor | None:
        """
        Open the files that exist now, at the same position.
        """
        self.close()
        return self.open(self._position)

    def tail(self) -> Position | None:
        """
        Return the position of the newest entry of any kind; None if the journal is empty.
        """
        reader = open_journal(self._path)
        try:
            reader.seek_tail()
            entry = reader.get_previous()
        except OSError:
            return None
        finally:
            reader.close()
        return _position_of(entry) if entry else None

    def move_to(self, position: Position) -> None:
        """
        Continue from a newer position; the caller knows that everything before it has been read.
        """
        self._position = position

    def close(self) -> None:
        """
        Close the files.
        """
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @property
    def position(self) -> Position | None:
        """
        The position after the last entry that was read.
        """
        return self._position

    def _entries(self) -> Iterator[Entry]:
        if self._unread is not None:
            entry, self._unread = self._unread, None
            yield entry
        while True:
            try:
                entry = self._reader.get_next()
            except (OSError, ValueError) as error:
                self._count_broken(error)
                continue
            if not entry:
                return
            yield entry

    def _count_broken(self, error: Exception) -> None:
        self.broken += 1
        if self.broken > _BROKEN_ENTRIES:
            self.broken = 0
            raise SourceError(f"the journal cannot be read: {error}") from error

    def _seek_after(self, cursor: str) -> int | None:
        """
        Go to the entry after a cursor; if the cursor's own entry is gone, return the time of the next one, else None.
        """
        self._reader.seek_cursor(cursor)
        first = self._reader.get_next()
        gone = bool(first) and not self._reader.test_cursor(cursor)
        self._match()
        self._reader.seek_cursor(cursor)
        entry = self._reader.get_next()
        if entry and not self._reader.test_cursor(cursor):
            self._unread = entry
        return first["__REALTIME_TIMESTAMP"] if gone else None

    def _seek_first(self) -> None:
        """
        Go to the beginning of the boot before this one, or to the later beginning of the history that is wanted; if
        this boot is not in the journal, to its beginning.
        """
        first = self._first_of_boot(self._boot_id) if self._boot_id is not None else None
        before = self._boot_before(first) if first is not None else None
        if before is not None:
            first = self._first_of_boot(before)
        since_us = self._newest_us() - self._history_us if self._history_us is not None else 0
        self._match()
        if first is None:
            self._reader.seek_head()
        elif first["__REALTIME_TIMESTAMP"] < since_us:
            self._reader.seek_realtime(since_us)
        else:
            self._reader.seek_cursor(first["__CURSOR"])

    def _newest_us(self) -> int:
        self._reader.flush_matches()
        self._reader.seek_tail()
        newest = self._reader.get_previous()
        return int(newest["__REALTIME_TIMESTAMP"]) if newest else 0

    def _first_of_boot(self, boot_id: str) -> Entry | None:
        self._reader.flush_matches()
        self._reader.add_match(_BOOT_ID=boot_id)
        self._reader.seek_head()
        return self._reader.get_next() or None

    def _boot_before(self, first: Entry) -> str | None:
        self._reader.flush_matches()
        self._reader.seek_cursor(first["__CURSOR"])
        self._reader.get_next()
        entry = self._reader.get_previous()
        return entry.get("_BOOT_ID") if entry else None

    def _match(self) -> None:
        self._reader.flush_matches()
        for name, value in _MATCHES:
            self._reader.add_match(**{name: value})
            self._reader.add_disjunction()


def _position_of(entry: Entry) -> Position:
    boot_id = entry.get("_BOOT_ID")
    return {
        "cursor": entry["__CURSOR"],
        "boot_id": boot_id.hex if isinstance(boot_id, uuid.UUID) else boot_id,
        "realtime_us": entry["__REALTIME_TIMESTAMP"],
    }
