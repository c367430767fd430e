"""
When what a fact tells happened.
"""

from collector.correlate.facts import EngineFact, Fact, GapFact, KernelFact, ProcessExited
from parsers.docker_event import DockerEvent


def moment_ns(fact: Fact) -> int | None:
    """
    Nanoseconds since 1970; None where the fact does not say, or tells of a state rather than of a moment.
    """
    match fact:
        case KernelFact():
            return fact.line.at_ns
        case DockerEvent():
            return fact.time_ns
        case ProcessExited() | GapFact() | EngineFact():
            return fact.at_ns
        case _:
            return None
