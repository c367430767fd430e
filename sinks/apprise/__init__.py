"""
Apprise: notifications through any of its services, such as ntfy, e-mail, PagerDuty, Gotify, Telegram and Matrix.
"""

from sinks.apprise.config import AppriseConfig
from sinks.apprise.sink import AppriseSink

__all__ = ["AppriseConfig", "AppriseSink"]
