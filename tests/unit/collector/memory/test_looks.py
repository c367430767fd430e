"""
When the processes of a container are read.
"""

from collector.correlate.memory_facts import MemoryRound, MemorySample
from collector.memory.looks import Looks

S = 1_000_000_000


def told(*levels: tuple[str, int], gone: tuple[str, ...] = ()) -> MemoryRound:
    samples = tuple(
        MemorySample(container_id=name, cgroup=f"/docker/{name}", at_ns=0, usage_bytes=level, working_set_bytes=level)
        for name, level in levels
    )
    return MemoryRound(at_ns=0, samples=samples, gone=gone)


def looked(looks: Looks, round_: MemoryRound, at_s: int) -> list[str]:
    return [sample.container_id for sample in looks.due(round_, at_s * S)]


def test_a_new_container_is_looked_at_twice() -> None:
    """
    At once, since it may be dead in a moment, and when its entry point has become the program.
    """
    looks = Looks()
    assert [looked(looks, told(("a", 100)), at_s) for at_s in (0, 5, 10, 15, 3600)] == [["a"], [], ["a"], [], []]


def test_one_that_has_grown_is_looked_at_again_and_seldom() -> None:
    """
    It may run more workers: half as much again, a minute after the last look.
    """
    looks = Looks()
    looked(looks, told(("a", 100)), 0)
    looked(looks, told(("a", 100)), 10)
    assert [looked(looks, told(("a", level)), at_s) for level, at_s in ((300, 40), (140, 70), (150, 75))] == [
        [],
        [],
        ["a"],
    ]


def test_a_container_that_comes_back_is_new() -> None:
    """
    It may have other settings.
    """
    looks = Looks()
    looked(looks, told(("a", 100)), 0)
    looked(looks, told(gone=("a",)), 1)
    assert looked(looks, told(("a", 100)), 2) == ["a"]


def test_many_at_once_are_looked_at_one_after_the_other() -> None:
    """
    A host that starts has hundreds: none is forgotten, and no round takes long.
    """
    looks = Looks()
    everybody = told(*((str(number), 100) for number in range(20)))
    found = [looked(looks, everybody, at_s) for at_s in range(3)]
    assert [len(names) for names in found] == [8, 8, 4]
    assert len({name for names in found for name in names}) == 20
