"""
Which containers are sampled when.
"""

import shutil
from pathlib import Path

import pytest

from collector.facts.memory import MemoryRoundFact
from collector.sources.memory.cgroups import CgroupTree
from collector.sources.memory.sampler import Pace, Sampler, interval_s, stretch_factor
from parsers.proc_files import HostMemory
from tests.unit.collector.memory.trees import ID, OTHER, v1, v1_container

S = 1_000_000_000
HOST = HostMemory(total_bytes=8 << 30)
PACE = Pace(slow_s=15.0, usual_s=5.0, fast_s=1.0, samples_per_s=25.0)


def sampler(root: Path, pace: Pace = PACE) -> Sampler:
    return Sampler(CgroupTree(str(root)), lambda: HOST, pace)


def step(one: Sampler, at_s: float) -> MemoryRoundFact | None:
    return one.sample_due(int(at_s * S), int(at_s * S))


def test_each_container_has_its_own_pace(tmp_path: Path) -> None:
    """
    A container at 20 % of its limit is sampled every 15 s, one at 90 % every second.
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


def test_the_next_due_time_is_that_of_a_sample_or_of_the_list(tmp_path: Path) -> None:
    """
    The list of containers is due again after 5 s.
    """
    one = sampler(v1(tmp_path))
    assert one.next_due_ns() == 0
    step(one, 0)
    assert one.next_due_ns() == 5 * S
    assert step(one, 1) is None


def test_growth_brings_the_next_sample_forward(tmp_path: Path) -> None:
    """
    After growth from 100 to 160 of 512 MiB in 15 s the next sample is due soon.
    """
    root = v1(tmp_path)
    v1_container(root, ID, usage_mib=100, limit_mib=512)
    one = sampler(root)
    step(one, 0)
    v1_container(root, ID, usage_mib=160, limit_mib=512)
    step(one, 15)
    assert 15 * S < one.next_due_ns() < 19 * S


def test_an_ended_container_is_reported_once(tmp_path: Path) -> None:
    """
    The end is found by the next sample or by the next list, whichever comes first.
    """
    root = v1(tmp_path)
    one = sampler(root)
    step(one, 0)
    shutil.rmtree(root / "memory/docker" / ID)
    gone = [samples.gone for at_s in range(1, 20) if (samples := step(one, at_s)) is not None]
    assert gone == [(ID,)]


def test_a_new_container_is_found(tmp_path: Path) -> None:
    """
    A new container is found with the next list; the round carries the memory of the host.
    """
    root = v1(tmp_path)
    one = sampler(root)
    step(one, 0)
    v1_container(root, OTHER, usage_mib=100, limit_mib=512)
    samples = step(one, 5)
    assert samples is not None
    assert OTHER in {sample.container_id for sample in samples.samples}
    assert samples.host == HOST


def test_many_containers_share_the_sampling_rate(tmp_path: Path) -> None:
    """
    Two containers that are due each second share a rate of one sample per second.
    """
    root = v1(tmp_path)
    for container_id in (ID, OTHER):
        v1_container(root, container_id, usage_mib=500, limit_mib=512)
    one = sampler(root, Pace(samples_per_s=1.0))
    count = sum(len(samples.samples) for at_s in range(20) if (samples := step(one, at_s)) is not None)
    assert count == 20


@pytest.mark.parametrize(
    ("limit_share", "expected_s"),
    [(0.1, 15.0), (0.49, 15.0), (0.5, 5.0), (0.74, 5.0), (0.75, 1.0), (1.0, 1.0), (None, 15.0)],
)
def test_a_container_near_its_limit_is_sampled_more_often(limit_share: float | None, expected_s: float) -> None:
    """
    Without growth only the distance from the limit counts.
    """
    assert interval_s(limit_share, 0.0, PACE) == expected_s


def test_a_growing_container_is_sampled_thirty_times_before_its_limit() -> None:
    """
    At a tenth of its limit, but two minutes away from it, a container is sampled every four seconds.
    """
    assert interval_s(0.1, 0.9 / 120, PACE) == pytest.approx(4.0)
    assert interval_s(0.1, 0.9, PACE) == 1.0


def test_shrinking_or_slow_growth_does_not_shorten_the_interval() -> None:
    """
    Growth that takes days counts as little as shrinking.
    """
    assert interval_s(0.1, -0.5, PACE) == interval_s(0.1, 1e-6, PACE) == 15.0


def test_the_rate_of_all_containers_is_bounded() -> None:
    """
    A hundred containers that are due each second are sampled every four seconds.
    """
    assert stretch_factor([1.0] * 100, PACE) == 4.0
    assert stretch_factor([15.0] * 100, PACE) == 1.0
    assert stretch_factor([], PACE) == 1.0


def test_containers_that_began_at_different_times_are_sampled_together(tmp_path: Path) -> None:
    """
    Samples are due at whole multiples of the shortest interval, never later than they should be.
    """
    root = v1(tmp_path)
    v1_container(root, ID, usage_mib=100, limit_mib=512)
    one = sampler(root)
    step(one, 0.3)
    v1_container(root, OTHER, usage_mib=100, limit_mib=512)
    step(one, 5.6)
    assert step(one, 14.9) is None
    assert len(getattr(step(one, 15), "samples", ())) == 1
    assert len(getattr(step(one, 20), "samples", ())) == 1
    v1_container(root, OTHER, usage_mib=460, limit_mib=512)
    step(one, 35.4)
    assert [len(getattr(step(one, at_s), "samples", ())) for at_s in (36, 37)] == [1, 1]
