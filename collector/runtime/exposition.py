"""
The metrics as text for Prometheus: OpenMetrics 1.0 if the client asks for it, else the older text format.

The only module that imports the Prometheus client. It costs some 5 MB of memory, so it is imported only with the HTTP
server.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from collector.metrics import Kind, Metrics, Series

# Not the library's choose_encoder: it raises if the version is not a number.
_OPENMETRICS: Final = "application/openmetrics-text"


class Exposition(Collector):
    """
    A collector of the Prometheus client that reads `Metrics`.

    Args:
        metrics: the values.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """
        Yield each metric with its current values.
        """
        return map(_family, self._metrics.series)

    def text(self, accept: str) -> tuple[str, bytes]:
        """
        Return the content type and the text.

        Args:
            accept: the Accept header of the request.
        """
        if _OPENMETRICS in accept:
            return openmetrics.CONTENT_TYPE_LATEST, openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return exposition.CONTENT_TYPE_PLAIN_0_0_4, exposition.generate_latest(self._registry)


def _family(series: Series) -> Metric:
    kind = CounterMetricFamily if series.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(series.name, series.text, labels=series.labels, unit=series.unit)
    for labels, value in series.values.items():
        family.add_metric(labels, value)
    return family
