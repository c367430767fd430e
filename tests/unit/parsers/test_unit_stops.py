"""
Tests of what systemd says when it begins to stop a service.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.journal import parse_entry
from parsers.unit_stops import UNIT_STOPPING, UnitStopping, parse_unit_stopping

# As the journal of Debian 13 (systemd 257) has it.
STOPPING: dict[str, Any] = {
    "MESSAGE": "Stopping web.service...",
    "MESSAGE_ID": "de5b426a63be47a7b6ac3eaac82e2f6f",
    "UNIT": "web.service",
    "JOB_TYPE": "stop",
    "JOB_ID": "994",
    "_PID": "1",
    "_UID": "0",
    "_COMM": "systemd",
    "_SYSTEMD_CGROUP": "/init.scope",
    "_SYSTEMD_UNIT": "init.scope",
    "_TRANSPORT": "journal",
    "_SOURCE_REALTIME_TIMESTAMP": "1796025033870607",
    "__REALTIME_TIMESTAMP": "1796025033884350",
}
MANAGER = {
    "_PID": "900",
    "_UID": "1000",
    "_SYSTEMD_CGROUP": "/user.slice/user-1000.slice/user@1000.service/init.scope",
    "_SYSTEMD_UNIT": "user@1000.service",
    "UNIT": None,
    "USER_UNIT": "web.service",
}


def parsed(fields: dict[str, str | None]) -> UnitStopping | None:
    return parse_unit_stopping(parse_entry({key: value for key, value in fields.items() if value is not None}))


def test_the_hosts_systemd_is_believed() -> None:
    found = parsed(STOPPING)
    assert found is not None
    assert (found.unit, found.uid, found.is_restart, found.author.doubt) == ("web.service", 0, False, None)
    assert found.at_ns == 1_796_025_033_870_607_000


def test_a_restart_begins_with_a_stop() -> None:
    found = parsed(STOPPING | {"JOB_TYPE": "restart"})
    assert found is not None
    assert found.is_restart


def test_a_users_systemd_is_in_doubt() -> None:
    """
    The user can forge all that it says, and it speaks only of that user's services.
    """
    found = parsed(STOPPING | MANAGER)
    assert found is not None
    assert (found.unit, found.uid) == ("web.service", 1000)
    assert found.author.doubt is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"_SYSTEMD_CGROUP": "/system.slice/cron.service", "_PID": "71", "_SYSTEMD_UNIT": "cron.service"},
        {"_SYSTEMD_CGROUP": f"/machine.slice/libpod-{'d' * 64}.scope/container"},
        {"UNIT": "web.slice"},
        {"UNIT": None},
        {"MESSAGE_ID": "9d1aaa27d60140bd96365438aad20286"},
        MANAGER | {"_UID": "1001"},
        MANAGER | {"USER_UNIT": None, "UNIT": "web.service"},
    ],
    ids=[
        "a service",
        "a container",
        "a slice",
        "no unit",
        "another message",
        "another user",
        "a user of a host's unit",
    ],
)
def test_what_nobody_vouches_for_is_nothing(fields: dict[str, str | None]) -> None:
    """
    Anyone may write such words, with any unit.
    """
    assert parsed(STOPPING | fields) is None


@given(st.dictionaries(st.sampled_from(sorted(STOPPING)), st.text() | st.integers().map(str)))
def test_any_fields_give_a_stop_or_nothing(fields: dict[str, Any]) -> None:
    found = parse_unit_stopping(parse_entry(STOPPING | fields))
    assert found is None or found.unit.endswith(".service")


def test_the_reader_of_the_journal_matches_the_message() -> None:
    assert STOPPING["MESSAGE_ID"] == UNIT_STOPPING
