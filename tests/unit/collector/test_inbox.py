"""
The way of readings from their sources to the correlator, and what waits while it is full.
"""

import asyncio

from collector.correlate.facts import GapFact
from collector.inbox import Inbox
from collector.sources.base import Reading

FACT = GapFact(source="kmsg", what="source_up", at_ns=1, text="kmsg is up")


def reading(facts: int) -> Reading:
    return Reading(facts=(FACT,) * facts, position={"seq": facts})


async def put_all(inbox: Inbox, readings: list[Reading]) -> int:
    """
    How many of these the inbox takes before it is full.
    """
    for count, one in enumerate(readings):
        try:
            await asyncio.wait_for(inbox.put("kmsg", one), timeout=0.05)
        except TimeoutError:
            return count
    return len(readings)


async def test_readings_come_out_in_their_order() -> None:
    """
    With their sources, all at once.
    """
    inbox = Inbox()
    await inbox.put("kmsg", reading(1))
    await inbox.put("docker", reading(2))
    assert [(source, len(one.facts)) for source, one in await inbox.take()] == [("kmsg", 1), ("docker", 2)]
    assert inbox.empty


async def test_facts_are_bounded() -> None:
    """
    A log that is read from its beginning is no faster than the correlator.
    """
    assert await put_all(Inbox(), [reading(128)] * 8) == 4


async def test_readings_without_facts_are_bounded_as_well() -> None:
    """
    A position is something to store.
    """
    assert await put_all(Inbox(), [reading(0)] * 300) == 256


async def test_a_reading_that_is_larger_than_the_room_is_taken_alone() -> None:
    """
    Else it would wait for ever.
    """
    assert await put_all(Inbox(), [reading(5000), reading(1)]) == 1


async def test_each_source_has_room_of_its_own() -> None:
    """
    What happens now does not wait behind an old log.
    """
    inbox = Inbox()
    assert await put_all(inbox, [reading(512)] * 2) == 1
    await asyncio.wait_for(inbox.put("docker", reading(1)), timeout=1)
    assert [source for source, _ in await inbox.take()] == ["kmsg", "docker"]


async def test_who_waits_goes_on_when_there_is_room() -> None:
    """
    And nothing is lost meanwhile.
    """
    inbox = Inbox()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(put_all(inbox, [reading(512)]), name="first")
        await inbox.wait()
        tasks.create_task(inbox.put("kmsg", reading(1)), name="second")
        await asyncio.sleep(0)
        assert [len(one.facts) for _, one in await inbox.take()] == [512]
    assert [len(one.facts) for _, one in await inbox.take()] == [1]
