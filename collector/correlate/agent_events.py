"""
Events about the evidence itself: what was lost, what does not fit together, which source went or came back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from collector.correlate import sentences
from collector.correlate.book import ContainerBook
from collector.correlate.counted import ToldKill, Unexplained
from collector.correlate.facts import GapFact
from collector.correlate.identity import agent_id
from collector.correlate.wording import shown
from parsers.cgroup_path import container_of
from parsers.oom_facts import OomReport
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
    Host,
    Severity,
    rfc3339,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvents:
    """
    Makes these events for one host.
    """

    host: Host

    def incomplete_report(self, report: OomReport) -> Event:
        """
        The event of an OOM report that ends before a kill: what the kernel meant to do, and that it is not confirmed.
        """
        ref = container_of(report.task_memcg or report.victim_cgroup_hint or "")
        chosen = f'chose "{shown(report.chosen_comm)}" (pid {report.chosen_pid})'
        meant = chosen if report.chosen_pid is not None else "was called"
        what = "no_killable_process" if report.no_killable else "report_incomplete"
        told = "found no process to kill" if report.no_killable else f"{meant}, but no kill was printed"
        texts = [line.text for line in report.evidence]
        return self._event(
            event_id=agent_id(self.host.id, "kernel", what, report.first_us)
            if report.first_us is not None
            else agent_id(self.host.id, " ".join(texts), what, None),
            time_ns=report.first_at_ns,
            message=f"The kernel's OOM killer {told}.",
            evidence=tuple(
                Evidence(source=EvidenceSource.KMSG, time_ns=line.at_ns, text=line.text) for line in report.evidence
            ),
            gap=Gap(source="kernel", what=what, from_ns=report.first_at_ns, to_ns=report.last_at_ns),
            container_id=ref.id if ref is not None else None,
        )

    def unexplained(self, found: Unexplained, book: ContainerBook) -> Event:
        """
        The event of OOM kills that the kernel counted and that no log tells of.
        """
        kills = "1 OOM kill" if found.count == 1 else f"{found.count} OOM kills"
        where = "on the host"
        if found.container_id is not None:
            where = f"in container {sentences.container_name(book.get(found.container_id), found.container_id)}"
        span = f"between {rfc3339(found.from_ns)} and {rfc3339(found.to_ns)}"
        return self._event(
            event_id=agent_id(self.host.id, found.container_id or "host", "kills_unexplained", found.to_ns),
            time_ns=found.to_ns,
            message=f"{kills} {where} {span} {'has' if found.count == 1 else 'have'} no kernel line.",
            evidence=(Evidence(source=EvidenceSource.CGROUP, time_ns=found.to_ns, text=counted_text(found)),),
            gap=Gap(
                source="cgroups",
                what="kills_unexplained",
                count=found.count,
                from_ns=found.from_ns,
                to_ns=found.to_ns,
            ),
            container_id=found.container_id,
        )

    def unconfirmed(self, told: ToldKill) -> Event:
        """
        The event of a kill that stands in a log, and that the kernel's counter does not know.
        """
        return self._event(
            event_id=agent_id(self.host.id, told.event_id, "kill_unconfirmed", told.at_ns),
            time_ns=told.at_ns,
            message=f"No counter of the kernel confirms the OOM kill {told.event_id}: its line may be forged.",
            evidence=(Evidence(source=EvidenceSource.KMSG, time_ns=told.at_ns, text=told.text),),
            gap=Gap(source="cgroups", what="kill_unconfirmed", count=told.kills, from_ns=told.at_ns),
            container_id=told.container_id,
        )

    def gap(self, fact: GapFact) -> Event:
        """
        The event of lost evidence, or of a source that went or came back.
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
        The event of deliveries that were dropped because the store was full.

        Args:
            counts: per sink how many.
            from_ns: when the first of these events was stored.
            to_ns: when the last was.
            at_ns: when it was dropped.
        """
        sinks = ", ".join(f"{count} for {sink}" for sink, count in sorted(counts.items()))
        return self._event(
            event_id=agent_id(self.host.id, "store", "events_dropped", at_ns),
            time_ns=at_ns,
            message=f"The store was full: events were dropped before sinks had taken them ({sinks}).",
            evidence=(),
            gap=Gap(source="store", what="events_dropped", count=sum(counts.values()), from_ns=from_ns, to_ns=to_ns),
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
                severity=Severity.INFO if gap.what == "source_up" else Severity.WARNING,
            ),
            host=self.host,
            container=Container(id=container_id) if container_id is not None else None,
            exit137=Exit137(confidence=Confidence.CERTAIN, evidence=evidence, gap=gap),
        )


def counted_text(found: Unexplained) -> str:
    """
    What the counter said, as evidence.
    """
    return f"oom_kill went up by {found.count} more than is known"
