"""
The events of a simulated agent, with the fields that the detectors and the pages read.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sinks.event import rfc3339

_NS_PER_S: Final = 1_000_000_000
START_NS: Final = round(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * _NS_PER_S
_CODES: Final[Mapping[str, int]] = {"oom_kill": 137, "crash": 139, "docker_stop": 0, "start_failed": 127}


def time_ns(second: float) -> int:
    """
    Return a time of the story, in nanoseconds since 1970.
    """
    return START_NS + round(second * _NS_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """
    A container of a service on a host.

    Attributes:
        host: the host.
        service: the service.
        number: of the container on its host.
        digest: the version that it runs.
    """

    host: str
    service: str
    number: int
    digest: str

    @property
    def id(self) -> str:
        """
        The container's id.
        """
        return hashlib.sha256(f"{self.host}/{self.service}/{self.number}".encode()).hexdigest()

    @property
    def name(self) -> str:
        """
        The container's name.
        """
        return f"{self.service}-{self.number}"


class EventMaker:
    """
    Makes events with ids of their own.
    """

    def __init__(self, rng: random.Random) -> None:
        """
        Begin; ids come from the random numbers.
        """
        self._rng = rng

    def status(
        self, host: str, at_ns: int, interval_s: float, services: Sequence[tuple[str, str, int, float]]
    ) -> dict[str, Any]:
        """
        Return the status of a host.

        Args:
            host: its name.
            at_ns: when, by its clock.
            interval_s: the time since the last one.
            services: name, digest, running containers and container-seconds.
        """
        block = {
            "interval_s": interval_s,
            "version": "0.1.0",
            "sources": {"docker": "up", "kmsg": "up"},
            "services": [
                {
                    "name": name,
                    "digest": digest,
                    "version": _version(digest),
                    "running": running,
                    "container_seconds": ran_s,
                }
                for name, digest, running, ran_s in services
            ],
        }
        return self._event("host_status", host, at_ns, f"host/{host}", {"status": block})

    def death(self, replica: Replica, at_ns: int, cause: str, *, oom: str | None = None) -> dict[str, Any]:
        """
        Return the death of a container; `oom` is whose memory ran out.
        """
        block: dict[str, Any] = {"cause": cause, "death": {"exit_code": _CODES.get(cause, 1), "oom_kill_ids": []}}
        if oom is not None:
            block["oom"] = {"scope": oom, "killer": "kernel", "group": False, "victims": []}
        return self._of_container("container_death", replica, at_ns, block)

    def kill(self, replica: Replica, at_ns: int, culprit: str | None) -> dict[str, Any]:
        """
        Return an OOM kill for the memory of the whole host; `culprit` is the service that took it.
        """
        victim = {"pid": 4711, "name": "main", "container_id": replica.id}
        block: dict[str, Any] = {"oom": {"scope": "host", "killer": "kernel", "group": False, "victims": [victim]}}
        if culprit is not None:
            taker = Replica(host=replica.host, service=culprit, number=0, digest="")
            block["culprit"] = {"container_id": taker.id, "name": taker.name}
        return self._of_container("oom_kill", replica, at_ns, block)

    def kernel_event(self, host: str, at_ns: int, kind: str) -> dict[str, Any]:
        """
        Return an error of the host in its kernel log.
        """
        block = {"kernel": {"kind": kind, "text": f"simulated {kind}", "count": 1}}
        return self._event("kernel_event", host, at_ns, f"host/{host}", block)

    def docker_down(self, host: str, at_ns: int) -> dict[str, Any]:
        """
        Return the event of an agent that cannot reach dockerd.
        """
        block = {"gap": {"source": "docker", "what": "source_down"}}
        return self._event("agent", host, at_ns, "source/docker", block)

    def _of_container(self, kind: str, replica: Replica, at_ns: int, block: dict[str, Any]) -> dict[str, Any]:
        event = self._event(kind, replica.host, at_ns, f"container/{replica.id}", block)
        version = _version(replica.digest)
        event["data"]["container"] = {
            "id": replica.id,
            "name": replica.name,
            "image": {
                "name": f"registry.example/{replica.service}:{version}",
                "tag": [version],
                "hash": {"all": [replica.digest]},
            },
            "labels": {},
            "runtime": "docker",
        }
        event["data"]["service"] = {"name": replica.service, "version": version}
        return event

    def _event(self, kind: str, host: str, at_ns: int, subject: str, block: dict[str, Any]) -> dict[str, Any]:
        stamp = rfc3339(at_ns)
        is_metric = kind == "host_status"
        classified = {
            "kind": "metric" if is_metric else "alert",
            "category": ["host" if is_metric else "process"],
            "type": ["info"],
            "action": kind.replace("_", "-"),
            "severity": 2 if is_metric else 5,
            "dataset": "exit137",
        }
        empty = {"schema_version": 1, "confidence": "certain", "evidence": [], "advice": [], "logs": []}
        return {
            "specversion": "1.0",
            "id": f"{self._rng.getrandbits(128):032x}",
            "source": f"urn:exit137:host:{host}",
            "type": f"exit137.{kind}",
            "subject": subject,
            "time": stamp,
            "datacontenttype": "application/json",
            "data": {
                "@timestamp": stamp,
                "message": f"Simulated: {subject}.",
                "event": classified,
                "host": {"id": host, "hostname": host},
                "exit137": {**empty, **block},
            },
        }


def _version(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8]
