"""
What goes out: the published event, its renderings, and one file per destination. A sink only sends.

Only the modules of the sinks that are configured are imported: a client library costs up to 20 MB of memory.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sinks.base import Outgoing, Sink, SinkConfig
from sinks.errors import DisabledError, Reason

__all__ = ["SINKS", "Outgoing", "Sink", "SinkConfig", "SinkEntry", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkEntry:
    """
    Where a kind of sink is found.

    Attributes:
        module: its module; imported when it is asked for.
        config: the name of its configuration's class there.
        sink: the name of its class; called with the configuration alone.
        extra: the optional dependency that it needs.
    """

    module: str
    config: str
    sink: str
    extra: str | None = None


SINKS: Final[Mapping[str, SinkEntry]] = {
    "stdout": SinkEntry(module="sinks.stdout", config="StdoutConfig", sink="StdoutSink"),
    "file": SinkEntry(module="sinks.file", config="FileConfig", sink="FileSink"),
    "webhook": SinkEntry(module="sinks.webhook", config="WebhookConfig", sink="WebhookSink", extra="http"),
    "slack": SinkEntry(module="sinks.slack", config="SlackConfig", sink="SlackSink", extra="http"),
    "kafka": SinkEntry(module="sinks.kafka", config="KafkaConfig", sink="KafkaSink", extra="kafka"),
}


def load(kind: str) -> tuple[type[SinkConfig], Callable[[Any], Sink]]:
    """
    The configuration's class of one kind of sink, and what makes the sink of it.

    Args:
        kind: a key of `SINKS`.

    Raises:
        DisabledError: a library that it needs is not installed.
    """
    entry = SINKS[kind]
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        detail = f"the {kind} sink needs {error.name}: pip install exit137[{entry.extra}]"
        raise DisabledError(Reason.UNUSABLE, detail) from error
    return getattr(module, entry.config), getattr(module, entry.sink)
