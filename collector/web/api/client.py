"""
A client of the API through the agent's Unix socket. `exit137 why` uses it.
"""

import http.client
import socket
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import orjson

DEFAULT_SOCKET: Final = Path("/run/exit137/api.sock")
# Longer than the longest wait that the API allows.
_TIMEOUT_S: Final = 90.0
_ANSWER_BYTES: Final = 67_108_864


class ApiUnavailableError(Exception):
    """
    Raised when the agent does not answer.

    Args:
        path: the socket.
        why: what is wrong.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"cannot ask the agent at {path}: {why}; [http] socket in its configuration sets the path")


class ApiClient:
    """
    Asks the agent of this host.

    Args:
        path: the socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, path: str, **parameters: str | int | None) -> tuple[int, dict[str, Any]]:
        """
        Return the status and the JSON of an answer.

        Args:
            path: such as `/v1/why`.
            parameters: of the query; those that are None are not sent.

        Raises:
            ApiUnavailableError: the agent does not answer, or its answer is not a JSON object.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        connection = _Connection(self._path)
        try:
            connection.request("GET", f"{path}?{urlencode(given)}" if given else path)
            answer = connection.getresponse()
            value = orjson.loads(answer.read(_ANSWER_BYTES))
        except (OSError, http.client.HTTPException) as error:
            raise ApiUnavailableError(self._path, str(error) or type(error).__name__) from error
        except orjson.JSONDecodeError as error:
            raise ApiUnavailableError(self._path, "it does not answer with JSON") from error
        finally:
            connection.close()
        if not isinstance(value, dict):
            raise ApiUnavailableError(self._path, "it does not answer with a JSON object")
        return answer.status, value


class _Connection(http.client.HTTPConnection):
    """
    An HTTP connection over a Unix socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """
        Connect to the socket.
        """
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_TIMEOUT_S)
        self.sock.connect(str(self._path))
