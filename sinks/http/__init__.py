"""
HTTP for every sink: one URL, one client whose answers are bounded, one meaning of each status.

It neither retries nor waits. `HttpClient` is the only way in which a sink speaks HTTP: bounded.py limits what a server
can send, client.py limits the time.
"""

from sinks.http.answers import error_for_status, retry_after_s
from sinks.http.client import Answer, HttpClient
from sinks.http.config import HttpConfig

__all__ = ["Answer", "HttpClient", "HttpConfig", "error_for_status", "retry_after_s"]
