"""
Events from a text that somebody brings: what dmesg or journalctl printed, on any machine.

The same correlator as on a live host. Nothing proves who wrote such a text. Records of the journal say which host they
are from, so that a kill has the id that the agent there gave it.
"""

from collections.abc import Mapping, Sequence

from collector.correlate.correlator import Correlator
from collector.correlate.facts import Fact, KernelFact
from collector.memory.insight import MemoryInsight
from parsers.killers import parse_killer_text
from parsers.pasted import PastedLine, lines
from sinks.event import Event, EvidenceSource, Host


def events_of(text: bytes) -> list[Event]:
    """
    The kills that a text tells of, and the reports in it that are cut off; in their order.

    Args:
        text: any bytes; what is not of the kernel or of an OOM killer is skipped.
    """
    pasted = list(lines(text))
    host = _host(pasted)
    correlator = Correlator(host, insight=MemoryInsight(host))
    told: list[Event] = []
    places: dict[str, int] = {}
    for place, line in enumerate(pasted):
        fact = _fact(line)
        if fact is not None:
            places.setdefault(line.line.text, place)
            told += correlator.feed(fact, 0)
    told += correlator.flush()
    once = {event.id: event for event in reversed(told)}  # a text may have the same lines twice
    return sorted(once.values(), key=lambda event: _place(event, places))


def _host(pasted: Sequence[PastedLine]) -> Host:
    """
    Where the text is from, if all of it is from one host.
    """
    hosts = {(line.machine_id, line.hostname) for line in pasted if line.machine_id is not None}
    machine_id, hostname = hosts.pop() if len(hosts) == 1 else (None, None)
    return Host(id=machine_id, hostname=hostname)


def _place(event: Event, places: Mapping[str, int]) -> int:
    """
    Where the last of its lines stands: others may be those of an earlier kill, word for word.
    """
    return max((places.get(item.text, 0) for item in event.exit137.evidence), default=0)


def _fact(pasted: PastedLine) -> Fact | None:
    if pasted.from_kernel:
        source = EvidenceSource.JOURNALD if pasted.machine_id is not None else EvidenceSource.KMSG
        return KernelFact(source=source, line=pasted.line)
    return parse_killer_text(pasted.line.text, pasted.identifier, pasted.line.at_ns)
