"""
Stand-ins for web services, in the loop of the test.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

_MOST_BYTES = 100_000_000


@asynccontextmanager
async def serving(
    routes: Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]], port: int = 0
) -> AsyncIterator[int]:
    """
    Answer POST requests by path for the duration of the context; yield the port, a free one unless it is given.
    """
    application = web.Application(client_max_size=_MOST_BYTES)
    for path, answer in routes.items():
        application.router.add_post(path, answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
