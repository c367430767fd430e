"""
`exit137 check`: whether the configuration can work on this host, before the agent is started with it.
"""

import asyncio
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from collector.cli.common import FAILED, config_option, configuration
from collector.config import Config
from collector.correlate.identity import agent_id
from collector.hostclock import identify
from collector.sources.probe import probe
from sinks import Outgoing, SinkConfig, load
from sinks.errors import SinkError
from sinks.event import Confidence, EcsEvent, Event, EventType, Exit137, Gap, Severity, to_json

_PATIENCE_S: Final = 15.0


@click.command("check")
@config_option
@click.option("--send-test", is_flag=True, help="Send a test event to every sink.")
@click.option("--config-only", is_flag=True, help="Read the configuration, and try nothing.")
@click.pass_context
def command(ctx: click.Context, config_path: Path | None, *, send_test: bool, config_only: bool) -> None:
    """Check the configuration, the sources and, with --send-test, the sinks."""
    config = configuration(config_path)
    if config_only:
        return
    sound = asyncio.run(_check(config, send_test=send_test))
    ctx.exit(0 if sound else FAILED)


async def _check(config: Config, *, send_test: bool) -> bool:
    sound = True
    for result in await probe(config.sources):
        click.echo(f"source {result.name}: {result.text}")
        sound = sound and not result.failed
    for sink in config.sinks:
        problem = await _try(sink, config) if send_test else unreadable(sink)
        told = "a test event was sent" if send_test else "configured (--send-test tries it)"
        click.echo(f"sink {sink.name}: {problem or told}")
        sound = sound and problem is None
    return sound


def unreadable(config: SinkConfig) -> str | None:
    """
    The first of the files with secrets and certificates that cannot be read here; `%d` is known to the unit alone.
    """
    for key in config.__struct_fields__:
        for path in _paths(getattr(config, key)) if key.endswith(("_file", "_files")) else ():
            if "%d" not in path and not os.access(path, os.R_OK):
                return f"{key} {path}: cannot be read"
    return None


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


async def _try(config: SinkConfig, all_of_it: Config) -> str | None:
    """
    Send a test event; gives what went wrong.
    """
    sink = load(config.type)[1](config)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await sink.open()
            await sink.send([trial_event(all_of_it, time.time_ns())])
    except SinkError as error:
        return str(error)
    except TimeoutError:
        return f"no answer in {_PATIENCE_S:.0f} s"
    finally:
        await sink.aclose()
    return None


def trial_event(config: Config, time_ns: int) -> Outgoing:
    """
    What `--send-test` sends: an event that says it is a test.

    Args:
        config: names the host.
        time_ns: the wall clock.
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
        exit137=Exit137(confidence=Confidence.CERTAIN, evidence=(), gap=Gap(source="check", what="test")),
    )
    return Outgoing(id=event.id, type=event.type.value, key=event.key, body=to_json(event))
