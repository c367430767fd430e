"""
Several requests in flight: which run concurrently, which wait, and what ends a batch.
"""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.base import Outgoing
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError
from sinks.lanes import send_in_lanes

BUSY = TransientError(Reason.RATE_LIMITED, "busy", retry_after_s=7.0)
DOWN = TransientError(Reason.UNREACHABLE, "down")
BAD = PermanentError(Reason.REJECTED, "bad")
GONE = DisabledError(Reason.NO_SUCH_TARGET, "gone")


def events(names: str) -> list[Outgoing]:
    """
    Return an event for each word: the first letter is its key, the word its id.
    """
    return [Outgoing(id=name, type="t", key=name[0], body=b"") for name in names.split()]


class Wire:
    """
    Accepts what it is sent, except for the events that `answers` names.

    Attributes:
        begun: the ids, in the order in which they came.
        most: how many were under way at once.
    """

    def __init__(self, answers: Mapping[str, SinkError] | None = None) -> None:
        self.begun: list[str] = []
        self.taken: list[str] = []
        self.most = 0
        self._answers = answers or {}
        self._keys: list[str] = []

    async def post(self, event: Outgoing) -> None:
        assert event.key not in self._keys
        self.begun.append(event.id)
        self._keys.append(event.key)
        self.most = max(self.most, len(self._keys))
        await asyncio.sleep(0)
        self._keys.remove(event.key)
        if event.id in self._answers:
            raise self._answers[event.id]
        self.taken.append(event.id)


async def outcome(wire: Wire, batch: Sequence[Outgoing], in_flight: int = 1) -> Exception | None:
    try:
        await send_in_lanes(batch, wire.post, in_flight=in_flight, begin_s=10)
    except (SinkError, PartialError) as error:
        return error
    return None


async def test_keys_run_concurrently_and_each_in_order() -> None:
    """
    The wire itself refuses two concurrent requests of one key.
    """
    wire = Wire()
    assert await outcome(wire, events("a1 a2 b1 a3 c1 b2"), in_flight=2) is None
    assert wire.most == 2
    for key in "abc":
        assert [name for name in wire.begun if name[0] == key] == sorted(name for name in wire.begun if name[0] == key)


async def test_no_more_are_in_flight_than_allowed() -> None:
    """
    The limit of requests in flight holds for any number of keys.
    """
    wire = Wire()
    await outcome(wire, events(" ".join("abcdefghij")), in_flight=4)
    assert (wire.most, len(wire.taken)) == (4, 10)


@pytest.mark.parametrize("failure", [BUSY, DOWN])
async def test_what_may_succeed_later_ends_the_batch(failure: TransientError) -> None:
    """
    No event of any key is started after a transient failure, and the rest fails for the same reason.
    """
    wire = Wire({"a2": failure})
    error = await outcome(wire, events("a1 a2 a3 b1"))
    assert wire.begun == ["a1", "a2"]
    assert isinstance(error, PartialError)
    assert error.failures == {"a2": failure, "a3": failure, "b1": failure}


async def test_requests_in_flight_are_awaited() -> None:
    """
    Events that were accepted meanwhile count as delivered and are not sent again.
    """
    wire = Wire({"a1": DOWN})
    error = await outcome(wire, events("a1 b1 c1 a2"), in_flight=2)
    assert isinstance(error, PartialError)
    assert (wire.taken, set(error.failures)) == (["b1"], {"a1", "c1", "a2"})


async def test_an_event_that_is_never_taken_holds_up_nothing() -> None:
    """
    A permanent failure does not hold up other events, not even those of its key.
    """
    error = await outcome(Wire({"a1": BAD}), events("a1 a2 b1"))
    assert isinstance(error, PartialError)
    assert error.failures == {"a1": BAD}


@pytest.mark.parametrize("failure", [BUSY, GONE])
async def test_a_batch_without_a_delivery_fails_as_a_whole(failure: SinkError) -> None:
    """
    A failure of the whole batch is raised once, so that the sink is opened again before the next attempt.
    """
    assert await outcome(Wire({"a1": failure}), events("a1 a2 b1")) is failure


@pytest.mark.parametrize("failure", [BUSY, BAD, GONE])
async def test_one_event_fails_with_its_own_error(failure: SinkError) -> None:
    """
    A batch of one event never raises PartialError.
    """
    assert await outcome(Wire({"a1": failure}), events("a1")) is failure


async def test_a_disabled_sink_does_not_repeat_delivered_events() -> None:
    """
    The rest is retried at once, and then raises DisabledError.
    """
    error = await outcome(Wire({"a2": GONE}), events("a1 a2 b1"))
    assert isinstance(error, PartialError)
    found = [(name, type(failure), failure.reason) for name, failure in error.failures.items()]
    assert found == [(name, TransientError, Reason.NO_SUCH_TARGET) for name in ("a2", "b1")]
    assert {getattr(failure, "retry_after_s", None) for failure in error.failures.values()} == {0.0}


@pytest.mark.parametrize(("one", "other"), [(DOWN, BUSY), (BUSY, DOWN), (BUSY, GONE), (GONE, BUSY)])
async def test_the_more_severe_of_two_failures_is_raised(one: SinkError, other: SinkError) -> None:
    """
    DisabledError comes before a requested wait, and a requested wait before any other failure.
    """
    worse = GONE if GONE in (one, other) else BUSY
    assert await outcome(Wire({"a1": one, "b1": other}), events("a1 b1 c1"), in_flight=2) is worse


async def test_a_slow_receiver_does_not_use_up_the_deadline_of_all() -> None:
    """
    After a time no request is started; the rest comes at once with the next batch.
    """
    wire = Wire()

    async def slow(event: Outgoing) -> None:
        await asyncio.sleep(0.02)
        await wire.post(event)

    with pytest.raises(PartialError) as caught:
        await send_in_lanes(events("a1 a2 a3"), slow, in_flight=1, begin_s=0.01)
    assert wire.taken == ["a1"]
    assert list(caught.value.failures) == ["a2", "a3"]
    assert isinstance(failure := caught.value.failures["a2"], TransientError)
    assert (failure.reason, failure.retry_after_s) == (Reason.TIMEOUT, 0.0)


async def test_cancelling_ends_the_requests_in_flight() -> None:
    """
    No request continues after its caller has been cancelled.
    """
    started = asyncio.Event()

    async def hang(_: Outgoing) -> None:
        started.set()
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await send_in_lanes(events("a1 b1"), hang, in_flight=2, begin_s=10)
    assert started.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


FAILURES = st.sampled_from([BUSY, DOWN, BAD, GONE])
NAMES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99)), unique=True, max_size=20)


@given(NAMES, st.dictionaries(st.integers(0, 19), FAILURES, max_size=4), st.integers(1, 4))
def test_every_event_has_one_outcome_and_none_overtakes(
    names: list[tuple[str, int]], failing: dict[int, SinkError], in_flight: int
) -> None:
    """
    Events that the error does not name were delivered; after a transient failure no event of its key was tried.
    """
    batch = [Outgoing(id=f"{key}{number}", type="t", key=key, body=b"") for key, number in names]
    answers = {event.id: failing[index] for index, event in enumerate(batch) if index in failing}
    wire = Wire(answers)
    error = asyncio.run(outcome(wire, batch, in_flight))
    match error:
        case None:
            failed = set()
        case PartialError():
            failed = set(error.failures)
        case _:
            failed = {event.id for event in batch}
    assert set(wire.taken) == {event.id for event in batch} - failed
    waiting = {event.id for event in batch} - set(wire.taken) - {i for i, answer in answers.items() if answer is BAD}
    for key in "abc":
        of_key = [event.id for event in batch if event.key == key]
        first = next((place for place, name in enumerate(of_key) if name in waiting), len(of_key))
        assert not set(of_key[first + 1 :]) & set(wire.begun)
