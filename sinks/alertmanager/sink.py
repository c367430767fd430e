"""
Posts alerts to the API v2 of one Alertmanager, and repeats what is not resolved.

Alertmanager keeps alerts in memory only, so that a client repeats them; it merges alerts with the same labels, so that
a repetition is no duplicate (https://prometheus.io/docs/alerting/latest/clients/).
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from sinks.alertmanager.alerts import TEST, Alert, Lasting, alert_of
from sinks.alertmanager.config import AlertmanagerConfig, AlertSeverity
from sinks.base import Outgoing
from sinks.errors import PermanentError, Reason
from sinks.event.envelope import rfc3339
from sinks.event.reader import UnreadableEventError, read_event
from sinks.event.views import EventView
from sinks.http import HttpClient, error_for_status

_PATH: Final = "api/v2/alerts"
_HEADERS: Final = {"content-type": "application/json"}
# A warning whose end nobody reports, because the agent has gone, passes after a day.
_WARNING_EXPIRES_S: Final = 86_400.0
_MOST_OPEN: Final = 1024
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Open:
    alert: Alert
    ends_s: float | None


class AlertmanagerSink:
    """
    Posts to one Alertmanager.

    Args:
        config: its configuration.
        now_s: the wall clock, seconds since 1970.
    """

    max_batch = 64

    def __init__(self, config: AlertmanagerConfig, now_s: Callable[[], float] = time.time) -> None:
        self.name = config.name
        self.repeat_every_s = config.repeat_every_s
        self._config = config
        self._now_s = now_s
        self._client = HttpClient(config)
        self._open: dict[tuple[tuple[str, str], ...], _Open] = {}

    async def open(self) -> None:
        """
        Read the files that the configuration names; nothing is sent.

        Raises:
            DisabledError: the configuration cannot be used.
        """
        await self._client.open()

    async def send(self, batch: Sequence[Outgoing]) -> None:
        """
        Post the alerts of a batch. Events that are less severe than configured make none.

        Raises:
            TransientError, PermanentError: no alert of the batch was accepted.
            DisabledError: the URL does not exist, redirects, or refuses the credentials.
        """
        now_s = self._now_s()
        alerts = [alert_of(_read(event), self._config.add_labels) for event in batch]
        # Of one problem only the last event counts; it keeps the start of the first.
        latest: dict[tuple[tuple[str, str], ...], Alert] = {}
        for alert in filter(self._is_wanted, alerts):
            first = latest.pop(alert.problem, None) or self._known(alert)
            latest[alert.problem] = replace(alert, starts_s=first.starts_s) if first is not None else alert
        await self._post([document for alert in latest.values() for document in self._documents(alert, now_s)])
        for problem, alert in latest.items():
            self._remember(problem, alert, now_s)

    async def repeat(self) -> None:
        """
        Post the alerts that are not resolved once more; forget those whose time is over.

        Raises:
            TransientError, PermanentError, DisabledError: as for `send`.
        """
        now_s = self._now_s()
        self._open = {key: known for key, known in self._open.items() if known.ends_s is None or known.ends_s > now_s}
        await self._post([_document(known.alert, _ends_s(known, now_s)) for known in self._open.values()])

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._client.aclose()

    def _is_wanted(self, alert: Alert) -> bool:
        is_severe = alert.severity.rank >= self._config.min_severity.rank
        return is_severe or alert.lasting is Lasting.RESOLVED or alert.labels["alertname"] == TEST

    def _known(self, alert: Alert) -> Alert | None:
        known = self._open.get(alert.problem)
        return known.alert if known is not None else None

    def _documents(self, alert: Alert, now_s: float) -> Iterable[Mapping[str, Any]]:
        """
        Yield an alert, and the end of what was said of its problem with another severity, perhaps before a restart.
        """
        severities = {alert.severity} if alert.lasting is Lasting.FOR_A_TIME else set(AlertSeverity)
        for severity in sorted(severities, key=lambda each: each is alert.severity):
            is_firing = severity is alert.severity and alert.lasting is not Lasting.RESOLVED
            ends_s = _ends_s(_Open(alert, self._fixed_end_s(alert, now_s)), now_s) if is_firing else now_s
            yield _document(replace(alert, severity=severity), ends_s)

    def _fixed_end_s(self, alert: Alert, now_s: float) -> float | None:
        return now_s + self._config.resolve_after_s if alert.lasting is Lasting.FOR_A_TIME else None

    def _remember(self, problem: tuple[tuple[str, str], ...], alert: Alert, now_s: float) -> None:
        self._open.pop(problem, None)
        if alert.lasting is not Lasting.RESOLVED:
            self._open[problem] = _Open(alert, self._fixed_end_s(alert, now_s))
        while len(self._open) > _MOST_OPEN:
            del self._open[next(iter(self._open))]

    async def _post(self, documents: Sequence[Mapping[str, Any]]) -> None:
        if not documents:
            return
        answer = await self._client.exchange("POST", orjson.dumps(documents), _HEADERS, path=_PATH)
        failure = error_for_status(answer.status, answer.retry_after, "Alertmanager")
        if failure is not None:
            raise failure


def _document(alert: Alert, ends_s: float) -> Mapping[str, Any]:
    """
    Return an alert as the API takes it. One that ended before it started would be refused.
    """
    starts_s = min(alert.starts_s, ends_s) if alert.starts_s is not None else ends_s
    return {
        "labels": {**alert.labels, "severity": alert.severity.value},
        "annotations": alert.annotations,
        "startsAt": rfc3339(round(starts_s * _NS_PER_S)),
        "endsAt": rfc3339(round(ends_s * _NS_PER_S)),
    }


def _ends_s(known: _Open, now_s: float) -> float:
    return known.ends_s if known.ends_s is not None else now_s + _WARNING_EXPIRES_S


def _read(event: Outgoing) -> EventView:
    try:
        return read_event(event.body)
    except UnreadableEventError as error:
        raise PermanentError(Reason.REJECTED, str(error)) from error
