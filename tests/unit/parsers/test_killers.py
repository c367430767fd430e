"""
Kills that the journal reports, and which senders are trusted.
"""

from signal import Signals
from typing import Any

import pytest

from parsers.cgroup_path import container_of_unit
from parsers.journal import JournalEntry
from parsers.killers import (
    UNIT_OOMD_KILL,
    UNIT_OUT_OF_MEMORY,
    Author,
    EarlyoomKill,
    OomdKill,
    SystemdOomdKill,
    TalosKill,
    UnitOomdKilled,
    UnitOomKilled,
    parse_killer,
    parse_killer_text,
    parse_kubelet,
    parse_reaped,
)
from parsers.killers.earlyoom import NohangLog

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


def test_unit_killed_by_the_kernel() -> None:
    """
    PID 1 names the unit that lost a process, and its scope names the container.
    """
    kill = parse_killer(JournalEntry(message=UNIT_LINE, realtime_ns=5, **PID_1))
    assert isinstance(kill, UnitOomKilled)
    assert (kill.unit, kill.at_ns) == (SCOPE, 5)
    assert kill.container is not None
    assert kill.container.id == ID


def test_unit_killed_by_systemd_oomd() -> None:
    """
    PID 1 reports for the unit what systemd-oomd did.
    """
    kill = parse_killer(JournalEntry(message=OOMD_UNIT_LINE, **PID_1))
    assert isinstance(kill, UnitOomdKilled)
    assert kill.container is not None
    assert kill.container.id == ID


@pytest.mark.parametrize(
    "line",
    [
        f"Killed /system.slice/{SCOPE} {PRESSURE}",
        f"Killed /system.slice/{SCOPE} {SWAP}",
        f"Marked /system.slice/{SCOPE} for killing {PRESSURE}",
        f"Marked /system.slice/{SCOPE} for killing {SWAP}",
        f"Killed /system.slice/{SCOPE} due to swap used (30) / total (32) being more than 90.00%",
        f"Marked /system.slice/{SCOPE} for killing",
        f"Rule 'web tier' conditions met for cgroup /system.slice/{SCOPE} for 20s, taking action kill-all",
        f"Rule 'r' conditions met for cgroup /system.slice/{SCOPE} (lasting 1s), taking action kill-all",
    ],
)
def test_systemd_oomd(line: str) -> None:
    """
    The cgroup is read for pressure and for swap, in the words of old and new versions.
    """
    kill = parse_killer(JournalEntry(message=line, **OOMD_SERVICE))
    assert isinstance(kill, SystemdOomdKill)
    assert kill.cgroup == f"/system.slice/{SCOPE}"
    assert kill.container is not None
    assert kill.container.id == ID


@pytest.mark.parametrize(
    "line",
    [
        "Considered 21 cgroups for killing, top candidates were:",
        f"Rule 'r' conditions met for cgroup /system.slice/{SCOPE} for 20s, taking action log",
        f"Rule 'r' conditions met for cgroup /system.slice/{SCOPE} (lasting 1s), taking action kill-by-swap",
        f"Rule 'r' conditions met for cgroup /system.slice/{SCOPE} for 20s, taking action kill-by-pgscan",
    ],
)
def test_candidates_and_rules_of_systemd_oomd_are_not_kills(line: str) -> None:
    """
    The candidates that systemd-oomd lists are not kills, and neither is a rule that leaves open what is killed.
    """
    assert parse_killer(JournalEntry(message=line, **OOMD_SERVICE)) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "A process of this unit has been killed by the OOM killer.",
        "The kernel OOM killer killed some processes in this unit.",
        "Words of a version that is not written yet.",
    ],
)
def test_id_of_a_message_decides_whatever_its_words_are(sentence: str) -> None:
    """
    An entry with systemd's message id is understood in the words of every version, also of later ones.
    """
    entry = JournalEntry(message=f"{SCOPE}: {sentence}", message_id=UNIT_OUT_OF_MEMORY, unit=SCOPE, **PID_1)
    assert parse_killer(entry) == UnitOomKilled(
        unit=SCOPE,
        container=container_of_unit(SCOPE),
        at_ns=None,
        text=f"{SCOPE}: {sentence}",
        author=Author(name="systemd", pid=1),
    )
    by_oomd = parse_killer(JournalEntry(message=f"{SCOPE}: {sentence}", message_id=UNIT_OOMD_KILL, **PID_1))
    assert isinstance(by_oomd, UnitOomdKilled)
    assert by_oomd.unit == SCOPE


def test_id_of_a_message_proves_no_sender() -> None:
    """
    Everyone can send an entry with systemd's message id, so the sender is still checked.
    """
    entry = JournalEntry(message=UNIT_LINE, message_id=UNIT_OUT_OF_MEMORY, unit=SCOPE, pid=4711, uid=1000)
    assert parse_killer(entry) is None


@pytest.mark.parametrize("identifier", ["systemd[1]", None])
@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (f"{SCOPE}: The kernel OOM killer killed some processes in this unit.", UnitOomKilled),
        (f"{SCOPE}: The kernel OOM killer killed all processes in this unit.", UnitOomKilled),
        (f"{SCOPE}: The kernel OOM killer killed some processes", UnitOomKilled),
        (f"{SCOPE}: systemd-oomd killed some process(es) in this unit.", UnitOomdKilled),
        (f"{SCOPE}: systemd-oomd killed 3 processes of this unit.", UnitOomdKilled),
    ],
)
def test_sentences_about_a_unit_are_read_without_an_id(line: str, fact: type, identifier: str | None) -> None:
    """
    Text that a person pasted has no message ids, so the words decide there.
    """
    assert isinstance(parse_killer_text(line, identifier), fact)


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


@pytest.mark.parametrize(
    ("text", "identifier", "fact"),
    [
        (UNIT_LINE, "systemd[1]", UnitOomKilled),
        (EARLYOOM_LINE, "earlyoom[10231]", EarlyoomKill),
        (f"Killed /x {SWAP}", "systemd-oomd", SystemdOomdKill),
        (OOMD_LINE, None, OomdKill),
        (OOMD_LINE, "kernel", OomdKill),
    ],
)
def test_pasted_text_is_read_by_its_prefix(text: str, identifier: str | None, fact: type) -> None:
    """
    In pasted text only the name in front decides who wrote a line.
    """
    assert isinstance(parse_killer_text(text, identifier), fact)
    assert parse_killer_text(text, "nginx") is None


def test_log_without_a_name_may_have_a_date() -> None:
    """
    earlyoom's own log has a date and a colon, and no name; a wrapped line of systemd-oomd has line feeds.
    """
    kill = parse_killer_text(f"Jun 12 06:39:16: {EARLYOOM_LINE}", None)
    assert isinstance(kill, EarlyoomKill)
    assert isinstance(parse_killer_text(f"Marked …/x.service for killing\n{SWAP}", "systemd-oomd"), SystemdOomdKill)
