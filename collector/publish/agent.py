"""
Events about the evidence itself: what was lost, what does not match, which source went down or came back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from collector.correlate.attribution import container_of_report
from collector.correlate.container_record import ContainerRecord
from collector.correlate.findings import IncompleteReport, UnconfirmedKill, UnexplainedCount
from collector.facts.observed import GapFact
from collector.publish import sentences
from collector.publish.containers import container_of_record, orchestrator_of, service_of
from sinks.event import (
    Confidence,
    Container,
    EcsEvent,
    Event,
    EventType,
    Evidence,
    EvidenceSource,
    Exit137,
    Gap,
    GapKind,
    Host,
    Severity,
    rfc3339,
)
from sinks.event.ids import agent_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvents:
    """
    Makes the events of one host about its evidence.
    """

    host: Host

    def incomplete_report(self, finding: IncompleteReport, record: ContainerRecord | None = None) -> Event:
        """
        Return the event of an OOM report that ends before a kill: what the kernel was about to do, unconfirmed.

        Args:
            finding: the report.
            record: its container, where Docker has named it.
        """
        report = finding.report
        container_id = container_of_report(report)
        what = GapKind.NO_KILLABLE_PROCESS if report.no_killable else GapKind.REPORT_INCOMPLETE
        texts = [line.text for line in report.evidence]
        return self._event(
            event_id=agent_id(self.host.id, "kernel", what, report.first_us)
            if report.first_us is not None
            else agent_id(self.host.id, " ".join(texts), what, None),
            time_ns=report.first_at_ns,
            message=sentences.of_incomplete_report(report, container_id),
            evidence=tuple(
                Evidence(source=EvidenceSource.KMSG, time_ns=line.at_ns, text=line.text) for line in report.evidence
            ),
            gap=Gap(source="kernel", what=what, from_ns=report.first_at_ns, to_ns=report.last_at_ns),
            container_id=container_id,
            record=record,
        )

    def unexplained(self, found: UnexplainedCount) -> Event:
        """
        Return the event of OOM kills that the kernel counted and that no log line describes.
        """
        kills = "1 OOM kill" if found.count == 1 else f"{found.count} OOM kills"
        where = "on the host"
        if found.container_id is not None:
            where = f"in container {sentences.container_name(found.record, found.container_id)}"
        span = f"between {rfc3339(found.from_ns)} and {rfc3339(found.to_ns)}"
        return self._event(
            event_id=agent_id(self.host.id, found.container_id or "host", GapKind.KILLS_UNEXPLAINED, found.to_ns),
            time_ns=found.to_ns,
            message=f"{kills} {where} {span} {'has' if found.count == 1 else 'have'} no kernel log line.",
            evidence=(Evidence(source=EvidenceSource.CGROUP, time_ns=found.to_ns, text=counted_text(found)),),
            gap=Gap(
                source="cgroups",
                what=GapKind.KILLS_UNEXPLAINED,
                count=found.count,
                from_ns=found.from_ns,
                to_ns=found.to_ns,
            ),
            container_id=found.container_id,
            record=found.record,
        )

    def unconfirmed(self, finding: UnconfirmedKill, record: ContainerRecord | None = None) -> Event:
        """
        Return the event of a kill that a log line describes and that the kernel's counter does not show.

        Args:
            finding: the kill.
            record: its container, where Docker has named it.
        """
        kill = finding.kill
        return self._event(
            event_id=agent_id(self.host.id, kill.event_id, GapKind.KILL_UNCONFIRMED, kill.at_ns),
            time_ns=kill.at_ns,
            message=f"No kernel counter confirms the OOM kill {kill.event_id}: its log line may be forged.",
            evidence=(Evidence(source=EvidenceSource.KMSG, time_ns=kill.at_ns, text=kill.text),),
            gap=Gap(source="cgroups", what=GapKind.KILL_UNCONFIRMED, count=kill.kills, from_ns=kill.at_ns),
            container_id=kill.container_id,
            record=record,
        )

    def gap(self, fact: GapFact) -> Event:
        """
        Return the event of lost evidence, or of a source that went down or came back.
        """
        return self._event(
            event_id=agent_id(self.host.id, fact.source, fact.what, fact.from_ns or fact.at_ns),
            time_ns=fact.at_ns,
            message=fact.text,
            evidence=(),
            gap=Gap(source=fact.source, what=fact.what, count=fact.count, from_ns=fact.from_ns, to_ns=fact.to_ns),
            container_id=None,
        )

    def dropped(self, counts: Mapping[str, int], from_ns: int, to_ns: int, at_ns: int) -> Event:
        """
        Return the event of deliveries that were dropped because the store was full.

        Args:
            counts: how many per sink.
            from_ns: when the first of these events was stored.
            to_ns: when the last of them was stored.
            at_ns: when they were dropped.
        """
        sinks = ", ".join(f"{count} for {sink}" for sink, count in sorted(counts.items()))
        return self._event(
            event_id=agent_id(self.host.id, "store", GapKind.EVENTS_DROPPED, at_ns),
            time_ns=at_ns,
            message=f"The store was full: events were dropped before sinks accepted them ({sinks}).",
            evidence=(),
            gap=Gap(
                source="store", what=GapKind.EVENTS_DROPPED, count=sum(counts.values()), from_ns=from_ns, to_ns=to_ns
            ),
            container_id=None,
        )

    def _event(
        self,
        *,
        event_id: str,
        time_ns: int | None,
        message: str,
        evidence: tuple[Evidence, ...],
        gap: Gap,
        container_id: str | None,
        record: ContainerRecord | None = None,
    ) -> Event:
        return Event(
            id=event_id,
            type=EventType.AGENT,
            subject=f"container/{container_id}" if container_id is not None else f"source/{gap.source}",
            time_ns=time_ns,
            message=message,
            event=EcsEvent(
                kind="state",
                category=("process",),
                type=("info",),
                action=gap.what.replace("_", "-"),
                severity=Severity.INFO if gap.what is GapKind.SOURCE_UP else Severity.WARNING,
            ),
            host=self.host,
            container=_container(container_id, record),
            orchestrator=orchestrator_of(record) if record is not None else None,
            service=service_of(record) if record is not None else None,
            exit137=Exit137(confidence=Confidence.CERTAIN, evidence=evidence, gap=gap),
        )


def _container(container_id: str | None, record: ContainerRecord | None) -> Container | None:
    if record is not None:
        return container_of_record(record)
    return Container(id=container_id) if container_id is not None else None


def counted_text(found: UnexplainedCount) -> str:
    """
    Return an unexplained count in words, as evidence.
    """
    return f"oom_kill rose by {found.count} more than the known kills"
