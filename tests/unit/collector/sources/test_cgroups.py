"""
Counters of OOM kills, on trees of files like those of the kernel.
"""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from collector.correlate.facts import Fact, OomCounted
from collector.sources.base import SourceMissingError
from collector.sources.cgroups import CgroupsSource
from collector.sources.settings import CgroupsConfig

A, B = "a" * 64, "b" * 64


class Tree:
    """
    A hierarchy with the counters of some containers, and the host's.
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
    What is told after the counters have changed.
    """
    async with aclosing(tree.source().readings(None)) as readings:
        assert [fact.count for fact in (await anext(readings)).facts if isinstance(fact, OomCounted)] == [0]
        for container_id, kills in changes:
            tree.count(container_id, kills)
        return (await anext(readings)).facts


async def test_what_was_counted_before_is_not_told(tree: Tree) -> None:
    """
    Nobody knows when it happened.
    """
    tree.count(A, 7)
    facts = await _facts(tree, (A, 9))
    assert facts[:-1] == (OomCounted(container_id=A, count=2, from_ns=1000, to_ns=2000),)


async def test_a_container_that_is_new_has_counted_since_it_was_made(tree: Tree) -> None:
    """
    From zero.
    """
    tree.count(A, 7)
    fact, _ = await _facts(tree, (B, 3))
    assert isinstance(fact, OomCounted)
    assert (fact.container_id, fact.count) == (B, 3)


async def test_a_change_is_told_before_the_next_look_is_due(tree: Tree) -> None:
    """
    cgroup v2 says when one of its counters changes; so do plain files.
    """
    tree.count(A, 0)
    async with aclosing(tree.source(interval_s=3600).readings(None)) as readings:
        await anext(readings)
        asyncio.get_running_loop().call_later(0.1, tree.count, A, 1)
        assert [fact.count for fact in (await anext(readings)).facts if isinstance(fact, OomCounted)] == [1, 0]


async def test_the_host_counts_as_well(tree: Tree) -> None:
    """
    /proc/vmstat, for no container; also where nothing was counted, so that it is known that nothing was.
    """
    (fact,) = await _facts(tree)
    assert fact == OomCounted(container_id=None, count=0, from_ns=1000, to_ns=2000)
    async with aclosing(tree.source().readings(None)) as readings:
        await anext(readings)
        tree.vmstat.write_text("oom_kill 4\n")
        (fact,) = (await anext(readings)).facts
    assert isinstance(fact, OomCounted)
    assert (fact.container_id, fact.count) == (None, 4)


async def test_a_host_without_such_counters_is_no_place_for_it(tmp_path: Path) -> None:
    """
    Before Linux 4.13, or without the memory controller.
    """
    source = CgroupsSource(CgroupsConfig(path=str(tmp_path)))
    with pytest.raises(SourceMissingError):
        async with aclosing(source.readings(None)) as readings:
            await anext(readings)
