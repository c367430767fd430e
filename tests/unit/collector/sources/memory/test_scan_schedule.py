"""
When the processes of a container are read.
"""

from collector.facts.memory import MemoryRoundFact, MemorySample
from collector.sources.memory.scan_schedule import ScanSchedule

S = 1_000_000_000


def samples_of(*levels: tuple[str, int], gone: tuple[str, ...] = ()) -> MemoryRoundFact:
    samples = tuple(
        MemorySample(container_id=name, cgroup=f"/docker/{name}", at_ns=0, usage_bytes=level, working_set_bytes=level)
        for name, level in levels
    )
    return MemoryRoundFact(at_ns=0, samples=samples, gone=gone)


def scanned(schedule: ScanSchedule, round_: MemoryRoundFact, at_s: int) -> list[str]:
    return [sample.container_id for sample in schedule.due(round_, at_s * S)]


def test_a_new_container_is_scanned_twice() -> None:
    """
    It is scanned at once, since it may end soon, and again when its entry point has become the program.
    """
    schedule = ScanSchedule()
    assert [scanned(schedule, samples_of(("a", 100)), at_s) for at_s in (0, 5, 10, 15, 3600)] == [
        ["a"],
        [],
        ["a"],
        [],
        [],
    ]


def test_a_grown_container_is_scanned_again_after_a_minute() -> None:
    """
    It may run more workers once it has grown by half.
    """
    schedule = ScanSchedule()
    scanned(schedule, samples_of(("a", 100)), 0)
    scanned(schedule, samples_of(("a", 100)), 10)
    assert [scanned(schedule, samples_of(("a", level)), at_s) for level, at_s in ((300, 40), (140, 70), (150, 75))] == [
        [],
        [],
        ["a"],
    ]


def test_a_restarted_container_is_scanned_as_a_new_one() -> None:
    """
    It may have other settings.
    """
    schedule = ScanSchedule()
    scanned(schedule, samples_of(("a", 100)), 0)
    scanned(schedule, samples_of(gone=("a",)), 1)
    assert scanned(schedule, samples_of(("a", 100)), 2) == ["a"]


def test_many_new_containers_are_scanned_in_turns() -> None:
    """
    On a starting host none is forgotten, and no round takes long.
    """
    schedule = ScanSchedule()
    everybody = samples_of(*((str(number), 100) for number in range(20)))
    found = [scanned(schedule, everybody, at_s) for at_s in range(3)]
    assert [len(names) for names in found] == [8, 8, 4]
    assert len({name for names in found for name in names}) == 20
