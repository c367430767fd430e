"""
The words for a container engine.
"""

from parsers.engine import ContainerEngine
from sinks.text import printable


def described(engine: ContainerEngine) -> str:
    """
    Return an engine in words: `Podman 5.4.2 of user 1000`.
    """
    version = f" {printable(engine.version)}" if engine.version is not None else " (version unknown)"
    return f"{engine.name.value.capitalize()}{version}" + (f" of user {engine.uid}" if engine.is_of_user else "")
