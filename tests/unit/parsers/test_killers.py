"""
Kills that the journal tells of, and who is believed.
"""

import pytest

from parsers.journal import JournalEntry
from parsers.killers import (
    EarlyoomKill,
    OomdKill,
    SystemdOomdKill,
    UnitOomdKilled,
    UnitOomKilled,
    parse_killer,
    parse_killer_text,
)

ID = "4e1d" * 16
SCOPE = f"docker-{ID}.scope"
UNIT_LINE = f"{SCOPE}: A process of this unit has been killed by the OOM killer."
OOMD_UNIT_LINE = f"{SCOPE}: systemd-oomd killed 3 process(es) in this unit."
PRESSURE = "due to memory pressure for /system.slice being 68.13% > 60.00% for > 30s with reclaim activity"
SWAP = "due to memory used (15) / total (16) and swap used (30) / total (32) being more than 90.00%"
EARLYOOM_LINE = 'sending SIGTERM to process 7378 uid 1000 "tail": oom_score 156, VmRSS 4962 MiB'
OOMD_LINE = f"oomd kill: 7 3 1 system.slice/{SCOPE} 4096 ruleset:[a] detectorgroup:[b] killer:[kill_by_swap] v2"


def test_unit_killed_by_the_kernel() -> None:
    """
    PID 1 tells which unit had a process killed; the scope names the container.
    """
    kill = parse_killer(JournalEntry(message=UNIT_LINE, pid=1, realtime_ns=5))
    assert isinstance(kill, UnitOomKilled)
    assert (kill.unit, kill.at_ns) == (SCOPE, 5)
    assert kill.container is not None
    assert kill.container.id == ID


@pytest.mark.parametrize(
    "entry",
    [
        JournalEntry(message=UNIT_LINE, pid=4711, uid=1000, unit=SCOPE, identifier="systemd"),
        JournalEntry(message=UNIT_LINE, pid=4711, uid=1000, user_unit=SCOPE, exe="/home/me/systemd"),
        JournalEntry(message=f"Killed /x {PRESSURE}", uid=1000, comm="systemd-oomd", identifier="systemd-oomd"),
        JournalEntry(message=EARLYOOM_LINE, uid=1000, comm="earlyoom", identifier="earlyoom"),
        JournalEntry(message=OOMD_LINE, transport="syslog", facility=1),
    ],
)
def test_forged_words_are_not_believed(entry: JournalEntry) -> None:
    """
    The fields that a sender sets himself prove nothing.
    """
    assert parse_killer(entry) is None


def test_manager_of_a_user_is_believed_for_its_own_units() -> None:
    """
    Rootless containers are units of the user's systemd.
    """
    entry = JournalEntry(message=UNIT_LINE, pid=900, uid=1000, user_unit=SCOPE, exe="/usr/lib/systemd/systemd")
    kill = parse_killer(entry)
    assert isinstance(kill, UnitOomKilled)
    assert kill.unit == SCOPE


def test_unit_killed_by_systemd_oomd() -> None:
    """
    PID 1 repeats what systemd-oomd did, for the unit.
    """
    kill = parse_killer(JournalEntry(message=OOMD_UNIT_LINE, pid=1))
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
    ],
)
def test_systemd_oomd(line: str) -> None:
    """
    The cgroup is named for pressure and for swap, in the words of old and new versions.
    """
    kill = parse_killer(JournalEntry(message=line, systemd_unit="systemd-oomd.service"))
    assert isinstance(kill, SystemdOomdKill)
    assert kill.cgroup == f"/system.slice/{SCOPE}"
    assert kill.container is not None
    assert kill.container.id == ID


def test_candidates_of_systemd_oomd_are_no_kill() -> None:
    """
    It also lists whom it looked at.
    """
    line = "Considered 21 cgroups for killing, top candidates were:"
    assert parse_killer(JournalEntry(message=line, systemd_unit="systemd-oomd.service")) is None


def test_earlyoom() -> None:
    """
    The process is named, with its user and its memory.
    """
    kill = parse_killer(JournalEntry(message=EARLYOOM_LINE, systemd_unit="earlyoom.service"))
    assert isinstance(kill, EarlyoomKill)
    assert (kill.pid, kill.uid, kill.comm, kill.signal) == (7378, 1000, "tail", "SIGTERM")
    assert kill.rss_bytes == 4962 * 1024 * 1024


def test_command_line_cannot_forge_what_earlyoom_says() -> None:
    """
    Newer versions quote the command line, which is the process's own words.
    """
    line = (
        'sending SIGKILL to process 7 uid 0 "tmux: server": oom_score 156, oom_score_adj -5, VmRSS 2 MiB, '
        'cmdline "x": oom_score 1, VmRSS 9 MiB"'
    )
    kill = parse_killer(JournalEntry(message=line, uid=0, comm="earlyoom"))
    assert isinstance(kill, EarlyoomKill)
    assert (kill.comm, kill.rss_bytes) == ("tmux: server", 2 * 1024 * 1024)


def test_oomd() -> None:
    """
    The line comes through the kernel log, as from user space; a dry run kills nobody.
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
    In pasted text only the name in front tells who wrote a line.
    """
    assert isinstance(parse_killer_text(text, identifier), fact)
    assert parse_killer_text(text, "nginx") is None
