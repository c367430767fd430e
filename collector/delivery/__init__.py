"""
From the store to the sinks: who receives an event, when people are notified, and what happens when a sink fails.
"""

from collector.delivery.breaker import Breaker, Circuit, SinkHealth
from collector.delivery.clock import Clock, WallClock
from collector.delivery.courier import Courier
from collector.delivery.notification_groups import NotificationPlanner, Plan, group_of
from collector.delivery.routing import addressed, route

__all__ = [
    "Breaker",
    "Circuit",
    "Clock",
    "Courier",
    "NotificationPlanner",
    "Plan",
    "SinkHealth",
    "WallClock",
    "addressed",
    "group_of",
    "route",
]
