"""
The recorder: kernel log, Docker's events and inspections as they come, the journal at the end.

A folder of files that grow by whole lines: a recorder that is killed leaves a recording that can be replayed.
"""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from collector.hostclock import HostIdentity
from collector.recorder.journal import copy_journal
from collector.recorder.masked import masked_event, masked_inspection
from collector.sources.base import SourceError
from collector.sources.docker_client import DockerClient
from collector.sources.docker_stream import EventPump, Inspections
from collector.threads import in_thread
from parsers.errors import ParseError
from parsers.kmsg import parse_record

_RECORD_BYTES: Final = 8192
_LOOK_EVERY_S: Final = 0.2
_FIRST_EVENT_NS: Final = 1_000_000_000
_ASK_AFTER: Final = frozenset({"create", "start", "die", "oom"})
_OPEN_MODE: Final = 0o600


class RecorderError(Exception):
    """
    Raised when nothing can be recorded here.
    """


@dataclass(slots=True)
class Tally:
    """
    What has been recorded.
    """

    kernel_records: int = 0
    docker_events: int = 0
    inspections: int = 0
    journal_entries: int = 0


class Recorder:
    """
    Records this host in a folder.

    Args:
        folder: a new or empty folder.
        host: who this host is.
        docker_url: the engine to listen to.
        kmsg: the kernel's log.

    Raises:
        RecorderError: the folder holds something already, or cannot be made.
    """

    def __init__(self, folder: Path, host: HostIdentity, docker_url: str, kmsg: str = "/dev/kmsg") -> None:
        self._folder = folder
        self._host = host
        self._docker_url = docker_url
        self._kmsg = kmsg
        self.tally = Tally()
        self.notes: list[str] = []
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise RecorderError(f"{folder} is not empty")
        except OSError as error:
            raise RecorderError(f"{folder}: {error.strerror}") from error

    async def run(self, stop: asyncio.Event) -> Tally:
        """
        Record until told to stop; what cannot be read is left out and stands in `notes`.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._copy_kernel_log(stop), name="kernel log")
            tasks.create_task(self._copy_docker(stop), name="docker")
        self._write("vmstat", _oom_kills(Path("/proc/vmstat")))
        with self._open("journal-kernel.json") as kernel, self._open("journal-units.export") as units:
            self.tally.journal_entries = await in_thread(copy_journal, self._host.boot_id, kernel, units)
        return self.tally

    async def _copy_kernel_log(self, stop: asyncio.Event) -> None:
        try:
            device = os.open(self._kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self.notes.append(f"no kernel log: {self._kmsg}: {error.strerror}")
            return
        try:
            with self._open("kmsg.raw") as file:
                while not stop.is_set():
                    self._drain(device, file)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)
                self._drain(device, file)
        finally:
            os.close(device)

    def _drain(self, device: int, file: BinaryIO) -> None:
        while True:
            try:
                record = os.read(device, _RECORD_BYTES)
            except BlockingIOError:
                file.flush()
                return
            except OSError:
                continue  # records were overwritten before they could be read: their numbers show it
            if _from_kernel(record):
                file.write(record)
                self.tally.kernel_records += 1

    async def _copy_docker(self, stop: asyncio.Event) -> None:
        try:
            client = await in_thread(DockerClient, self._docker_url)
            version = await in_thread(client.version)
            stream = await in_thread(client.events, _FIRST_EVENT_NS)
        except SourceError as error:
            self.notes.append(f"no Docker: {error}")
            self._write_meta("-", {})
            return
        self._write_meta(version, await in_thread(client.info))
        pump = EventPump(stream, asyncio.get_running_loop())
        inspections = Inspections(client, pump.wake)
        for container_id in await in_thread(client.container_ids, running_only=False):
            inspections.ask(container_id)
        with self._open("events.jsonl") as events, self._open("inspect.jsonl") as inspected:
            ended: SourceError | None = None
            stopping = False
            while ended is None and not stopping:
                stopping = stop.is_set()  # once more after that, for what is on its way
                messages, ended = await pump.take(_LOOK_EVERY_S)
                self._keep_events(messages, events, inspections)
                self._keep_inspections(inspections, inspected)
        if ended is not None:
            self.notes.append(f"Docker's events end early: {ended}")
        stream.close()
        client.close()

    def _keep_events(self, messages: list[Mapping[str, Any]], file: BinaryIO, inspections: Inspections) -> None:
        for message in messages:
            file.write(orjson.dumps(masked_event(message)) + b"\n")
            self.tally.docker_events += 1
            if message.get("Action") in _ASK_AFTER:
                inspections.ask(str(message.get("Actor", {}).get("ID")))
        file.flush()

    def _keep_inspections(self, inspections: Inspections, file: BinaryIO) -> None:
        for _, answer in inspections.answers():
            if isinstance(answer, Mapping):
                file.write(orjson.dumps([masked_inspection(answer)]) + b"\n")
                self.tally.inspections += 1
        file.flush()

    def _write_meta(self, version: str, info: Mapping[str, Any]) -> None:
        second = "yes" if str(info.get("CgroupVersion", "1")) == "2" else "no"
        lines = (self._host.kernel, version, f"cgroup_v2={second}", str(info.get("CgroupDriver", "-")), self._boot_id)
        self._write("meta", "".join(f"{line}\n" for line in lines).encode())

    @property
    def _boot_id(self) -> str:
        return self._host.boot_id or "-"

    def _write(self, name: str, content: bytes) -> None:
        with self._open(name) as file:
            file.write(content)

    def _open(self, name: str) -> BinaryIO:
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OPEN_MODE)
        return os.fdopen(descriptor, "wb")


def _from_kernel(record: bytes) -> bool:
    """
    What programs wrote to the kernel's log may hold anything, and is no evidence.
    """
    try:
        return parse_record(record).from_kernel
    except ParseError:
        return False


def _oom_kills(vmstat: Path) -> bytes:
    """
    The kernel's own count of OOM kills: the line `oom_kill N`.
    """
    try:
        lines = vmstat.read_bytes().splitlines()
    except OSError:
        return b""
    return b"".join(line + b"\n" for line in lines if line.startswith(b"oom_kill "))
