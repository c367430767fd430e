"""
The webhook sink: what each answer means.
"""

from datetime import UTC, datetime

import pytest

from sinks.errors import DisabledError, PermanentError, SinkError, TransientError
from sinks.http import retry_after_s, verdict
from sinks.secret import Secret
from sinks.webhook import WebhookConfig, WebhookSink


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, DisabledError),
        (307, DisabledError),
        (400, PermanentError),
        (401, DisabledError),
        (408, TransientError),
        (410, DisabledError),
        (413, PermanentError),
        (422, PermanentError),
        (425, TransientError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
    ],
)
def test_a_status_says_what_is_to_be_done(status: int, kind: type[SinkError]) -> None:
    """
    What a person must mend stops the sink; what the event itself is to blame for puts it aside.
    """
    assert type(verdict(status, None, "h")) is kind


@pytest.mark.parametrize("status", [200, 202, 204])
def test_two_hundred_and_something_is_taken(status: int) -> None:
    """
    All of 2xx.
    """
    assert verdict(status, None, "h") is None


NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("999999999", 3600.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """
    An hour at the most; what is neither is passed over.
    """
    assert retry_after_s(header, NOW) == seconds


def test_the_url_is_not_told() -> None:
    """
    Neither by the configuration nor by what it holds.
    """
    config = WebhookConfig(name="w", type="webhook", url=Secret("http://h/token"))
    assert "token" not in repr(config)


@pytest.mark.parametrize("url", ["", "ftp://h/", "http://", "http://[", "token"])
async def test_a_url_that_cannot_work_is_refused_without_being_told(url: str) -> None:
    """
    It may be a secret in the wrong place.
    """
    sink = WebhookSink(WebhookConfig(name="w", type="webhook", url=Secret(url)))
    with pytest.raises(DisabledError) as caught:
        await sink.open()
    assert not url or url not in caught.value.detail.replace("http://", "")
