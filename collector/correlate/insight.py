"""
What else is known of the containers, beside their kills and their ends: the seam at which it meets the correlator.

Pure as all of it: facts and time in, events out. It adds to events and never holds one back.
"""

from typing import Protocol

from collector.correlate.book import ContainerBook
from collector.correlate.memory_facts import ContainerProcesses, MemoryRound, RememberedWarningFact
from collector.correlate.open_cases import JudgedDeath
from collector.correlate.runs import ContainerRecord
from parsers.docker_event import DockerEvent
from parsers.oom_facts import OomReport
from sinks.event import Event

LivingFact = MemoryRound | ContainerProcesses | RememberedWarningFact | DockerEvent


class Insight(Protocol):
    """
    Follows the containers while they live.
    """

    def feed(self, fact: LivingFact, book: ContainerBook, now_ns: int) -> list[Event]:
        """
        Take a fact about containers that live; gives what is to be told because of it.

        Args:
            fact: of Docker's events only some concern it.
            book: the containers.
            now_ns: a clock that only goes forward.
        """
        ...

    def kill(self, event: Event, report: OomReport | None, record: ContainerRecord | None) -> list[Event]:
        """
        The event of an OOM kill with what is known beside it, and what follows from it.

        Args:
            event: the kill.
            report: the kernel's; None where another killed, or nothing was printed.
            record: the container of the first victim.
        """
        ...

    def death(self, event: Event, judged: JudgedDeath) -> Event:
        """
        The event of a death with what is known beside it.
        """
        ...


class NoInsight:
    """
    Knows nothing more: events stay as they are.
    """

    def feed(self, fact: LivingFact, book: ContainerBook, now_ns: int) -> list[Event]:
        """
        Nothing is told.
        """
        del fact, book, now_ns
        return []

    def kill(self, event: Event, report: OomReport | None, record: ContainerRecord | None) -> list[Event]:
        """
        The event alone.
        """
        del report, record
        return [event]

    def death(self, event: Event, judged: JudgedDeath) -> Event:
        """
        The event as it is.
        """
        del judged
        return event
