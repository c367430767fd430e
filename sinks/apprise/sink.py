"""
Sends one message per notification through any service of Apprise.

Delivery decides which events share a message, as for the chats (sinks/slack.py), and the card is the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sinks.apprise.config import AppriseConfig
from sinks.apprise.process import Access, AppriseProcess, Message
from sinks.base import Outgoing
from sinks.chat.card import Tone
from sinks.chat.letter import ServiceLimits, letter_of
from sinks.chat.story import card_of
from sinks.errors import DisabledError, Reason, TransientError
from sinks.secret import Secret, read_secret

_KINDS: Final[Mapping[Tone, str]] = {
    Tone.BAD: "failure",
    Tone.WARNING: "warning",
    Tone.GOOD: "success",
    Tone.QUIET: "info",
}


class AppriseSink:
    """
    Sends to one target of one service.

    Args:
        config: its configuration.
    """

    max_batch = 500

    def __init__(self, config: AppriseConfig) -> None:
        self.name = config.name
        self._config = config
        self._process = AppriseProcess(config.timeout_s, config.ca_file)
        self._access: Access | None = None
        self._limits: ServiceLimits | None = None

    async def open(self) -> None:
        """
        Read the URL, and find out what its service accepts; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
            TransientError: Apprise cannot be asked now.
        """
        to = await asyncio.to_thread(_access, self._config)
        if self._limits is None or to != self._access:
            self._limits = await self._process.describe(to)
        self._access = to

    async def verify(self) -> None:
        """
        Do what `open` does.

        Raises:
            DisabledError, TransientError: as for `open`.
        """
        await self.open()

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Send one message about all events of a batch.

        Raises:
            TransientError: the service did not take it. Apprise does not say whether it ever would.
            PermanentError: an event cannot be read.
            DisabledError: Apprise cannot use the URL.
        """
        if not batch:
            return
        if self._access is None or self._limits is None:
            raise TransientError(Reason.UNREACHABLE, "the sink is not open")
        card = card_of(batch)
        letter = letter_of(card, self._limits)
        message = Message(
            title=letter.title, body=letter.body, markup=self._limits.markup.value, kind=_KINDS[card.tone]
        )
        await self._process.send(self._access, message)

    async def aclose(self) -> None:
        """
        Forget the URL. No process runs between two messages.
        """
        self._access = self._limits = None


def _access(config: AppriseConfig) -> Access:
    """
    Read the files. Lines that begin with `#` are comments.

    Raises:
        DisabledError: a file cannot be read, or does not hold what it should.
    """
    lines = read_secret("url_file", config.url_file).reveal().splitlines()
    urls = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if len(urls) != 1:
        found = f"expected one URL, found {len(urls)}: each needs a sink of its own"
        raise DisabledError(Reason.UNUSABLE, f"url_file {config.url_file}: {found}")
    if config.ca_file is not None and not Path(config.ca_file).is_file():
        raise DisabledError(Reason.UNUSABLE, f"ca_file {config.ca_file} is not a file that can be read")
    proxy = config.proxy if config.proxy_file is None else read_secret("proxy_file", config.proxy_file)
    if proxy is not None and not proxy.reveal().startswith("http://"):
        raise DisabledError(Reason.UNUSABLE, "the proxy must start with http://")
    return Access(url=Secret(urls[0]), proxy=proxy)
