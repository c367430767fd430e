"""
What goes out: the published event, its renderings, and one file or folder per destination. A sink only sends.

Only the modules of configured sinks are imported: a client library costs up to 20 MB of memory.
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
    Where the code of a kind of sink is.

    Attributes:
        module: imported when the first sink of this kind is loaded.
        config: the name of the configuration class in that module.
        sink: the name of the sink class; its only argument is the configuration.
    """

    module: str
    config: str
    sink: str


SINKS: Final[Mapping[str, SinkEntry]] = {
    "stdout": SinkEntry(module="sinks.stdout", config="StdoutConfig", sink="StdoutSink"),
    "file": SinkEntry(module="sinks.file", config="FileConfig", sink="FileSink"),
    "webhook": SinkEntry(module="sinks.webhook", config="WebhookConfig", sink="WebhookSink"),
    "slack": SinkEntry(module="sinks.slack", config="SlackConfig", sink="SlackSink"),
    "apprise": SinkEntry(module="sinks.apprise", config="AppriseConfig", sink="AppriseSink"),
    "alertmanager": SinkEntry(module="sinks.alertmanager", config="AlertmanagerConfig", sink="AlertmanagerSink"),
    "opensearch": SinkEntry(module="sinks.opensearch", config="OpenSearchConfig", sink="OpenSearchSink"),
    "otlp": SinkEntry(module="sinks.otlp", config="OtlpConfig", sink="OtlpSink"),
    "splunk_hec": SinkEntry(module="sinks.splunk_hec", config="SplunkConfig", sink="SplunkSink"),
    "syslog": SinkEntry(module="sinks.syslog", config="SyslogConfig", sink="SyslogSink"),
    "kafka": SinkEntry(module="sinks.kafka", config="KafkaConfig", sink="KafkaSink"),
}


def load(kind: str) -> tuple[type[SinkConfig], Callable[[Any], Sink]]:
    """
    Import a kind of sink; return its configuration class and its sink class.

    Args:
        kind: a key of `SINKS`.

    Raises:
        DisabledError: a library that the sink needs is not installed; the package depends on all of them.
    """
    entry = SINKS[kind]
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        # A module's name is not always that of its package on PyPI, so that no package is named here.
        detail = f"the {kind} sink needs the module {error.name}: install exit137 again with its dependencies"
        raise DisabledError(Reason.UNUSABLE, detail) from error
    return getattr(module, entry.config), getattr(module, entry.sink)
