"""
`exit137 why`: asks the running agent why a container died, or what was killed in it.
"""

import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import click
import orjson

from collector.cli.arguments import FILE, TEXT
from collector.cli.common import MISUSED, config_option, configuration, fail, write_event
from collector.web.api.client import DEFAULT_SOCKET, ApiClient, ApiUnavailableError
from sinks.text import printable

_NOT_SETTLED: Final = 3
_UNKNOWN: Final = 4
# A shorter text of digits alone is a pid, not the beginning of a container's id.
_PID_DIGITS: Final = 7


@click.command("why")
@click.argument("subject", metavar="CONTAINER|PID", type=TEXT)
@click.option("--wait", default="2s", metavar="T", help="Wait at most T for a settled answer (default: 2s).")
@click.option("--since", metavar="T", help="Only what happened since T: 30m, 2h, or 2026-11-22T03:17.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@click.option("--socket", "socket", type=FILE, envvar="EXIT137_SOCKET", help="The socket of the agent.")
@config_option
def command(
    *, subject: str, wait: str, since: str | None, as_json: bool, socket: Path | None, config_path: Path | None
) -> None:
    """
    Say why CONTAINER died, or what was killed in it, as soon as that is known.

    CONTAINER is a name, an id, or the beginning of an id; a number is a PID. The exit code is 0 if the answer is
    settled, 3 if more may come, and 4 if nothing is known.
    """
    client = ApiClient(socket or socket_of(config_path))
    name = "pid" if subject.isascii() and subject.isdecimal() and len(subject) <= _PID_DIGITS else "container"
    try:
        status, answer = client.get("/v1/why", **{name: subject, "wait": wait, "since": since})
    except ApiUnavailableError as error:
        fail(str(error))
    if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        fail(printable(str(answer.get("error"))), MISUSED if status == HTTPStatus.BAD_REQUEST else 1)
    if as_json:
        write_event(orjson.dumps(answer))
    else:
        for line in _lines(answer):
            click.echo(printable(line))
    sys.exit(_exit_code(status, answer))


def socket_of(config_path: Path | None) -> Path:
    """
    Return the socket of the agent: the configured one, else that of the service.
    """
    configured = configuration(config_path).http.socket
    return Path(configured) if configured is not None else DEFAULT_SOCKET


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    if "message" not in answer:
        yield str(answer.get("error"))
    else:
        yield str(answer["message"])
        yield from (f"before: {_message(kill)}" for kill in answer["kills"] if _message(kill) != answer["message"])
        yield from (f"kernel: {_message(event)}" for event in answer["kernel_events"])
    yield from (f"not seen: {blind['source']}: {blind.get('text')}" for blind in answer.get("blind", ()))
    if answer.get("awaited"):
        yield f"not settled, waiting for: {', '.join(answer['awaited'])}"


def _message(event: Mapping[str, Any]) -> str:
    return str(event.get("data", {}).get("message"))


def _exit_code(status: int, answer: Mapping[str, Any]) -> int:
    if not answer.get("settled"):
        return _NOT_SETTLED
    return _UNKNOWN if status == HTTPStatus.NOT_FOUND else 0
