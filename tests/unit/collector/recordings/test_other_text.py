"""
Answers for pasted text that is not a kernel log.
"""

import pytest

from collector.recordings.other_text import answer

ID = "4e1d" * 16
JSON_EVENT = f'{{"Type": "container", "Action": "oom", "Actor": {{"ID": "{ID}", "Attributes": {{"name": "web"}}}}}}'
DESCRIBE = """\
    Container ID:   containerd://4e1d4e1d4e1d4e1d
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"2026-01-01T00:00:00Z container oom {ID} (a.name=y, name=web)", 'OOM in container "web" (4e1d4e1d4e1d)'),
        (f"2026-01-01T00:00:00.5Z container die {ID} (exitCode=137, name=web)", "ended with exit code 137"),
        (JSON_EVENT, 'OOM in container "web" (4e1d4e1d4e1d)'),
        ('"State": {"OOMKilled": false, "ExitCode": 137}', "exit code 137 and that Docker saw no OOM"),
        ('"Name": "/web", "State": {"OOMKilled": true, "ExitCode": 137}', 'container "web" ended with exit code 137'),
        (DESCRIBE, "container 4e1d4e1d4e1d ended with exit code 137 because it was OOMKilled"),
    ],
)
def test_text_about_a_container_is_answered(text: str, said: str) -> None:
    """
    The answer says what the text says, and which command knows more.
    """
    answered = answer(text)
    assert answered is not None
    assert said in answered
    assert "journalctl -k | exit137 explain --file -" in answered


@pytest.mark.parametrize("text", ["", "hello", '{"Action": 1, "Actor": 2', '{"Action": "oom", "Actor": []}'])
def test_other_text_has_no_answer(text: str) -> None:
    """
    Text about nothing, or damaged text, is left to others.
    """
    assert answer(text) is None
