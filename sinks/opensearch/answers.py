"""
What the answer to a bulk request means, for each of its events.

The answer has one item per action, in the order of the request, each with a status and an error of its own. An event
that a mapping refuses becomes a dead letter with the mapper's reason; a node that is busy gets the event again.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from sinks.errors import DisabledError, PermanentError, Reason, TransientError
from sinks.outcome import Failure

_CREATED: Final = range(200, 300)
_CONFLICT: Final = 409
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_FORBIDDEN: Final = frozenset({401, 403})
_NOT_FOUND: Final = 404
_LONGEST_REASON: Final = 500
# States of an index or cluster that pass, whatever status they have: read-only, closed, not assigned yet.
_PASSES: Final = frozenset({"cluster_block_exception", "index_closed_exception", "unavailable_shards_exception"})
_NAMES: Final = frozenset({"invalid_index_name_exception", "invalid_alias_name_exception"})


def outcomes_of(body: bytes, count: int, host: str) -> list[Failure | None]:
    """
    Return what became of each event of a request; None for one that is indexed, now or before.

    Args:
        body: the answer.
        count: the number of events in the request.
        host: named in errors.

    Raises:
        TransientError: the answer is not that of the bulk API.
    """
    try:
        items = [_item(item) for item in orjson.loads(body)["items"]]
    except (ValueError, KeyError, TypeError, IndexError):
        items = []
    if len(items) != count:
        raise TransientError(Reason.SERVER_ERROR, f"{host}: the answer is not that of the bulk API")
    return [_outcome(status, error, host) for status, error in items]


def _item(item: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """
    Return the status and the error of an item, whose only member has the name of its action.
    """
    (result,) = item.values()
    error = result.get("error", {})
    return int(result["status"]), error if isinstance(error, dict) else {"reason": str(error)}


def _outcome(status: int, error: Mapping[str, Any], host: str) -> Failure | None:
    """
    Return the failure of one event. A document with its id is there already: the event was sent before.
    """
    if status in _CREATED or status == _CONFLICT:
        return None
    kind, words = str(error.get("type", "")), f"{host} answered {status}: {_reason(error)}"
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR or kind in _PASSES:
        reason = Reason.RATE_LIMITED if status == _TOO_MANY_REQUESTS else Reason.SERVER_ERROR
        return TransientError(reason, words)
    if status in _FORBIDDEN:
        return DisabledError(Reason.UNAUTHORIZED, words)
    if status == _NOT_FOUND or kind in _NAMES:
        return DisabledError(Reason.NO_SUCH_TARGET, words)
    return PermanentError(Reason.REJECTED, words)


def _reason(error: Mapping[str, Any]) -> str:
    """
    Return the words of an error and of its cause, where the mapper says what it could not read.
    """
    cause = error.get("caused_by")
    reasons = [error.get("reason"), cause.get("reason") if isinstance(cause, dict) else None]
    text = ": ".join(str(reason) for reason in reasons if reason) or str(error.get("type", "no reason given"))
    return text.replace("\n", " ")[:_LONGEST_REASON]
