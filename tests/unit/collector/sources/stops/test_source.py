"""
The stops source: which containers are being killed, and when that is over.
"""

import contextlib
import shutil
from pathlib import Path

import pytest

from collector.config.sources import StopsConfig
from collector.facts.stops import MainSignalsFact, OpenFilesFact, PendingKillFact
from collector.sources.base import SourceMissingError
from collector.sources.memory.cgroups import CgroupTree
from collector.sources.stops.source import StopsSource, offered
from tests.unit.collector.memory.trees import ID, v1, write
from tests.unit.collector.sources.stops.procs import process


class Stage:
    """
    A host with one container, whose processes are 20 (the main process) and 10.
    """

    def __init__(self, folder: Path) -> None:
        self.cgroups, self.proc = v1(folder / "cgroups"), folder / "proc"
        self.config = StopsConfig(cgroups=str(self.cgroups), interval_s=0.5)
        self.source = StopsSource(self.config, self.proc, wall_ns=lambda: 42)
        self.tree = CgroupTree(str(self.cgroups))
        process(self.proc, 20)
        process(self.proc, 10, inner=7)
        self.holds(20, 10)

    def holds(self, *pids: int) -> None:
        write(self.cgroups / "memory/docker" / ID, {"cgroup.procs": "\n".join(map(str, pids))})

    def freeze(self, state: str) -> None:
        write(self.cgroups / "freezer/docker" / ID, {"freezer.state": state})

    def scan(self) -> tuple[PendingKillFact, ...]:
        return tuple(fact for fact in self.source.scan(self.tree) if isinstance(fact, PendingKillFact))

    def signals(self) -> list[MainSignalsFact]:
        return [fact for fact in self.source.scan(self.tree) if isinstance(fact, MainSignalsFact)]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_container_that_runs_gives_no_fact(stage: Stage) -> None:
    """
    Nor does one that is frozen and that nobody kills.
    """
    stage.freeze("FROZEN")
    assert stage.scan() == ()


def test_a_killed_container_is_reported_until_it_is_over(stage: Stage) -> None:
    """
    Each scan says what holds it; the first scan after it says once that it is over.
    """
    stage.freeze("FROZEN")
    process(stage.proc, 20, state="D", killed=True)
    (fact,) = stage.scan()
    assert (fact.container_id, fact.frozen, [task.pid for task in fact.tasks]) == (ID, True, [20])
    assert len(stage.scan()) == 1
    process(stage.proc, 20)
    (over,) = stage.scan()
    assert (over.container_id, over.tasks, over.at_ns) == (ID, (), 42)
    assert stage.scan() == ()


def test_what_the_main_process_ignores_is_reported_once_and_when_it_changes(stage: Stage) -> None:
    """
    The first process ignores what it has no handler for. A program may install its handlers some time after its start.
    """
    (first,) = stage.signals()
    assert (first.container_id, first.pid, first.name) == (ID, 20, "hog")
    assert (first.ignores(15), first.ignores(9)) == (True, False)
    assert stage.signals() == []
    process(stage.proc, 20, caught=1 << 14)
    (changed,) = stage.signals()
    assert (changed.ignores(15), changed.ignores(2)) == (False, True)


@pytest.mark.parametrize(("limit", "is_near"), [("{many}", True), ("{few}", False), ("unlimited", False)])
def test_open_files_near_the_limit_are_reported(stage: Stage, limit: str, *, is_near: bool) -> None:
    """
    A process that has most of its files open may soon fail because it needs more; of others there is no fact.
    """
    (stage.proc / "20/fd").symlink_to("/proc/self/fd")
    count = len(list(Path("/proc/self/fd").iterdir()))
    soft = limit.format(many=count, few=count * 9)
    write(
        stage.proc / "20", {"limits": f"Max open files            {soft}                 4096                 files\n"}
    )
    found = [fact for fact in stage.source.scan(stage.tree) if isinstance(fact, OpenFilesFact)]
    assert [(fact.pid, fact.open_files_max) for fact in found] == ([(20, count)] if is_near else [])


def test_a_removed_container_is_over(stage: Stage) -> None:
    """
    Its cgroup goes with it.
    """
    process(stage.proc, 20, killed=True)
    assert stage.scan()
    shutil.rmtree(stage.cgroups / "memory/docker" / ID)
    (over,) = stage.scan()
    assert over.tasks == ()


def test_a_dead_main_process_that_nobody_collects(stage: Stage) -> None:
    """
    On cgroup v1 it has left its cgroup: it is remembered from before.
    """
    assert stage.scan() == ()
    process(stage.proc, 20, state="Z", tracer=77)
    stage.holds()
    (fact,) = stage.scan()
    assert [(task.pid, task.main, task.tracer_pid) for task in fact.tasks] == [(20, True, 77)]


def test_a_child_that_holds_the_end_of_its_container(stage: Stage) -> None:
    """
    The first process of a PID namespace ends last.
    """
    assert stage.scan() == ()
    shutil.rmtree(stage.proc / "20")
    stage.holds(10)
    process(stage.proc, 10, inner=7, state="D", killed=True)
    (fact,) = stage.scan()
    assert [(task.pid, task.main) for task in fact.tasks] == [(10, False)]


def test_a_pid_that_is_used_again_is_not_the_main_process(stage: Stage) -> None:
    """
    Another process with the pid has another pid in its namespace.
    """
    assert stage.scan() == ()
    process(stage.proc, 20, state="Z", inner=300)
    stage.holds()
    assert stage.scan() == ()


def test_a_new_run_has_a_new_main_process(stage: Stage) -> None:
    """
    A restart gives the container another first process.
    """
    assert stage.scan() == ()
    shutil.rmtree(stage.proc / "20")
    stage.holds(30)
    process(stage.proc, 30, killed=True)
    (fact,) = stage.scan()
    assert [(task.pid, task.main) for task in fact.tasks] == [(30, True)]


async def test_the_readings_begin_empty_and_go_on_with_facts(stage: Stage) -> None:
    """
    While the agent is behind, nothing is looked at.
    """
    assert offered(stage.config)
    process(stage.proc, 20, killed=True)
    async with contextlib.aclosing(stage.source.readings(None)) as readings:
        assert (await anext(readings)).facts == ()
        (fact,) = (await anext(readings)).facts
    assert isinstance(fact, PendingKillFact)


async def test_a_host_without_cgroups_has_no_such_source(tmp_path: Path) -> None:
    """
    Nobody could find its containers.
    """
    config = StopsConfig(cgroups=str(tmp_path))
    assert not offered(config)
    with pytest.raises(SourceMissingError):
        await anext(StopsSource(config).readings(None))
