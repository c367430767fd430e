"""
What the response to a POST means. Only the status decides; the body is neither interpreted nor shown.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from sinks.errors import DisabledError, PermanentError, Reason, SinkError, TransientError

_OK: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
_CLIENT_ERROR: Final = range(400, 500)
_LONGEST_RETRY_AFTER_S: Final = 3600.0


def error_for_status(  # noqa: PLR0911 (one return per rule)
    status: int, retry_after: str | None, host: str
) -> SinkError | None:
    """
    Return the error that a status means; None if the request was accepted.

    Args:
        status: the HTTP status.
        retry_after: the header `Retry-After`, if any.
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
            return DisabledError(Reason.UNUSABLE, f"{words}: this URL does not accept such requests")
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
    Parse a Retry-After header, which holds seconds or a date (RFC 9110 10.2.3); return seconds, an hour at most.

    None also for a wait of zero or a date in the past, perhaps because of another clock: retrying immediately would not
    help the server, so the usual back-off applies.

    Args:
        header: the value of the header.
        now: the wall clock, with a time zone.
    """
    if header is None:
        return None
    wait_s = float(header) if header.isascii() and header.isdigit() else _until(header, now or datetime.now(UTC))
    return min(wait_s, _LONGEST_RETRY_AFTER_S) if wait_s > 0 else None


def _until(text: str, now: datetime) -> float:
    """
    Return the seconds until a date; 0 if the text is not a date.
    """
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return (date - now).total_seconds()
