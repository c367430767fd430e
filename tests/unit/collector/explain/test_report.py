"""
Reports as people read them, word for word: golden/*.txt and golden/*.md.

After an intended change, run with GOLDEN=write and read the difference.
"""

import os
from pathlib import Path

import orjson
import pytest

from collector.explain.markdown import as_markdown
from collector.explain.report import Report, report_of
from collector.explain.text import as_text
from collector.facts.observed import LogTailFact, LogTailRequestedFact
from collector.recordings.pasted import events_of
from parsers.docker_event import DockerAction
from sinks.event import Event, EventType, to_json
from sinks.event.reader import read_event, read_events
from sinks.event.views import EventView
from tests.unit.collector.correlate.scene import MAIN_PID, A, docker, ended, ns, report
from tests.unit.collector.memory.watched import Watched, with_table

GOLDEN = Path(__file__).parent / "golden"
WIDTH = 90


def _event(message: str, exit137: dict[str, object]) -> EventView:
    return read_event(orjson.dumps({"data": {"message": message, "exit137": exit137}}))


def reported(events: list[Event]) -> Report:
    """
    Return the report of the last event, with the others as related events.
    """
    *others, last = read_events(map(to_json, events))
    return report_of(last, others)


def leak() -> Report:
    """
    Return the report of a leak with warnings that ends with the kill of the main process.
    """
    scene = Watched()
    scene.run(A, memory_swap_bytes=-1)
    events = scene.leak() + scene.kill(MAIN_PID, 600)
    asked = LogTailRequestedFact(container_id=A, die_event_ns=ns(600.2))
    lines = ("GET /orders 200", "GET /orders 200", "cache: 41210 entries")
    words = LogTailFact(container_id=A, die_event_ns=ns(600.2), lines=lines)
    events += scene.feed(docker(DockerAction.DIE, 600.2, exit_code=137), asked, words, at_s=600.2)
    events += scene.feed(ended(finished_s=600.1, exit_code=137, memory_swap_bytes=-1), at_s=600.3)
    return reported(events)


def spike() -> Report:
    """
    Return the report of a child process that jumps far above a steady curve.
    """
    scene = Watched()
    scene.run(A)
    for at_s in range(0, 300, 5):
        scene.sample(12, at_s)
    scene.feed(*with_table(300.8), at_s=300.8)
    return reported(scene.wait(0.01))


def unseen() -> Report:
    """
    Return the report of a crash without memory samples and without log lines.
    """
    scene = Watched()
    scene.run(A)
    asked = LogTailRequestedFact(container_id=A, die_event_ns=ns(5))
    missing = LogTailFact(container_id=A, die_event_ns=ns(5), missing='The log driver "none" keeps no logs.')
    scene.feed(docker(DockerAction.DIE, 5, exit_code=139), asked, missing, at_s=5)
    events = scene.feed(ended(finished_s=5, exit_code=139), at_s=5.1) + scene.wait(2)
    return reported([event for event in events if event.type is EventType.CONTAINER_DEATH])


def undated() -> Report:
    """
    Return the report of a pasted kernel log whose times count from the boot.
    """
    lines = [f"[12345.678901] {fact.line.text}" for fact in report(42)]
    return reported(events_of("\n".join(lines).encode()))


REPORTS = {"leak": leak, "spike": spike, "unseen": unseen, "undated": undated}


def check(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_in_a_terminal(name: str) -> None:
    """
    A report has curve, timeline, verdict, advice and log lines, each only if there is something to show.
    """
    text = as_text(REPORTS[name](), WIDTH)
    broken = [line for line in text.splitlines() if max(map(len, line.split()), default=0) < WIDTH - 30]
    assert max(map(len, broken)) <= WIDTH
    check(f"{name}.txt", text)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_in_a_ticket(name: str) -> None:
    """
    A report in Markdown has the same content.
    """
    check(f"{name}.md", as_markdown(REPORTS[name]()))


def test_markdown_is_not_broken_by_what_programs_wrote() -> None:
    """
    Backticks, bars and tags from programs are shown and never interpreted.
    """
    evidence = [{"source": "docker", "text": "a | b `c`"}]
    ours = {"confidence": "certain", "evidence": evidence, "logs": ["```", "<b>"]}
    text = as_markdown(report_of(_event("*not* <i>bold</i>", ours)))
    assert r"\*not\* \<i\>bold\</i\>" in text
    assert "````text\n```\n<b>\n````" in text
    assert "`a \u00a6 b \u2019c\u2019`" in text


def test_an_event_of_another_version_is_reported_as_far_as_possible() -> None:
    """
    Fields of an unexpected type are left out.
    """
    memory = {"series": {"seconds": [1.5, "x", None], "bytes": 7}, "growth_bytes_per_min": "fast"}
    ours = {"memory": memory, "advice": [7], "oom": {"choice": 3}}
    report = report_of(_event("m", ours))
    assert (report.headline, report.series, report.memory) == ("m", (), None)
