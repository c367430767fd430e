"""
Tests of the cgroups source, on directory trees like the kernel's.
"""

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from collector.config.sources import CgroupsConfig
from collector.facts.observed import Fact, OomCountedFact
from collector.host.inotify import Inotify
from collector.sources.base import SourceMissingError
from collector.sources.cgroups import CgroupsSource

A, B = "a" * 64, "b" * 64


class Tree:
    """
    A cgroup hierarchy with the counters of some containers and of the host.
    """

    def __init__(self, root: Path, *, unified: bool) -> None:
        self.root = root
        self._unified = unified
        (root / "memory").mkdir()
        (root / ("cgroup.controllers" if unified else "memory/memory.oom_control")).write_text("")
        self.vmstat = root / "vmstat"
        self.vmstat.write_text("oom_kill 0\n")
        self._now_ns = 0

    def count(self, container_id: str, kills: int) -> None:
        path = f"system.slice/docker-{container_id}.scope" if self._unified else f"memory/docker/{container_id}"
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ("memory.events" if self._unified else "memory.oom_control")).write_text(f"oom_kill {kills}\n")

    def count_elsewhere(self, place: str, container_id: str, kills: int) -> None:
        name = f"docker-{container_id}.scope"
        folder = self.root / place / name if self._unified else self.root / "memory" / place / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ("memory.events" if self._unified else "memory.oom_control")).write_text(f"oom_kill {kills}\n")

    def source(self, interval_s: float = 0.1) -> CgroupsSource:
        return CgroupsSource(CgroupsConfig(path=str(self.root), interval_s=interval_s), self.vmstat, self._wall_ns)

    def _wall_ns(self) -> int:
        self._now_ns += 1000
        return self._now_ns


@pytest.fixture(params=[True, False], ids=["v2", "v1"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    return Tree(tmp_path, unified=request.param)


async def _facts(tree: Tree, *changes: tuple[str, int]) -> tuple[Fact, ...]:
    """
    Return the facts that follow the changes of the counters.
    """
    async with aclosing(tree.source().readings(None)) as readings:
        assert [fact.count for fact in (await anext(readings)).facts if isinstance(fact, OomCountedFact)] == [0]
        for container_id, kills in changes:
            tree.count(container_id, kills)
        return (await anext(readings)).facts


async def test_earlier_counts_are_not_reported(tree: Tree) -> None:
    """
    Kills that were counted before the source started are not reported: when they happened is unknown.
    """
    tree.count(A, 7)
    facts = await _facts(tree, (A, 9))
    assert facts[:-1] == (OomCountedFact(container_id=A, count=2, from_ns=1000, read_ns=3000, to_ns=4000),)


@pytest.mark.parametrize("place", ["user.slice/user@1000.service", "a/deep/place"])
async def test_a_cgroup_of_that_name_elsewhere_is_not_counted(tree: Tree, place: str) -> None:
    """
    Of two cgroups with the name of one container, that of a user and the deeper one do not count for the container.
    """
    tree.count(A, 1)
    tree.count_elsewhere(place, A, 5)
    async with aclosing(tree.source().readings(None)) as readings:
        await anext(readings)
        tree.count_elsewhere(place, A, 9)
        tree.count(A, 2)
        facts = [fact for fact in (await anext(readings)).facts if isinstance(fact, OomCountedFact)]
    assert [fact.count for fact in facts if fact.container_id == A] == [1]


async def test_a_new_container_has_counted_from_zero(tree: Tree) -> None:
    """
    The whole count of a container that appeared between two readings is reported.
    """
    tree.count(A, 7)
    fact, _ = await _facts(tree, (B, 3))
    assert isinstance(fact, OomCountedFact)
    assert (fact.container_id, fact.count) == (B, 3)


async def test_a_change_is_reported_before_the_interval_ends(tree: Tree) -> None:
    """
    A modified counter is read at once: cgroup v2 reports its changes through inotify, as plain files do.
    """
    tree.count(A, 0)
    async with aclosing(tree.source(interval_s=3600).readings(None)) as readings:
        await anext(readings)
        asyncio.get_running_loop().call_later(0.1, tree.count, A, 1)
        assert [fact.count for fact in (await anext(readings)).facts if isinstance(fact, OomCountedFact)] == [1, 0]


@pytest.mark.parametrize("interval_s", [0.1, 0.5, 0.6, 5])
async def test_readings_are_no_farther_apart_than_the_interval(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, interval_s: float
) -> None:
    """
    A reading at a beat is followed by one at the next; an interval shorter than the pause has none to wait for.
    """
    now_ns = 9 * 10**11
    waited_s: list[float] = []

    async def sleep(seconds: float) -> None:
        waited_s.append(seconds)

    async def wait(_: Inotify, seconds: float) -> bool:
        waited_s.append(seconds)
        return False

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(Inotify, "wait", wait)
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns + round(sum(waited_s) * 10**9))
    async with aclosing(tree.source(interval_s).readings(None)) as readings:
        await anext(readings)
        await anext(readings)
    assert sum(waited_s) == pytest.approx(interval_s)


async def test_the_host_is_counted_as_well(tree: Tree) -> None:
    """
    The host's count from /proc/vmstat is always reported, even if it is 0: then it is known that nothing was killed.
    """
    (fact,) = await _facts(tree)
    assert fact == OomCountedFact(container_id=None, count=0, from_ns=1000, read_ns=3000, to_ns=4000)
    async with aclosing(tree.source().readings(None)) as readings:
        await anext(readings)
        tree.vmstat.write_text("oom_kill 4\n")
        (fact,) = (await anext(readings)).facts
    assert isinstance(fact, OomCountedFact)
    assert (fact.container_id, fact.count) == (None, 4)


async def test_a_host_without_counters_is_reported_as_missing(tmp_path: Path) -> None:
    """
    Without counters (before Linux 4.13, or without the memory controller) the source is missing.
    """
    source = CgroupsSource(CgroupsConfig(path=str(tmp_path)))
    with pytest.raises(SourceMissingError):
        async with aclosing(source.readings(None)) as readings:
            await anext(readings)
