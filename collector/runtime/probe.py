"""
Finds out whether each source can be read, by reading it for a moment; for `exit137 check`.
"""

import asyncio
import contextlib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from collector.host.clock import identify
from collector.sources import SOURCES
from collector.sources.base import DescribedSource, Source, SourceError, SourceMissingError, SurveyedSource

if TYPE_CHECKING:
    from collector.config.sections import SourcesConfig

# Every source that works yields its first position well within this time.
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """
    Whether one source can be read.

    Attributes:
        name: of the source.
        failed: the source is required, or exists, and cannot be read.
        text: the result in words.
    """

    name: str
    failed: bool
    text: str


class _Section(Protocol):
    @property
    def enabled(self) -> object: ...


async def probe(config: "SourcesConfig") -> list[ProbeResult]:
    """
    Probe every source, one after the other.
    """
    return [await _probe(name, getattr(config, name), module) for name, module in SOURCES.items()]


async def _probe(name: str, section: _Section, module_name: str) -> ProbeResult:
    enabled = section.enabled
    module = importlib.import_module(module_name)
    if enabled is False:
        return ProbeResult(name=name, failed=False, text="off")
    if enabled == "auto" and not module.offered(section):
        return ProbeResult(name=name, failed=False, text="not on this host")
    try:
        source = module.create(section, identify())
        await _read_once(source)
        detail = await _detail(source)
    except SourceMissingError as error:
        return ProbeResult(name=name, failed=enabled is True, text=f"not found: {error}")
    except SourceError as error:
        return ProbeResult(name=name, failed=True, text=f"cannot be read: {error}")
    except TimeoutError:
        return ProbeResult(name=name, failed=True, text=f"no answer within {_TIMEOUT_S:.0f} s")
    return ProbeResult(name=name, failed=False, text=f"can be read: {detail}" if detail else "can be read")


async def _detail(source: Source) -> str | None:
    if isinstance(source, SurveyedSource):
        return await source.survey()
    return source.detail if isinstance(source, DescribedSource) else None


async def _read_once(source: Source) -> None:
    async with asyncio.timeout(_TIMEOUT_S):
        async with contextlib.aclosing(source.readings(None)) as readings:
            await anext(aiter(readings), None)
