"""
The systemd journal behind python-systemd's reader: where to begin, what to match, how to survive rotation.

One thread creates, uses and closes it: libsystemd allows no other. A cursor may name an entry that was
vacuumed since; seeking it lands on the next one that is left, which nobody has read yet, so it is never
skipped unseen. After files came or went the reader is opened anew, as it would hold deleted files open.
"""

import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from collector.sources.base import Position, PrivilegeError, SourceError, SourceMissingError
from parsers.killers import EARLYOOM_COMM, EARLYOOM_UNIT, SYSTEMD_OOMD_UNIT, UNIT_OUT_OF_MEMORY

_DIRECTORIES: Final = (Path("/var/log/journal"), Path("/run/log/journal"))
_MATCHES: Final = (
    ("_TRANSPORT", "kernel"),
    ("MESSAGE_ID", UNIT_OUT_OF_MEMORY),
    ("_SYSTEMD_UNIT", SYSTEMD_OOMD_UNIT),
    ("_SYSTEMD_UNIT", EARLYOOM_UNIT),
    ("_COMM", EARLYOOM_COMM),
)
_BROKEN_ENTRIES: Final = 1000

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPlace:
    """
    The stored place is not in the journal any more.

    Attributes:
        from_us: the wall clock of the last entry that was read, microseconds since 1970.
        to_us: that of the first one that is left.
    """

    from_us: int | None
    to_us: int | None


class JournalReader:
    """
    Reads the entries that may concern us, of this boot and the one before.

    Args:
        path: a directory of journal files; None for this host's journal.
        boot_id: this boot, 32 hex digits.
    """

    def __init__(self, path: str | None, boot_id: str | None) -> None:
        self._path = path
        self._boot_id = boot_id
        self._reader: Any = None
        self._unread: Entry | None = None
        self._position: Position | None = None
        self.broken = 0

    def open(self, position: Position | None) -> LostPlace | None:
        """
        Begin after a stored position; without one, at the beginning of the boot before this one.

        Raises:
            SourceMissingError: there is no journal, or python-systemd is not installed.
            PrivilegeError: the journal may not be read.
        """
        self._position = position
        self._reader = _opened(self._path)
        self._reader.wait(0)  # begins to watch; what is there by now counts as a change
        cursor = position.get("cursor") if position is not None else None
        if position is None or not isinstance(cursor, str):
            self._seek_first()
            return None
        from_us = position.get("realtime_us")
        try:
            next_us = self._seek_after(cursor)
        except (OSError, ValueError):
            self._seek_first()
            return LostPlace(from_us=from_us, to_us=None)
        return LostPlace(from_us=from_us, to_us=next_us) if next_us is not None else None

    def read(self, at_most: int) -> list[Entry]:
        """
        Read what is there and was not read yet.

        Raises:
            SourceError: the files cannot be read.
        """
        entries: list[Entry] = []
        for entry in self._entries():
            entries.append(entry)
            self._position = _position_of(entry)
            if len(entries) == at_most:
                break
        return entries

    def wait(self, timeout_s: float) -> bool:
        """
        Wait for entries; True when files came or went, so that `reopen` is due once all is read.
        """
        from systemd import journal  # noqa: PLC0415 - only where the journal is read

        return bool(self._reader.wait(timeout_s) == journal.INVALIDATE)

    def reopen(self) -> LostPlace | None:
        """
        Open the files that are there now, at the same place.
        """
        self.close()
        return self.open(self._position)

    def tail(self) -> Position | None:
        """
        The position of the newest entry of any kind; None for an empty journal.
        """
        reader = _opened(self._path)
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
        Take a newer position for the place to go on from: all until there is known to be read.
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
        The place after the last entry that was read.
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
        Go to the entry after a cursor; gives the time of the next entry where the cursor's own is gone.
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
        Go to the beginning of the boot before this one; of all, where this boot is not in the journal.
        """
        this_boot = self._first_of_boot(self._boot_id) if self._boot_id is not None else None
        before = self._boot_before(this_boot) if this_boot is not None else None
        beginning = self._first_of_boot(before) if before is not None else this_boot
        self._match()
        if beginning is None:
            self._reader.seek_head()
        else:
            self._reader.seek_cursor(beginning)

    def _first_of_boot(self, boot_id: str) -> str | None:
        self._reader.flush_matches()
        self._reader.add_match(_BOOT_ID=boot_id)
        self._reader.seek_head()
        entry = self._reader.get_next()
        return entry["__CURSOR"] if entry else None

    def _boot_before(self, cursor: str) -> str | None:
        self._reader.flush_matches()
        self._reader.seek_cursor(cursor)
        self._reader.get_next()
        entry = self._reader.get_previous()
        return entry.get("_BOOT_ID") if entry else None

    def _match(self) -> None:
        self._reader.flush_matches()
        for name, value in _MATCHES:
            self._reader.add_match(**{name: value})
            self._reader.add_disjunction()


def offered(path: str | None) -> bool:
    """
    Whether this host keeps a journal at all.
    """
    return any(_journals(path))


def _opened(path: str | None) -> Any:  # noqa: ANN401 - python-systemd has no types
    """
    Open the journal, with fields as they are: a sender's own words must not reach a converter that can fail.
    """
    try:
        from systemd import journal  # noqa: PLC0415 - only where the journal is read
    except ImportError as error:
        raise SourceMissingError("python-systemd is not installed: pip install exit137[journal]") from error
    _check_readable(path)
    try:
        reader = journal.Reader(path=path) if path is not None else journal.Reader()
    except PermissionError as error:
        raise _refused(path) from error
    except OSError as error:
        raise SourceMissingError(f"{_name(path)} cannot be opened: {error.strerror}") from error
    reader.converters = dict.fromkeys(("__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP", "__CURSOR"), _as_it_is)
    return reader


def _check_readable(path: str | None) -> None:
    """
    Refuse a journal whose files are missing or closed to us: libsystemd would show it as empty.
    """
    journals = list(_journals(path))
    if not journals:
        raise SourceMissingError(f"{_name(path)} has no files")
    if not any(os.access(file, os.R_OK) for file in journals):
        raise _refused(path)


def _journals(path: str | None) -> Iterator[Path]:
    """
    The files of the journal: of the system's only, where it is this host's.
    """
    directories = (Path(path),) if path is not None else _DIRECTORIES
    pattern = "*.journal" if path is not None else "system*.journal"
    for directory in directories:
        yield from directory.glob(pattern)
        yield from directory.glob(f"*/{pattern}")


def _refused(path: str | None) -> PrivilegeError:
    remedy = "let the agent's user join the group systemd-journal (SupplementaryGroups=systemd-journal)"
    return PrivilegeError(f"reading {_name(path)} is not permitted", remedy)


def _name(path: str | None) -> str:
    return path if path is not None else "the journal of this host"


def _position_of(entry: Entry) -> Position:
    boot_id = entry.get("_BOOT_ID")
    return {
        "cursor": entry["__CURSOR"],
        "boot_id": boot_id.hex if isinstance(boot_id, uuid.UUID) else boot_id,
        "realtime_us": entry["__REALTIME_TIMESTAMP"],
    }


def _as_it_is(value: object) -> object:
    return value
