"""
What the HTTP Event Collector's answers mean, by the codes that Splunk publishes.
"""

from typing import Any, Final

import orjson

from sinks.errors import DisabledError, PermanentError, Reason, SinkError, TransientError
from sinks.http import Answer, error_for_status

_OK: Final = 200
_CLIENT_ERROR: Final = range(400, 500)
_LONGEST_REASON: Final = 200
# Codes that are about one event, whose number the answer may name.
_ABOUT_AN_EVENT: Final = frozenset({5, 6, 12, 13, 15})
_NO_SUCH_INDEX: Final = 7


class InvalidEventError(PermanentError):
    """
    Raised when one event of a request is refused.

    Args:
        detail: what a person reads.
        number: which one, counted from 0; None if the answer does not say.
    """

    def __init__(self, detail: str, number: int | None) -> None:
        self.number = number
        super().__init__(Reason.REJECTED, detail)


def ack_id_of(answer: Answer, host: str) -> int | None:
    """
    Return the id by which the request can be asked about; None if the collector gives none.

    Raises:
        SinkError: the request was not accepted, or the answer is not the collector's.
    """
    content = _object(answer.body)
    failure = _failure(answer, content, host)
    if failure is not None:
        raise failure
    ack_id = content.get("ackId")
    return ack_id if isinstance(ack_id, int) else None


def acknowledged(answer: Answer, host: str) -> set[int]:
    """
    Return the ids of the requests that are indexed.

    Raises:
        SinkError: the collector did not answer the question.
    """
    content = _object(answer.body)
    failure = _failure(answer, content, host)
    acks = content.get("acks")
    if failure is not None:
        raise failure
    if not isinstance(acks, dict):
        raise TransientError(Reason.SERVER_ERROR, f"{host}: the answer is not that of the HTTP Event Collector")
    return {int(name) for name, indexed in acks.items() if indexed is True and name.isdigit()}


def _failure(answer: Answer, content: dict[str, Any], host: str) -> SinkError | None:
    code = content.get("code")
    words = f"{host} answered {answer.status}: {str(content.get('text', ''))[:_LONGEST_REASON]}"
    if answer.status == _OK:
        known = code == 0 or "acks" in content
        return None if known else TransientError(Reason.SERVER_ERROR, f"{words}: not the HTTP Event Collector")
    if answer.status in _CLIENT_ERROR and code in _ABOUT_AN_EVENT:
        number = content.get("invalid-event-number")
        return InvalidEventError(words, number if isinstance(number, int) else None)
    if code == _NO_SUCH_INDEX:
        return DisabledError(Reason.NO_SUCH_TARGET, words)
    failure = error_for_status(answer.status, answer.retry_after, host)
    if failure is not None and failure.reason is Reason.REJECTED:
        return DisabledError(Reason.UNUSABLE, words)
    return failure


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
