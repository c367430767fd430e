"""
Asks the agent through its socket, for a model: an error says what to do.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from collector.web.api.client import ApiClient, ApiUnavailableError
from sinks.text import printable


class AskedAgent:
    """
    The agent of this host.

    Args:
        client: a client of its API.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def get(self, path: str, **parameters: str | int | None) -> tuple[bool, Mapping[str, Any]]:
        """
        Return whether something was found, and the answer.

        Args:
            path: such as `/v1/why`.
            parameters: of the query; those that are None are not sent.

        Raises:
            ToolError: the agent does not answer, or refuses the question; the message says what to do.
        """
        try:
            status, answer = self._client.get(path, **parameters)
        except ApiUnavailableError as error:
            raise ToolError(f"{printable(str(error))}. {_what_to_do(error)}") from error
        if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise ToolError(f"the agent refused the question: {printable(str(answer.get('error')))}")
        return status == HTTPStatus.OK, answer


def _what_to_do(error: ApiUnavailableError) -> str:
    match error.__cause__:
        case PermissionError():
            return "Run `exit137 mcp` as root or as a member of the group exit137 (`usermod -aG exit137 USER`)."
        case FileNotFoundError() | ConnectionRefusedError():
            return "The agent does not run: start it with `systemctl start exit137`, or give --socket."
        case _:
            return "`systemctl status exit137` and `journalctl -u exit137` say what is wrong with the agent."
