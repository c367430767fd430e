"""
The documents that hubs leave to each other, however many there are.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from fleet.opensearch.state import StateIndex


class Documents:
    """
    A cluster that answers a search as the engine does: so many documents, after the ones before.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.largest = 0

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Mapping[str, Any]]:
        del method
        if body is None:
            assert path.endswith("/_refresh")
            return 200, {}
        self.largest = max(self.largest, body["size"])
        (after,) = body.get("search_after", [-1])
        numbers = range(after + 1, min(after + 1 + body["size"], self.count))
        return 200, {"hits": {"hits": [_hit(number) for number in numbers]}}


async def test_all_documents_of_a_kind_are_read() -> None:
    """
    An incident that was left out would be taken for delivered, and nobody would hear of it.
    """
    for count in (0, 1, 999, 1000, 1001, 12_345):
        cluster = Documents(count)
        found = await StateIndex(cluster, "state").all("owed")  # type: ignore[arg-type]
        assert [note.content["number"] for note in found] == list(range(count))
        assert cluster.largest <= 10_000  # index.max_result_window


def _hit(number: int) -> Mapping[str, Any]:
    content = orjson.dumps({"number": number}).decode()
    return {
        "_id": f"owed:{number}",
        "_seq_no": number,
        "_primary_term": 1,
        "_source": {"kind": "owed", "content": content},
        "sort": [number],
    }
