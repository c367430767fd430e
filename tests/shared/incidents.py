"""
Events with curve, candidates, advice and log lines, and events whose every text is hostile.
"""

from typing import Any, Final

import orjson

from collector.facts.observed import LogTailFact, LogTailRequestedFact
from parsers.docker_event import DockerAction
from sinks.event import Event, to_json
from tests.unit.collector.correlate.scene import MAIN_PID, A, docker, ended, ns
from tests.unit.collector.memory.watched import Watched, with_table

# What a process, a container, a label or a log line may be called: markup, terminal sequences, reversed text, quotes.
HOSTILE: Final = (
    "<script>document.title='pwned'</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "user\u202etxt.exe\u2066\u200b",
    "]]></style></svg><iframe src=//example.org>",
    "\ufffd\x00\r\n\t\u2028",
    # The longest text that an event holds (docs/event.md); labels are longer.
    "W" * 16_384,
)


def leak_events() -> list[Event]:
    """
    Return the events of a leak: four warnings, the kill of the main process, and the death with log lines.
    """
    scene = Watched()
    scene.run(A, memory_swap_bytes=-1)
    events = scene.leak() + scene.kill(MAIN_PID, 600)
    asked = LogTailRequestedFact(container_id=A, die_event_ns=ns(600.2))
    lines = ("GET /orders 200", "GET /orders 200", "cache: 41210 entries")
    words = LogTailFact(container_id=A, die_event_ns=ns(600.2), lines=lines)
    events += scene.feed(docker(DockerAction.DIE, 600.2, exit_code=137), asked, words, at_s=600.2)
    return events + scene.feed(ended(finished_s=600.1, exit_code=137, memory_swap_bytes=-1), at_s=600.3)


def spike_events() -> list[Event]:
    """
    Return the kill of a child process that jumped far above a steady curve, with the table of processes.
    """
    scene = Watched()
    scene.run(A)
    for at_s in range(0, 300, 5):
        scene.sample(12, at_s)
    scene.feed(*with_table(300.8), at_s=300.8)
    return scene.wait(0.01)


def service_bodies() -> list[bytes]:
    """
    Return deaths of the service `api`: one of version 1.4, then three of version 1.5 by two causes.
    """
    leak = to_json(leak_events()[-1])
    deaths = (("1.4", "oom_kill"), ("1.5", "oom_kill"), ("1.5", "crash"), ("1.5", "oom_kill"))
    return [_death_of_api(leak, number, *death) for number, death in enumerate(deaths)]


def _death_of_api(leak: bytes, number: int, version: str, cause: str) -> bytes:
    document = orjson.loads(leak)
    time = f"2026-09-2{number + 2}T07:00:00.000000Z"
    document |= {"id": f"33333333-3333-5333-8333-33333333333{number}", "time": time}
    data: dict[str, Any] = document["data"]
    data |= {"service": {"name": "api", "version": version}}
    digest = "sha256:" + version[-1] * 64
    data["container"]["image"] = {"name": "shop/api", "tag": [version], "hash": {"all": [digest]}}
    data["exit137"]["cause"] = cause
    return orjson.dumps(document)


def hostile_body(text: str) -> bytes:
    """
    Return an event with a curve and candidates in which this text stands wherever a text from outside can be.
    """
    (event,) = spike_events()
    document = orjson.loads(to_json(event))
    document |= {"id": "11111111-1111-5111-8111-111111111111", "subject": f"container/{'b' * 64}"}
    data: dict[str, Any] = document["data"]
    data |= {"message": f"Killed {text}.", "service": {"name": text, "version": text}}
    data["host"]["hostname"] = text
    data["container"] |= {"id": "b" * 64, "name": text, "image": {"name": text}, "labels": {text: text * 4}}
    data["process"] = {"pid": 1, "name": text, "command_line": text}
    data["orchestrator"] = {"namespace": text, "resource": {"name": text}}
    exit137: dict[str, Any] = data["exit137"]
    exit137 |= {"logs": [text, text], "logs_missing": text, "labels": [f"{text}={text}"], "confidence": text}
    exit137["evidence"] += [{"source": text, "printed_time": text, "text": text}]
    exit137["advice"] = [{"kind": "limit", "text": text, "reason": text, "unless": text}]
    exit137["oom"] |= {"choice": text, "trigger": {"pid": 9, "name": text}}
    for process in (*exit137["oom"]["victims"], *exit137["oom"]["candidates"]):
        process["name"] = text
    exit137["shed"] = [text]
    exit137["trimmed"] = [{"field": text, "unit": text, "kept": 1, "of": 2}]
    exit137["memory"] |= {"trend": text, "trend_confidence": text}
    return orjson.dumps(document)
