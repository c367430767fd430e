"""
One event as a plain paragraph: when, what happened, and the details that its message leaves out.
"""

from collections.abc import Iterator
from typing import Final

from sinks.event.views import DeathView, EventView, OomView, VictimView
from sinks.text import date_and_time, printable, size

_MEMORY: Final = (
    ("anon_rss_bytes", "anonymous memory"),
    ("file_rss_bytes", "file pages"),
    ("shmem_rss_bytes", "shared memory"),
)


def paragraph(event: EventView) -> str:
    """
    Describe an event for a person, without line breaks.
    """
    return " ".join(_sentences(event))


def printed_time(event: EventView) -> str | None:
    """
    Return the time that a pasted text prints for an event: that of its last line with a time.
    """
    times = [item.printed_time for item in event.exit137.evidence if item.printed_time is not None]
    return times[-1] if times else None


def _sentences(event: EventView) -> Iterator[str]:
    if event.time is not None:
        yield f"{date_and_time(event.time)}:"
    elif (printed := printed_time(event)) is not None:
        yield f"{printable(printed)}:"
    yield printable(event.data.message)
    if event.exit137.oom is not None:
        yield from _oom_sentences(event.exit137.oom)
        if event.data.container is None and event.exit137.oom.victims and event.exit137.oom.victim_cgroup is not None:
            yield f"It ran in the cgroup {printable(event.exit137.oom.victim_cgroup)}."
    if event.exit137.death is not None:
        yield from _death_sentences(event.exit137.death)
    yield from _doubt(event)


def _oom_sentences(oom: OomView) -> Iterator[str]:
    if not oom.victims:
        return
    first, *others = oom.victims
    rss = [f"{size(value)} of {what}" for key, what in _MEMORY if (value := getattr(first, key))]
    if rss:
        yield f'"{printable(first.name)}" was using {_listed(rss)}.'
    if others:
        yield f"Also killed: {_listed([_named(victim) for victim in others])}."
    trigger = oom.trigger
    if trigger is not None and trigger.name is not None and trigger.pid != first.pid:
        pid = f" (pid {trigger.pid})" if trigger.pid is not None else ""
        yield f'The OOM killer was triggered by an allocation of "{printable(trigger.name)}"{pid}.'


def _death_sentences(death: DeathView) -> Iterator[str]:
    if death.started_at is not None and death.finished_at is not None:
        # The zone is named once, at the end.
        start = date_and_time(death.started_at).removesuffix(" UTC")
        yield f"It ran from {start} to {date_and_time(death.finished_at)}."
    if death.restart_count:
        times = f"{death.restart_count} times" if death.restart_count > 1 else "once"
        yield f"Docker had restarted it {times} before."


def _doubt(event: EventView) -> Iterator[str]:
    confidence = event.exit137.confidence
    if confidence in (None, "certain"):
        return
    oom, kernel = event.exit137.oom, event.exit137.kernel
    names_process = kernel is not None and (kernel.pid is not None or kernel.tid is not None)
    if event.data.container is None and (oom is not None or names_process):
        if oom is None or oom.victim_cgroup is None:
            yield "The log lines do not say whether it ran in a container."
    elif f"({confidence})" not in event.data.message:
        yield f"This is {confidence}, not certain."


def _named(victim: VictimView) -> str:
    return f'"{printable(victim.name)}" (pid {victim.pid})'


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
