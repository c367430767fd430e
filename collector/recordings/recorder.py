"""
Records a host in a folder: the kernel log, Docker's events and inspections as they arrive, the journal at the end.

The files grow by whole lines, so even a recorder that is killed leaves a recording that can be replayed.
"""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from collector.host.clock import HostIdentity
from collector.host.threads import Threads, in_thread
from collector.recordings.journal import copy_journal
from collector.recordings.masked import masked_event, masked_inspection
from collector.sources.base import SourceError
from collector.sources.docker.client import DockerClient
from collector.sources.docker.event_pump import EventPump, InspectQueue
from parsers.errors import ParseError
from parsers.kmsg import parse_record
from parsers.untyped import fields_of
from sinks.masking import mask_bytes

# The kernel's own limit for a record of /dev/kmsg.
_RECORD_BYTES: Final = 8192
_THREADS_KEPT: Final = 4
_POLL_S: Final = 0.2
# From the beginning: Docker replays the events that it still remembers.
_SINCE_NS: Final = 1_000_000_000
_INSPECT_AFTER: Final = frozenset({"create", "start", "die", "oom"})
# A recording is for its owner only: process names and log lines may be confidential.
_FILE_MODE: Final = 0o600


class RecorderError(Exception):
    """
    Raised when the folder cannot be used for a recording.
    """


@dataclass(slots=True)
class Tally:
    """
    How much has been recorded so far.
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
        host: the identity of this host.
        docker_url: the engine to record.
        kmsg: the device of the kernel log.

    Raises:
        RecorderError: the folder is not empty, or cannot be created.
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
        Record until `stop` is set; inputs that cannot be read are left out, with the reason in `notes`.
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
                        await asyncio.wait_for(stop.wait(), _POLL_S)
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
                continue  # records were overwritten before they could be read; the sequence numbers show how many
            kept, from_kernel = _recorded(record)
            file.write(kept)
            self.tally.kernel_records += from_kernel

    async def _copy_docker(self, stop: asyncio.Event) -> None:
        threads = Threads(kept=_THREADS_KEPT)
        try:
            client = await threads.call(DockerClient, self._docker_url)
            engine = await threads.call(client.engine)
            stream = await threads.call(client.events, _SINCE_NS)
            info = await threads.call(client.info)
            listing = await threads.call(client.container_ids, running_only=False)
        except SourceError as error:
            self.notes.append(f"no Docker: {error}")
            self._write_meta("-", {})
            return
        self._write_meta(engine.version or "(version unknown)", info)
        pump = EventPump(stream, asyncio.get_running_loop())
        inspections = InspectQueue(client, threads, pump.wake)
        for container_id in listing.ids:
            inspections.ask(container_id)
        with self._open("events.jsonl") as events, self._open("inspect.jsonl") as inspected:
            ended: SourceError | None = None
            stopping = False
            while ended is None and not stopping:
                stopping = stop.is_set()  # after that one more round, for events that are on their way
                messages, ended = await pump.take(_POLL_S)
                self._write_events(messages, events, inspections)
                self._write_inspections(inspections, inspected)
        if ended is not None:
            self.notes.append(f"Docker's events ended early: {ended}")
        stream.close()
        client.close()

    def _write_events(self, lines: list[bytes], file: BinaryIO, inspections: InspectQueue) -> None:
        for message in filter(None, map(_message, lines)):
            file.write(orjson.dumps(masked_event(message)) + b"\n")
            self.tally.docker_events += 1
            container_id = fields_of(message.get("Actor")).get("ID")
            if message.get("Action") in _INSPECT_AFTER and isinstance(container_id, str):
                inspections.ask(container_id)
        file.flush()

    def _write_inspections(self, inspections: InspectQueue, file: BinaryIO) -> None:
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
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
        return os.fdopen(descriptor, "wb")


def _message(line: bytes) -> Mapping[str, Any] | None:
    """
    Decode an event of Docker's stream; None if it is not one.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None


def _recorded(record: bytes) -> tuple[bytes, bool]:
    """
    Return what is kept of a record, and whether the kernel wrote it.

    A record that a program wrote is no evidence, and may contain anything: only its number is kept, so that it is not
    taken for lost.
    """
    try:
        parsed = parse_record(record)
    except ParseError:
        return b"", False
    if parsed.from_kernel:
        return mask_bytes(record), True
    return f"{parsed.priority},{parsed.seq},{parsed.monotonic_us},-;\n".encode(), False


def _oom_kills(vmstat: Path) -> bytes:
    """
    Return the kernel's own count of OOM kills: the line `oom_kill N`.
    """
    try:
        lines = vmstat.read_bytes().splitlines()
    except OSError:
        return b""
    return b"".join(line + b"\n" for line in lines if line.startswith(b"oom_kill "))
