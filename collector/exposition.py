"""
The counters as text for Prometheus: OpenMetrics 1.0 where the reader asks for it, else the older text format.

Importing the Prometheus client takes some 5 MB of memory; so only the HTTP server imports this module.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from collector.metrics import Metrics, Series

# The client's own choose_encoder raises for a version that is no number.
_OPENMETRICS: Final = "application/openmetrics-text"


class Exposition(Collector):
    """
    The view that the Prometheus client has of our counters.

    Args:
        metrics: the counters.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """
        Each metric with its values as they are now.
        """
        return map(_family, self._metrics.series())

    def text(self, accept: str) -> tuple[str, bytes]:
        """
        The content type and the text.

        Args:
            accept: the request's Accept header.
        """
        if _OPENMETRICS in accept:
            return openmetrics.CONTENT_TYPE_LATEST, openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return exposition.CONTENT_TYPE_PLAIN_0_0_4, exposition.generate_latest(self._registry)


def _family(series: Series) -> Metric:
    kind = CounterMetricFamily if series.counter else GaugeMetricFamily
    family = kind(series.name, series.text, labels=series.labels, unit=series.unit)
    for labels, value in series.values.items():
        family.add_metric(labels, value)
    return family
