"""
What reads bytes from outside, as functions of bytes: any bytes give a result or a ParseError, and nothing else.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from unittest.mock import create_autospec

from collector.metrics import Metrics
from collector.recordings.other_text import answer
from collector.recordings.pasted import events_of
from collector.runtime.access import TcpGuard
from collector.runtime.http_server import HttpServer, Response, plain, rendered
from collector.sources.docker.bounded import UnusableAnswerError
from collector.sources.docker.event_lines import event_lines
from collector.sources.docker.log_tail import masked_tail
from parsers import cgroup_cpu, cgroup_memory, proc_files, proc_status
from parsers.carriers.log_prefix import split_prefix
from parsers.cgroup_path import container_of, container_of_unit, is_delegated, is_shortened
from parsers.docker_event import parse_event
from parsers.docker_inspect import parse_inspect
from parsers.docker_log import payloads
from parsers.errors import ParseError
from parsers.instruction import decode_instruction
from parsers.journal import kernel_line, parse_entry
from parsers.journal_export import parse_export
from parsers.kernel import parse_coredump, parse_detail, parse_notice
from parsers.killers.senders import parse_killer, parse_killer_text
from parsers.killers.systemd import parse_unit_text
from parsers.kmsg import parse_record, split_dump
from parsers.oom.line import parse_line
from parsers.proc_event import parse_proc_event
from parsers.trace_line import begins_line
from parsers.trace_line import parse_line as parse_trace_line
from parsers.tracebacks import parse_traceback
from sinks.event.reader import read_events
from sinks.http.answers import retry_after_s

Target: TypeAlias = Callable[[bytes], object]


def kmsg(data: bytes) -> None:
    """
    Read records of the kernel log, and what they say.
    """
    for record in split_dump(data):
        with suppress(ParseError):
            text = parse_record(record).text
            parse_line(text)
            parse_notice(text)
            parse_detail(text)


def journal(data: bytes) -> None:
    """
    Read an entry as JSON, and entries in the export format.
    """
    entries: list[bytes | Mapping[str, Any]] = [data]
    with suppress(ParseError):
        entries += parse_export(data)
    for entry in entries:
        with suppress(ParseError):
            parsed = parse_entry(entry)
            kernel_line(parsed)
            parse_killer(parsed)
            parse_coredump(parsed.message, parsed.coredump or {})


def docker_event(data: bytes) -> None:
    """
    Read an event stream.
    """
    with suppress(UnusableAnswerError):
        for line in event_lines(_cut(data), line_bytes=4096):
            with suppress(ParseError):
                parse_event(line)


def docker_inspect(data: bytes) -> None:
    """
    Read the inspection of a container.
    """
    with suppress(ParseError):
        parse_inspect(data)


def docker_log(data: bytes) -> None:
    """
    Read the log of a container, and the traceback that it ends with.
    """
    parse_traceback(masked_tail(payloads(_cut(data))))


def instruction(data: bytes) -> None:
    """
    Decode an instruction.
    """
    decode_instruction(data)


def cgroups(data: bytes) -> None:
    """
    Read each file of a cgroup, and its path.
    """
    _each(
        data,
        cgroup_memory.parse_size,
        cgroup_memory.parse_limit,
        cgroup_memory.parse_stat_v1,
        cgroup_memory.parse_stat_v2,
        cgroup_memory.parse_pressure,
        cgroup_memory.parse_oom_kills,
        cgroup_cpu.parse_cpu_stat,
        cgroup_cpu.parse_cpu_max,
        lambda text: cgroup_cpu.parse_cpu_quota(text, text),
    )
    path = data.decode("utf-8", "replace")
    for read in (container_of, container_of_unit, is_delegated, is_shortened):
        read(path)


def proc(data: bytes) -> None:
    """
    Read each file of a process, and an event of the process connector.
    """
    _each(
        data,
        proc_files.parse_stat,
        proc_files.parse_cgroup,
        proc_files.parse_unit,
        proc_files.parse_shim,
        proc_files.parse_meminfo,
        proc_status.parse_task_status,
        proc_status.is_ending,
        proc_status.parse_wchan,
        proc_status.parse_stack,
        parse_proc_event,
    )


def trace(data: bytes) -> None:
    """
    Read lines of the trace.
    """
    for line in data.split(b"\n"):
        begins_line(line)
        _each(line, parse_trace_line)


def killers(data: bytes) -> None:
    """
    Read the messages of user space OOM killers.
    """
    text = data.decode("utf-8", "replace")
    for identifier in (None, "earlyoom", "systemd-oomd", "oomd", "nohang", "kubelet"):
        parse_killer_text(text, identifier)
    parse_unit_text(text, None)
    split_prefix(text)


def pasted(data: bytes) -> None:
    """
    Analyze a pasted text.
    """
    events_of(data)
    answer(data.decode("utf-8", "replace"))


def published(data: bytes) -> None:
    """
    Read a published event, and the header of an answer.
    """
    read_events([data])
    retry_after_s(data.decode("latin-1"))


class _Health:
    async def refresh_metrics(self) -> None: ...

    def readiness(self) -> tuple[bool, Sequence[str]]:
        return True, ()


class _Api:
    """
    An API that says what it was asked.
    """

    async def answer(self, path: str, parameters: Mapping[str, str], last_event_id: str | None) -> Response:
        return plain(HTTPStatus.OK, path, str(parameters), str(last_event_id))


_LOOP: Final = asyncio.new_event_loop()
_SERVER: Final = HttpServer("127.0.0.1:0", Metrics(), _Health(), api=_Api(), guard=TcpGuard(None, frozenset()))
_WRITER: Final = create_autospec(asyncio.StreamWriter, instance=True)


def listener(data: bytes) -> None:
    """
    Answer a request to the agent's own HTTP server.
    """

    async def ask() -> bytes:
        reader = asyncio.StreamReader(limit=8192)
        reader.feed_data(data)
        reader.feed_eof()
        return rendered(*await _SERVER._respond(reader, _WRITER))

    assert _LOOP.run_until_complete(ask()).startswith(b"HTTP/1.1 ")


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        target.__name__: target
        for target in (
            kmsg,
            journal,
            docker_event,
            docker_inspect,
            docker_log,
            instruction,
            cgroups,
            proc,
            trace,
            killers,
            pasted,
            published,
            listener,
        )
    }
)


def _each(data: bytes, *parsers: Callable[[bytes], object]) -> None:
    for parse in parsers:
        with suppress(ParseError):
            parse(data)


def _cut(data: bytes) -> Iterable[bytes]:
    """
    Cut a stream into pieces, whose size is the first byte.
    """
    size = data[0] + 1 if data else 1
    return (data[start : start + size] for start in range(1, len(data), size))
