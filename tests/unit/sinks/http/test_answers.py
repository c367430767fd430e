"""
What each status of a POST means.
"""

from datetime import UTC, datetime

import pytest

from sinks.errors import DisabledError, PermanentError, SinkError, TransientError
from sinks.http import error_for_status, retry_after_s


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, DisabledError),
        (307, DisabledError),
        (400, PermanentError),
        (401, DisabledError),
        (404, DisabledError),
        (405, DisabledError),
        (408, TransientError),
        (410, DisabledError),
        (413, PermanentError),
        (415, DisabledError),
        (422, PermanentError),
        (425, TransientError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
        (599, TransientError),
    ],
)
def test_a_status_has_its_error(status: int, kind: type[SinkError]) -> None:
    """
    A problem that a person must fix disables the sink; one that is the event's fault makes it a dead letter.
    """
    assert type(error_for_status(status, None, "h")) is kind


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_every_2xx_is_success(status: int) -> None:
    """
    Every status from 200 to 299 means that the request was accepted.
    """
    assert error_for_status(status, None, "h") is None


NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("999999999", 3600.0),
        ("9" * 5000, 3600.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", None),
        ("0", None),
        ("Mon, 23 Nov 9999 11:00:00 GMT", 3600.0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("Mon, 23 Nov 2026 12:00:30 +9999999999", None),
        (f"Mon, 23 Nov 2026 12:00:30 +{'9' * 30}", None),
        (f"Mon, {'9' * 30} Nov 2026 12:00:30 GMT", None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """
    A wait is an hour at most; invalid values, zero and dates in the past are ignored.
    """
    assert retry_after_s(header, NOW) == seconds
