"""
OpenSearch and Elasticsearch: events as documents, through the bulk API.
"""

from sinks.opensearch.config import OpenSearchConfig
from sinks.opensearch.sink import OpenSearchSink

__all__ = ["OpenSearchConfig", "OpenSearchSink"]
