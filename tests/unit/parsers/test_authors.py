"""
Which programs journald vouches for, and whose words are refused or in doubt.
"""

from typing import Any

import pytest

from parsers.journal import JournalEntry
from parsers.killers import UNIT_OOMD_KILL, Author, EarlyoomKill, UnitOomdKilled, UnitOomKilled, parse_killer
from parsers.killers.authors import Writer, author_of

ID = "4e1d" * 16
SCOPE = f"docker-{ID}.scope"
MANAGER = "/user.slice/user-1000.slice/user@1000.service"
CONTAINER = f"/system.slice/{SCOPE}"
OOMD_WORDS = f"{SCOPE}: systemd-oomd killed 3 process(es) in this unit."
EARLYOOM_WORDS = 'sending SIGKILL to process 7378 uid 0 "tail": oom_score 156, VmRSS 4962 MiB'


def entry(**fields: Any) -> JournalEntry:  # noqa: ANN401 (any field)
    return JournalEntry(**({"message": "words"} | fields))


@pytest.mark.parametrize(
    ("writer", "fields"),
    [
        (Writer.SYSTEMD, {"pid": 1, "uid": 0, "cgroup": "/init.scope", "systemd_unit": "init.scope"}),
        (
            Writer.SYSTEMD_OOMD,
            {"uid": 998, "cgroup": "/system.slice/systemd-oomd.service", "systemd_unit": "systemd-oomd.service"},
        ),
        (Writer.EARLYOOM, {"uid": 61234, "cgroup": "/system.slice/earlyoom.service"}),
        (Writer.EARLYOOM, {"uid": 0, "cgroup": "/host.slice/host-oom.slice/earlyoom.service"}),
        (Writer.OOMD, {"uid": 0, "cgroup": "/system.slice/oomd.service", "systemd_unit": "oomd.service"}),
    ],
)
def test_program_is_known_by_its_own_cgroup(writer: Writer, fields: dict[str, Any]) -> None:
    """
    A program is believed without doubt if journald has seen it in the cgroup of its own unit, below slices only.
    """
    known = author_of(entry(**({"pid": 571} | fields)))
    assert known is not None
    assert (known[0], known[1].doubt, known[1].within) == (writer, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        # nobody runs systemd's own binary with LD_PRELOAD
        {"pid": 4711, "uid": 65534, "cgroup": "/system.slice/cron.service", "identifier": "systemd"},
        {"pid": 4711, "uid": 65534, "cgroup": "/", "identifier": "systemd"},
        # a session of a user, and a service of the user's manager
        {"pid": 4711, "uid": 1000, "cgroup": "/user.slice/user-1000.slice/session-3.scope"},
        {"pid": 4711, "uid": 1000, "cgroup": f"{MANAGER}/app.slice/x.service"},
        {"pid": 4711, "uid": 1000, "cgroup": f"{MANAGER}/app.slice/earlyoom.service"},
        {"pid": 4711, "uid": 1000, "cgroup": f"{MANAGER}/earlyoom.service", "systemd_unit": "user@1000.service"},
        # the manager of one user, but the process of another
        {"pid": 4711, "uid": 1001, "cgroup": f"{MANAGER}/init.scope"},
        {"pid": 4711, "uid": 1000, "cgroup": "/user.slice/user-1001.slice/user@1000.service/init.scope"},
        # root in a container that has the socket of the journal
        {"pid": 4711, "uid": 0, "cgroup": CONTAINER, "identifier": "earlyoom"},
        {"pid": 4711, "uid": 0, "cgroup": f"{CONTAINER}/init.scope", "identifier": "systemd"},
        {"pid": 4711, "uid": 0, "cgroup": f"{CONTAINER}/earlyoom.service", "identifier": "earlyoom"},
        {"pid": 4711, "uid": 0, "cgroup": f"/docker/{ID}", "systemd_unit": "earlyoom.service"},
        # a sender that was gone before journald looked; it names any unit in its stream
        {"pid": 4711, "uid": 0, "cgroup": None, "systemd_unit": "earlyoom.service"},
        {"pid": 4711, "uid": 0, "cgroup": None, "identifier": "earlyoom"},
        # trusted fields that contradict each other
        {"pid": 2, "uid": 0, "cgroup": "/init.scope"},
        {"pid": 1, "uid": 1000, "cgroup": "/init.scope"},
        {"pid": 1, "uid": 0, "cgroup": CONTAINER},
        {"pid": 571, "uid": 0, "cgroup": "/system.slice/earlyoom.service", "systemd_unit": SCOPE},
        {"pid": 571, "uid": 0, "cgroup": "/system.slice/earlyoom.service/payload"},
    ],
)
def test_no_other_process_is_a_known_program(fields: dict[str, Any]) -> None:
    """
    Nobody is believed by words, names or identifiers while journald says that the process is somewhere else.
    """
    assert author_of(entry(unit=SCOPE, user_unit=SCOPE, message_id=UNIT_OOMD_KILL, **fields)) is None


@pytest.mark.parametrize("cgroup", [f"{MANAGER}/init.scope", MANAGER])
def test_manager_of_a_user_speaks_of_what_is_below_it(cgroup: str) -> None:
    """
    A user's systemd is read for its own units, because rootless containers are such units; the user can forge it.
    """
    kill = parse_killer(entry(message=OOMD_WORDS, pid=900, uid=1000, cgroup=cgroup, user_unit=SCOPE))
    assert isinstance(kill, UnitOomdKilled)
    assert (kill.unit, kill.author.within, kill.author.name) == (SCOPE, MANAGER, "systemd of user 1000")
    assert kill.author.doubt is not None


def test_units_of_the_system_are_not_the_users() -> None:
    """
    The unit that an entry names counts only in the field of the manager that wrote it.
    """
    words = {"message": "words", "message_id": UNIT_OOMD_KILL, "pid": 900, "uid": 1000, "cgroup": MANAGER}
    assert parse_killer(entry(unit=SCOPE, **words)) is None
    by_pid_1 = entry(**(words | {"pid": 1, "uid": 0, "cgroup": "/init.scope"}), user_unit=SCOPE)
    assert parse_killer(by_pid_1) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"identifier": "earlyoom"},
        {"systemd_unit": "earlyoom.service"},
    ],
)
def test_entry_without_any_trusted_field_is_in_doubt(fields: dict[str, Any]) -> None:
    """
    An entry of an export without the trusted fields is read by its names, and its author is in doubt.
    """
    kill = parse_killer(entry(message=EARLYOOM_WORDS, **fields))
    assert isinstance(kill, EarlyoomKill)
    assert kill.author.doubt is not None


@pytest.mark.parametrize("cgroup", [None, "/"])
def test_pid_1_without_a_cgroup_is_in_doubt(cgroup: str | None) -> None:
    """
    PID 1 of an old systemd is in the root cgroup: it is read, and in doubt.
    """
    kill = parse_killer(
        entry(
            message=f"{SCOPE}: A process of this unit has been killed by the OOM killer.", pid=1, uid=0, cgroup=cgroup
        )
    )
    assert isinstance(kill, UnitOomKilled)
    assert kill.author.doubt is not None


def test_what_a_program_writes_to_the_kernel_log_is_in_doubt() -> None:
    """
    journald cannot say which program wrote to /dev/kmsg, so a kill that is reported there is in doubt.
    """
    assert author_of(entry(transport="kernel", facility=0)) is None
    known = author_of(entry(transport="kernel", facility=1))
    assert known is not None
    assert isinstance(known[1], Author)
    assert known[1].doubt is not None
