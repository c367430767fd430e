"""
Lines about kills, and what journald stamps on the entries of the programs that write them.
"""

from typing import Any

ID = "4e1d" * 16
SCOPE = f"docker-{ID}.scope"
UNIT_LINE = f"{SCOPE}: A process of this unit has been killed by the OOM killer."
OOMD_UNIT_LINE = f"{SCOPE}: systemd-oomd killed 3 process(es) in this unit."
PRESSURE = "due to memory pressure for /system.slice being 68.13% > 60.00% for > 30s with reclaim activity"
SWAP = "due to memory used (15) / total (16) and swap used (30) / total (32) being more than 90.00%"
EARLYOOM_LINE = 'sending SIGTERM to process 7378 uid 1000 "tail": oom_score 156, VmRSS 4962 MiB'
# What journald stamps on the entries of these programs.
PID_1: dict[str, Any] = {"pid": 1, "uid": 0, "cgroup": "/init.scope", "systemd_unit": "init.scope"}
OOMD_SERVICE: dict[str, Any] = {
    "pid": 571,
    "uid": 998,
    "cgroup": "/system.slice/systemd-oomd.service",
    "systemd_unit": "systemd-oomd.service",
}


EARLYOOM_SERVICE: dict[str, Any] = {
    "pid": 572,
    "uid": 0,
    "cgroup": "/system.slice/earlyoom.service",
    "systemd_unit": "earlyoom.service",
}


OOMD_LINE = f"oomd kill: 7 3 1 system.slice/{SCOPE} 4096 ruleset:[a] detectorgroup:[b] killer:[kill_by_swap] v2"
