"""
Parse kills of whole cgroups by Facebook's oomd and by the OOM controller of Talos Linux.

    oomd kill: 7.11 3.00 1.20 system.slice/x.service 4096 ruleset:[a] detectorgroup:[b] killer:[kill_by_…] v2
    [talos] Sending SIGKILL to cgroup {"component": "controller-runtime", …, "cgroup": "/sys/fs/cgroup/kubepods/…"}
"""

import re
from typing import Final

from parsers.cgroup_path import container_of
from parsers.killers.facts import OomdKill, TalosKill

_OOMD: Final = re.compile(
    r"oomd kill: (?:[0-9.]+ ){3}(?P<cgroup>\S.*?) [0-9]+ ruleset:\[.*killer:\[(?!\(dry\)).*", re.DOTALL
)
_TALOS: Final = re.compile(
    r"(?:\[talos\] )?[Ss]ending SIGKILL to cgroup \{.*?\"cgroup\": ?\"(?:/sys/fs/cgroup)?(?P<cgroup>[^\"]+)\".*",
    re.DOTALL,
)


def parse_oomd(text: str, at_ns: int | None) -> OomdKill | None:
    """
    Parse a kill by oomd.
    """
    match = _OOMD.fullmatch(text)
    if match is None:
        return None
    cgroup = match["cgroup"]
    return OomdKill(cgroup=cgroup, container=container_of(cgroup), at_ns=at_ns, text=text)


def parse_talos(text: str, at_ns: int | None) -> TalosKill | None:
    """
    Parse a kill by the OOM controller of Talos.
    """
    match = _TALOS.fullmatch(text)
    if match is None:
        return None
    cgroup = match["cgroup"]
    return TalosKill(cgroup=cgroup, container=container_of(cgroup), at_ns=at_ns, text=text)
