"""
`exit137 check` warns of secrets that every user of the host can read.
"""

from pathlib import Path
from typing import Final

import pytest

from collector.cli.check import exposed
from collector.config.loader import load

CONFIG: Final = """
[[sinks]]
name = "oncall"
type = "webhook"
{url}
"""


def warnings(folder: Path, url: str, mode: int) -> list[str]:
    file = folder / "config.toml"
    file.write_text(CONFIG.format(url=url))
    file.chmod(mode)
    return list(exposed(load(file), file))


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o640, 0), (0o644, 1), (0o604, 1)])
def test_a_secret_file_that_others_can_read_is_named(tmp_path: Path, mode: int, count: int) -> None:
    """
    The warning has the command that mends it; a file that a group may read is the operator's choice.
    """
    secret = tmp_path / "the url"
    secret.write_text("https://host/")
    secret.chmod(mode)
    found = warnings(tmp_path, f'url_file = "{secret}"', 0o644)
    assert len(found) == count
    assert all(f"chmod o-r '{secret}'" in warning for warning in found)


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o644, 1)])
def test_a_configuration_with_a_secret_is_named(tmp_path: Path, mode: int, count: int) -> None:
    """
    A URL in the configuration itself may be a secret too.
    """
    assert len(warnings(tmp_path, 'url = "https://host/"', mode)) == count


def test_a_missing_secret_file_is_no_warning(tmp_path: Path) -> None:
    """
    A file that is not there is reported as unreadable, not as exposed.
    """
    assert warnings(tmp_path, 'url_file = "%d/oncall-url"', 0o644) == []
