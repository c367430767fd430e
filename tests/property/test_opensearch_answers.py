"""
Whatever a cluster answers, the hub has what it asked for, or an error of its store.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from types import NoneType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store import Page, PastEvent, StoreUnavailableError
from fleet.opensearch.bulk import Action, Outcome, send
from fleet.opensearch.reading import Reading
from fleet.opensearch.state import Note, StateIndex, Version

_LEAVES = st.none() | st.booleans() | st.integers(-1, 600) | st.text(max_size=4) | st.floats(allow_nan=False)
_WORDS = """
    items create status error type reason hits _source hub _seq_no sort docs found id body _id aggregations counts
    buckets key doc_count after_key content total
"""
_NAMES = st.sampled_from(_WORDS.split())
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=20
)
# Each question understands this.
_SOUND: Mapping[str, Any] = {
    "hits": {"total": {"value": 3}, "hits": []},
    "aggregations": {"counts": {"buckets": []}},
    "items": [{"create": {"status": 201}}],
    "docs": [{"found": False}],
    "_seq_no": 1,
    "_primary_term": 1,
}


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


# How each question is asked, and the types of a sound result.
QUESTIONS: Mapping[str, tuple[Callable[[Any], Awaitable[object]], tuple[type, ...]]] = {
    "bulk": (lambda cluster: send(cluster, "i", [Action(verb="create", id="e", document={})]), (Outcome,)),
    "page": (lambda cluster: Reading(cluster, "i").page({"container": "c"}, None, 10), (Page,)),
    "after": (lambda cluster: Reading(cluster, "i").after({}, 0, -1), (list,)),
    "event": (lambda cluster: Reading(cluster, "i").event("e"), (PastEvent, NoneType)),
    "sources": (lambda cluster: Reading(cluster, "i").sources(["e"]), (dict,)),
    "last_seq": (lambda cluster: Reading(cluster, "i").last_seq(), (int,)),
    "counts": (lambda cluster: Reading(cluster, "i").count_by(["day", "cause"], {}), (list,)),
    "count": (lambda cluster: Reading(cluster, "i").count_by([], {}), (list,)),
    "note": (lambda cluster: StateIndex(cluster, "i").get("lease", "detector"), (Note, NoneType)),
    "notes": (lambda cluster: StateIndex(cluster, "i").all("owed"), (list,)),
    "replaced": (lambda cluster: StateIndex(cluster, "i").replace("lease", "detector", {}, None), (Version, NoneType)),
}


@pytest.mark.parametrize("question", QUESTIONS)
@given(st.dictionaries(_NAMES, _JSON, max_size=5))
def test_any_answer_is_understood_or_refused(question: str, answer: dict[str, Any]) -> None:
    """
    The result is sound, or the error is one of the store: any other would end the hub.
    """
    with contextlib.suppress(StoreUnavailableError):
        assert isinstance(result(question, {**_SOUND, **answer}), QUESTIONS[question][1])


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_sound_answer_is_understood(question: str) -> None:
    """
    So the answers above are not all refused.
    """
    assert isinstance(result(question, _SOUND), QUESTIONS[question][1])


def result(question: str, answer: Mapping[str, Any]) -> object:
    """
    Return what comes of a question to a cluster that gives this answer.
    """

    async def asked() -> object:
        return await QUESTIONS[question][0](Answering(answer))

    return asyncio.run(asked())
