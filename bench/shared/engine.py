"""
A stand-in for the Docker Engine that starts and ends a thousand containers per second.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

LIFE_S: Final = 0.05
TICK_S: Final = 0.01
ENVIRONMENT: Final = [f"SETTING_{number}=value-{number}" for number in range(40)]
LABELS: Final = {f"com.example.label{number}": f"value {number}" for number in range(8)}
LOG: Final = b"".join(b"2026-11-29T10:00:00.000000000Z line %d of the program\n" % number for number in range(20))


@dataclass(slots=True)
class Container:
    """
    One container of the stand-in.
    """

    number: int
    started_ns: int
    finished_ns: int = 0

    @property
    def id(self) -> str:
        """
        Its full id.
        """
        return f"{self.number:064x}"

    @property
    def exit_code(self) -> int:
        """
        The code with which it ends; not 0, so that the end is worth a verdict.
        """
        return 1 + self.number % 100

    def document(self) -> dict[str, Any]:
        """
        Return what `docker inspect` shows, in Docker's size.
        """
        running = not self.finished_ns
        return {
            "Id": self.id,
            "Created": stamp(self.started_ns),
            "Path": "/app/worker",
            "Args": ["--queue", "default"],
            "State": {
                "Status": "running" if running else "exited",
                "Running": running,
                "Paused": False,
                "Restarting": False,
                "OOMKilled": False,
                "Dead": False,
                "Pid": 1_000_000 + self.number if running else 0,
                "ExitCode": 0 if running else self.exit_code,
                "Error": "",
                "StartedAt": stamp(self.started_ns),
                "FinishedAt": "0001-01-01T00:00:00Z" if running else stamp(self.finished_ns),
            },
            "Image": "sha256:" + "a" * 64,
            "Name": f"/worker-{self.number}",
            "RestartCount": 0,
            "Driver": "overlay2",
            "HostConfig": {
                "LogConfig": {"Type": "json-file", "Config": {}},
                "NetworkMode": "bridge",
                "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                "Memory": 268_435_456,
                "MaskedPaths": [f"/proc/masked{number}" for number in range(12)],
                "ReadonlyPaths": [f"/proc/readonly{number}" for number in range(8)],
            },
            "Config": {"Image": "registry.example/shop/worker:1.4", "Env": ENVIRONMENT, "Labels": LABELS, "Tty": False},
            "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2", "Gateway": "172.17.0.1"}}},
            "Mounts": [],
        }

    def event(self, action: str, at_ns: int) -> bytes:
        """
        Return one of Docker's events about it.
        """
        attributes = {"image": "registry.example/shop/worker:1.4", "name": f"worker-{self.number}", **LABELS}
        if action == "die":
            attributes |= {"exitCode": str(self.exit_code), "execDuration": "0"}
        actor = {"ID": self.id, "Attributes": attributes}
        message = {
            "status": action,
            "id": self.id,
            "from": attributes["image"],
            "Type": "container",
            "Action": action,
            "Actor": actor,
            "scope": "local",
            "time": at_ns // 1_000_000_000,
            "timeNano": at_ns,
        }
        return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def stamp(at_ns: int) -> str:
    """
    Return a time as Docker writes it.
    """
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


@dataclass(slots=True)
class Engine:
    """
    The stand-in for the Docker Engine.

    Attributes:
        deaths_per_s: how many containers die per second.
        seconds: for how long.
        make: creates a container by its number and its start.
        requests: how often each kind of request was answered.
    """

    deaths_per_s: int
    seconds: float
    make: Callable[[int, int], Container] = Container
    containers: dict[str, Container] = field(default_factory=dict)
    living: list[Container] = field(default_factory=list)
    listeners: list[asyncio.StreamWriter] = field(default_factory=list)
    listened: asyncio.Event = field(default_factory=asyncio.Event)
    requests: dict[str, int] = field(default_factory=dict)

    async def serve(self, path: str, counts: str) -> None:
        """
        Answer on a socket; when a listener has come, start and end containers, then write how much was asked for.
        """
        server = await asyncio.start_unix_server(self.answer, path)
        async with server:
            await self.listened.wait()
            await asyncio.sleep(1)
            await self.run()
            while True:
                await asyncio.sleep(0.5)
                Path(counts).write_text(json.dumps(self.requests), encoding="utf-8")  # noqa: ASYNC240

    async def run(self) -> None:
        """
        Start and end containers at the pace.
        """
        began, made, total = time.monotonic(), 0, int(self.deaths_per_s * self.seconds)
        while made < total or self.living:
            due = min(int((time.monotonic() - began) * self.deaths_per_s), total)
            lines = [self.start(number) for number in range(made, due)]
            made = max(made, due)
            lines += self.end(time.time_ns())
            if lines:
                await self.send(b"".join(lines))
            await asyncio.sleep(TICK_S)

    def start(self, number: int) -> bytes:
        """
        Start a container; return its event.
        """
        now_ns = time.time_ns()
        container = self.make(number, now_ns)
        self.containers[container.id] = container
        self.living.append(container)
        return container.event("start", now_ns)

    def end(self, now_ns: int) -> Iterator[bytes]:
        """
        End the containers that are old enough; yield their events.
        """
        while self.living and now_ns - self.living[0].started_ns >= LIFE_S * 1e9:
            container = self.living.pop(0)
            container.finished_ns = time.time_ns()
            yield container.event("die", container.finished_ns)

    async def send(self, lines: bytes) -> None:
        """
        Send events to all listeners.
        """
        for listener in self.listeners:
            listener.write(b"%x\r\n%s\r\n" % (len(lines), lines))
            await listener.drain()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        Answer the requests of one connection.
        """
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = re.sub(r"^/v[\d.]+", "", head.split(b" ")[1].decode())
                if path.startswith("/events"):
                    await self.listen(reader, writer)
                    return
                kind, content_type, body = self.body(path)
                self.requests[kind] = self.requests.get(kind, 0) + 1
                status = b"200 OK" if body is not None else b"404 Not Found"
                body = body if body is not None else b'{"message":"No such container"}'
                writer.write(
                    b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                    % (status, content_type, len(body), body)
                )
                await writer.drain()

    async def listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """
        Send events to a connection until it is closed.
        """
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        self.listeners.append(writer)
        self.listened.set()
        await reader.read()
        self.listeners.remove(writer)

    def body(self, path: str) -> tuple[str, bytes, bytes | None]:
        """
        Return the kind of a request, and the type and the body of its answer; None: not found.
        """
        json_type = b"application/json"
        if path.startswith("/_ping"):
            return "ping", b"text/plain", b"OK"
        if path.startswith("/version"):
            return "version", json_type, b'{"Version":"28.5.0","ApiVersion":"1.51","MinAPIVersion":"1.24"}'
        if path.startswith("/containers/json"):
            return "list", json_type, json.dumps([{"Id": each.id} for each in self.living]).encode()
        container = self.containers.get(path.split("/")[2])
        if container is None:
            return "gone", json_type, None
        if "/logs" in path:
            frame = b"\x01\x00\x00\x00" + len(LOG).to_bytes(4, "big") + LOG
            return "logs", b"application/vnd.docker.multiplexed-stream", frame
        return "inspect", json_type, json.dumps(container.document()).encode()


def engine(deaths_per_s: int, seconds: float, path: str, counts: str) -> None:
    """
    Run the stand-in; the process is ended by its parent.
    """
    asyncio.run(Engine(deaths_per_s, seconds).serve(path, counts))
