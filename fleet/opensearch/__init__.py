"""
The hub's store in an OpenSearch cluster, which several hubs share (docs/adr/0037-opensearch-as-the-store.md).
"""
