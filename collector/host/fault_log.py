"""
Logs unexpected errors: the traceback of each kind once, then one line per error.
"""

import logging
import traceback
from collections.abc import Mapping
from typing import Final

_KINDS_AT_MOST: Final = 64


class FaultLog:
    """
    Remembers the kinds of error that were logged; a kind is the error's class and the line of code that raised it.

    Args:
        log: where to log.
    """

    def __init__(self, log: "logging.Logger | logging.LoggerAdapter[logging.Logger]") -> None:
        self._log = log
        self._kinds: set[tuple[str, str, int | None]] = set()

    def log(self, what: str, error: BaseException, fields: Mapping[str, object] | None = None) -> None:
        """
        Log an error.

        Args:
            what: what failed, for people.
            error: the error.
            fields: more fields of the log record.
        """
        frames = traceback.extract_tb(error.__traceback__, limit=-1)
        kind = (
            (type(error).__name__, frames[-1].filename, frames[-1].lineno) if frames else (type(error).__name__, "", 0)
        )
        is_new = kind not in self._kinds and len(self._kinds) < _KINDS_AT_MOST
        if is_new:
            self._kinds.add(kind)
        self._log.error(
            "%s: %s: %s", what, type(error).__name__, error, exc_info=error if is_new else None, extra=fields
        )
