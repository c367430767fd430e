"""
A kill because the host or a limit above several containers ran out of memory names who took the memory.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from collector.explain.report import report_of
from collector.facts.memory import ContainerProcessesFact, MemoryRoundFact, MemorySample, RunningProcess
from collector.web.pages.incident import incident_of
from parsers.docker_event import DockerAction
from parsers.proc_files import HostMemory
from sinks.base import Outgoing
from sinks.chat.story import card_of
from sinks.event import Confidence, Culprit, Event, EventType, to_json
from sinks.event.reader import read_event
from tests.unit.collector.correlate.scene import MAIN_PID, A, B, C, Scene, docker, ended, killed, line, ns, summary

MIB: Final = 1 << 20
TENANT: Final = "/tenant"
LIMIT_MIB: Final = 300
HOST_MIB: Final = 1000
KILL_S: Final = 300.0
GROWER_PID: Final = 5000
WORKER_PID: Final = 5001


class Neighbours(Scene):
    """
    Containers A, B and C below one cgroup with a limit.
    """

    def __init__(self) -> None:
        super().__init__()
        for container_id, pid in ((A, MAIN_PID), (B, GROWER_PID), (C, 6000)):
            self.run(container_id, pid=pid, memory_limit_bytes=None)

    def sample(self, at_s: float, mib: Mapping[str, float], outside_mib: int = 100) -> None:
        samples = tuple(
            MemorySample(
                container_id=container_id,
                cgroup=f"{TENANT}/{container_id}",
                at_ns=ns(at_s),
                usage_bytes=int(held * MIB),
                working_set_bytes=int(held * MIB),
                limit_bytes=LIMIT_MIB * MIB,
                limit_cgroup=TENANT,
            )
            for container_id, held in mib.items()
        )
        available = HOST_MIB - outside_mib - int(sum(mib.values()))
        host = HostMemory(total_bytes=HOST_MIB * MIB, available_bytes=max(0, available) * MIB)
        self.feed(MemoryRoundFact(at_ns=ns(at_s), samples=samples, host=host), at_s=at_s)

    def live(
        self, first: Mapping[str, float], last: Mapping[str, float], outside_mib: tuple[int, int] = (100,) * 2
    ) -> None:
        """
        Let containers grow evenly, from an hour before the kill on, so that their starts do not count.
        """
        for at_s in range(0, int(KILL_S), 5):
            share = at_s / KILL_S
            now = {one: first[one] + (last[one] - first[one]) * share for one in first}
            self.sample(at_s + 700.0, now, outside_mib[0] if share < 0.5 else outside_mib[1])

    def kill(self, *rows: str, words: str = "Memory cgroup out of memory", in_container: bool = True) -> Event:
        """
        Kill the main process of A.
        """
        at_s = 700.0 + KILL_S
        path = f"{TENANT}/{A}" if in_container else "/system.slice/cron.service"
        choice = summary(MAIN_PID, path, TENANT)
        if words == "Out of memory":
            choice = choice.replace("CONSTRAINT_MEMCG", "CONSTRAINT_NONE").replace(f"oom_memcg={TENANT}", "global_oom")
        limit = f"memory: usage {LIMIT_MIB << 10}kB, limit {LIMIT_MIB << 10}kB, failcnt 27"
        head = "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name"
        lines = [
            "hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
            *([limit] if words != "Out of memory" else []),
            *(("Tasks state (memory values in pages):", head, *rows) if rows else ()),
            choice,
            killed(MAIN_PID, words=words),
        ]
        events = self.feed(*(line(text, at_s) for text in lines), at_s=at_s) + self.wait(0.01)
        (event,) = of(events or self.flush(), EventType.OOM_KILL)
        return event


def of(events: Sequence[Event], kind: EventType) -> list[Event]:
    return [event for event in events if event.type is kind]


def row(pid: int, mib: int, name: str = "hog") -> str:
    return f"[   {pid}]     0  {pid}     99474      {mib * 256}    65536        0             0 {name}"


def culprit(event: Event) -> Culprit:
    assert event.exit137.culprit is not None
    return event.exit137.culprit


def test_the_container_that_grew_is_named_and_the_victim_is_not_the_cause() -> None:
    """
    The kernel killed A for the growth of B below the same limit.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 20, B: 230, C: 40})
    found = culprit(event := scene.kill())
    assert (found.container_id, found.name, found.victim) == (B, "box-b", False)
    assert (found.basis, found.confidence) == ("growth", Confidence.LIKELY)
    assert found.working_set_bytes is not None
    assert found.grew_bytes is not None
    assert 220 * MIB < found.working_set_bytes < 230 * MIB
    assert 200 * MIB < found.grew_bytes < 210 * MIB
    assert found.within_s == KILL_S
    assert 'Container "box-b" took the memory (likely): it held' in event.message
    assert 'Container "box-a", whose process was killed, was not the cause.' in event.message
    assert any("working set" in one.text for one in event.exit137.evidence)


def test_a_victim_that_took_the_memory_itself_is_named() -> None:
    """
    The killed container may well be the cause.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 230, B: 20, C: 40})
    found = culprit(event := scene.kill())
    assert (found.container_id, found.victim) == (A, True)
    assert "took the memory itself" in event.message


def test_several_that_grew_alike_name_nobody() -> None:
    """
    Then the event says nothing of a culprit.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 20}, {A: 20, B: 130, C: 140})
    event = scene.kill()
    assert event.exit137.culprit is None
    assert "took the memory" not in event.message


def test_nobody_is_named_without_samples() -> None:
    """
    Nothing is known of the memory of any container.
    """
    assert Neighbours().kill().exit137.culprit is None


def test_a_container_above_the_limit_is_not_a_candidate() -> None:
    """
    Only what is below the cgroup that ran out can have filled it.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20}, {A: 20, B: 230})
    sample = MemorySample(
        container_id=C, cgroup=f"/docker/{C}", at_ns=ns(990), usage_bytes=900 * MIB, working_set_bytes=900 * MIB
    )
    scene.feed(MemoryRoundFact(at_ns=ns(990), samples=(sample,)), at_s=990)
    assert culprit(scene.kill()).container_id == B


def test_the_kernels_task_table_shows_what_came_after_the_last_sample() -> None:
    """
    B jumped within a second; its worker's container is known from the scan of its processes.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 20, B: 20, C: 40})
    worker = RunningProcess(pid=WORKER_PID, executable="/bin/worker")
    scene.feed(ContainerProcessesFact(container_id=B, at_ns=ns(900), processes=(worker,)))
    found = culprit(scene.kill(row(MAIN_PID, 20), row(GROWER_PID, 5), row(WORKER_PID, 220, "worker"), row(6000, 40)))
    assert (found.container_id, found.resident_bytes, found.grew_bytes) == (B, 225 * MIB, 205 * MIB)


def test_a_pid_that_is_used_again_by_another_program_is_not_attributed() -> None:
    """
    The name in the task table must be that of the scanned process.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 20, B: 20, C: 40})
    worker = RunningProcess(pid=WORKER_PID, executable="/bin/worker")
    scene.feed(ContainerProcessesFact(container_id=B, at_ns=ns(900), processes=(worker,)))
    assert scene.kill(row(MAIN_PID, 20), row(WORKER_PID, 220, "other")).exit137.culprit is None


def test_the_hosts_own_processes_are_named_as_such() -> None:
    """
    Growth outside of containers names no container, and the message says so.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 20, B: 20, C: 40}, outside_mib=(100, 800))
    event = scene.kill(words="Out of memory")
    assert event.exit137.culprit is None
    assert "Processes outside of containers took the memory (likely): they held 800 MiB" in event.message
    assert 'Container "box-a", whose process was killed, was not the cause.' in event.message


def test_a_container_that_filled_the_host_is_named_for_a_victim_of_the_host() -> None:
    """
    The killed process need not be in a container.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 20, B: 800, C: 40})
    found = culprit(event := scene.kill(words="Out of memory", in_container=False))
    assert (found.container_id, found.victim) == (B, False)
    assert "The killed process was not the cause." in event.message


def test_a_kill_at_the_containers_own_limit_has_no_culprit() -> None:
    """
    Nobody else can have filled it.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20}, {A: 20, B: 230})
    scene.feed(line(summary(MAIN_PID, f"{TENANT}/{A}"), 1000), line(killed(MAIN_PID), 1000), at_s=1000)
    (event,) = of(scene.wait(0.01) or scene.flush(), EventType.OOM_KILL)
    assert event.exit137.culprit is None


def test_the_death_repeats_the_culprit_of_its_kill() -> None:
    """
    Whoever reads only deaths learns that another container was the cause.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 20, B: 230, C: 40})
    kill = scene.kill()
    scene.feed(docker(DockerAction.DIE, 1000.2, exit_code=137), at_s=1000.2)
    events = scene.feed(ended(finished_s=1000.1, exit_code=137), at_s=1000.3) + scene.wait(2)
    (death,) = of(events, EventType.CONTAINER_DEATH)
    assert death.exit137.culprit == kill.exit137.culprit
    assert 'Container "box-b" took the memory (likely)' in death.message


def test_the_chat_the_report_and_the_page_say_that_the_victim_was_not_the_cause() -> None:
    """
    Every way to read the event shows who took the memory.
    """
    scene = Neighbours()
    scene.live({A: 20, B: 20, C: 40}, {A: 20, B: 230, C: 40})
    body = to_json(scene.kill())
    view = read_event(body)
    outgoing = Outgoing(id=view.id, type=EventType.OOM_KILL, body=body, key=view.subject)
    notes = [text for section in card_of([outgoing]).sections for text in section.lines]
    assert any("not the cause: box-b took the memory (likely)" in text for text in notes)
    assert "Who took the memory: box-b, another container (likely)" in report_of(view).verdict
    facts = dict(incident_of(body, view).facts)
    assert facts["Memory taken by"] == "box-b (likely); the victim was not the cause"
    assert orjson.loads(body)["data"]["exit137"]["culprit"]["container_id"] == B
