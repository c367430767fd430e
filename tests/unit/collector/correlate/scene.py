"""
A host for the tests of the analyzer: the facts that its sources would send, and the events that come out.

Moments are seconds since the scene began; the boot was 100 s before that. Each event that comes out is held against
the published schema, and against that of OCSF.
"""

from pathlib import Path
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator

import sinks
from collector.analyzer import Analyzer
from collector.correlate.pending_deaths import VERDICT_WAIT_NS
from collector.facts.kernel import KernelFact, kernel_fact
from collector.facts.observed import Fact, Origin, ProcessExitedFact, SnapshotFact, VictimMarkedFact
from parsers.cgroup_path import ContainerRef, Runtime, container_of_unit
from parsers.docker_event import DockerAction, DockerEvent
from parsers.docker_inspect import ContainerSnapshot
from parsers.killers import UnitOomKilled
from parsers.oom.facts import KernelLine
from parsers.proc_event import WaitStatus
from sinks.event import Boot, Cause, Death, Event, EvidenceSource, Host, Oom, to_json
from tests.shared.ocsf import ocsf_of, outgoing_of, problems

SECOND: Final = 1_000_000_000
BEGIN_NS: Final = 1_790_000_000 * SECOND
BOOT_ID: Final = "b" * 32
THIS_HOST: Final = Host(id="1" * 32, hostname="node-7", boot=Boot(id=BOOT_ID))
A: Final = "a" * 64
B: Final = "b" * 64
C: Final = "c" * 64
MAIN_PID: Final = 4000
LIMIT_BYTES: Final = 1 << 26
KMSG: Final = EvidenceSource.KMSG
JOURNALD: Final = EvidenceSource.JOURNALD
VERDICT_WAIT_S: Final = VERDICT_WAIT_NS / SECOND
CREATE: Final = DockerAction.CREATE
START: Final = DockerAction.START
DIE: Final = DockerAction.DIE
KILL: Final = DockerAction.KILL
OOM: Final = DockerAction.OOM
STOP: Final = DockerAction.STOP
DESTROY: Final = DockerAction.DESTROY

_SCHEMA: Final = Draft202012Validator(
    orjson.loads((Path(sinks.__file__).parent / "event.schema.json").read_bytes()),
)
# A little longer than a report waits for its next line.
SETTLE_S: Final = 0.006


def ns(at_s: float) -> int:
    return BEGIN_NS + round(at_s * SECOND)


def us(at_s: float) -> int:
    return round((100 + at_s) * 1_000_000)


def validated(events: list[Event]) -> list[Event]:
    """
    The same events; fails where one is not what the schema promises.
    """
    for event in events:
        _SCHEMA.validate(orjson.loads(to_json(event)))
        assert problems(ocsf_of(outgoing_of(event))) == []
    return events


class Scene:
    """
    An analyzer, and a clock that goes on with the facts.
    """

    def __init__(self, *, booted_s: float | None = None) -> None:
        self.analyzer = Analyzer(THIS_HOST, ns(booted_s) if booted_s is not None else None)
        self.now_s = 0.0

    def feed(self, *facts: Fact, at_s: float | None = None, origin: Origin | None = None) -> list[Event]:
        """
        Feed facts; the clock stands at `at_s` from then on.
        """
        self.now_s = max(self.now_s, at_s if at_s is not None else self.now_s)
        fed = (self.analyzer.feed(fact, ns(self.now_s), origin) for fact in facts)
        return validated([event for events in fed for event in events])

    def wait(self, seconds: float) -> list[Event]:
        self.now_s += seconds
        return validated(self.analyzer.tick(ns(self.now_s)))

    def flush(self) -> list[Event]:
        return validated(self.analyzer.flush())

    def run(self, container_id: str = A, at_s: float = 0.0, **inspected: Any) -> None:  # noqa: ANN401 (any field)
        """
        Start a container and inspect it, as the Docker source does.
        """
        self.feed(
            docker(DockerAction.CREATE, at_s, container_id),
            docker(DockerAction.START, at_s + 0.02, container_id),
            running(container_id, at_s, **inspected),
            at_s=at_s,
        )


def started() -> Scene:
    """
    A host where container A runs.
    """
    scene = Scene()
    scene.run(A)
    return scene


def causes(events: list[Event]) -> list[Cause | None]:
    """
    Why each of the containers died that these tell of.
    """
    return [event.exit137.cause for event in events if event.exit137.death is not None]


def death(events: list[Event]) -> Death:
    """
    What the one event says of a death.
    """
    (event,) = events
    assert event.exit137.death is not None
    return event.exit137.death


def oom(event: Event) -> Oom:
    """
    What an event says of a kill.
    """
    assert event.exit137.oom is not None
    return event.exit137.oom


def owners(events: list[Event]) -> list[str | None]:
    """
    The containers of all victims.
    """
    return [victim.container_id for event in events for victim in oom(event).victims]


def docker(action: DockerAction, at_s: float, container_id: str = A, **fields: Any) -> DockerEvent:  # noqa: ANN401
    attributes = fields.pop("attributes", {"name": f"box-{container_id[0]}", "image": "shop/api:1"})
    return DockerEvent(
        action=action,
        container_id=container_id,
        name=attributes.get("name"),
        image=attributes.get("image"),
        attributes=attributes,
        time_ns=ns(at_s),
        **fields,
    )


def snapshot(container_id: str = A, **fields: Any) -> ContainerSnapshot:  # noqa: ANN401 (any field)
    usual = {"name": f"box-{container_id[0]}", "image_name": "shop/api:1", "labels": {}, "command": "hog 64M"}
    return ContainerSnapshot(id=container_id, **(usual | fields))


def running(container_id: str = A, started_s: float = 0.0, **fields: Any) -> SnapshotFact:  # noqa: ANN401 (any field)
    usual = {"running": True, "pid": MAIN_PID, "memory_limit_bytes": LIMIT_BYTES, "started_at_ns": ns(started_s)}
    return SnapshotFact(snapshot=snapshot(container_id, **(usual | fields)), seen_at_ns=ns(started_s + 0.05))


def ended(
    container_id: str = A,
    *,
    started_s: float = 0.0,
    finished_s: float,
    exit_code: int,
    **fields: Any,  # noqa: ANN401
) -> SnapshotFact:
    usual = {
        "started_at_ns": ns(started_s),
        "finished_at_ns": ns(finished_s),
        "exit_code": exit_code,
        "oom_killed": False,
        "memory_limit_bytes": LIMIT_BYTES,
    }
    return SnapshotFact(snapshot=snapshot(container_id, **(usual | fields)), seen_at_ns=ns(finished_s + 0.05))


def line(text: str, at_s: float, source: EvidenceSource = KMSG) -> KernelFact:
    return kernel_fact(source, KernelLine(text=text, monotonic_us=us(at_s), boot_id=BOOT_ID, at_ns=ns(at_s)))


def scope_path(container_id: str) -> str:
    return f"/system.slice/docker-{container_id}.scope"


def summary(pid: int, victim_path: str, limit_path: str | None = None, comm: str = "hog") -> str:
    return (
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
        f"oom_memcg={limit_path or victim_path},task_memcg={victim_path},task={comm},pid={pid},uid=0"
    )


def killed(pid: int, comm: str = "hog", words: str = "Memory cgroup out of memory") -> str:
    return (
        f"{words}: Killed process {pid} ({comm}) total-vm:33896kB, anon-rss:32416kB, file-rss:636kB, "
        "shmem-rss:0kB, UID:0 pgtables:108kB oom_score_adj:0"
    )


def report(
    pid: int,
    container_id: str = A,
    at_s: float = 1.0,
    source: EvidenceSource = KMSG,
    limit_path: str | None = None,
) -> list[KernelFact]:
    """
    The lines of one OOM kill in a container.
    """
    path = scope_path(container_id)
    return [
        line("hog invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0", at_s, source),
        line("memory: usage 65536kB, limit 65536kB, failcnt 27", at_s, source),
        line(summary(pid, path, limit_path), at_s, source),
        line(killed(pid), at_s, source),
    ]


def by_systemd(container_id: str, at_s: float) -> UnitOomKilled:
    """
    systemd's line about the scope of a container.
    """
    unit = f"docker-{container_id}.scope"
    text = f"{unit}: A process of this unit has been killed by the OOM killer."
    return UnitOomKilled(unit=unit, container=container_of_unit(unit), at_ns=ns(at_s), text=text)


def exited(
    pid: int,
    container_id: str = A,
    at_s: float = 1.0,
    *,
    started_s: float = 0.0,
    code: int | None = None,
    signal: int | None = None,
    parent_pid: int = 1,
) -> ProcessExitedFact:
    return ProcessExitedFact(
        pid=pid,
        started_ns=ns(started_s),
        container=ContainerRef(runtime=Runtime.DOCKER, id=container_id),
        comm="hog",
        command_line="hog 64M",
        parent_pid=parent_pid,
        ancestors=("containerd-shim",),
        status=WaitStatus(exit_code=code, signal=signal),
        monotonic_us=us(at_s),
        at_ns=ns(at_s),
    )


def marked(pid: int, container_id: str | None = A, at_s: float = 1.0) -> VictimMarkedFact:
    """
    The trace shows whom the OOM killer chose; its container where /proc still had it.
    """
    container = ContainerRef(runtime=Runtime.DOCKER, id=container_id) if container_id is not None else None
    return VictimMarkedFact(pid=pid, comm="hog", at_ns=ns(at_s), container=container)
