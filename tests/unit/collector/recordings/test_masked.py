"""
Tests of what a recording must not contain.
"""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from collector.recordings.masked import masked_event, masked_inspection

SECRET = "hunter2-hunter2"  # noqa: S105 - the word to look for
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_values_of_labels_are_masked_in_events() -> None:
    """
    In events the values of labels are masked; names, Docker's own attributes and the owner's labels stay.
    """
    attributes = {"name": "shop", "exitCode": "137", "token": SECRET, "com.docker.compose.service": "web"}
    event = masked_event({"Action": "die", "Actor": {"ID": "a", "Attributes": attributes}})
    assert event["Actor"]["Attributes"] == attributes | {"token": "***"}


def test_secrets_in_an_exec_are_masked() -> None:
    """
    Secrets in the command of an exec, which Docker writes into the action, are masked.
    """
    event = masked_event({"Action": f"exec_start: mysql -p{SECRET} -e x", "Actor": {}})
    assert event["Action"] == "exec_start: mysql -p*** -e x"


def test_no_secret_of_an_inspection_is_left() -> None:
    """
    Environment, labels, command lines, health checks with their logs and log driver options are masked.
    """
    answer = {
        "Id": "a" * 64,
        "Path": "app",
        "Args": [f"--password={SECRET}"],
        "Config": {
            "Env": [f"KEY={SECRET}", "PATH"],
            "Labels": {"x": SECRET},
            "Cmd": ["--token", SECRET],
            "Healthcheck": {"Test": ["CMD", "curl", "-u", SECRET]},
        },
        "State": {"Health": {"Log": [{"ExitCode": 0, "Output": SECRET}]}},
        "HostConfig": {
            "LogConfig": {"Type": "splunk", "Config": {"splunk-token": SECRET}},
            "Annotations": {"a": SECRET},
        },
    }
    assert SECRET.encode() not in orjson.dumps(masked_inspection(answer))


def test_what_a_verdict_needs_stays() -> None:
    """
    State, limits and names, which a verdict needs, are not masked.
    """
    answer = {"Id": "a", "Name": "/shop", "State": {"ExitCode": 137, "OOMKilled": True}, "HostConfig": {"Memory": 7}}
    masked = masked_inspection(answer)
    assert masked["State"] == answer["State"]
    assert (masked["Name"], masked["HostConfig"]["Memory"]) == ("/shop", 7)


@given(st.dictionaries(st.sampled_from(["Config", "State", "HostConfig", "Actor", "Action", "Args", "Path"]), JSON))
def test_no_answer_of_an_engine_does_harm(answer: dict[str, object]) -> None:
    """
    Masking accepts any value where an object is expected.
    """
    for masked in (masked_event(answer), masked_inspection(answer)):
        assert isinstance(orjson.loads(orjson.dumps(masked)), dict)
