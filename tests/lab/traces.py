"""
Saves the traces of a failed live test: the agent's log and events, kernel records and Docker's events.
"""

import json
import math
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import docker
import requests

from tests.lab.agent import Agent

_RECORD_BYTES: Final = 8192
_EARLY_US: Final = 1_000_000


@dataclass(slots=True, kw_only=True)
class Traces:
    """
    The traces of one scenario.

    Attributes:
        agent: the agent that watched.
        client: a client of the engine on which it happened.
        since_s: wall clock time of its start.
        since_us: time of its start on the kernel's clock.
        until_s: wall clock time of its end; None until now.
    """

    agent: Agent
    client: docker.DockerClient
    since_s: float = field(default_factory=time.time)
    since_us: int = field(default_factory=lambda: time.monotonic_ns() // 1000)
    until_s: float | None = None

    def save(self, directory: Path) -> None:
        """
        Write the traces into a directory, which is emptied first.
        """
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        shutil.copy(self.agent.log, directory / "agent.log")
        lines = [json.dumps(event) for event in self.agent.events()]
        (directory / "events.jsonl").write_text("\n".join(lines))
        (directory / "kernel.log").write_bytes(b"".join(kernel_records(self.since_us - _EARLY_US)))
        (directory / "docker-events.jsonl").write_text("\n".join(self._docker_events()))

    def _docker_events(self) -> list[str]:
        until_s = self.until_s if self.until_s is not None else time.time()
        try:
            stream = self.client.events(since=int(self.since_s), until=math.ceil(until_s), decode=True)
            return [json.dumps(event) for event in stream]
        except (docker.errors.DockerException, requests.RequestException) as error:
            return [json.dumps({"error": str(error)})]


def kernel_records(since_us: int) -> list[bytes]:
    """
    Return the records of /dev/kmsg from a time on.

    Args:
        since_us: microseconds since boot, the third field of each record.
    """
    records: list[bytes] = []
    descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                record = os.read(descriptor, _RECORD_BYTES)
            except BlockingIOError:
                return records
            except BrokenPipeError:  # overwritten while reading: continue with the oldest record
                continue
            if int(record.split(b",", 3)[2]) >= since_us:
                records.append(record)
    finally:
        os.close(descriptor)
