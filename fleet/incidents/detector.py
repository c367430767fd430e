"""
Hands each event of the fleet to the detectors that it concerns.

The detector has no clock: the caller says what time it is. What is due before that time is done first, each at its own
time, so that the incidents depend only on the events and on when they arrived.
"""

from collections.abc import Mapping
from typing import Any, Final, assert_never

import msgspec

from fleet.incidents.cases import Cases
from fleet.incidents.census import Census
from fleet.incidents.host_causes import HostCauses
from fleet.incidents.incident import Incident
from fleet.incidents.neighbours import Neighbours
from fleet.incidents.observations import (
    FROM_THE_HOST,
    ORDERED,
    Death,
    HostSignal,
    Kill,
    Observation,
    Status,
    is_of_several,
    observation_of,
    origin_of,
    service_of,
)
from fleet.incidents.recent_deaths import RecentDeaths
from fleet.incidents.regressions import Regressions
from fleet.incidents.seen_events import SeenEvents
from fleet.incidents.settings import Settings
from fleet.incidents.silent_hosts import SilentHosts
from fleet.incidents.storms import Storms
from fleet.incidents.version_history import VersionHistory
from sinks.event.reader import UnreadableEventError, view_of

_NS_PER_S: Final = 1_000_000_000
STATE_VERSION: Final = 1
_DEFAULTS: Final = Settings()


class Detector:
    """
    Events and time in, incidents out. The state is bounded, and `save` returns it as JSON.
    """

    def __init__(self, settings: Settings = _DEFAULTS, *, state: Mapping[str, Any] | None = None) -> None:
        """
        Begin with nothing known, or with a state that `save` returned, parsed.
        """
        saved = state or {}
        self._now_ns: int = saved.get("now_ns", 0)
        self._seen = SeenEvents(saved.get("seen"))
        self._census = Census(saved.get("census"))
        recent_s = max(settings.host_window_s, settings.storm_window_s)
        self._recent = RecentDeaths(round(recent_s * _NS_PER_S), saved.get("recent"))
        self._history = VersionHistory(settings, saved.get("history"))
        self._cases = Cases(round(settings.case_gap_s * _NS_PER_S), saved.get("cases"))
        self._silent_hosts = SilentHosts(settings, self._census, saved.get("silent_hosts"))
        self._host_causes = HostCauses(settings, self._census, self._recent, self._history, saved.get("host_causes"))
        self._neighbours = Neighbours(settings, self._census, saved.get("neighbours"))
        self._storms = Storms(settings, self._census, self._recent, self._history, saved.get("storms"))
        self._regressions = Regressions(settings, self._census, self._history, self._cases, saved.get("regressions"))

    @classmethod
    def restore(cls, state: Mapping[str, Any], settings: Settings = _DEFAULTS) -> "Detector":
        """
        Return a detector that goes on where another one was saved; begin anew if another version saved it.

        Args:
            state: what `save` returned, parsed.
            settings: of the detectors.
        """
        return cls(settings, state=state if state.get("version") == STATE_VERSION else None)

    def save(self) -> bytes:
        """
        Return the state as JSON.
        """
        saved = {
            "seen": self._seen.save(),
            "census": self._census.save(),
            "recent": self._recent.save(),
            "history": self._history.save(),
            "cases": self._cases.save(),
            "silent_hosts": self._silent_hosts.save(),
            "host_causes": self._host_causes.save(),
            "neighbours": self._neighbours.save(),
            "storms": self._storms.save(),
            "regressions": self._regressions.save(),
        }
        parts = {name: msgspec.Raw(part) for name, part in saved.items()}
        return msgspec.json.encode({"version": STATE_VERSION, "now_ns": self._now_ns, **parts})

    def observe(self, event: Mapping[str, Any], now_ns: int) -> list[Incident]:
        """
        Take one published event; return the incidents that open, change or end now.

        Args:
            event: a structured CloudEvent, parsed from JSON. One that is repeated or unreadable is ignored.
            now_ns: the time at which it arrived, nanoseconds since 1970.
        """
        found = self.advance(now_ns)
        try:
            view = view_of(event)
        except UnreadableEventError:
            return found
        origin = origin_of(view, self._now_ns)
        if origin is None:
            return found
        container, service = view.data.container, service_of(view)
        if container is not None and container.id and service:
            self._neighbours.learn(container.id, service)
        observation = observation_of(view, origin)
        if observation is None or not self._is_new(observation):
            return found
        return found + self._take(observation)

    def advance(self, now_ns: int) -> list[Incident]:
        """
        Let time pass; return the incidents that open, change or end because of that.

        Args:
            now_ns: the time now, nanoseconds since 1970. A time before an earlier one is taken for that one.
        """
        found: list[Incident] = []
        detectors = (self._silent_hosts, self._host_causes, self._neighbours, self._storms, self._regressions)
        while True:
            due = [(detector.due_ns, detector) for detector in detectors]
            at_ns, first = min(
                ((at_ns, detector) for at_ns, detector in due if at_ns is not None and at_ns <= now_ns),
                key=lambda item: item[0],
                default=(None, None),
            )
            if at_ns is None or first is None:
                break
            self._now_ns = max(self._now_ns, at_ns)
            found += first.advance(self._now_ns)
            for host in self._silent_hosts.take_gone():
                self._forget(host)
        self._now_ns = max(self._now_ns, now_ns)
        return found

    def _is_new(self, observation: Observation) -> bool:
        origin = observation.origin
        if isinstance(observation, Status):
            return self._seen.is_new_status(origin.host, origin.event_id)
        return self._seen.is_new(origin.host, origin.event_id)

    def _forget(self, host: str) -> None:
        self._census.forget((host,))
        self._history.forget(host, self._now_ns)
        self._cases.forget(host)
        self._host_causes.forget(host)
        self._seen.forget(host)

    def _take(self, observation: Observation) -> list[Incident]:
        match observation:
            case Status():
                if not self._history.is_outdated(observation):
                    self._census.observe(observation)
                self._history.observe(observation, self._now_ns)
                return self._silent_hosts.observe(observation, self._now_ns)
            case Death():
                return self._death(observation)
            case Kill():
                return self._kill(observation)
            case HostSignal():
                self._host_causes.signal(observation)
                return []
            case _:
                assert_never(observation)

    def _kill(self, kill: Kill) -> list[Incident]:
        if not is_of_several(kill.scope):
            return []
        if kill.culprit_id is not None or kill.culprit_name is not None:
            return self._neighbours.observe(kill, self._now_ns)
        self._host_causes.memory_ran_out(kill.origin)
        return []

    def _death(self, death: Death) -> list[Incident]:
        """
        Hand a death to the detectors, from the one that explains most to the one that explains least.
        """
        service, host = death.service or death.container, death.origin.host
        if death.cause in ORDERED or service is None or self._neighbours.explains(death, service):
            return []
        self._recent.add(death, service)
        found = self._host_causes.observe(death, service, self._now_ns)
        if self._host_causes.is_open(host):
            self._regressions.explained(since_ns=self._host_causes.since_ns(host), host=host)
            return found
        is_of_host = is_of_several(death.oom_scope) and not self._neighbours.is_own_fault(death, service)
        if death.cause in FROM_THE_HOST or is_of_host or death.service is None:
            return found
        found += self._storms.observe(death, service, self._now_ns, hosts=self._host_causes, versions=self._regressions)
        if self._storms.explains(death, service):
            self._regressions.explained(since_ns=self._storms.since_ns(service), service=service)
            return found
        return found + self._regressions.observe(death, service, self._now_ns)
