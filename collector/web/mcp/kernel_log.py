"""
The kills that a pasted kernel log reports, for a model.
"""

from collector.recordings.pasted import events_in
from collector.web.mcp.answers import KernelLogAnswer
from collector.web.mcp.incidents import incident_of
from parsers.oom.mentions import count_mentions
from sinks.event import to_json
from sinks.event.reader import read_events

_MOST = 20


def explain_text(text: str) -> KernelLogAnswer:
    """
    Return what a text reports, the latest last.

    Args:
        text: the output of dmesg or journalctl of any machine, or a part of it.
    """
    events = read_events(to_json(event) for event in events_in(text.encode(errors="replace")))
    return KernelLogAnswer(
        found=len(events),
        incidents=[incident_of(event) for event in events[-_MOST:]],
        unreadable_lines=0 if events else count_mentions(text.split("\n"))[0],
    )
