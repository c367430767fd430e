"""
Maps an event to objects of OCSF 1.5: the device, its container, processes and other evidence.

If an event lacks a field that OCSF requires of an object, the object is not made and the other fields stay unmapped.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sinks.event.reader import time_ns
from sinks.formats.fields import Fields

_NS_PER_MS: Final = 1_000_000
_UNKNOWN: Final = 0
_LINUX: Final = {"name": "Linux", "type": "Linux", "type_id": 200}
_HOSTNAME: Final = (1, "Hostname")
_PROCESS_NAME: Final = (9, "Process Name")
_RESOURCE_UID: Final = (10, "Resource UID")
_POD_UID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_POD: Final = "pod"


def milliseconds(stamp: str | None) -> int | None:
    """
    Convert an RFC 3339 time to milliseconds since 1970; None if it is missing or not valid.
    """
    at_ns = time_ns(stamp)
    return None if at_ns is None else at_ns // _NS_PER_MS


def present(found: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return an object without its unknown and empty fields.
    """
    return {name: value for name, value in found.items() if value is not None and value not in ({}, [])}


def device_of(fields: Fields) -> dict[str, Any] | None:
    """
    Return the host with its container; None if the event has neither an id nor a name for it.
    """
    if fields.find("host.id", str) is None and fields.find("host.hostname", str) is None:
        return None
    system = {**_LINUX, **fields.take_texts({"host.os.kernel": "kernel_release"})}
    named = fields.take_texts({"host.id": "uid", "host.hostname": "hostname", "host.boot.id": "boot_uid"})
    return present({**named, "type_id": _UNKNOWN, "type": "Unknown", "os": system, "container": _container(fields)})


def resources_of(device: Mapping[str, Any], namespace: str | None) -> list[dict[str, Any]]:
    """
    Return what the event is about: the container, or else the host. The details are in the device.
    """
    container = device.get("container", {})
    name, uid, kind = container.get("name"), container.get("uid"), "container"
    if name is None and uid is None:
        name, uid, kind = device.get("hostname"), device.get("uid"), "host"
    if name is None and uid is None:
        return []
    return [present({"type": kind, "uid": uid, "name": name, "namespace": namespace if kind == "container" else None})]


def evidences_of(fields: Fields) -> list[dict[str, Any]]:
    """
    Return the process that the event is about, the victims, the sender of the signal, and the records of the sources.
    """
    return [*_process(fields), *_victims(fields), *_killer(fields), *_records(fields)]


def observables_of(device: Mapping[str, Any], evidences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Return the values by which an analyst finds related events, each once.
    """
    values = [
        ("device.hostname", _HOSTNAME, device.get("hostname")),
        ("device.container.uid", _RESOURCE_UID, device.get("container", {}).get("uid")),
        *(("evidences.process.name", _PROCESS_NAME, item.get("process", {}).get("name")) for item in evidences),
    ]
    return [
        {"name": name, "type_id": type_id, "type": kind, "value": value}
        for name, (type_id, kind), value in dict.fromkeys(values)
        if value
    ]


def _container(fields: Fields) -> dict[str, Any] | None:
    if fields.find("container.id", str) is None and fields.find("container.name", str) is None:
        return None
    pod = fields.find("orchestrator.resource.id", str)
    named = fields.take_texts(
        {
            "container.id": "uid",
            "container.name": "name",
            "container.runtime": "runtime",
            "orchestrator.type": "orchestrator",
        }
    )
    is_pod = fields.find("orchestrator.resource.type", str) == _POD and pod is not None and _POD_UID.fullmatch(pod)
    labels = fields.take_list("exit137.labels", str)
    return present({**named, "image": _image(fields), "labels": labels, "pod_uuid": pod if is_pod else None})


def _image(fields: Fields) -> dict[str, Any] | None:
    """
    Return the image; its own digest identifies it, or else its name.
    """
    digests = fields.find("container.image.hash.all", list) or [None]
    tags = fields.find("container.image.tag", list) or [None]
    name = fields.take("container.image.name", str)
    uid = digests[0] if isinstance(digests[0], str) else name
    if uid is None:
        return None
    return present({"uid": uid, "name": name, "tag": tags[0] if isinstance(tags[0], str) else None})


def _process(fields: Fields) -> Iterator[dict[str, Any]]:
    pid = fields.take("process.pid", int)
    if pid is None:
        return
    named = fields.take_texts({"process.name": "name", "process.command_line": "cmd_line"})
    parent_pid = fields.take("process.parent.pid", int)
    parent = {} if parent_pid is None else {"pid": parent_pid, **fields.take_texts({"process.parent.name": "name"})}
    started = milliseconds(fields.find("process.start", str))
    yield {
        "name": "process",
        "process": present({"pid": pid, **named, "created_time": started, "parent_process": parent}),
    }


def _victims(fields: Fields) -> Iterator[dict[str, Any]]:
    for victim in fields.take_list("exit137.oom.victims", dict):
        yield present({"name": "victim", "process": _named_process(victim)}) | {"data": victim}


def _killer(fields: Fields) -> Iterator[dict[str, Any]]:
    path = "exit137.death.killer"
    killer = {name: fields.find(f"{path}.{name}", kind) for name, kind in {"pid": int, "name": str, "uid": int}.items()}
    process = _named_process(killer)
    if process is not None:
        yield {"name": "sender of the signal", "actor": {"process": process}}


def _records(fields: Fields) -> Iterator[dict[str, Any]]:
    for record in fields.take_list("exit137.evidence", dict):
        source = record.get("source")
        yield {"name": source if isinstance(source, str) else "record", "data": record}


def _named_process(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """
    Return the process with this pid, name, thread and user; None if there is no pid.
    """
    pid, name, thread, uid = (found.get(key) for key in ("pid", "name", "thread_id", "uid"))
    if type(pid) is not int:
        return None
    return present(
        {
            "pid": pid,
            "name": name if isinstance(name, str) else None,
            "tid": thread if type(thread) is int else None,
            "user": {"uid": str(uid)} if type(uid) is int else None,
        }
    )
