"""
Whatever a sink does, it receives each event, in the order of its key, and never again after it accepted it.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store import Store, StoredEvent

OUTCOMES = st.sampled_from(["accept", "fail", "delay", "dead-letter"])


def event(number: int, key: str) -> StoredEvent:
    """
    Return the event with this number.
    """
    return StoredEvent(
        id=str(number),
        type="exit137.oom_kill",
        subject=f"container/{key}",
        key=key,
        time_ns=number,
        container_id=key,
        body=b"{}",
        sinks=("bus",),
    )


async def deliver_all(path: Path, keys: list[str], outcomes: list[str], limit: int) -> list[str]:
    """
    Store events, let a sink act as in `outcomes` and then accept everything. Return the ids in the order of their ends.
    """
    store = await Store.open(path)
    events = [event(number, key) for number, key in enumerate(keys)]
    await store.commit(events[: (len(events) + 1) // 2], {})
    now_s, done, plan = 1000.0, [], iter(outcomes)
    while store.depth("bus"):
        await store.commit(events, {})
        pending = await store.pending("bus", limit, now_s)
        assert pending == await store._read_pending("bus", limit, now_s, None)
        batch = [event.outgoing.id for event in pending]
        for event_id in batch:
            outcome = next(plan, "accept")
            if outcome == "accept":
                await store.mark_delivered("bus", [event_id])
                done.append(event_id)
            elif outcome == "dead-letter":
                await store.dead_letter("bus", event_id, "rejected", "400")
                done.append(event_id)
            else:
                await store.mark_failed("bus", [event_id], now_s + 5 if outcome == "delay" else 0, "timeout", "late")
                break
        now_s += 1
    await store.aclose()
    return done


@settings(max_examples=40)
@given(
    keys=st.lists(st.sampled_from("abc"), max_size=12),
    outcomes=st.lists(OUTCOMES, max_size=30),
    limit=st.integers(min_value=1, max_value=12),
)
def test_every_event_ends_once_and_in_the_order_of_its_key(keys: list[str], outcomes: list[str], limit: int) -> None:
    """
    Failures and delays change no order within a key, and storing the same events again adds nothing.
    """
    with TemporaryDirectory() as directory:
        done = asyncio.run(deliver_all(Path(directory) / "exit137.db", keys, outcomes, limit))

    assert sorted(done, key=int) == [str(number) for number in range(len(keys))]
    for key in set(keys):
        of_key = [event_id for event_id in done if keys[int(event_id)] == key]
        assert of_key == sorted(of_key, key=int)
