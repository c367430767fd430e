"""
Events from a text that somebody brings: what dmesg or journalctl printed, on any machine.

The same correlator as on a live host. Nothing proves who wrote such a text, and which host it is from is not asked.
"""

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
    correlator = Correlator(Host(), insight=MemoryInsight(Host()))
    events: list[Event] = []
    for line in lines(text):
        fact = _fact(line)
        if fact is not None:
            events += correlator.feed(fact, 0)
    return events + correlator.flush()


def _fact(pasted: PastedLine) -> Fact | None:
    if pasted.from_kernel:
        return KernelFact(source=EvidenceSource.KMSG, line=pasted.line)
    return parse_killer_text(pasted.line.text, pasted.identifier)
