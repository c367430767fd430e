"""
Starts and stops the HTTP servers, at the start and on each reload.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from collector.config.loader import ConfigurationError
from collector.config.sections import HttpConfig
from collector.metrics import Metrics
from collector.runtime.access import TcpGuard, names_of_host, socket_guard
from sinks.errors import DisabledError
from sinks.secret import read_secret

if TYPE_CHECKING:
    from collector.runtime.http_server import Api, HealthCheck, HttpServer


class HttpManager:
    """
    Runs the HTTP servers that the configuration names: one for an address, one for a socket.

    Args:
        metrics: what /metrics shows.
        health: what /readyz shows.
        make_api: creates what answers /v1; called once, if a server needs it.
    """

    def __init__(self, metrics: Metrics, health: "HealthCheck", make_api: "Callable[[], Api]") -> None:
        self._metrics = metrics
        self._health = health
        self._make_api = make_api
        self._api: Api | None = None
        self._config = HttpConfig()
        self._running: dict[str, HttpServer] = {}

    async def apply(self, config: HttpConfig) -> None:
        """
        Listen on the configured address and socket.

        Raises:
            ConfigurationError: one of them is not available. Servers at other addresses go on.
        """
        named = {"http.listen": config.listen, "http.socket": f"unix:{config.socket}" if config.socket else None}
        wanted = {where: key for key, where in named.items() if where is not None}
        kept = wanted.keys() & self._running.keys() if config == self._config else set()
        await self._close(self._running.keys() & wanted.keys() - kept)
        started: list[str] = []
        for where in wanted.keys() - kept:
            try:
                self._running[where] = await self._started(wanted[where], where, config)
            except ConfigurationError:
                await self._close(started)
                raise
            started.append(where)
        await self._close(self._running.keys() - wanted.keys())
        self._config = config

    async def stop(self) -> None:
        """
        Stop listening, and stop the threads of the API.
        """
        await self._close(self._running.keys())
        if self._api is not None:
            self._api.close()
            self._api = None

    async def _started(self, key: str, where: str, config: HttpConfig) -> "HttpServer":
        try:
            server = self._server(where, config)
            await server.start()
        except OSError as error:
            raise ConfigurationError(key, f"cannot listen on {where}: {error.strerror}") from error
        except DisabledError as error:
            raise ConfigurationError(key, error.detail) from error
        return server

    def _server(self, where: str, config: HttpConfig) -> "HttpServer":
        from collector.runtime.http_server import HttpServer  # noqa: PLC0415 (only what is configured is imported)

        if where != config.listen:
            return HttpServer(where, self._metrics, self._health, api=self._the_api(), guard=socket_guard)
        if not config.api:
            return HttpServer(where, self._metrics, self._health)
        token = read_secret("http.token_file", config.token_file) if config.token_file is not None else None
        guard = TcpGuard(token, names_of_host())
        return HttpServer(where, self._metrics, self._health, api=self._the_api(), guard=guard)

    def _the_api(self) -> "Api":
        if self._api is None:
            self._api = self._make_api()
        return self._api

    async def _close(self, addresses: Collection[str]) -> None:
        for where in list(addresses):
            await self._running.pop(where).aclose()
