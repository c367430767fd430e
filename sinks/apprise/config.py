"""
The settings of the Apprise sink.
"""

from typing import Annotated, ClassVar

from msgspec import Meta

from sinks.base import Grouping, SinkConfig
from sinks.errors import DisabledError, Reason
from sinks.secret import Secret


class AppriseConfig(SinkConfig, frozen=True, kw_only=True):
    """
    A sink of the type `apprise`.

    Attributes:
        url_file: a file with one Apprise URL, which is a secret.
        ca_file: PEM; the CA certificates that are trusted instead of those that come with Apprise.
        proxy: `http://[user:password@]host:port`, for services that are reached over HTTP; the environment is not
            consulted.
        proxy_file: a file with the proxy.
        timeout_s: for one message, from the start of Apprise to the answer of the service.
        grouping: how often people are notified.
    """

    for_people: ClassVar[bool] = True
    url_file: str
    ca_file: str | None = None
    proxy: Secret | None = None
    proxy_file: str | None = None
    timeout_s: Annotated[float, Meta(ge=5, le=50)] = 30
    grouping: Grouping = Grouping()

    def check(self) -> None:
        """
        Check that there is at most one proxy.

        Raises:
            DisabledError: there are two.
        """
        if self.proxy is not None and self.proxy_file is not None:
            raise DisabledError(Reason.UNUSABLE, "proxy and proxy_file are mutually exclusive")
