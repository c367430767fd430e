"""
Reports as people read them, word for word: golden/*.txt and golden/*.md.

After a change that is meant: run with GOLDEN=write, and read the difference.
"""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.correlate.facts import LastWordsAsked, LastWordsFact
from collector.explain.markdown import as_markdown
from collector.explain.pasted import events_of
from collector.explain.report import Report, report_of
from collector.explain.text import as_text
from parsers.docker_event import DockerAction
from sinks.event import Event, EventType, to_json
from tests.unit.collector.correlate.scene import MAIN_PID, A, docker, ended, ns, report
from tests.unit.collector.memory.watched import Watched, with_table

GOLDEN = Path(__file__).parent / "golden"
WIDTH = 90


def documents(events: list[Event]) -> list[dict[str, Any]]:
    return [orjson.loads(to_json(event)) for event in events]


def told(events: list[Event]) -> Report:
    """
    The last event, with the others beside it.
    """
    *others, last = documents(events)
    return report_of(last, others)


def leak() -> Report:
    """
    A leak, warned of, that ends in the kill of the main process.
    """
    scene = Watched()
    scene.run(A, memory_swap_bytes=-1)
    events = scene.leak() + scene.kill(MAIN_PID, 600)
    asked = LastWordsAsked(container_id=A, die_event_ns=ns(600.2))
    lines = ("GET /orders 200", "GET /orders 200", "cache: 41210 entries")
    words = LastWordsFact(container_id=A, die_event_ns=ns(600.2), lines=lines)
    events += scene.tell(docker(DockerAction.DIE, 600.2, exit_code=137), asked, words, at_s=600.2)
    events += scene.tell(ended(finished_s=600.1, exit_code=137, memory_swap_bytes=-1), at_s=600.3)
    return told(events)


def spike() -> Report:
    """
    A child that jumps far above a calm curve.
    """
    scene = Watched()
    scene.run(A)
    for at_s in range(0, 300, 5):
        scene.sample(12, at_s)
    scene.tell(*with_table(300.8), at_s=300.8)
    return told(scene.wait(0.01))


def unseen() -> Report:
    """
    A crash of which nobody saw the memory, and whose logs were not to be had.
    """
    scene = Watched()
    scene.run(A)
    asked = LastWordsAsked(container_id=A, die_event_ns=ns(5))
    missing = LastWordsFact(container_id=A, die_event_ns=ns(5), missing='The log driver "none" keeps no logs.')
    scene.tell(docker(DockerAction.DIE, 5, exit_code=139), asked, missing, at_s=5)
    events = scene.tell(ended(finished_s=5, exit_code=139), at_s=5.1) + scene.wait(2)
    return told([event for event in events if event.type is EventType.CONTAINER_DEATH])


def undated() -> Report:
    """
    A kernel log of some machine, whose stamps count from its boot.
    """
    lines = [f"[12345.678901] {fact.line.text}" for fact in report(42)]
    return told(events_of("\n".join(lines).encode()))


REPORTS = {"leak": leak, "spike": spike, "unseen": unseen, "undated": undated}


def check(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_in_a_terminal(name: str) -> None:
    """
    Curve, timeline, verdict, advice and last words, each only where there is something to tell.
    """
    text = as_text(REPORTS[name](), WIDTH)
    broken = [line for line in text.splitlines() if max(map(len, line.split()), default=0) < WIDTH - 30]
    assert max(map(len, broken)) <= WIDTH
    check(f"{name}.txt", text)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_in_a_ticket(name: str) -> None:
    """
    The same in Markdown.
    """
    check(f"{name}.md", as_markdown(REPORTS[name]()))


def test_markdown_is_not_broken_by_what_programs_wrote() -> None:
    """
    Fences, bars and tags stand as they are.
    """
    evidence = [{"source": "docker", "text": "a | b `c`"}]
    ours = {"confidence": "certain", "evidence": evidence, "logs": ["```", "<b>"]}
    text = as_markdown(report_of({"data": {"message": "*not* <i>bold</i>", "exit137": ours}}))
    assert r"\*not\* \<i\>bold\</i\>" in text
    assert "````text\n```\n<b>\n````" in text
    assert "`a \u00a6 b \u2019c\u2019`" in text


def test_a_document_of_another_version_is_told_as_far_as_it_goes() -> None:
    """
    What has a strange form is left out.
    """
    ours = {"memory": {"series": [[1], "x", None], "growth_bytes_per_min": "fast"}, "advice": [7], "oom": {"choice": 3}}
    report = report_of({"data": {"message": "m", "exit137": ours}})
    assert (report.headline, report.series, report.memory) == ("m", [], None)
