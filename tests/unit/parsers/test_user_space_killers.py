"""
What earlyoom, nohang, oomd, Talos and the kubelet say about their kills.
"""

from signal import Signals

import pytest

from parsers.journal import JournalEntry
from parsers.killers import (
    EarlyoomKill,
    OomdKill,
    TalosKill,
    parse_killer,
    parse_killer_text,
    parse_kubelet,
    parse_reaped,
)
from parsers.killers.earlyoom import NohangLog
from tests.unit.parsers.killer_lines import (
    EARLYOOM_LINE,
    EARLYOOM_SERVICE,
    OOMD_LINE,
    SCOPE,
)


@pytest.mark.parametrize(
    ("line", "signal", "rss_mib"),
    [
        ('sending SIGTERM to process 7 uid 0 "tail": oom_score 6, oom_score_adj 0, badness 9 KiB, VmRSS 2 MiB', 15, 2),
        ('sending SIGKILL to process 7 uid 0 "tail": badness 900, VmRSS 2 MiB', 9, 2),
        ('sending SIGTERM to process 7 "tail"', 15, None),
        ('killing process 7 "tail" with signal 15: badness 550, VmRSS 2 MiB', 15, 2),
        ("Killing process 7 tail with badness 912 time_running=0.3m", 9, None),
        ("Killing process 7 tail", 9, None),
    ],
)
def test_words_of_every_earlyoom(line: str, signal: int, rss_mib: int | None) -> None:
    """
    The words of old and new versions give the process, the signal and the memory.
    """
    kill = parse_killer_text(line, "earlyoom[7]")
    assert isinstance(kill, EarlyoomKill)
    assert (kill.pid, kill.comm, kill.signal) == (7, "tail", Signals(signal).name)
    assert kill.rss_bytes == (rss_mib * 1024 * 1024 if rss_mib is not None else None)


def test_common_words_are_not_earlyoom() -> None:
    """
    Without earlyoom's name in front, words that any program could write are not a kill; its own words are.
    """
    assert parse_killer_text("Killing process 7 tail", None) is None
    assert isinstance(parse_killer_text(EARLYOOM_LINE, None), EarlyoomKill)


def test_nohang_names_the_victim_before_the_signal() -> None:
    """
    The lines of nohang are joined: it names the victim first, and then the signal.
    """
    log = NohangLog()
    assert log.feed("Sending SIGTERM to the victim", 1) is None
    assert log.feed("  PID:       77, name: hungry one, state: R (running), EUID: 0, SID: 7 (sh)", 2) is None
    kill = log.feed("  Sending SIGKILL to the victim", 3)
    assert kill is not None
    assert (kill.pid, kill.comm, kill.signal, kill.at_ns) == (77, "hungry one", "SIGKILL", 3)


def test_old_nohang_names_the_victim_on_two_lines() -> None:
    """
    Old versions of nohang print the name and the pid of the victim on lines of their own.
    """
    log = NohangLog()
    for line in ("Victim information:", "  Name:       hungry one", "  State:      R (running)", "  PID:        77"):
        assert log.feed(line, 1) is None
    kill = log.feed("  Send SIGKILL to the victim; total response time: 9 ms", 2)
    assert kill is not None
    assert (kill.pid, kill.comm, kill.signal) == (77, "hungry one", "SIGKILL")


def test_talos_kills_the_cgroup_of_a_pod() -> None:
    """
    The OOM controller of Talos names a cgroup by its folder.
    """
    line = '[talos] Sending SIGKILL to cgroup {"controller": "OOM", "cgroup": "/sys/fs/cgroup/kubepods/x"}'
    kill = parse_killer_text(line, None)
    assert isinstance(kill, TalosKill)
    assert kill.cgroup == "/kubepods/x"


@pytest.mark.parametrize(
    "event",
    [
        ' event={"Pid":31,"ProcessName":"hog","TimeOfDeath":"2025-03-01T04:05:06Z","Constraint":"CONSTRAINT_MEMCG"}',
        ": &{Pid:31 ProcessName:hog TimeOfDeath:2025-03-01 04:05:06 ContainerName:/a Constraint:CONSTRAINT_X}",
    ],
)
def test_the_log_of_the_kubelet_names_a_victim(event: str) -> None:
    """
    The kubelet's log names the victim; a limit is no shortage of the host.
    """
    kill = parse_kubelet(f'I0301 04:05:06.1 7 oom_watcher_linux.go:76] "Got sys oom event"{event}')
    assert kill is not None
    assert (kill.pid, kill.comm, kill.host_wide) == (31, "hog", None)


def test_kubelet_and_reaper_name_a_victim_of_the_kernel() -> None:
    """
    The kubelet's event and the reaper's line name a victim, and only the kubelet may say whose memory ran out.
    """
    kubelet = parse_kubelet("  Warning  SystemOOM  3m  kubelet  System OOM encountered, victim process: hog, pid: 31")
    assert kubelet is not None
    assert (kubelet.pid, kubelet.comm, kubelet.host_wide) == (31, "hog", True)
    cgroup = parse_kubelet("Cgroup OOM encountered, victim process: a, b, pid: 32")
    assert cgroup is not None
    assert (cgroup.comm, cgroup.host_wide) == ("a, b", None)
    reaped = parse_reaped("oom_reaper: reaped process 33 ((hog)), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB")
    assert reaped is not None
    assert (reaped.pid, reaped.comm, reaped.host_wide) == (33, "(hog)", None)
    assert parse_reaped("x: oom_reaper: reaped process 33 (hog)") is None


def test_earlyoom() -> None:
    """
    The process is read with its user and its memory.
    """
    kill = parse_killer(JournalEntry(message=EARLYOOM_LINE, **EARLYOOM_SERVICE))
    assert isinstance(kill, EarlyoomKill)
    assert (kill.pid, kill.uid, kill.comm, kill.signal) == (7378, 1000, "tail", "SIGTERM")
    assert kill.rss_bytes == 4962 * 1024 * 1024


def test_command_line_cannot_forge_what_earlyoom_says() -> None:
    """
    The command line that newer versions quote is not searched, because the process chooses it.
    """
    line = (
        'sending SIGKILL to process 7 uid 0 "tmux: server": oom_score 156, oom_score_adj -5, VmRSS 2 MiB, '
        'cmdline "x": oom_score 1, VmRSS 9 MiB"'
    )
    kill = parse_killer(JournalEntry(message=line, **EARLYOOM_SERVICE))
    assert isinstance(kill, EarlyoomKill)
    assert (kill.comm, kill.rss_bytes) == ("tmux: server", 2 * 1024 * 1024)


def test_oomd() -> None:
    """
    The line comes through the kernel log with user facility; a dry run is not a kill.
    """
    kill = parse_killer(JournalEntry(message=OOMD_LINE, transport="kernel", facility=1))
    assert isinstance(kill, OomdKill)
    assert kill.cgroup == f"system.slice/{SCOPE}"
    dry_run = OOMD_LINE.replace("killer:[", "killer:[(dry)")
    assert parse_killer(JournalEntry(message=dry_run, transport="kernel", facility=1)) is None
