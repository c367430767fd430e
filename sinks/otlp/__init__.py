"""
OpenTelemetry: events as log records, through OTLP over HTTP with protobuf.
"""

from sinks.otlp.sink import OtlpConfig, OtlpSink

__all__ = ["OtlpConfig", "OtlpSink"]
