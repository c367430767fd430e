"""
What a sink may raise, by what is to be done about it.

    SinkError
    ├── TransientError      try again, after `retry_after_s` if the other side named a time
    ├── PermanentError      the same event will fail for ever: put it aside, with the reason
    ├── PartialError        some of a batch failed, each with one of the two above
    └── DisabledError       the other side asked for silence (HTTP 410), or the configuration cannot work
"""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """
    Why a delivery failed: a closed set, for it is a metric's label.
    """

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REJECTED = "rejected"
    TOO_LARGE = "too_large"
    UNAUTHORIZED = "unauthorized"
    NO_SUCH_TARGET = "no_such_target"
    DISK_FULL = "disk_full"
    IO_ERROR = "io_error"
    UNUSABLE = "unusable"
    EXPIRED = "expired"


class SinkError(Exception):
    """
    Raised when a destination did not take what it was sent.

    Args:
        reason: the class of the failure.
        detail: words for a person; must hold no secret.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason.value}: {detail}")


class TransientError(SinkError):
    """
    Raised when the same events may succeed later.

    Args:
        reason: the class of the failure.
        detail: words for a person.
        retry_after_s: seconds that the other side asked for.
    """

    def __init__(self, reason: Reason, detail: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(reason, detail)


class PermanentError(SinkError):
    """
    Raised when the same events will always fail.
    """


class DisabledError(SinkError):
    """
    Raised when nothing may be sent any more until a person changes something.
    """


class PartialError(Exception):
    """
    Raised when some events of a batch failed; the others were delivered.

    Args:
        failures: per event id, what happened to it.
    """

    def __init__(self, failures: Mapping[str, TransientError | PermanentError]) -> None:
        self.failures = dict(failures)
        super().__init__(f"{len(self.failures)} events of the batch failed")
