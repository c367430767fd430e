"""
One HTTP POST per event, as a structured CloudEvent; the receiver drops duplicates by `webhook-id`.

CloudEvents 1.0 HTTP binding (application/cloudevents+json) with the headers of Standard Webhooks. No redirect
is followed, so that an answer cannot send events elsewhere. Errors name the host, never the URL.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from sinks.base import Outgoing, SinkConfig
from sinks.errors import DisabledError, PartialError, PermanentError, Reason, SinkError, TransientError
from sinks.secret import Secret

_CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_ANSWER_BYTES: Final = 65_536
_OK: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
_CLIENT_ERROR: Final = range(400, 500)
_LONGEST_RETRY_AFTER_S: Final = 3600.0


class WebhookConfig(SinkConfig, frozen=True, kw_only=True):
    """
    A sink of the type `webhook`. Of `url` and `url_file` one is needed.

    Attributes:
        url: where to post.
        url_file: a file that holds the URL, for a URL that is a secret.
        headers: sent with each request.
        timeout_s: for one request, from connecting to the end of the answer.
    """

    url: Secret | None = None
    url_file: str | None = None
    headers: Mapping[str, Secret] = {}
    timeout_s: float = 15


class WebhookSink:
    """
    Posts to one URL.

    Args:
        config: its configuration.
    """

    # One at a time: what an answer says is then true of all that was sent.
    max_batch = 1

    def __init__(self, config: WebhookConfig) -> None:
        self.name = config.name
        self._config = config
        self._url = Secret("")
        self._host = ""
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """
        Read the URL; nothing is sent.

        Raises:
            DisabledError: there is no usable URL.
        """
        await self.aclose()
        self._url = _configured_url(self._config)
        self._host = URL(self._url.reveal()).host or ""
        headers = {name: value.reveal() for name, value in self._config.headers.items()}
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._config.timeout_s),
            headers={"user-agent": "exit137", **headers, "content-type": _CONTENT_TYPE},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Post each event; after one that may succeed later, no further is tried.

        Raises:
            TransientError, PermanentError: the only event failed.
            PartialError: some of several failed.
            DisabledError: HTTP 410, a redirect, or refused credentials.
        """
        if self._session is None:
            raise TransientError(Reason.UNREACHABLE, "the sink is not open")
        failures: dict[str, TransientError | PermanentError] = {}
        stopped: TransientError | None = None
        for event in batch:
            try:
                if stopped is None:
                    await self._post(self._session, event)
                else:
                    failures[event.id] = stopped
            except PermanentError as error:
                failures[event.id] = error
            except TransientError as error:
                failures[event.id] = stopped = error
        if failures and len(batch) == 1:
            raise failures[batch[0].id]
        if failures:
            raise PartialError(failures)

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _post(self, session: aiohttp.ClientSession, event: Outgoing) -> None:
        headers = {"webhook-id": event.id, "webhook-timestamp": str(int(time.time()))}
        try:
            async with session.post(
                self._url.reveal(), data=event.body, headers=headers, allow_redirects=False
            ) as answer:
                # Read so that the connection can be used again; an answer without end is not followed.
                await answer.content.read(_ANSWER_BYTES)
                status, retry_after = answer.status, answer.headers.get("retry-after")
        except aiohttp.InvalidURL:
            raise DisabledError(Reason.UNUSABLE, "the URL is not valid") from None
        except TimeoutError:
            raise TransientError(Reason.TIMEOUT, f"{self._host}: no answer in {self._config.timeout_s} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # The error's own words may hold the URL.
            raise TransientError(Reason.UNREACHABLE, f"{self._host}: {type(error).__name__}") from None
        failure = verdict(status, retry_after, self._host)
        if failure is not None:
            raise failure


def verdict(  # noqa: PLR0911 (one return per rule)
    status: int, retry_after: str | None, host: str
) -> SinkError | None:
    """
    What an answer means; None: the event was taken.

    Args:
        status: of the HTTP answer.
        retry_after: its header, if any.
        host: named in the error.
    """
    words = f"{host} answered {status}"
    match status:
        case _ if status in _OK:
            return None
        case 408:
            return TransientError(Reason.TIMEOUT, words, retry_after_s(retry_after))
        case 425 | 429:
            return TransientError(Reason.RATE_LIMITED, words, retry_after_s(retry_after))
        case 401 | 403 | 407:
            return DisabledError(Reason.UNAUTHORIZED, words)
        case 404 | 410:
            return DisabledError(Reason.NO_SUCH_TARGET, words)
        case 413:
            return PermanentError(Reason.TOO_LARGE, words)
        case _ if status in _REDIRECT:
            return DisabledError(Reason.UNUSABLE, f"{words}: redirects are not followed")
        case _ if status in _CLIENT_ERROR:
            return PermanentError(Reason.REJECTED, words)
        case _:
            return TransientError(Reason.SERVER_ERROR, words, retry_after_s(retry_after))


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """
    The seconds of a Retry-After header, which holds seconds or a date (RFC 9110 10.2.3); an hour at the most.

    Args:
        header: its value.
        now: the wall clock, with a time zone.
    """
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return min(float(header), _LONGEST_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    wait_s = (date - (now or datetime.now(UTC))).total_seconds()
    return min(max(wait_s, 0.0), _LONGEST_RETRY_AFTER_S)


def _configured_url(config: WebhookConfig) -> Secret:
    if (config.url is None) == (config.url_file is None):
        raise DisabledError(Reason.UNUSABLE, "one of url and url_file is needed, and not both")
    url = config.url or _read(Path(config.url_file or ""))
    _check(url)
    return url


def _read(path: Path) -> Secret:
    try:
        return Secret(path.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DisabledError(Reason.UNUSABLE, f"url_file {path}: {type(error).__name__}") from None


def _check(secret: Secret) -> None:
    try:
        url = URL(secret.reveal())
    except ValueError:
        raise DisabledError(Reason.UNUSABLE, "the URL is not valid") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise DisabledError(Reason.UNUSABLE, "the URL must begin with http:// or https:// and name a host")
