"""
Whether each source can be read now, found out by reading it for a moment.
"""

import asyncio
import contextlib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from collector.hostclock import identify
from collector.sources import SOURCES
from collector.sources.base import Source, SourceError, SourceMissingError

if TYPE_CHECKING:
    from collector.config import SourcesConfig

_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """
    How a source is.

    Attributes:
        failed: it was asked for, or is there, and cannot be read.
        text: for a person.
    """

    name: str
    failed: bool
    text: str


class _Section(Protocol):
    @property
    def enabled(self) -> object: ...


async def probe(config: "SourcesConfig") -> list[Probed]:
    """
    Try every source, one after the other.
    """
    return [await _probe(name, getattr(config, name), module) for name, module in SOURCES.items()]


async def _probe(name: str, section: _Section, module_name: str) -> Probed:
    enabled = section.enabled
    module = importlib.import_module(module_name)
    if enabled is False:
        return Probed(name=name, failed=False, text="off")
    if enabled == "auto" and not module.offered(section):
        return Probed(name=name, failed=False, text="not on this host")
    try:
        await _read_once(module.create(section, identify()))
    except SourceMissingError as error:
        return Probed(name=name, failed=enabled is True, text=f"not there: {error}")
    except SourceError as error:
        return Probed(name=name, failed=True, text=f"cannot be read: {error}")
    except TimeoutError:
        return Probed(name=name, failed=True, text=f"gives nothing for {_PATIENCE_S:.0f} s")
    return Probed(name=name, failed=False, text="can be read")


async def _read_once(source: Source) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        async with contextlib.aclosing(source.readings(None)) as readings:
            await anext(aiter(readings), None)
