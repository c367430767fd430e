"""
Runs Apprise in a process of its own, one for each message; the agent itself never imports Apprise.

Apprise's services block, read without a limit, and cost 35 MB. A process that hangs is killed, one that reads too much
hits its memory limit, and the memory is free again when the message is sent.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from sinks.chat.letter import ServiceLimits
from sinks.errors import DisabledError, Reason, TransientError
from sinks.secret import Secret

_CHILD: Final = Path(__file__).with_name("child.py")
_ANSWER_BYTES: Final = 4096
# How long a killed process may take to end.
_END_S: Final = 1.0
# If the agent was killed, the process ends by itself, this long after its timeout.
_MORE_S: Final = 5


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """
    What to send.

    Attributes:
        title: plain text; may be empty.
        body: in the markup of the service.
        markup: `text`, `markdown` or `html`.
        kind: how serious it is, in Apprise's words: `info`, `success`, `warning` or `failure`.
    """

    title: str
    body: str
    markup: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """
    What a service needs, read from the files of a configuration.

    Attributes:
        url: of the service.
        proxy: `http://[user:password@]host:port`, if any.
    """

    url: Secret
    proxy: Secret | None


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the process is asked to do: to send a message, or only to describe the service.
    """

    url: str
    proxy: str | None
    alive_s: int
    message: Message | None = None


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the process answers: a problem with the URL, what the service accepts, or whether it took the message.
    """

    problem: str | None = None
    limits: ServiceLimits | None = None
    delivered: bool = False
    status: int | None = None


class AppriseProcess:
    """
    Starts a process for each request.

    Args:
        timeout_s: for one request.
        ca_file: PEM; the CA certificates that are trusted instead of those that come with Apprise.
    """

    def __init__(self, timeout_s: float, ca_file: str | None) -> None:
        self._timeout_s = timeout_s
        self._environment = _environment(ca_file)

    async def describe(self, to: Access) -> ServiceLimits:
        """
        Return what the service of a URL accepts; nothing is sent.

        Raises:
            DisabledError: Apprise cannot use the URL.
            TransientError: the process did not answer.
        """
        answer = await self._ask(to, None)
        if answer.limits is None:
            raise TransientError(Reason.IO_ERROR, "Apprise does not describe the service")
        return answer.limits

    async def send(self, to: Access, message: Message) -> None:
        """
        Send a message; return when the service has taken it.

        Raises:
            DisabledError: Apprise cannot use the URL.
            TransientError: the service did not take the message, or not in time.
        """
        answer = await self._ask(to, message)
        if not answer.delivered:
            reason = f"HTTP {answer.status}" if answer.status is not None else "Apprise gives no reason"
            raise TransientError(Reason.SERVER_ERROR, f"the service did not take the message: {reason}")

    async def _ask(self, to: Access, message: Message | None) -> _Answer:
        proxy = to.proxy.reveal() if to.proxy is not None else None
        alive_s = int(self._timeout_s) + _MORE_S
        request = _Request(url=to.url.reveal(), proxy=proxy, alive_s=alive_s, message=message)
        try:
            async with asyncio.timeout(self._timeout_s):
                content = await self._exchange(msgspec.json.encode(request))
            answer = msgspec.json.decode(content, type=_Answer)
        except TimeoutError:
            raise TransientError(Reason.TIMEOUT, f"no response within {self._timeout_s:g} s") from None
        except OSError as error:
            detail = f"the process of Apprise cannot be used: {error.strerror}"
            raise TransientError(Reason.IO_ERROR, detail) from None
        except msgspec.DecodeError:
            detail = "the process of Apprise ended early: the service failed, or answered too much"
            raise TransientError(Reason.SERVER_ERROR, detail) from None
        if answer.problem is not None:
            raise DisabledError(Reason.UNUSABLE, answer.problem)
        return answer

    async def _exchange(self, request: bytes) -> bytes:
        # Explicit paths: neither the environment nor the working directory may decide where modules are found.
        command = (sys.executable, "-IB", str(_CHILD), *filter(None, sys.path))
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=self._environment, start_new_session=True
        )
        try:
            return await _answer(process, request)
        finally:
            await _end(process)


def _environment(ca_file: str | None) -> Mapping[str, str]:
    """
    Return the environment of the process: nothing from the agent's environment, not even a proxy.
    """
    trusted = {"SSL_CERT_FILE": ca_file, "REQUESTS_CA_BUNDLE": ca_file} if ca_file is not None else {}
    return {"LANG": "C.UTF-8", "PATH": os.defpath, **trusted}


async def _answer(process: Process, request: bytes) -> bytes:
    """
    Write the request, and read the answer to its end or to its limit.
    """
    assert process.stdin is not None  # noqa: S101 (both are pipes)
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(ConnectionError):  # the process has ended; its answer says why
        process.stdin.write(request)
        await process.stdin.drain()
    process.stdin.close()
    content = b""
    while len(content) <= _ANSWER_BYTES and (piece := await process.stdout.read(_ANSWER_BYTES)):
        content += piece
    return content


async def _end(process: Process) -> None:
    """
    Kill the process and what it started, if it still runs.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_S):
            await process.wait()
