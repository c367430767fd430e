"""
The HTTP that webhooks and chats share: one URL, one client, one meaning of each answer. It neither retries nor waits.
"""

from sinks.http.answers import retry_after_s, verdict
from sinks.http.client import HttpClient
from sinks.http.config import HttpConfig

__all__ = ["HttpClient", "HttpConfig", "retry_after_s", "verdict"]
