"""
How a cause looks on a page: a word, a sign and a tone, so that colour never says anything alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sinks.chat.titles import is_recovery
from sinks.event.views import EventView
from sinks.event.words import Cause, EventType


@dataclass(frozen=True, slots=True)
class Look:
    """
    A cause on a page.

    Attributes:
        word: the cause in a few words.
        sign: one character that differs between the tones.
        tone: the class of its colour in the style sheet.
    """

    word: str
    sign: str
    tone: str


def _memory(word: str) -> Look:
    return Look(word, "✕", "memory")


def _fault(word: str) -> Look:
    return Look(word, "!", "fault")


def _ordered(word: str) -> Look:
    return Look(word, "■", "ordered")


CAUSES: Final[Mapping[str, Look]] = {
    Cause.EXIT: Look("finished", "✓", "good"),
    Cause.APP_ERROR: _fault("own error"),
    Cause.CRASH: _fault("crash"),
    Cause.OOM_KILL: _memory("OOM kill"),
    Cause.OOM_KILL_CHILD: _memory("OOM kill of a child"),
    Cause.DOCKER_KILL: _ordered("docker kill"),
    Cause.DOCKER_STOP: _ordered("docker stop"),
    Cause.DOCKER_STOP_TIMEOUT: _fault("stop timed out"),
    Cause.DOCKER_RM: _ordered("docker rm -f"),
    Cause.SIGNAL: _fault("signal"),
    Cause.USER_SPACE_OOM: _memory("user-space OOM kill"),
    Cause.DAEMON_SHUTDOWN: _ordered("Docker shutdown"),
    Cause.HOST_REBOOT: _ordered("host reboot"),
    Cause.START_FAILED: _fault("failed to start"),
    Cause.UNKNOWN: Look("unknown", "?", "unknown"),
}
_TYPES: Final[Mapping[str, Look]] = {
    EventType.OOM_KILL: _memory("OOM kill"),
    EventType.MEMORY_PRESSURE: Look("memory warning", "▲", "warning"),
    EventType.CONTAINER_STUCK: Look("stuck", "▲", "warning"),
    EventType.KERNEL_EVENT: _fault("kernel event"),
    EventType.AGENT: Look("exit137", "i", "unknown"),
    EventType.FLEET_INCIDENT: _fault("fleet incident"),
}


def look_of(event: EventView) -> Look:
    """
    Return how an event looks: by the cause of a death, else by its type.
    """
    if is_recovery(event):
        return Look("resolved", "✓", "good")
    cause = event.exit137.cause
    if cause is not None:
        return CAUSES.get(cause, Look(cause, "?", "unknown"))
    return _TYPES.get(event.type, Look(event.type.removeprefix("exit137."), "?", "unknown"))
