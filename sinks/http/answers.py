"""
What the answer to a POST means. The status alone decides; nothing of the body is read for it, or told.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from sinks.errors import DisabledError, PermanentError, Reason, SinkError, TransientError

_OK: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
_CLIENT_ERROR: Final = range(400, 500)
_LONGEST_RETRY_AFTER_S: Final = 3600.0


def verdict(  # noqa: PLR0911 (one return per rule)
    status: int, retry_after: str | None, host: str
) -> SinkError | None:
    """
    What an answer means; None: what was sent was taken.

    Args:
        status: of the HTTP answer.
        retry_after: its header, if any.
        host: named in the error.
    """
    words = f"{host} answered {status}"
    match status:
        case _ if status in _OK:
            return None
        case 408:
            return TransientError(Reason.TIMEOUT, words, retry_after_s(retry_after))
        case 425 | 429:
            return TransientError(Reason.RATE_LIMITED, words, retry_after_s(retry_after))
        case 401 | 403 | 407:
            return DisabledError(Reason.UNAUTHORIZED, words)
        case 404 | 410:
            return DisabledError(Reason.NO_SUCH_TARGET, words)
        case 405 | 415 | 431:
            return DisabledError(Reason.UNUSABLE, f"{words}: it takes no such request, whatever the event")
        case 413:
            return PermanentError(Reason.TOO_LARGE, words)
        case _ if status in _REDIRECT:
            return DisabledError(Reason.UNUSABLE, f"{words}: redirects are not followed")
        case _ if status in _CLIENT_ERROR:
            return PermanentError(Reason.REJECTED, words)
        case _:
            return TransientError(Reason.SERVER_ERROR, words, retry_after_s(retry_after))


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """
    The seconds of a Retry-After header, which holds seconds or a date (RFC 9110 10.2.3); an hour at the most.

    None also for no wait at all, or a date that has passed, perhaps by another clock: at once, again and again, helps
    no server.

    Args:
        header: its value.
        now: the wall clock, with a time zone.
    """
    if header is None:
        return None
    wait_s = float(header) if header.isascii() and header.isdigit() else _until(header, now or datetime.now(UTC))
    return min(wait_s, _LONGEST_RETRY_AFTER_S) if wait_s > 0 else None


def _until(text: str, now: datetime) -> float:
    """
    The seconds until a date; 0 for what is none.
    """
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return (date - now).total_seconds()
