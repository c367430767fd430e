"""
Prometheus Alertmanager: events as alerts, so that silences, inhibition and routing come from there.
"""

from sinks.alertmanager.config import AlertmanagerConfig
from sinks.alertmanager.sink import AlertmanagerSink

__all__ = ["AlertmanagerConfig", "AlertmanagerSink"]
