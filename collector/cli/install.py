"""
`exit137 install`: installs this environment as a service of the host.
"""

import os

import click

from collector.cli.common import MISUSED, fail
from collector.cli.installation import Installation, InstallationError
from collector.cli.messages import notice


@click.command("install")
@click.option("--no-start", is_flag=True, help="Enable the service, but do not start it before the next boot.")
def command(*, no_start: bool) -> None:
    """
    Install this environment as a service of the host (root).

    For installations with pipx or pip. The Debian package brings its own service.
    """
    if os.geteuid() != 0:
        fail("installing a service needs root: run sudo exit137 install", MISUSED)
    try:
        Installation().install(start=not no_start)
    except InstallationError as error:
        fail(str(error))
    notice("installed; edit /etc/exit137/config.toml, then run systemctl reload exit137")
