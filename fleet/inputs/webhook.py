"""
Takes the events that the webhook sinks of agents post.

Standard Webhooks 1.0.0: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` over `id.timestamp.body`.
The answers are those that the sink understands (sinks/http/answers.py): 204 stored; 400 and 413 never send it again;
401 wrong key or clock, tried again after minutes; 429 later. An agent drops an event only after 204.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from collector.config.hub import HubWebhookConfig
from collector.config.sections import parse_address
from fleet.arrival import Arrival, RefusedEventError, arrivals
from fleet.inputs.keys import KeyRing
from fleet.intake import BusyError, FleetIntake
from fleet.tokens import is_sent
from sinks.secret import Secret, read_secret

PATH: Final = "/v1/events"
_RETRY_AFTER_S: Final = "1"
_HEAD_BYTES: Final = 8190
_KEEP_ALIVE_S: Final = 75.0
_SHUTDOWN_S: Final = 2.0
_MOST_DIGITS: Final = 12
# Fewer than the sink's own deadline of 15 s: then it asks again, and finds its event known.
_STORED_WITHIN_S: Final = 10.0
_BACKLOG: Final = 1024


class WebhookInput:
    """
    The server.

    Args:
        config: its configuration.
        intake: takes the events.
        now_s: the wall clock, seconds since 1970.

    Attributes:
        refused: how many requests were refused, by status.
    """

    def __init__(self, config: HubWebhookConfig, intake: FleetIntake, now_s: Callable[[], float] = time.time) -> None:
        self.refused: dict[int, int] = {}
        self._config = config
        self._intake = intake
        self._now_s = now_s
        self._keys = KeyRing(Path(config.keys_dir))
        self._write_token: Secret | None = None
        app = web.Application(client_max_size=config.max_body_bytes)
        app.router.add_post(PATH, self._post)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=_KEEP_ALIVE_S,
            shutdown_timeout=_SHUTDOWN_S,
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
        )

    async def start(self) -> int:
        """
        Listen. Return the port.

        Raises:
            OSError: the address is not available, or a file of the certificate cannot be used.
            DisabledError: the token cannot be read.
        """
        if self._config.write_token_file is not None:
            self._write_token = read_secret("hub.webhook.write_token_file", self._config.write_token_file)
        host, port = parse_address(self._config.listen)
        tls = _tls(self._config)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls, backlog=_BACKLOG)
        await site.start()
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    async def aclose(self) -> None:
        """
        Stop listening, and let open requests end.
        """
        await self._runner.cleanup()

    async def _post(self, request: web.Request) -> web.Response:
        try:
            events = self._verified(request, await request.read())
            stored = self._intake.offer(events)
            async with asyncio.timeout(_STORED_WITHIN_S):
                await asyncio.shield(stored)
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
        except RefusedEventError as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except _UnverifiedError as error:
            return self._refuse(HTTPStatus.UNAUTHORIZED, str(error))
        except (BusyError, TimeoutError):
            return self._refuse(HTTPStatus.TOO_MANY_REQUESTS, "the hub is behind", {"Retry-After": _RETRY_AFTER_S})
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _verified(self, request: web.Request, body: bytes) -> Sequence[Arrival]:
        """
        Return the events of a request that the host they come from has signed, or that has the token.

        Raises:
            RefusedEventError: the body has no events.
            _UnverifiedError: the request is too old, or not signed by that host.
        """
        if self._write_token is not None and is_sent(request.headers.get("Authorization", ""), self._write_token):
            return arrivals(body)
        id_, stamp, signatures = (
            request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        is_number = stamp.isascii() and stamp.isdigit() and len(stamp) <= _MOST_DIGITS
        if not is_number or abs(self._now_s() - int(stamp)) > self._config.replay_window_s:
            raise _UnverifiedError("webhook-timestamp is missing, or too far from the hub's clock")
        events = arrivals(body)
        hosts = {event.host_id for event in events}
        if len(hosts) != 1:
            raise RefusedEventError("expected events of one host")
        if not self._keys.verifies(hosts.pop(), id_, int(stamp), body, signatures):
            raise _UnverifiedError("the signature is not that of the host in `source`")
        return events

    def _refuse(self, status: HTTPStatus, why: str, headers: dict[str, str] | None = None) -> web.Response:
        self.refused[status] = self.refused.get(status, 0) + 1
        return web.Response(status=status, text=f"{status.value} {why}\n", headers=headers)


class _UnverifiedError(Exception):
    """
    Raised when nobody vouches for a request.
    """


def _tls(config: HubWebhookConfig) -> ssl.SSLContext | None:
    if config.cert_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.cert_file, config.key_file)
    return context
