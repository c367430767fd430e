"""
How the detectors decide. docs/fleet/incidents.md gives the reason for each default.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    The settings of all detectors.

    Attributes:
        update_interval_s: the shortest time between two events of one incident, except for its end.
        silent_intervals: intervals without a status after which a host is silent.
        forget_host_s: after this time without any event a host is forgotten.
        host_window_s: deaths of different services on one host within this time are looked at together.
        host_services: the fewest services whose deaths on one host make a host cause.
        host_services_with_signal: the same where the host's own events name a cause.
        signal_s: how long an event about the host itself explains the deaths that follow.
        host_quiet_s: a host cause is over after this time without a further death.
        host_alpha: the chance that so many deaths on a host coincide by accident, at most.
        case_gap_s: deaths of a version on one host belong to one case if each follows the last within this time.
        false_regressions_a_week: the chance of false alarms that all new versions of a week share.
        least_versions_a_week: it is shared among at least so many.
        least_rate_ratio: a smaller increase is no regression, however certain it is.
        least_cases_without_worst_host: the cases that must be left without the host with the most.
        least_e_without_worst_host: the evidence that must be left then.
        alone_s: on the only host of a service, a death of another service within this time speaks for the host.
        test_s: how long a new version is tested.
        baseline_s: the versions before are looked at until they have run that long.
        history_hours: how long deaths and container-hours are kept.
        learn_service_s: versions that appear so soon after a service are compared with nothing.
        young_version_s: so long after a deploy deaths on many hosts are its fault and no storm.
        version_gone_s: a regression is over when no container of the version has run for this time.
        regression_quiet_s: or when nothing has died for this time.
        storm_window_s: deaths of one service within this time are looked at together.
        storm_hosts: the fewest hosts of a storm.
        storm_share: the least share of the service's hosts.
        storm_hosts_enough: so many hosts are a storm whatever their share.
        storm_alpha: the chance that so many hosts coincide by accident, at most.
        storm_alpha_in_regression: the same against the rate of an open regression, which is a matter of days.
        storm_quiet_s: a storm is over after this time without a further death.
        neighbour_window_s: kills by one culprit within this time are looked at together.
        neighbour_hosts: on so many hosts they make an incident.
        neighbour_kills: so many on one host do, too.
        neighbour_quiet_s: it is over after this time without a further kill.
    """

    update_interval_s: float = 600.0
    silent_intervals: int = 3
    forget_host_s: float = 86_400.0
    host_window_s: float = 300.0
    host_services: int = 3
    host_services_with_signal: int = 2
    signal_s: float = 900.0
    host_quiet_s: float = 900.0
    host_alpha: float = 1e-7
    case_gap_s: float = 1800.0
    false_regressions_a_week: float = 1.0
    least_versions_a_week: int = 50
    least_rate_ratio: float = 2.0
    least_cases_without_worst_host: int = 2
    least_e_without_worst_host: float = 8.0
    alone_s: float = 3600.0
    test_s: float = 604_800.0
    baseline_s: float = 604_800.0
    history_hours: int = 336
    learn_service_s: float = 3600.0
    young_version_s: float = 21_600.0
    version_gone_s: float = 600.0
    regression_quiet_s: float = 259_200.0
    storm_window_s: float = 600.0
    storm_hosts: int = 3
    storm_share: float = 0.2
    storm_hosts_enough: int = 20
    storm_alpha: float = 1e-7
    storm_alpha_in_regression: float = 1e-5
    storm_quiet_s: float = 1800.0
    neighbour_window_s: float = 21_600.0
    neighbour_hosts: int = 2
    neighbour_kills: int = 3
    neighbour_quiet_s: float = 7200.0
