"""
`exit137 uninstall`: removes what `exit137 install` has installed.
"""

import os

import click

from collector.cli.common import MISUSED, fail
from collector.cli.installation import Installation, InstallationError


@click.command("uninstall")
@click.option("--purge", is_flag=True, help="Also remove the configuration, the store, the logs and the user.")
def command(*, purge: bool) -> None:
    """Remove the service that `exit137 install` has installed (root)."""
    if os.geteuid() != 0:
        fail("removing a service needs root: run sudo exit137 uninstall", MISUSED)
    try:
        Installation().uninstall(purge=purge)
    except InstallationError as error:
        fail(str(error))
