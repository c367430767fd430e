"""
Where the hub keeps its files, apart from those of an agent on the same host.
"""

from pathlib import Path
from typing import Final

from collector.config.sections import Config

SYSTEM_CONFIG: Final = Path("/etc/exit137/hub.toml")
_NAME: Final = "hub.db"


def hub_store_path(config: Config) -> Path:
    """
    Return the store's file: the configured one, else `hub.db` in the state directory.
    """
    return config.store_path if config.store.path is not None else config.store_path.with_name(_NAME)
