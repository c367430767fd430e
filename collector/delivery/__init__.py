"""
From the store to the sinks: who gets an event, when a person is told, what is done when a sink fails.
"""

from collector.delivery.breaker import Breaker
from collector.delivery.clock import Clock, WallClock
from collector.delivery.courier import Courier, SinkHealth
from collector.delivery.grouping import Plan, Teller, group_of
from collector.delivery.routing import route

__all__ = [
    "Breaker",
    "Clock",
    "Courier",
    "Plan",
    "SinkHealth",
    "Teller",
    "WallClock",
    "group_of",
    "route",
]
