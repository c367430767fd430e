"""
Finds and opens the files of a journal, of this host or in a folder.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from collector.sources.base import PrivilegeError, SourceMissingError

_DIRECTORIES: Final = (Path("/var/log/journal"), Path("/run/log/journal"))


def offered(path: str | None) -> bool:
    """
    Return whether this host has journal files.
    """
    return any(_journals(path))


def open_journal(path: str | None) -> Any:  # noqa: ANN401 - python-systemd has no types
    """
    Open a journal without conversion of fields: the converters fail on values that a sender can choose.

    Args:
        path: a directory of journal files; None for this host's journal.

    Raises:
        SourceMissingError: there is no journal, or python-systemd is not installed.
        PrivilegeError: reading the journal is not permitted.
    """
    try:
        from systemd import journal  # noqa: PLC0415 - only where the journal is read
    except ImportError as error:
        raise SourceMissingError("python-systemd is not installed (pip install exit137[journal])") from error
    _check_readable(path)
    try:
        reader = journal.Reader(path=path) if path is not None else journal.Reader()
    except PermissionError as error:
        raise _refused(path) from error
    except OSError as error:
        raise SourceMissingError(f"{_name(path)} cannot be opened: {error.strerror}") from error
    # Its own looks for the converter of each field, which takes as long as reading the entry.
    reader._convert_entry = _decoded  # noqa: SLF001 (a version that does not ask for it would only be slower)
    reader.converters = dict.fromkeys(("__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP", "__CURSOR"), _unchanged)
    return reader


def _check_readable(path: str | None) -> None:
    """
    Raise if the files are missing or may not be read: libsystemd would show such a journal as empty.
    """
    journals = list(_journals(path))
    if not journals:
        raise SourceMissingError(f"{_name(path)} has no files")
    if not any(os.access(file, os.R_OK) for file in journals):
        raise _refused(path)


def _journals(path: str | None) -> Iterator[Path]:
    """
    Yield the journal files; of this host's journal only those of the system, not those of users.
    """
    directories = (Path(path),) if path is not None else _DIRECTORIES
    pattern = "*.journal" if path is not None else "system*.journal"
    for directory in directories:
        yield from directory.glob(pattern)
        yield from directory.glob(f"*/{pattern}")


def _refused(path: str | None) -> PrivilegeError:
    remedy = "add the agent's user to the group systemd-journal (SupplementaryGroups=systemd-journal)"
    return PrivilegeError(f"reading {_name(path)} is not permitted", remedy)


def _name(path: str | None) -> str:
    return path if path is not None else "the journal of this host"


def _unchanged(value: object) -> object:
    return value


def _decoded(entry: Mapping[str, object]) -> dict[str, object]:
    """
    Return an entry with text for bytes; bytes that are not UTF-8 stay as they are.
    """
    return {name: _text(value) for name, value in entry.items()}


def _text(value: object) -> object:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return [_text(item) for item in value] if isinstance(value, list) else value
