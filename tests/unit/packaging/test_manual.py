"""
The manual page describes the command line.
"""

import importlib
import re
from pathlib import Path
from typing import Final

import click
import pytest

from collector.cli import COMMANDS

PAGE: Final = (Path(__file__).parents[3] / "packaging/exit137.1").read_text(encoding="utf-8").replace("\\-", "-")


def test_it_has_every_command_and_no_other() -> None:
    """
    The section COMMANDS has one entry for each command.
    """
    section = PAGE.partition(".SH COMMANDS")[2].partition(".SH EXIT")[0]
    assert set(re.findall(r"^\.TP\n\.BR? (\w+)", section, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_every_option(name: str) -> None:
    """
    The entry of a command names each of its long options; --config is described once, with `run`.
    """
    command: click.Command = importlib.import_module(COMMANDS[name]).command
    entry = re.split(rf"^\.TP\n\.BR? {name}\b", PAGE, flags=re.MULTILINE)[1].partition(".TP")[0]
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    parameters = [parameter for each in commands for parameter in each.params]
    options = {option for parameter in parameters for option in parameter.opts if option.startswith("--")}
    asked = {option for option in options if option != "--config"}
    assert {option for option in asked if option not in entry} == set()
