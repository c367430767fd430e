"""
What a sink may raise, by what must be done about it.

    SinkError
    ├── TransientError      retry, after `retry_after_s` if the destination asked for a wait
    ├── PermanentError      the same event will always fail: it becomes a dead letter
    └── DisabledError       stop sending: the destination refuses (HTTP 410), or the configuration cannot work
    PartialError            some events of a batch failed, each with a TransientError or PermanentError
"""

from collections.abc import Mapping
from enum import StrEnum

from sinks.masking import mask_text


class Reason(StrEnum):
    """
    Why a delivery failed: a closed set, because it is a metric label.
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
    Raised when a destination did not accept what it was sent.

    Args:
        reason: the class of the failure.
        detail: what a person reads; it may quote the destination, so secrets are masked here.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        self.detail = mask_text(detail)
        super().__init__(f"{reason.value}: {self.detail}")


class TransientError(SinkError):
    """
    Raised when the same events may succeed later.

    Args:
        reason: the class of the failure.
        detail: what a person reads.
        retry_after_s: the wait that the destination asked for, in seconds.
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
    Raised when nothing more may be sent until a person changes something.
    """


class PartialError(Exception):
    """
    Raised when some events of a batch failed; the others were delivered.

    Args:
        failures: the error of each failed event, by event id.
    """

    def __init__(self, failures: Mapping[str, TransientError | PermanentError]) -> None:
        self.failures = dict(failures)
        super().__init__(f"{len(self.failures)} events of the batch failed")
