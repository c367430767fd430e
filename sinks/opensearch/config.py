"""
The settings of a sink of the type `opensearch`.
"""

import base64
import re
from typing import Annotated, Final

from msgspec import Meta

from sinks.errors import DisabledError, Reason
from sinks.formats import Format
from sinks.http import HttpConfig
from sinks.secret import Secret, read_secret

# What both engines forbid in a name, and what would address more than one index.
_NAME: Final = re.compile(r"[a-z0-9%.][a-zA-Z0-9%._-]*")
_DATE_PARTS: Final = re.compile(r"%[YmdHG V%]|%")
# What the index templates in docs/opensearch match.
_TEMPLATE: Final = "logs-exit137-"
_KNOWN_PARTS: Final = frozenset({"%Y", "%m", "%d", "%H", "%G", "%V"})


class OpenSearchConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `opensearch`: the URL is that of a node or a load balancer, with a path if there is a proxy.

    Attributes:
        index: a data stream, an alias or an index; `%Y %m %d %H %G %V` are replaced from the time of the event, in UTC.
        format: the form of a document; the templates in docs/opensearch are for `ecs`.
        api_key_file: a file with an API key: `id:key`, or its base64 form.
        user: a user name, for basic authentication.
        password_file: a file with the user's password.
        max_bytes: of one request; a larger event is sent alone.
    """

    index: Annotated[str, Meta(min_length=1, max_length=200)] = "logs-exit137-default"
    format: Format = Format.ECS
    api_key_file: str | None = None
    user: str | None = None
    password_file: str | None = None
    max_bytes: Annotated[int, Meta(ge=10_000, le=50_000_000)] = 4_000_000

    def check(self) -> None:
        """
        Check the index's name, and that there is at most one way to log in.
        """
        super().check()
        if self.format is not Format.ECS and self.index.startswith(_TEMPLATE):
            detail = f'the template of {_TEMPLATE}* knows no field of format = "{self.format}": choose another index'
            raise _unusable(detail)
        unknown = sorted(set(_DATE_PARTS.findall(self.index)) - _KNOWN_PARTS)
        if unknown or _NAME.fullmatch(self.index) is None or _without_dates(self.index) != self.index.lower():
            raise _unusable("index must be lower case letters, digits, . _ - and the parts %Y %m %d %H %G %V of a date")
        if (self.user is None) != (self.password_file is None):
            raise _unusable("user and password_file are needed together")
        if self.api_key_file is not None and self.user is not None:
            raise _unusable("api_key_file and user are mutually exclusive")


def authorization(config: OpenSearchConfig) -> Secret | None:
    """
    Return the value of the header `Authorization`; None if neither a key nor a user is configured. Blocks: reads files.

    Raises:
        DisabledError: a file cannot be used.
    """
    if config.api_key_file is not None:
        key = read_secret("api_key_file", config.api_key_file).reveal()
        return Secret(f"ApiKey {_base64(key) if ':' in key else key}")
    if config.user is not None and config.password_file is not None:
        password = read_secret("password_file", config.password_file).reveal()
        return Secret(f"Basic {_base64(f'{config.user}:{password}')}")
    return None


def _without_dates(index: str) -> str:
    return re.sub(r"%[A-Z]", lambda part: part[0].lower(), index)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _unusable(detail: str) -> DisabledError:
    return DisabledError(Reason.UNUSABLE, detail)
