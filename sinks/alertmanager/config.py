"""
The settings of the Alertmanager sink.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from sinks.base import LONGEST_S
from sinks.errors import DisabledError, Reason
from sinks.event.words import Severity
from sinks.http import HttpConfig

# https://prometheus.io/docs/concepts/data_model/
_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class AlertSeverity(StrEnum):
    """
    The label `severity`, in the words that Prometheus users route by.
    """

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @classmethod
    def of(cls, severity: int) -> "AlertSeverity":
        """
        Return the label for the severity of an event.
        """
        if severity > Severity.WARNING:
            return cls.CRITICAL
        return cls.WARNING if severity == Severity.WARNING else cls.INFO

    @property
    def rank(self) -> int:
        """
        Its place in the order of severities.
        """
        return tuple(AlertSeverity).index(self)


class AlertmanagerConfig(HttpConfig, frozen=True, kw_only=True):
    """
    A sink of the type `alertmanager`.

    Attributes:
        min_severity: events that are less severe make no alert.
        add_labels: labels that every alert gets.
        resolve_after_s: a death or a kill counts as resolved this long after it was reported.
        repeat_every_s: how often alerts that are not resolved are repeated: Alertmanager forgets them when it restarts.
    """

    for_people: ClassVar[bool] = True
    min_severity: AlertSeverity = AlertSeverity.WARNING
    add_labels: Mapping[str, str] = {}
    resolve_after_s: Annotated[float, Meta(ge=1, le=LONGEST_S)] = 900
    repeat_every_s: Annotated[float, Meta(ge=1, le=3600)] = 60

    def check(self) -> None:
        """
        Check the URL, and that the names of labels are valid.
        """
        super().check()
        for name in self.add_labels:
            if not _LABEL.fullmatch(name):
                raise DisabledError(Reason.UNUSABLE, f"add_labels: {name!r} is not a valid name of a label")
