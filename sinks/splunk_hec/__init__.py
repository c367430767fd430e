"""
Splunk: events through the HTTP Event Collector, delivered when the indexer acknowledges them.
"""

from sinks.splunk_hec.sink import SplunkConfig, SplunkSink

__all__ = ["SplunkConfig", "SplunkSink"]
