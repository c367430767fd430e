"""
Calls to the store that are repeated while its disk refuses them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from collector.delivery.clock import Clock
from collector.store import StoreUnavailableError

_RETRY_S: Final = 1.0
_LOG: Final = logging.getLogger(__name__)
_Result = TypeVar("_Result")


async def until_stored(call: Callable[[], Awaitable[_Result]], sink: str, clock: Clock) -> _Result:
    """
    Repeat a call until the store accepts it. Otherwise an event that was sent would be sent again and again.

    Args:
        call: the call; anything but a refusal by the disk is raised.
        sink: the sink that waits.
        clock: waits between two attempts.
    """
    failed = False
    while True:
        try:
            return await call()
        except StoreUnavailableError as error:
            if not failed:
                _LOG.error("sink %s waits for the store: %s", sink, error, extra={"sink": sink})
            failed = True
            await clock.wait(asyncio.Event(), _RETRY_S)
