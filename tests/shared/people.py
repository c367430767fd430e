"""
Services through which people are notified, as stand-ins: a server like ntfy, and a mail server.
"""

import contextlib
import email
import email.policy
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import orjson
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sinks.apprise import AppriseConfig
from sinks.base import Grouping
from tests.shared.ports import free_ports
from tests.shared.web import serving

_OFTEN = Grouping(interval_s=1, burst=1000)


@dataclass(slots=True, kw_only=True)
class Ntfy:
    """
    A server that takes messages as ntfy does (docs.ntfy.sh/publish, "Publish as JSON").

    Attributes:
        port: where it listens.
        messages: what it accepted: topic, title and message.
        status: its answer.
    """

    port: int = 0
    messages: list[dict[str, str]] = field(default_factory=list)
    status: int = 200

    @property
    def url(self) -> str:
        return f"ntfy://127.0.0.1:{self.port}/a-topic"

    async def take(self, request: web.Request) -> web.Response:
        message = orjson.loads(await request.read())
        if self.status == web.HTTPOk.status_code:
            self.messages.append(message)
        return web.json_response({"id": "x"}, status=self.status)

    def names(self) -> list[str]:
        """
        Return the containers of the messages, as `people_event` names them, in order.
        """
        return [name for found in self.messages for name in re.findall(r"\be\d{5}\b", found["title"])]


@asynccontextmanager
async def ntfy(port: int = 0) -> AsyncIterator[Ntfy]:
    """
    Run a server for the duration of the context.
    """
    found = Ntfy()
    async with serving({"/": found.take}, port) as found.port:
        yield found


@dataclass(slots=True, kw_only=True)
class Mail:
    """
    A mail server.

    Attributes:
        port: where it listens.
        accepted: the messages, parsed.
        refuses: whether it refuses every message.
    """

    port: int = 0
    accepted: list[EmailMessage] = field(default_factory=list)
    refuses: bool = False

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=exit137@example.com&to=oncall@example.com"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd)
        if self.refuses:
            return "554 5.7.1 refused"
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.accepted.append(message)
        return "250 OK"


@contextlib.contextmanager
def mail_server() -> Iterator[Mail]:
    """
    Run a mail server for the duration of the context.
    """
    found = Mail()
    (found.port,) = free_ports(1)
    controller = Controller(found, hostname="127.0.0.1", port=found.port)
    controller.start()
    try:
        yield found
    finally:
        controller.stop()


def apprise(folder: Path, url: str, **settings: object) -> AppriseConfig:
    """
    Return the configuration of a sink named `bus` that sends at most a message a second.
    """
    (folder / "url").write_text(url, encoding="utf-8")
    chosen = {"grouping": _OFTEN, "timeout_s": 30, **settings}
    return AppriseConfig(name="bus", type="apprise", url_file=str(folder / "url"), **chosen)  # type: ignore[arg-type]
