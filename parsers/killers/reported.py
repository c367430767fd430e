"""
Parse what others say about a kill by the kernel: the kubelet's event, and the line of the kernel's OOM reaper.

They are no proof of whose memory ran out, but where the kernel's own report is missing they are all there is.

    System OOM encountered, victim process: stress-ng-vm, pid: 3103923
    "Got sys oom event" event={"Pid":4124,"ProcessName":"node",…,"Constraint":"CONSTRAINT_MEMCG"}
    oom_reaper: reaped process 1978 (cadvisor), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB
"""

import re
from dataclasses import dataclass
from typing import Final

_KUBELET: Final = re.compile(
    r"\b(?P<whose>System|Cgroup|Memory cgroup) OOM encountered, "
    r"victim process: (?P<comm>.{1,15}?), pid: ?(?P<pid>[0-9]{1,10})"
)
# The kubelet's own log; before klog 2.9 it prints the fields as `Pid:7 ProcessName:hog`.
_KUBELET_LOG: Final = re.compile(
    r"Got sys oom event\b.{1,64}?\bPid\"?: ?(?P<pid>[0-9]{1,10})[, ] ?\"?ProcessName\"?: ?\"?(?P<comm>[^\",]{1,15}?)"
    r"(?:\",|,| TimeOfDeath:)(?P<rest>.*)",
    re.DOTALL,
)
_REAPED: Final = re.compile(
    r"oom_reaper: reaped process (?P<pid>[0-9]{1,10}) \((?P<comm>.{0,15}?)\)(?:[,.\s].*)?", re.DOTALL
)
# node-problem-detector repeats the kernel's sentence in an event, which kubectl prints behind columns.
_NODE_PROBLEM: Final = re.compile(
    r"\bOOMKilling\b.{0,200}?"
    r"(?P<sentence>(?:(?:Memory cgroup out of memory|Out of memory|oom-kill):|Killed process ).*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedKill:
    """
    A process that the kernel's OOM killer killed, as another line says.

    Attributes:
        host_wide: the whole host ran out of memory; None if the line does not say.
    """

    pid: int
    comm: str
    host_wide: bool | None
    text: str


def parse_kubelet(text: str) -> ReportedKill | None:
    """
    Parse an event of the kubelet; kubectl prints columns before the sentence.
    """
    logged = _KUBELET_LOG.search(text) if "Got sys oom event" in text else None
    if logged is not None:
        host_wide = True if "CONSTRAINT_NONE" in logged["rest"] else None
        return ReportedKill(pid=int(logged["pid"]), comm=logged["comm"], host_wide=host_wide, text=logged[0])
    match = _KUBELET.search(text) if "OOM encountered" in text else None
    if match is None:
        return None
    host_wide = match["whose"] == "System" or None
    return ReportedKill(pid=int(match["pid"]), comm=match["comm"], host_wide=host_wide, text=match[0])


def sentence_of_node_problem(text: str) -> str | None:
    """
    Return the kernel's sentence in an event of the node problem detector; None for other lines.
    """
    match = _NODE_PROBLEM.search(text) if "OOMKilling" in text else None
    return match["sentence"] if match is not None else None


def parse_reaped(text: str) -> ReportedKill | None:
    """
    Parse the line of the OOM reaper, which frees the memory of none but victims of the OOM killer.
    """
    match = _REAPED.fullmatch(text) if text.startswith("oom_reaper") else None
    if match is None:
        return None
    return ReportedKill(pid=int(match["pid"]), comm=match["comm"], host_wide=None, text=text)
