"""
`exit137 check`: finds out whether a configuration works on this host before the agent uses it.
"""

import asyncio
import os
import shlex
import stat
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from collector.cli.common import FAILED, config_option, configuration
from collector.config.loader import SYSTEM_CONFIG
from collector.config.sections import Config
from collector.host.clock import identify
from collector.runtime.probe import probe
from sinks import SINKS, Outgoing, Sink, SinkConfig, load
from sinks.base import VerifiableSink
from sinks.errors import DisabledError, SinkError
from sinks.event import Confidence, EcsEvent, Event, EventType, Exit137, Gap, GapKind, Severity, to_json
from sinks.event.ids import agent_id
from sinks.masking import mask_text
from sinks.secret import Secret
from sinks.text import printable

# For the whole test of one sink: connect, log in, send.
_TIMEOUT_S: Final = 15.0
# Certificates are no secrets.
_PUBLIC_FILES: Final = frozenset({"ca_file", "cert_file"})


@click.command("check")
@config_option
@click.option("--send-test", is_flag=True, help="Also send a test event to every sink.")
@click.option("--config-only", is_flag=True, help="Check only the configuration, no source and no sink.")
@click.pass_context
def command(ctx: click.Context, config_path: Path | None, *, send_test: bool, config_only: bool) -> None:
    """Check the configuration and whether each source can be read; with --send-test, also the sinks."""
    config = configuration(config_path)
    if config_only:
        return
    for warning in exposed(config, config_path or SYSTEM_CONFIG):
        _say(f"warning: {warning}")
    works = asyncio.run(_check(config, send_test=send_test))
    ctx.exit(0 if works else FAILED)


async def _check(config: Config, *, send_test: bool) -> bool:
    works = True
    for result in await probe(config.sources):
        _say(f"source {result.name}: {result.text}")
        works = works and not result.failed
    for line in available_sinks():
        _say(line)
    for sink in config.sinks:
        problem = await _send_test(sink, config) if send_test else unreadable(sink) or await unusable(sink)
        success = "a test event was sent" if send_test else "configured, not tested (use --send-test)"
        _say(f"sink {sink.name}: {problem or success}")
        works = works and problem is None
    return works


def _say(line: str) -> None:
    """
    Print a line of the answer; it may quote an engine, a destination or an address.
    """
    click.echo(printable(mask_text(line)))


def available_sinks() -> Iterator[str]:
    """
    Yield which kinds of sinks can be configured, and what to install for the others.
    """
    missing = {kind: problem for kind in SINKS if (problem := _missing(kind)) is not None}
    yield f"available sinks: {', '.join(kind for kind in SINKS if kind not in missing)}"
    yield from missing.values()


def _missing(kind: str) -> str | None:
    try:
        load(kind)
    except DisabledError as error:
        return error.detail
    return None


def unreadable(config: SinkConfig) -> str | None:
    """
    Return the first file with a secret or certificate that cannot be read; None if all can.

    A path with `%d` is skipped: only systemd knows the credentials directory of the unit.
    """
    for key, path in _files(config):
        if "%d" not in path and not os.access(path, os.R_OK):
            return f"{key}: cannot read {path}"
    return None


async def unusable(config: SinkConfig) -> str | None:
    """
    Return what is wrong with the content of the files, for sinks that can verify it; None if nothing is.

    A path with `%d` is skipped, as in `unreadable`.
    """
    sink = load(config.type)[1](config)
    if not isinstance(sink, VerifiableSink) or any("%d" in path for _, path in _files(config)):
        return None
    return await _problem(sink.verify, sink)


def exposed(config: Config, file: Path) -> Iterator[str]:
    """
    Yield the files with secrets that every user of this host may read, each with the command that mends it.

    Args:
        config: the configuration.
        file: where it was read; it may hold secrets itself.
    """
    if any(_has_secret(getattr(sink, key)) for sink in config.sinks for key in sink.__struct_fields__):
        yield from _exposed("the configuration", str(file))
    for sink in config.sinks:
        for key, path in _files(sink):
            if key not in _PUBLIC_FILES:
                yield from _exposed(f"sink {sink.name}: {key}", path)


def _has_secret(value: object) -> bool:
    return isinstance(value, Secret) or (isinstance(value, Mapping) and any(map(_has_secret, value.values())))


def _exposed(what: str, path: str) -> Iterator[str]:
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return
    if mode & stat.S_IROTH:
        yield f"{what}: every user of this host can read {path}: run chmod o-r {shlex.quote(path)}"


def _files(config: SinkConfig) -> Iterator[tuple[str, str]]:
    """
    Yield the settings that name files, each with a file.
    """
    for key in config.__struct_fields__:
        if key.endswith(("_file", "_files")):
            yield from ((key, path) for path in _paths(getattr(config, key)))


def _paths(value: str | Sequence[str] | Mapping[str, str] | None) -> Iterable[str]:
    match value:
        case None:
            return ()
        case str():
            return (value,)
        case Mapping():
            return value.values()
        case _:
            return value


async def _send_test(sink_config: SinkConfig, config: Config) -> str | None:
    """
    Send a test event. Return what went wrong; None if the sink accepted it.
    """
    sink = load(sink_config.type)[1](sink_config)

    async def send() -> None:
        await sink.open()
        await sink.send([trial_event(config, time.time_ns())])

    return await _problem(send, sink)


async def _problem(attempt: Callable[[], Awaitable[None]], sink: Sink) -> str | None:
    """
    Try something with a sink, and close it. Return what went wrong; None if nothing did.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await attempt()
    except SinkError as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {_TIMEOUT_S:.0f} s"
    finally:
        await sink.aclose()
    return None


def trial_event(config: Config, time_ns: int) -> Outgoing:
    """
    Return the event that `--send-test` sends. It says that it is a test.

    Args:
        config: names the host.
        time_ns: when the event happened, nanoseconds since 1970.
    """
    host = identify(machine_id=config.host.id, hostname=config.host.hostname).published()
    event = Event(
        id=agent_id(host.id, "check", "test", uuid.uuid4().int >> 65),
        type=EventType.AGENT,
        subject="source/check",
        time_ns=time_ns,
        message="A test event: exit137 can reach this sink.",
        event=EcsEvent(kind="state", category=("process",), type=("info",), action="test", severity=Severity.DEBUG),
        host=host,
        exit137=Exit137(confidence=Confidence.CERTAIN, evidence=(), gap=Gap(source="check", what=GapKind.TEST)),
    )
    return Outgoing(id=event.id, type=event.type.value, key=event.key, body=to_json(event))
