"""
Asks every engine of Podman on this host which it is, for `exit137 check`.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from collector.facts.engines import described
from collector.host.threads import Threads
from collector.sources.base import SourceError
from collector.sources.docker.client import DockerClient
from collector.sources.docker.snapshots import owner_of, user_of
from collector.sources.podman.events_file import SCHEME as FILE
from parsers.engine import ROOT
from sinks.text import printable

# A connection starts Podman's service, which takes seconds on a slow host.
_ANSWER_S: Final = 30.0
_CONNECT: Final = partial(DockerClient, may_be_podman=True)


async def survey(urls: Sequence[str], connect: Callable[[str], DockerClient] = _CONNECT) -> str:
    """
    Return in words which engine is at each place, and why one is not read.

    Args:
        urls: the places.
        connect: creates the client of a socket; tests pass their own.
    """
    threads = Threads(0)
    return "; ".join(await asyncio.gather(*(_described(url, connect, threads) for url in urls)))


async def _described(url: str, connect: Callable[[str], DockerClient], threads: Threads) -> str:
    if url.startswith(FILE):
        return _file(url.removeprefix(FILE))
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await threads.call(_engine, url, connect)
    except SourceError as error:
        return f"{url} is not read: {error}"
    except TimeoutError:
        return f"{url} is not read: no answer within {_ANSWER_S:.0f} s"


def _engine(url: str, connect: Callable[[str], DockerClient]) -> str:
    client = connect(url)
    try:
        engine, api = client.engine(), client.api_version
    finally:
        client.close()
    spoken = f" (API {printable(api)})" if api is not None else ""
    return f"{described(engine)}{spoken} of {_owner(owner_of(url))} at {url}"


def _file(path: str) -> str:
    readable = os.access(path, os.R_OK, effective_ids=True)
    return f"events of {_owner(user_of(path) or ROOT)} in {path}" + ("" if readable else ", which cannot be opened")


def _owner(uid: int | None) -> str:
    match uid:
        case None:
            return "another host"
        case 0:
            return "root"
        case _:
            return f"user {uid}"
