"""
Both stores of the hub answer the same questions the same way: SQLite, and a real OpenSearch.
"""

from collections import Counter
from typing import Any

import orjson
import pytest

from collector.store import EventCount
from fleet.arrival import arrivals
from tests.shared.hub_events import body, death, host_id, status
from tests.shared.hub_stores import Kept, kept
from tests.shared.stored_events import COUNTS, DAY_NS, DEATH, FOUR, event, numbers

__all__ = ["kept"]


async def test_the_same_id_twice_is_one_event(kept: Kept) -> None:
    """
    In one call, and in another one. The first stays as it is.
    """
    assert await kept.store.commit([event(1, message="first"), event(1, message="second")], {}) == 1
    assert await kept.store.commit([event(1, message="third"), event(2)], {}) == 1
    found = await kept.ask(lambda past: past.events())
    assert numbers(found) == [1, 2]
    assert found[0].body == event(1, message="first").body


async def test_an_event_comes_back_as_it_was_stored(kept: Kept) -> None:
    """
    Byte for byte, at once by its id, and with the number that a list gives it.
    """
    await kept.store.commit(FOUR, {})
    one = await kept.ask(lambda past: past.event("event-2"))
    assert one is not None
    assert one in await kept.ask(lambda past: past.events())
    stored = FOUR[1]
    assert (one.id, one.type, one.subject, one.container_id) == (
        stored.id,
        stored.type,
        stored.subject,
        stored.container_id,
    )
    assert (one.time_ns, one.body) == (stored.time_ns, stored.body)
    assert await kept.ask(lambda past: past.event("event")) is None


async def test_sources_are_known_at_once(kept: Kept) -> None:
    """
    Also those of events that no list shows yet.
    """
    await kept.store.commit(FOUR[:2], {})
    sources = await kept.store.sources(["event-1", "event-2", "event-9"])
    assert sources == {"event-1": "urn:exit137:host:1", "event-2": "urn:exit137:host:1"}
    assert await kept.store.sources([]) == {}


async def test_positions_are_replaced_one_by_one(kept: Kept) -> None:
    """
    The name of a topic may hold characters that an address does not.
    """
    await kept.store.commit([], {"kafka/a b/0": {"offset": 1}, "kafka/a b/1": {"offset": 5}})
    await kept.store.commit([event(1)], {"kafka/a b/0": {"offset": 2}})
    assert await kept.store.positions() == {"kafka/a b/0": {"offset": 2}, "kafka/a b/1": {"offset": 5}}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [4, 3, 2, 1]),
        ({"types": [DEATH]}, [4, 3, 2]),
        ({"types": []}, []),
        ({"causes": ["exit", "oom_kill"], "container": "web"}, [2]),
        ({"container": "aaaa"}, [3]),
        ({"container": "aa"}, [4, 2, 1]),
        ({"container": "aabb"}, [4]),
        ({"container": ""}, [4, 3, 2, 1]),
        ({"container": "nobody"}, []),
        ({"service": "shop", "types": [DEATH]}, [2]),
        ({"image": "registry/shop:2"}, [2]),
        ({"host": "h1"}, [3, 2]),
        ({"host": "h1", "causes": ["exit"]}, [3]),
        ({"since_ns": 2 * DAY_NS, "until_ns": 4 * DAY_NS}, [3, 2]),
        ({"text": "KILLED 100%"}, [1]),
        ({"text": "d_w"}, [4]),
        ({"text": "*or*"}, [4]),
        ({"text": "not?"}, [4]),
        ({"text": "?"}, [4]),
        ({"text": "\\"}, []),
        ({"text": "shop"}, [2, 1]),
    ],
)
async def test_a_page_has_the_newest_events_that_fulfil_every_condition(
    kept: Kept, wanted: dict[str, Any], expected: list[int]
) -> None:
    """
    A container is found by its name, or else by the beginning of its id; text is taken as it is, in either case.
    """
    await kept.store.commit(FOUR, {})
    page = await kept.ask(lambda past: past.page(**wanted))
    assert numbers(page.events) == expected
    assert page.next_before_seq is None
    assert numbers(await kept.ask(lambda past: past.events(**wanted))) == expected[::-1]


@pytest.mark.parametrize("limit", [1, 3, 7, 600])
async def test_the_pages_together_have_every_event_once(kept: Kept, limit: int) -> None:
    """
    Newest first, however large a page is.
    """
    for begin in range(0, 20, 5):
        await kept.store.commit([event(number) for number in range(begin, begin + 5)], {})
    found, cursor = list[int](), None
    while True:
        page = await kept.ask(lambda past, before=cursor: past.page(limit=limit, before_seq=before))  # type: ignore[misc]
        found += numbers(page.events)
        cursor = page.next_before_seq
        if cursor is None:
            break
    assert found == list(range(20))[::-1]


async def test_events_follow_one_another_from_any_number_on(kept: Kept) -> None:
    """
    A reader that comes back with the number of its last event misses nothing.
    """
    await kept.store.commit(FOUR, {})
    everything = await kept.ask(lambda past: past.events())
    second = everything[1].seq
    assert numbers(await kept.store.events_after(second, 1)) == [3]
    assert numbers(await kept.store.events_after(0, 10)) == [1, 2, 3, 4]
    assert numbers(await kept.ask(lambda past: past.events(after_seq=second, limit=-1))) == [3, 4]
    assert numbers(await kept.store.events(limit=2)) == [3, 4]
    assert await kept.store.last_seq() == everything[-1].seq
    assert await kept.ask(lambda past: past.last_seq()) == everything[-1].seq


async def test_more_events_than_one_request_returns_are_all_found(kept: Kept) -> None:
    """
    In the order in which they were stored, each once.
    """
    await kept.store.commit([event(number) for number in range(1203)], {})
    assert numbers(await kept.ask(lambda past: past.events())) == list(range(1203))


@pytest.mark.parametrize(
    ("by", "wanted", "expected"),
    COUNTS,
)
async def test_events_are_counted_by_day_type_cause_and_service(
    kept: Kept, by: tuple[str, ...], wanted: dict[str, Any], expected: list[EventCount]
) -> None:
    """
    A value that an event does not have is None, and is counted too.
    """
    await kept.store.commit(FOUR, {})
    assert await kept.ask(lambda past: past.count_by(*by, **wanted)) == expected


async def test_the_count_of_very_many_services_is_exact(kept: Kept) -> None:
    """
    More than an engine counts exactly by default.
    """
    made = [event(number, service=f"service {number % 1100:04}") for number in range(1300)]
    await kept.store.commit(made, {})
    expected = Counter(f"service {number % 1100:04}" for number in range(1300))
    found = await kept.ask(lambda past: past.count_by("service"))
    assert {each.service: each.events for each in found} == dict(expected)
    assert [each.service for each in found] == sorted(expected)


async def test_fields_of_any_name_and_type_are_stored(kept: Kept) -> None:
    """
    Neither their number nor their types keep an event from being stored.
    """
    many = {f"field {number}": {f"below {number}": number} for number in range(3000)}
    wrong = {"@timestamp": "yesterday", "process": {"pid": "none"}, "event": [[]], "host": 5, "hub": {"time_ns": "x"}}
    long = {"container": {"id": "c", "name": "web", "labels": {"x" * 40_000: "y" * 40_000}}}
    made = [
        event(number, data=data) for number, data in enumerate((many, wrong, long, {"process": {"pid": 2**64 - 1}}))
    ]
    made += [event(4, data={"exit137": {"cause": "exit"}, "message": "\x00\u2028 é"})]
    assert await kept.store.commit(made, {}) == len(made)
    found = await kept.ask(lambda past: past.events())
    assert {past.id: past.body for past in found} == {each.id: each.body for each in made}


async def test_a_long_id_and_a_long_name_are_stored(kept: Kept) -> None:
    """
    Ids of 512 characters are valid, however many bytes they take.
    """
    (made,) = arrivals(body(death(1, 1, service="s" * 5000)))
    long = arrivals(orjson.dumps({**made.document, "id": "é" * 512}))[0]
    await kept.store.commit([long.stored], {})
    assert await kept.store.commit([long.stored], {}) == 0
    found = await kept.ask(lambda past: past.event("é" * 512))
    assert found is not None
    assert found.body == long.stored.body
    assert await kept.store.sources([long.id]) == {long.id: f"urn:exit137:host:{host_id(1)}"}
    counts = await kept.ask(lambda past: past.count_by("service"))
    assert [len(each.service or "") for each in counts] == [256]


async def test_real_events_are_found_by_their_fields(kept: Kept) -> None:
    """
    As agents publish them: by service, by cause, and the statuses by type.
    """
    made = [status(1, 0), death(1, 1), death(2, 2, service="db")]
    await kept.store.commit([item.stored for each in made for item in arrivals(body(each))], {})
    found = await kept.ask(lambda past: past.page(service="db", causes=["oom_kill"]).events)
    assert [past.id for past in found] == [made[2].id]
    found = await kept.ask(lambda past: past.page(types=["exit137.host_status"]).events)
    assert [past.id for past in found] == [made[0].id]
