"""
An event as one plain paragraph: when, the sentence, and the figures.

Reads the published document, so that it serves stored events and new ones alike.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from collector.correlate.wording import shown, size

_MEMORY: Final = (
    ("anon_rss_bytes", "anonymous memory"),
    ("file_rss_bytes", "file pages"),
    ("shmem_rss_bytes", "shared memory"),
)

Document = Mapping[str, Any]


def paragraph(document: Document) -> str:
    """
    One event for a person, without line breaks.

    Args:
        document: a structured CloudEvent of ours.
    """
    return " ".join(_sentences(document))


def _sentences(document: Document) -> Iterator[str]:
    data = document.get("data", {})
    ours = data.get("exit137", {})
    if (time := document.get("time")) is not None:
        yield f"{time.replace('T', ' ').removesuffix('Z')} UTC:"
    yield shown(str(data.get("message")))
    yield from _of_oom(ours.get("oom", {}))
    yield from _of_death(ours.get("death", {}))
    yield from _doubt(ours, container="container" in data)


def _of_oom(oom: Document) -> Iterator[str]:
    victims = oom.get("victims", ())
    if victims:
        held = [f"{size(victims[0][key])} of {what}" for key, what in _MEMORY if victims[0].get(key)]
        if held:
            yield f"It held {_listed(held)}."
    if len(victims) > 1:
        others = [f'"{shown(str(victim.get("name")))}" (pid {victim["pid"]})' for victim in victims[1:]]
        yield f"With it died {_listed(others)}."
    trigger = oom.get("trigger", {})
    if trigger.get("name") is not None and victims and trigger.get("pid") != victims[0]["pid"]:
        pid = f" (pid {trigger['pid']})" if trigger.get("pid") is not None else ""
        yield f'The allocation that failed was made by "{shown(trigger["name"])}"{pid}.'


def _of_death(death: Document) -> Iterator[str]:
    if death.get("started_at") is not None and death.get("finished_at") is not None:
        yield f"It ran from {_time(death['started_at'])} to {_time(death['finished_at'])} UTC."
    if death.get("restart_count"):
        yield f"Docker had restarted it {death['restart_count']} times before."


def _doubt(ours: Document, *, container: bool) -> Iterator[str]:
    if ours.get("confidence") in (None, "certain"):
        return
    if "oom" in ours and not container:
        yield "Whether it ran in a container, the text does not say."
    else:
        yield f"This is {ours['confidence']}, not certain."


def _time(stamp: str) -> str:
    return stamp.replace("T", " ").removesuffix("Z")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
