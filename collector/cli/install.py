"""
`exit137 install`: this environment as a service of the host.
"""

import os

import click

from collector.cli.common import MISUSED, fail
from collector.installation import Installation, InstallationError


@click.command("install")
@click.option("--no-start", is_flag=True, help="Enable the service, and start it with the next boot.")
def command(*, no_start: bool) -> None:
    """
    Install this environment as a service of the host (root).

    For who got it with pipx or pip; the Debian package needs no such thing.
    """
    if os.geteuid() != 0:
        fail("only root can install a service: sudo exit137 install", MISUSED)
    try:
        Installation().install(start=not no_start)
    except InstallationError as error:
        fail(str(error))
    click.echo("exit137: installed; configure it in /etc/exit137/config.toml, then: systemctl reload exit137", err=True)
