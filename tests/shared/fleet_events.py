"""
Events as the agents of a fleet publish them, with the fields that the detectors read.
"""

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from sinks.event import rfc3339

NS: Final = 1_000_000_000
START_NS: Final = 1_790_000_000 * NS


def at(seconds: float) -> int:
    """
    Return a time, in seconds from the start of the story.
    """
    return START_NS + round(seconds * NS)


def _event(kind: str, host: str, at_ns: int, subject: str, **data: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE_URL, f"{kind}/{host}/{at_ns}/{subject}")),
        "source": f"urn:exit137:host:{host}",
        "type": f"exit137.{kind}",
        "subject": subject,
        "time": rfc3339(at_ns),
        "datacontenttype": "application/json",
        "data": {
            "@timestamp": rfc3339(at_ns),
            "message": "m",
            "event": {
                "kind": "alert",
                "category": ["process"],
                "type": ["end"],
                "action": "a",
                "severity": 5,
                "dataset": "exit137",
            },
            "host": {"id": host, "hostname": f"node-{host}"},
            **data,
        },
    }


def status(
    host: str,
    at_s: float,
    services: dict[tuple[str, str], int],
    *,
    interval_s: float = 60.0,
    covers_s: float | None = None,
) -> dict[str, Any]:
    """
    Return the status of a host.

    Args:
        host: its machine id.
        at_s: when, from the start of the story.
        services: running containers by service and digest.
        interval_s: as the status says.
        covers_s: the time since the last status; the interval if there was one.
    """
    covered_s = interval_s if covers_s is None else covers_s
    entries = [
        {"name": name, "digest": digest, "running": running, "container_seconds": running * covered_s}
        for (name, digest), running in services.items()
    ]
    own = {"interval_s": interval_s, "version": "1", "sources": {"docker": "up"}, "services": entries}
    block = {"schema_version": 1, "confidence": "certain", "evidence": [], "advice": [], "logs": [], "status": own}
    found = _event("host_status", host, at(at_s), f"host/{host}", exit137=block)
    found["data"]["event"] |= {"kind": "metric", "category": ["host"], "type": ["info"]}
    return found


def death(
    host: str,
    at_s: float,
    service: str,
    *,
    digest: str = "sha256:a",
    cause: str = "app_error",
    container: str = "1",
    scope: str | None = None,
    kills: tuple[str, ...] = (),
    trend: str | None = None,
) -> dict[str, Any]:
    """
    Return the death of a container of a service; `trend` is the shape of its memory before.
    """
    full = uuid5(NAMESPACE_URL, f"{host}/{service}/{container}").hex * 2
    block: dict[str, Any] = {
        "schema_version": 1,
        "cause": cause,
        "confidence": "certain",
        "evidence": [],
        "death": {"exit_code": 1, "oom_kill_ids": list(kills)},
        "advice": [],
        "logs": [],
    }
    if scope is not None:
        block["oom"] = {"scope": scope, "killer": "kernel", "victims": []}
    if trend is not None:
        block["memory"] = {"trend": trend, "growth_bytes_per_min": 1e6}
    return _event(
        "container_death",
        host,
        at(at_s),
        f"container/{full}",
        container=container_of(full, f"{service}-{container}", digest),
        service={"name": service},
        exit137=block,
    )


def kill(
    host: str, at_s: float, service: str, *, scope: str = "host", culprit: str | None = None, container: str = "1"
) -> dict[str, Any]:
    """
    Return an OOM kill in a container of a service; `culprit` is the service whose container took the memory.
    """
    full = uuid5(NAMESPACE_URL, f"{host}/{service}/{container}").hex * 2
    block: dict[str, Any] = {
        "schema_version": 1,
        "confidence": "certain",
        "evidence": [],
        "oom": {"scope": scope, "killer": "kernel", "victims": [{"pid": 7, "container_id": full}]},
        "advice": [],
        "logs": [],
    }
    if culprit is not None:
        taker = uuid5(NAMESPACE_URL, f"{host}/{culprit}/1").hex * 2
        block["culprit"] = {"container_id": taker, "name": f"{culprit}-1"}
    return _event(
        "oom_kill",
        host,
        at(at_s),
        f"container/{full}",
        container=container_of(full, f"{service}-{container}", "sha256:a"),
        service={"name": service},
        exit137=block,
    )


def kernel_event(host: str, at_s: float, kind: str) -> dict[str, Any]:
    """
    Return a kernel event about a host.
    """
    block = {
        "schema_version": 1,
        "confidence": "certain",
        "evidence": [],
        "kernel": {"kind": kind, "text": "t", "count": 1},
        "advice": [],
        "logs": [],
    }
    return _event("kernel_event", host, at(at_s), "host", exit137=block)


def container_of(full: str, name: str, digest: str) -> dict[str, Any]:
    """
    Return the ECS fields of a container.
    """
    return {
        "id": full,
        "name": name,
        "image": {"name": "i", "tag": [], "hash": {"all": [digest]}},
        "labels": {},
        "runtime": "docker",
    }
