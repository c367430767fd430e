"""
Every event that recordings, scenes and generators make, as documents; and what each saved search says that it finds.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from collector.recordings.pasted import events_of
from sinks.base import Outgoing
from sinks.event import Event
from sinks.formats import Format
from sinks.opensearch.documents import indexed_document
from tests.shared.any_event import sample
from tests.unit.sinks.chat import scenes

CORPUS: Final = Path(__file__).parents[3] / "shared/corpus"
OOM_CAUSES: Final = {"oom_kill", "oom_kill_child", "user_space_oom"}
SAMPLE: Final = 300
STREAM: Final = "logs-exit137-default"
NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)

Documents = Mapping[str, Mapping[str, Any]]


def at(document: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 (any field)
    """
    Return the field with this path; None if it is missing.
    """
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


EXPECTED: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "oom-kills": lambda doc: at(doc, "event.action") == "oom-kill",
    "oom-deaths": lambda doc: at(doc, "exit137.cause") in OOM_CAUSES,
    "not-oom-137": lambda doc: (
        at(doc, "event.action") == "container-death"
        and at(doc, "event.code") == "137"
        and at(doc, "exit137.cause") not in OOM_CAUSES
    ),
    "wider-than-a-container": lambda doc: at(doc, "exit137.oom.scope") in {"parent", "host"},
    "crashes": lambda doc: at(doc, "exit137.cause") == "crash",
    "failed-starts": lambda doc: at(doc, "exit137.cause") == "start_failed",
    "killed-by": lambda doc: at(doc, "exit137.death.killer.name") is not None,
    "leaks": lambda doc: at(doc, "exit137.memory.trend") == "leak",
    "critical-warnings": lambda doc: (
        at(doc, "event.action") == "memory-pressure" and at(doc, "exit137.pressure.level") == "critical"
    ),
    "stuck": lambda doc: at(doc, "event.action") == "container-stuck" and at(doc, "exit137.stuck.resolved") is False,
    "not-certain": lambda doc: at(doc, "event.kind") == "alert" and at(doc, "exit137.confidence") != "certain",
    "lost-evidence": lambda doc: at(doc, "exit137.gap.what") is not None,
}


def real() -> list[Event]:
    """
    Return the events of the recordings and of the corpus, which is next to the repository.
    """
    pasted = [event for path in sorted(CORPUS.glob("*.log")) for event in events_of(path.read_bytes())]
    return [*scenes.recorded(), *pasted]


def documents(events: Iterable[Outgoing], form: Format) -> Documents:
    return {item.id: indexed_document(item, form, NOW) for item in events}


def every_event() -> list[Outgoing]:
    """
    Return all events: recorded, played, and generated.
    """
    made = (scenes.leak, scenes.child, scenes.warning, scenes.resolved, scenes.stuck, scenes.gap)
    played = [item for make in made for item in make()]
    return [*scenes.outgoing(real()), *played, *scenes.outgoing(sample(SAMPLE))]
