"""
Requests to the cluster: JSON in, JSON out. Whatever goes wrong is an error of the store.

The hub never goes on with half an answer: shards that failed, and a search that was cut short, are errors too.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, ParamSpec, TypeVar

import orjson

from collector.config.hub import HubStoreConfig
from collector.store import StoreUnavailableError
from sinks.errors import SinkError
from sinks.http import HttpClient
from sinks.http.client import AnswerTooLongError
from sinks.opensearch import OpenSearchConfig
from sinks.opensearch.config import authorization
from sinks.secret import Secret

_CONNECTIONS: Final = 8
# Some hundred times what a page of events usually has.
_ANSWER_BYTES: Final = 134_217_728
_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"
_OK: Final = range(200, 300)
_FORBIDDEN: Final = frozenset({401, 403})
_REASON_CHARS: Final = 300
_NO_INDEX: Final = "index_not_found_exception"

Reply = tuple[int, Mapping[str, Any]]
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class LongAnswerError(StoreUnavailableError):
    """
    Raised when an answer is too long to be read. A request for fewer events may be answered.
    """


class Cluster:
    """
    Keeps connections to a cluster.

    Args:
        config: where it is, and who the hub is there.
    """

    def __init__(self, config: OpenSearchConfig) -> None:
        self._config = config
        self._client = HttpClient(config, connections=_CONNECTIONS, answer_bytes=_ANSWER_BYTES)
        self._authorization: Secret | None = None
        self._is_open = False
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """
        The host of the cluster, for errors.
        """
        return self._client.host or "OpenSearch"

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,
        allowed: Sequence[int] = (),
    ) -> Reply:
        """
        Send a request; return the status and the answer.

        Args:
            method: such as `POST`.
            path: below the configured URL.
            body: sent as JSON; `bytes` are sent as lines of JSON.
            query: of the URL.
            allowed: other statuses than 2xx that are answers.

        Raises:
            StoreUnavailableError: the cluster did not answer, or refused.
        """
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        headers = {"content-type": _LINES if isinstance(body, bytes) else _JSON}
        try:
            await self._open()
            if self._authorization is not None:
                headers["authorization"] = self._authorization.reveal()
            answer = await self._client.exchange(method, data, headers, path=path, query=query)
        except AnswerTooLongError as error:
            raise LongAnswerError(self.name, error.detail) from None
        except SinkError as error:
            raise StoreUnavailableError(self.name, error.detail) from None
        content = _object(answer.body)
        if answer.status in _FORBIDDEN:
            self._is_open = False  # the key may have been replaced: its file is read again
        if answer.status not in _OK and answer.status not in allowed:
            raise refusal(self.name, answer.status, content.get("error"))
        _check_whole(self.name, content)
        return answer.status, content

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        self._is_open = False
        await self._client.aclose()

    async def _open(self) -> None:
        async with self._opening:
            if not self._is_open:
                await self._client.open()
                self._authorization = await asyncio.to_thread(authorization, self._config)
                self._is_open = True


class MissingIndexError(StoreUnavailableError):
    """
    Raised when an index of the hub does not exist: somebody has deleted it.
    """


def refusal(name: str, status: int, error: object) -> StoreUnavailableError:
    """
    Return the error for what a cluster does not do now.
    """
    is_missing = isinstance(error, Mapping) and error.get("type") == _NO_INDEX
    return (MissingIndexError if is_missing else StoreUnavailableError)(name, f"answered {status}: {reason_of(error)}")


def as_sink_config(config: HubStoreConfig) -> OpenSearchConfig:
    """
    Return the settings of the connection as the sink's, whose login and TLS they share.

    Raises:
        DisabledError: they do not fit together.
    """
    made = OpenSearchConfig(
        name="hub",
        type="opensearch",
        url=config.url,
        url_file=config.url_file,
        headers=config.headers,
        headers_files=config.headers_files,
        proxy=config.proxy,
        proxy_file=config.proxy_file,
        timeout_s=config.timeout_s,
        api_key_file=config.api_key_file,
        user=config.user,
        password_file=config.password_file,
        ca_file=config.ca_file,
        cert_file=config.cert_file,
        key_file=config.key_file,
        key_password_file=config.key_password_file,
    )
    made.check()
    return made


def understood(ask: Callable[_Arguments, Awaitable[_Result]]) -> Callable[_Arguments, Coroutine[Any, Any, _Result]]:
    """
    Make it an error of the store if an answer lacks what answers of OpenSearch have: a proxy may have sent it.
    """

    @functools.wraps(ask)
    async def asked(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        try:
            return await ask(*args, **kwargs)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StoreUnavailableError("hub.store", f"the answer is not one of OpenSearch: {error!r}") from error

    return asked


def reason_of(error: object) -> str:
    """
    Return the words of an error in an answer.
    """
    if not isinstance(error, Mapping):
        return str(error or "no reason given")[:_REASON_CHARS]
    cause = error.get("caused_by")
    words = [error.get("reason"), cause.get("reason") if isinstance(cause, Mapping) else None]
    text = ": ".join(str(word) for word in words if word) or str(error.get("type", "no reason given"))
    return text.replace("\n", " ")[:_REASON_CHARS]


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _check_whole(name: str, content: Mapping[str, Any]) -> None:
    """
    Refuse an answer that not all shards gave, or that came before all was searched.
    """
    shards = content.get("_shards")
    is_part = isinstance(shards, Mapping) and "skipped" in shards and shards.get("failed")
    if is_part or content.get("timed_out") is True:
        raise StoreUnavailableError(name, "only some of the shards answered")
