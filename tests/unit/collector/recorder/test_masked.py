"""
What a recording may not hold.
"""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from collector.recorder.masked import masked_event, masked_inspection

SECRET = "hunter2-hunter2"  # noqa: S105 - the word to look for
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_values_of_labels_are_masked_in_events() -> None:
    """
    Names stay, and so do the attributes that are Docker's own and the owner's labels.
    """
    attributes = {"name": "shop", "exitCode": "137", "token": SECRET, "com.docker.compose.service": "web"}
    event = masked_event({"Action": "die", "Actor": {"ID": "a", "Attributes": attributes}})
    assert event["Actor"]["Attributes"] == attributes | {"token": "***"}


def test_secrets_in_an_exec_are_masked() -> None:
    """
    Docker writes the command into the action.
    """
    event = masked_event({"Action": f"exec_start: mysql -p{SECRET} -e x", "Actor": {}})
    assert event["Action"] == "exec_start: mysql -p*** -e x"


def test_no_secret_of_an_inspection_is_left() -> None:
    """
    Environment, labels, command lines, health checks and their logs, options of the log driver.
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
    State, limits and names.
    """
    answer = {"Id": "a", "Name": "/shop", "State": {"ExitCode": 137, "OOMKilled": True}, "HostConfig": {"Memory": 7}}
    masked = masked_inspection(answer)
    assert masked["State"] == answer["State"]
    assert (masked["Name"], masked["HostConfig"]["Memory"]) == ("/shop", 7)


@given(st.dictionaries(st.sampled_from(["Config", "State", "HostConfig", "Actor", "Action", "Args", "Path"]), JSON))
def test_no_answer_of_an_engine_does_harm(answer: dict[str, object]) -> None:
    """
    Whatever stands where an object is expected.
    """
    orjson.dumps(masked_event(answer))
    orjson.dumps(masked_inspection(answer))
