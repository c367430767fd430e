"""
Syslog: events as RFC 5424 messages, over TLS, TCP or a local socket, as JSON, CEF or LEEF.
"""

from sinks.syslog.config import SyslogConfig
from sinks.syslog.sink import SyslogSink

__all__ = ["SyslogConfig", "SyslogSink"]
