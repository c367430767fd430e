"""
Secrets: text that must not reach a log, an error or a traceback.
"""

from pathlib import Path

from sinks.errors import DisabledError, Reason


class Secret:
    """
    Holds a secret; printing it shows stars.

    Args:
        value: the secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """
        Return the secret itself.
        """
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"


def decode_secret(kind: type, value: object) -> Secret:
    """
    Decode a secret: the `dec_hook` of msgspec.

    Args:
        kind: the type of the field.
        value: the value in the configuration.

    Raises:
        TypeError: the value is not a string; msgspec adds where.
    """
    if kind is not Secret or not isinstance(value, str):
        raise TypeError("expected a string")
    return Secret(value)


def read_secret(key: str, path: str) -> Secret:
    """
    Read a secret from a file, without surrounding white space.

    Args:
        key: the setting, named in the error.
        path: the file.

    Raises:
        DisabledError: the file cannot be read, is empty, or is not UTF-8.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise DisabledError(Reason.UNUSABLE, f"{key} {path} cannot be read: {type(error).__name__}") from None
    if not text:
        raise DisabledError(Reason.UNUSABLE, f"{key} {path} is empty")
    return Secret(text)
