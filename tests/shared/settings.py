"""
Parts of configurations that many tests need, in TOML.
"""

from collections.abc import Iterable

from collector.sources import SOURCES


def switched_off(names: Iterable[str] = SOURCES) -> str:
    """
    Return tables that switch sources off; by default all of them.
    """
    return "".join(f"[sources.{name}]\nenabled = false\n" for name in names)


def switched_off_but(*kept: str) -> str:
    """
    Return tables that switch all other sources off.
    """
    return switched_off(name for name in SOURCES if name not in kept)
