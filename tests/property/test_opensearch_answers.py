"""
Whatever a cluster answers, the hub has what it asked for, or an error of its store.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store import StoreUnavailableError
from fleet.opensearch.bulk import Action, send
from fleet.opensearch.reading import Reading
from fleet.opensearch.state import StateIndex

_LEAVES = st.none() | st.booleans() | st.integers(-1, 600) | st.text(max_size=4) | st.floats(allow_nan=False)
_WORDS = """
    items create status error type reason hits _source hub _seq_no sort docs found id body _id aggregations counts
    buckets key doc_count after_key content total
"""
_NAMES = st.sampled_from(_WORDS.split())
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=20
)


class Answering:
    """
    A cluster that gives one answer to everything, and soon none.
    """

    name = "cluster"

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = answer
        self._left = 20

    async def ask(self, *request: object, **more: object) -> tuple[int, Mapping[str, Any]]:
        del request, more
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailableError(self.name, "away")
        return 200, self._answer


QUESTIONS: Mapping[str, Callable[[Any], Awaitable[object]]] = {
    "bulk": lambda cluster: send(cluster, "i", [Action(verb="create", id="e", document={})]),
    "page": lambda cluster: Reading(cluster, "i").page({"container": "c"}, None, 10),
    "after": lambda cluster: Reading(cluster, "i").after({}, 0, -1),
    "event": lambda cluster: Reading(cluster, "i").event("e"),
    "sources": lambda cluster: Reading(cluster, "i").sources(["e"]),
    "last_seq": lambda cluster: Reading(cluster, "i").last_seq(),
    "counts": lambda cluster: Reading(cluster, "i").count_by(["day", "cause"], {}),
    "count": lambda cluster: Reading(cluster, "i").count_by([], {}),
    "note": lambda cluster: StateIndex(cluster, "i").get("lease", "detector"),
    "notes": lambda cluster: StateIndex(cluster, "i").all("owed"),
    "replaced": lambda cluster: StateIndex(cluster, "i").replace("lease", "detector", {}, None),
}


@pytest.mark.parametrize("question", QUESTIONS)
@given(st.dictionaries(_NAMES, _JSON, max_size=5))
def test_any_answer_is_understood_or_refused(question: str, answer: dict[str, Any]) -> None:
    """
    Nothing else is raised: it would end the hub.
    """

    async def asked() -> None:
        try:
            await QUESTIONS[question](Answering(answer))
        except StoreUnavailableError:
            return

    asyncio.run(asked())
