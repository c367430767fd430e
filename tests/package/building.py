"""
Builds the Debian package for the tests.
"""

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]


@cache
def built_package() -> Path:
    """
    Return the path of the package, built once in a run of the tests; less compressed, as that takes most of the time.
    """
    environment = os.environ | {"LEVEL": "1"}
    built = subprocess.run(
        ["scripts/deb"], cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return REPOSITORY / built.stdout.strip()
