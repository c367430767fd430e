"""
Name the container that took the memory when the host or a limit above the container ran out of memory.

Deaths repeat what their kill says. Where no container can be named, the event names none; where processes outside of
containers took the memory, its message says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from collector.correlate.findings import Death
from collector.correlate.inventory import ContainerInventory
from collector.facts.lru import LruDict
from collector.facts.memory import ContainerProcessesFact
from collector.memory.culprit import Culprit, Holder, find_culprit
from collector.memory.holders import Span, holder_of
from collector.memory.watch import MemoryWatch
from collector.publish.culprit_sentences import evidence_text, sentence_of
from parsers.oom.facts import OomReport
from sinks.event import Cause, Event, Evidence, EvidenceSource, Oom, Scope
from sinks.event import Culprit as PublishedCulprit

_PIDS_KEPT: Final = 16_384
_KILLS_KEPT: Final = 1024
_COMM_LENGTH: Final = 15
_PAGE_BYTES: Final = 4096
_OF_A_KILL: Final = frozenset({Cause.OOM_KILL, Cause.OOM_KILL_CHILD, Cause.USER_SPACE_OOM})


@dataclass(frozen=True, slots=True)
class _Named:
    """
    What a kill says of its culprit, for the death that follows.
    """

    culprit: PublishedCulprit | None
    sentence: str


class Culprits:
    """
    Finds culprits, and keeps those of the latest kills.

    Args:
        watch: the memory of all containers.
    """

    def __init__(self, watch: MemoryWatch) -> None:
        self._watch = watch
        self._scanned: LruDict[int, tuple[str, str]] = LruDict(_PIDS_KEPT)
        self._kills: LruDict[str, _Named] = LruDict(_KILLS_KEPT)

    def learn(self, fact: ContainerProcessesFact) -> None:
        """
        Keep which processes a container had.
        """
        for process in fact.processes:
            self._scanned[process.pid] = (fact.container_id, process.name[:_COMM_LENGTH])

    def with_culprit(self, event: Event, report: OomReport | None, inventory: ContainerInventory) -> Event:
        """
        Return a kill with its culprit, if its scope is the host or a parent and one is clear.

        Args:
            event: the kill.
            report: the kernel's report, whose task table counts; None without one.
            inventory: the containers of the host.
        """
        oom = event.exit137.oom
        if oom is None or event.time_ns is None or oom.scope not in (Scope.HOST, Scope.PARENT):
            return event
        resident = self._resident(report, inventory, event.time_ns) if report is not None else {}
        spans = self._watch.spans(event.time_ns, oom.limit_cgroup if oom.scope is Scope.PARENT else None)
        culprit = self._find(event, oom, spans, resident, inventory)
        if culprit is None:
            return event
        published = _published(culprit, oom, spans, resident, inventory)
        named = _Named(published, sentence_of(culprit, published, oom, event.container))
        self._kills[event.id] = named
        seen = Evidence(source=EvidenceSource.CGROUP, time_ns=event.time_ns, text=evidence_text(culprit, published))
        return _with(event, named, (seen,))

    def with_culprit_of_kill(self, event: Event, death: Death) -> Event:
        """
        Return a death with the culprit of the kill that caused it.
        """
        kills = death.case.kills if death.verdict.cause in _OF_A_KILL else ()
        named = self._kills.get(kills[-1].event_id) if kills else None
        return _with(event, named, ()) if named is not None else event

    def _find(
        self,
        event: Event,
        oom: Oom,
        spans: Mapping[str, Span],
        resident: Mapping[str, int],
        inventory: ContainerInventory,
    ) -> Culprit | None:
        at_ns = event.time_ns or 0
        found = {
            container_id: holder_of(
                container_id,
                spans.get(container_id),
                at_ns,
                began_ns=_began_ns(inventory, container_id, at_ns),
                resident_bytes=resident.get(container_id, 0),
            )
            for container_id in sorted(spans.keys() | resident.keys())
        }
        holders = [holder for holder in found.values() if holder is not None]
        inside_bytes = sum(holder.held_bytes for holder in holders)
        if oom.scope is Scope.PARENT:
            total_bytes = oom.limit_bytes or 0
            unexplained_bytes = max(0, (oom.usage_bytes or total_bytes) - inside_bytes)
        else:
            total_bytes = self._watch.outside.host_bytes or 0
            outside, unsampled_bytes = self._watch.outside.holder(at_ns, _victims_outside_bytes(oom))
            sampled_bytes = sum(span[1].working_set_bytes for span in spans.values())
            unexplained_bytes = max(0, unsampled_bytes - max(0, inside_bytes - sampled_bytes))
            if outside is None:
                unexplained_bytes = max(0, total_bytes - inside_bytes)
            holders += [outside] if outside is not None else []
        return find_culprit(holders, total_bytes, unexplained_bytes) if total_bytes else None

    def _resident(self, report: OomReport, inventory: ContainerInventory, at_ns: int) -> dict[str, int]:
        """
        Add up the task table per container, in bytes; only processes whose container is known count.

        Processes that share memory are counted more than once. If the sums exceed the address space that ran out, each
        container gets its largest process instead, which is never too much.
        """
        main_pids = {
            run.main_pid: record.id
            for record in inventory
            if (run := record.run_at(at_ns)) is not None and run.main_pid is not None and not run.is_over(at_ns, 0)
        }
        page_bytes = report.page_size_bytes or _PAGE_BYTES
        rows = {row.tgid: row for row in report.tasks}
        sizes: dict[str, list[int]] = {}
        for pid, row in rows.items():
            container_id, comm = self._scanned.get(pid, (None, None))
            container_id = main_pids.get(pid) or (container_id if comm == row.comm else None)
            if container_id is not None:
                sizes.setdefault(container_id, []).append(row.rss_pages * page_bytes)
        sums = {container_id: sum(each) for container_id, each in sizes.items()}
        total_bytes = report.memory.limit_bytes if report.memory is not None else self._watch.outside.host_bytes
        if total_bytes is not None and sum(sums.values()) <= total_bytes:
            return sums
        return {container_id: max(each) for container_id, each in sizes.items()}


def _began_ns(inventory: ContainerInventory, container_id: str, at_ns: int) -> int | None:
    record = inventory.get(container_id)
    run = record.run_at(at_ns) if record is not None else None
    return run.began_ns if run is not None else None


def _victims_outside_bytes(oom: Oom) -> int:
    """
    Return the anonymous memory of killed processes that ran outside of containers, as the kernel's cgroup path proves.
    """
    if oom.victim_cgroup is None or any(victim.container_id is not None for victim in oom.victims):
        return 0
    return sum(victim.anon_rss_bytes or 0 for victim in oom.victims)


def _published(
    culprit: Culprit,
    oom: Oom,
    spans: Mapping[str, Span],
    resident: Mapping[str, int],
    inventory: ContainerInventory,
) -> PublishedCulprit | None:
    """
    Return the culprit as it is published; None if it is not a container.
    """
    holder = culprit.holder
    if holder.container_id is None:
        return None
    record = inventory.get(holder.container_id)
    span = spans.get(holder.container_id)
    return PublishedCulprit(
        container_id=holder.container_id,
        name=record.name if record is not None else None,
        victim=any(victim.container_id == holder.container_id for victim in oom.victims),
        basis=culprit.basis.value,
        confidence=culprit.confidence,
        working_set_bytes=span[1].working_set_bytes if span is not None else None,
        resident_bytes=resident.get(holder.container_id),
        grew_bytes=holder.grew_bytes,
        within_s=_rounded(holder),
    )


def _rounded(holder: Holder) -> float | None:
    return round(holder.within_s, 1) if holder.within_s is not None else None


def _with(event: Event, named: _Named, evidence: tuple[Evidence, ...]) -> Event:
    exit137 = event.exit137
    return replace(
        event,
        message=f"{event.message} {named.sentence}",
        exit137=replace(exit137, culprit=named.culprit, evidence=(*exit137.evidence, *evidence)),
    )
