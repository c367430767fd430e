"""
Answers for pasted text that is no kernel log, but says something about a container's end: Docker's events, the output
of `docker inspect`, and what kubectl prints about a pod.

Such text says that a container was killed, not which process or why; the answer says so and names what does know.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sinks.masking import mask_text
from sinks.text import printable

_SHORT_ID: Final = 12
_EVENT: Final = re.compile(
    r"(?P<time>\S+T\S+) container (?P<action>oom|die) (?P<id>[0-9a-f]{12,64}) \((?P<attributes>.*)\)"
)
_NAME: Final = re.compile(r"(?:\A|, )name=(?P<name>[^,)]+)")
_EXIT_CODE: Final = re.compile(r"\bexitCode=(?P<code>[0-9]+)")
_STATE: Final = re.compile(r'"OOMKilled":\s*(?P<oom>true|false)')
_STATE_FIELD: Final = '"{name}":\\s*"?(?P<value>[^",}}\\n]+)'
_KILLED: Final = re.compile(r'\breason"?:\s*"?OOMKilled\b', re.IGNORECASE)
_POD_CODE: Final = re.compile(r'\bexit ?code"?:\s*"?(?P<code>[0-9]+)', re.IGNORECASE)
_POD_CONTAINER: Final = re.compile(r'container ?id"?:\s*"?[a-z-]+://(?P<id>[0-9a-f]{12,64})', re.IGNORECASE)
_ASK: Final = (
    "Which process was killed and why is in the kernel log of that host: `journalctl -k | exit137 explain --file -`, "
    "or `exit137 explain CONTAINER` there; `exit137 replay` reads a folder with events.jsonl and inspect.jsonl."
)


def answer(text: str) -> str | None:
    """
    Return what a text says about a container's end, and which command knows more; None for any other text.
    """
    said = list(dict.fromkeys((*_docker_events(text), *_docker_state(text), *_kubernetes(text))))
    return " ".join([*map(mask_text, said), _ASK]) if said else None


def _docker_events(text: str) -> Iterator[str]:
    """
    Say what Docker's events say, as text or as JSON; repetitions once.
    """
    for line in text.splitlines():
        printed = _EVENT.match(line.strip())
        if printed is not None:
            name, code = _NAME.search(printed["attributes"]), _EXIT_CODE.search(printed["attributes"])
            attributes = {"name": name["name"] if name else None, "exitCode": code["code"] if code else None}
            yield from _event(printed["action"], printed["id"], attributes)
        elif '"Action"' in line and '"Actor"' in line:
            yield from _json_event(line)


def _json_event(line: str) -> Iterator[str]:
    try:
        event = json.loads(line[line.index("{") : line.rindex("}") + 1])
    except (ValueError, RecursionError):
        return
    actor = event.get("Actor") if isinstance(event, dict) else None
    if isinstance(actor, dict) and event.get("Type", "container") == "container":
        attributes = actor.get("Attributes")
        known = attributes if isinstance(attributes, dict) else {}
        yield from _event(str(event.get("Action")), str(actor.get("ID")), known)


def _event(action: str, container_id: str, attributes: Mapping[str, Any]) -> Iterator[str]:
    name = attributes.get("name")
    short = printable(container_id[:_SHORT_ID])
    container = f'container "{printable(str(name))}" ({short})' if name else f"container {short}"
    if action == "oom":
        yield f"Docker reported an OOM in {container}; it does not say which process was killed."
    elif action == "die" and attributes.get("exitCode") is not None:
        yield f"Docker reported that {container} ended with exit code {printable(str(attributes['exitCode']))}."


def _docker_state(text: str) -> Iterator[str]:
    """
    Say what the State of `docker inspect` says.
    """
    state = _STATE.search(text)
    if state is None:
        return
    name, code = _field(text, "Name"), _field(text, "ExitCode")
    whose = f'container "{printable(name.lstrip("/"))}"' if name is not None else "the container"
    ended = f"{whose} ended with exit code {printable(code)}" if code is not None else whose
    saw = "saw an OOM in it" if state["oom"] == "true" else "saw no OOM (OOMKilled false)"
    yield f"docker inspect says that {ended} and that Docker {saw}; it does not say who sent a signal."


def _field(text: str, name: str) -> str | None:
    match = re.search(_STATE_FIELD.format(name=name), text)
    return match["value"] if match is not None else None


def _kubernetes(text: str) -> Iterator[str]:
    """
    Say what kubectl prints about a container that was killed.
    """
    for killed in _KILLED.finditer(text):
        before, after = text[: killed.start()], text[killed.end() : killed.end() + 400]
        code = _POD_CODE.search(after)
        ids = _POD_CONTAINER.findall(before[-4000:])
        whose = f"container {ids[-1][:_SHORT_ID]}" if ids else "a container"
        with_code = f" with exit code {code['code']}" if code is not None else ""
        yield f"Kubernetes says that {whose} ended{with_code} because it was OOMKilled; it does not say which process."
