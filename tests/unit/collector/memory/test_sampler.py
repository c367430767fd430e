"""
Whose turn it is.
"""

import shutil
from pathlib import Path

from collector.correlate.memory_facts import MemoryRound
from collector.memory.cgroups import CgroupTree
from collector.memory.sampler import Sampler
from collector.memory.sampling import Pace
from parsers.meminfo import HostMemory
from tests.unit.collector.memory.trees import ID, OTHER, v1, v1_container

S = 1_000_000_000
HOST = HostMemory(total_bytes=8 << 30)
PACE = Pace(slow_s=15.0, usual_s=5.0, fast_s=1.0, looks_per_s=25.0)


def sampler(root: Path, pace: Pace = PACE) -> Sampler:
    return Sampler(CgroupTree(str(root)), lambda: HOST, pace)


def step(one: Sampler, at_s: float) -> MemoryRound | None:
    return one.step(int(at_s * S), int(at_s * S))


def test_each_at_its_own_pace(tmp_path: Path) -> None:
    """
    One at 10 % of its limit every 15 s, one at 80 % every second.
    """
    root = v1(tmp_path)
    v1_container(root, ID, usage_mib=100, limit_mib=512)
    v1_container(root, OTHER, usage_mib=460, limit_mib=512)
    one = sampler(root)
    seen: dict[str, list[int]] = {ID: [], OTHER: []}
    for at_s in range(31):
        for sample in getattr(step(one, at_s), "samples", ()):
            seen[sample.container_id].append(at_s)
    assert seen == {ID: [0, 15, 30], OTHER: list(range(31))}


def test_it_says_when_to_come_again(tmp_path: Path) -> None:
    """
    For a container, or to see which there are.
    """
    one = sampler(v1(tmp_path))
    assert one.next_ns() == 0
    step(one, 0)
    assert one.next_ns() == 5 * S
    assert step(one, 1) is None


def test_growth_makes_haste(tmp_path: Path) -> None:
    """
    From 100 to 160 of 512 MiB in 15 s: the next look is soon.
    """
    root = v1(tmp_path)
    v1_container(root, ID, usage_mib=100, limit_mib=512)
    one = sampler(root)
    step(one, 0)
    v1_container(root, ID, usage_mib=160, limit_mib=512)
    step(one, 15)
    assert 15 * S < one.next_ns() < 19 * S


def test_a_container_that_ends_is_told_once(tmp_path: Path) -> None:
    """
    Whether its turn or the listing finds it gone.
    """
    root = v1(tmp_path)
    one = sampler(root)
    step(one, 0)
    shutil.rmtree(root / "memory/docker" / ID)
    gone = [told.gone for at_s in range(1, 20) if (told := step(one, at_s)) is not None]
    assert gone == [(ID,)]


def test_a_container_that_comes_is_found(tmp_path: Path) -> None:
    """
    At the next listing, and the host's memory comes with it.
    """
    root = v1(tmp_path)
    one = sampler(root)
    step(one, 0)
    v1_container(root, OTHER, usage_mib=100, limit_mib=512)
    told = step(one, 5)
    assert told is not None
    assert OTHER in {sample.container_id for sample in told.samples}
    assert told.host == HOST


def test_many_containers_get_fewer_looks(tmp_path: Path) -> None:
    """
    Two that want to be seen each second, and one look a second for both.
    """
    root = v1(tmp_path)
    for container_id in (ID, OTHER):
        v1_container(root, container_id, usage_mib=500, limit_mib=512)
    one = sampler(root, Pace(looks_per_s=1.0))
    looks = sum(len(told.samples) for at_s in range(20) if (told := step(one, at_s)) is not None)
    assert looks == 20
