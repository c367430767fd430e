"""
`exit137 check` with a sink of Apprise.
"""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collector.cli import main
from collector.config.loader import ConfigurationError, parse
from sinks.apprise import AppriseConfig
from sinks.base import Grouping
from tests.shared.people import mail_server
from tests.shared.settings import switched_off

HIDDEN = "h1dden-of-a-test"


def checked(folder: Path, url: str, *options: str) -> Result:
    """
    Run the command with a configuration that names a file with this URL.
    """
    (folder / "url").write_text(url)
    config = folder / "config.toml"
    config.write_text(f'{switched_off()}[[sinks]]\nname = "oncall"\ntype = "apprise"\nurl_file = "{folder}/url"\n')
    return CliRunner().invoke(main, ["check", "--config", str(config), *options])


@pytest.mark.slow
@pytest.mark.parametrize("url", [f"nonsense://{HIDDEN}", f"ntfy://127.0.0.1/{HIDDEN}/another"])
def test_a_file_without_a_usable_url_is_found_before_anything_is_sent(tmp_path: Path, url: str) -> None:
    """
    The command fails and says why, without the URL.
    """
    result = checked(tmp_path, url)
    assert (result.exit_code, "sink oncall: unusable: " in result.output) == (1, True)
    assert HIDDEN not in result.output


@pytest.mark.slow
def test_a_test_event_arrives(tmp_path: Path) -> None:
    """
    `--send-test` says that it was sent, and the mail server has it.
    """
    with mail_server() as server:
        result = checked(tmp_path, server.url, "--send-test")
    assert (result.exit_code, "sink oncall: a test event was sent" in result.output) == (0, True)
    (mail,) = server.accepted
    assert "A test event: exit137 can reach this sink." in str(mail.get_body())


def test_the_defaults() -> None:
    """
    People are notified as often as in a chat.
    """
    (found,) = parse({"sinks": [{"name": "a", "type": "apprise", "url_file": "f"}]}, "f").sinks
    assert isinstance(found, AppriseConfig)
    assert (found.grouping, found.timeout_s) == (Grouping(interval_s=300, burst=4), 30)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, r"sinks\[0\]\.url_file: missing"),
        ({"url": "json://h"}, r'sinks\[0\]\.url: unknown key "url", expected one of .*url_file'),
        ({"url_file": "f", "proxy": "http://p", "proxy_file": "p"}, r"sinks\[0\]: proxy and proxy_file"),
        ({"url_file": "f", "timeout_s": 51}, r"sinks\[0\]\.timeout_s"),
        ({"url_file": "f", "grouping": {"burst": 1}}, r"sinks\[0\]\.grouping\.burst"),
    ],
)
def test_a_mistake_names_the_setting(settings: dict[str, object], words: str) -> None:
    """
    A URL is a secret, so that it is never part of the configuration itself.
    """
    with pytest.raises(ConfigurationError, match=words):
        parse({"sinks": [{"name": "a", "type": "apprise", **settings}]}, "f")
