"""
Kills that the journal reports, and which senders are trusted.
"""

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
    UnitOomdKilled,
    UnitOomKilled,
    parse_killer,
    parse_killer_text,
)
from tests.unit.parsers.killer_lines import (
    EARLYOOM_LINE,
    ID,
    OOMD_LINE,
    OOMD_SERVICE,
    OOMD_UNIT_LINE,
    PID_1,
    PRESSURE,
    SCOPE,
    SWAP,
    UNIT_LINE,
)


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
