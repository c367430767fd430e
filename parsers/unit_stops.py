"""
Parse what systemd writes into the journal when it begins to stop a unit: by `systemctl stop` or `restart`, for another
unit, or at the shutdown. It does not write so where the program of a unit has ended by itself.

The kind of the message is its MESSAGE_ID (SD_MESSAGE_UNIT_STOPPING in systemd's sd-messages.h). Anyone may write such a
message: it counts only if journald vouches for systemd as its writer.
"""

from dataclasses import dataclass
from typing import Final

from parsers.engine import ROOT
from parsers.journal import JournalEntry
from parsers.killers import Author, Writer, author_of

UNIT_STOPPING: Final = "de5b426a63be47a7b6ac3eaac82e2f6f"
_RESTART: Final = "restart"
_SERVICE: Final = ".service"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStopping:
    """
    A service that systemd began to stop.

    Attributes:
        unit: its name.
        uid: whose systemd: 0 for the host's.
        at_ns: when it began, nanoseconds since 1970.
        is_restart: whether it is to be started again.
        author: who says so.
        text: the sentence.
    """

    unit: str
    uid: int
    at_ns: int
    author: Author
    text: str
    is_restart: bool = False

    @property
    def occurred_at_ns(self) -> int:
        """When the stop began."""
        return self.at_ns


def parse_unit_stopping(entry: JournalEntry) -> UnitStopping | None:
    """
    Return the stop of a service that an entry states; None for other entries, and where nobody vouches for systemd.
    """
    if entry.message_id != UNIT_STOPPING or entry.at_ns is None or entry.uid is None:
        return None
    found = author_of(entry)
    if found is None or found[0] is not Writer.SYSTEMD:
        return None
    author = found[1]
    unit = entry.unit if author.within is None else entry.user_unit
    if unit is None or not unit.endswith(_SERVICE):
        return None
    return UnitStopping(
        unit=unit,
        uid=ROOT if author.within is None else entry.uid,
        at_ns=entry.at_ns,
        author=author,
        text=entry.message,
        is_restart=entry.job_type == _RESTART,
    )
