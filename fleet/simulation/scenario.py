"""
What happens to a simulated fleet, and how often.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """
    The size of a fleet, and everything that happens to it.

    Attributes:
        seed: of the random numbers.
        hosts: number of hosts.
        services: number of services.
        days: how long.
        status_interval_s: how often an agent reports; it also reports a minute after each deploy.
        replicas: the most containers of a service on one host.
        shares: the shares of all hosts on which a service may run.
        deploys: new versions per week, for each service.
        rarest_death_s: the mean time between deaths of a container of the most stable service, in seconds.
        commonest_death_s: the same of the least stable.
        day_swing: by which share of its mean the death rate is higher by day and lower by night.
        loop_share: the share of deaths after which the container dies a few times more.
        regressions: the share of new versions that die more often.
        ratios: how many times as often they die.
        bad_canaries: the share of canaries whose host is bad.
        crash_loops: long crash loops of one container per week, in the whole fleet.
        host_failures: failing hosts per week.
        neighbours: services per week that take the memory of their hosts.
        storms: services per week that die on all hosts, for a reason outside.
        silent_hosts: agents per week that stop for some hours.
        late_share: the share of events that arrive late, by up to half an hour.
        repeated_share: the share of events that arrive twice.
        skewed_share: the share of hosts whose clock is wrong, by up to five minutes.
    """

    seed: int = 1
    hosts: int = 50
    services: int = 12
    days: float = 14.0
    status_interval_s: float = 3600.0
    replicas: int = 4
    shares: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.4)
    deploys: float = 1.0
    rarest_death_s: float = 3.6e6
    commonest_death_s: float = 2.0e5
    day_swing: float = 0.5
    loop_share: float = 0.1
    regressions: float = 0.1
    ratios: tuple[float, ...] = (5.0, 14.0)
    bad_canaries: float = 0.3
    crash_loops: float = 3.0
    host_failures: float = 2.0
    neighbours: float = 1.0
    storms: float = 1.0
    silent_hosts: float = 1.0
    late_share: float = 0.01
    repeated_share: float = 0.02
    skewed_share: float = 0.05
