"""
The queue between the sources and the analyzer, and what waits while it is full.
"""

import asyncio

from collector.facts.observed import Fact, GapFact, WatermarkFact
from collector.pipeline.inbox import Inbox
from collector.sources.base import Reading
from sinks.event import GapKind

FACT = GapFact(source="kmsg", what=GapKind.SOURCE_UP, at_ns=1, text="kmsg is up")
ALL = 100_000


def reading(facts: int) -> Reading:
    return Reading(facts=(FACT,) * facts, position={"seq": facts})


async def put_all(inbox: Inbox, readings: list[Reading]) -> int:
    """
    Return how many of these readings the inbox takes before it is full.
    """
    for count, one in enumerate(readings):
        try:
            await asyncio.wait_for(inbox.put("kmsg", one), timeout=0.05)
        except TimeoutError:
            return count
    return len(readings)


async def test_readings_come_out_in_their_order() -> None:
    """
    Readings are taken in the order in which they were put, each with its source.
    """
    inbox = Inbox()
    await inbox.put("kmsg", reading(1))
    await inbox.put("docker", reading(2))
    assert [(source, len(one.facts)) for source, one in inbox.take(ALL)] == [("kmsg", 1), ("docker", 2)]
    assert inbox.empty


async def test_facts_are_bounded() -> None:
    """
    A log that is read from its beginning is read no faster than it is analyzed.
    """
    assert await put_all(Inbox(), [reading(128)] * 8) == 4


async def test_readings_without_facts_are_bounded_as_well() -> None:
    """
    Each reading has a position to store, so readings without facts are bounded too.
    """
    assert await put_all(Inbox(), [reading(0)] * 300) == 256


async def test_a_reading_that_is_larger_than_the_room_is_taken_alone() -> None:
    """
    A reading larger than the whole room is queued alone; otherwise it would wait for ever.
    """
    assert await put_all(Inbox(), [reading(5000), reading(1)]) == 1


async def test_each_source_has_room_of_its_own() -> None:
    """
    A source with news does not wait behind the old log of another.
    """
    inbox = Inbox()
    assert await put_all(inbox, [reading(512)] * 2) == 1
    await asyncio.wait_for(inbox.put("docker", reading(1)), timeout=1)
    assert [source for source, _ in inbox.take(ALL)] == ["kmsg", "docker"]


async def test_a_waiting_source_goes_on_when_there_is_room() -> None:
    """
    A put that waits for room is carried out as soon as readings are taken.
    """
    inbox = Inbox()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(put_all(inbox, [reading(512)]), name="first")
        await inbox.wait()
        tasks.create_task(inbox.put("kmsg", reading(1)), name="second")
        await asyncio.sleep(0)
        assert [len(one.facts) for _, one in inbox.take(ALL)] == [512]
    assert [len(one.facts) for _, one in inbox.take(ALL)] == [1]


async def test_only_the_last_part_of_a_large_reading_has_its_position() -> None:
    """
    A position is not known to the rest of the agent while some of its facts are still in the inbox.
    """
    inbox = Inbox()
    await inbox.put("kmsg", reading(100))
    parts = [inbox.take(64), inbox.take(64)]
    assert [(len(one.facts), one.position) for ((_, one),) in parts] == [(64, {}), (36, {"seq": 100})]
    assert inbox.empty


async def test_a_watermark_never_overtakes_the_facts_before_it() -> None:
    """
    A watermark comes last, also where its reading is taken in parts and readings of its source wait.
    """
    inbox = Inbox()
    mark = WatermarkFact(source="kmsg", read_until_ns=1)
    await inbox.put("kmsg", reading(3))
    await inbox.put("kmsg", Reading(facts=(FACT, FACT, mark), position={}))
    facts: list[Fact] = []
    while not inbox.empty:
        facts += [fact for _, part in inbox.take(2) for fact in part.facts]
    assert facts == [FACT] * 5 + [mark]


async def test_readings_of_paused_sources_stay_in_their_order() -> None:
    """
    While a source is paused, the others are taken past it, and its own readings keep their order.
    """
    inbox = Inbox()
    for source, facts in (("kmsg", 1), ("docker", 2), ("kmsg", 3)):
        await inbox.put(source, reading(facts))
    assert [source for source, _ in inbox.take(ALL, paused={"kmsg"})] == ["docker"]
    assert [len(one.facts) for _, one in inbox.take(ALL)] == [1, 3]


async def test_nothing_to_take_while_every_source_is_paused() -> None:
    """
    The intake sleeps while the inbox holds readings of paused sources only.
    """
    inbox = Inbox()
    await inbox.put("kmsg", reading(1))
    waiting = asyncio.get_running_loop().create_task(inbox.wait({"kmsg"}), name="waiting")
    await asyncio.sleep(0)
    assert not waiting.done()
    await inbox.put("docker", reading(1))
    await asyncio.wait_for(waiting, timeout=1)


async def test_sources_take_turns() -> None:
    """
    News of one source comes out with the first part of what another has read of an old log.
    """
    inbox = Inbox()
    for _ in range(4):
        await inbox.put("journald", reading(100))
    await inbox.put("docker", reading(1))
    assert [(source, len(one.facts)) for source, one in inbox.take(64)] == [("journald", 32), ("docker", 1)]
    assert [(source, len(one.facts)) for source, one in inbox.take(64)] == [("journald", 64)]


async def test_every_source_gets_its_turn() -> None:
    """
    Each source hands over a fact, even if there are more sources than facts may be taken.
    """
    inbox = Inbox()
    for source in ("kmsg", "journald", "docker"):
        await inbox.put(source, reading(2))
    assert [source for source, _ in inbox.take(2)] == ["kmsg", "journald", "docker"]
