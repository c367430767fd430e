"""
`exit137 uninstall`: undoes `exit137 install`.
"""

import os

import click

from collector.cli.common import MISUSED, fail
from collector.installation import Installation, InstallationError


@click.command("uninstall")
@click.option("--purge", is_flag=True, help="Remove the configuration, the store, the logs and the user as well.")
def command(*, purge: bool) -> None:
    """Remove the service that `exit137 install` has made (root)."""
    if os.geteuid() != 0:
        fail("only root can remove a service: sudo exit137 uninstall", MISUSED)
    try:
        Installation().uninstall(purge=purge)
    except InstallationError as error:
        fail(str(error))
