"""
The two indices of the hub: events, and the state that the hubs share. The hub makes them, and never changes one that it
does not know.

Both are written through an alias that must exist. An index that somebody deletes is therefore not made anew by the
engine, with types that it guesses.
"""

from importlib import resources
from typing import Any, Final

import orjson

from collector.store import StoreError
from fleet.opensearch.cluster import Cluster, understood

_VERSION: Final = 1
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_KEYWORD: Final = {"type": "keyword"}
_LONG: Final = {"type": "long"}
_KEPT: Final = {"type": "keyword", "index": False, "doc_values": False}
_HUB: Final = {
    "dynamic": False,
    "properties": {
        **dict.fromkeys(("type", "cause", "container_id", "container_name"), _KEYWORD),
        **dict.fromkeys(("service", "image", "host", "message"), _KEYWORD),
        **dict.fromkeys(("time_ns", "day", "stored_ms"), _LONG),
        **dict.fromkeys(("id", "subject", "source", "body"), _KEPT),
    },
}


class StoreForeignIndexError(StoreError):
    """
    Raised when an index is not one that this version of the hub can use. It is left alone.
    """


@understood
async def make_indices(cluster: Cluster, prefix: str, replicas: int) -> None:
    """
    Make the indices that do not exist.

    Raises:
        StoreUnavailableError: the cluster did not answer, or refused.
        StoreForeignIndexError: there is one, and another program or version made it.
    """
    for alias, mappings in ((events_of(prefix), _event_mappings()), (state_of(prefix), _state_mappings())):
        settings = {"number_of_shards": 1, "number_of_replicas": replicas, "refresh_interval": "1s"}
        if alias == events_of(prefix):
            settings["codec"] = "best_compression"
        body = {"settings": {"index": settings}, "mappings": mappings, "aliases": {alias: {"is_write_index": True}}}
        status, _ = await cluster.ask("GET", f"_alias/{alias}", allowed=[_NOT_FOUND])
        if status == _NOT_FOUND:
            # 400: another hub made it in the meantime.
            await cluster.ask("PUT", f"{alias}-{_VERSION}", body, allowed=[_BAD_REQUEST])
        await _check(cluster, alias)


def events_of(prefix: str) -> str:
    """
    Return the alias of the index of the events.
    """
    return f"{prefix}-events"


def state_of(prefix: str) -> str:
    """
    Return the alias of the index of positions, of the detector's state, and of incidents that are owed to sinks.
    """
    return f"{prefix}-state"


async def _check(cluster: Cluster, alias: str) -> None:
    _, answer = await cluster.ask("GET", f"{alias}/_mapping")
    made = [index["mappings"].get("_meta", {}).get("exit137") for index in answer.values()]
    if not made:
        raise LookupError(alias)
    if made != [_VERSION]:
        advice = "move it away, or set hub.store.index"
        raise StoreForeignIndexError(f"{alias} is not an index of version {_VERSION} of the hub: {advice}")


def _event_mappings() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("event_fields.json").read_bytes()
    properties = {**orjson.loads(text), "hub": _HUB}
    return {"_meta": {"exit137": _VERSION}, "dynamic": False, "date_detection": False, "properties": properties}


def _state_mappings() -> dict[str, Any]:
    properties = {"kind": _KEYWORD, "content": _KEPT}
    return {"_meta": {"exit137": _VERSION}, "dynamic": False, "properties": properties}
