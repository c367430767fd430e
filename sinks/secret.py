"""
Text that must not reach a log, an error or a traceback.
"""

from pathlib import Path

from sinks.errors import DisabledError, Reason


class Secret:
    """
    Holds a secret; everything that prints it gets stars.

    Args:
        value: the secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """
        The secret itself.
        """
        return self._value

    def __repr__(self) -> str:
        return "***"


def decode_secret(kind: type, value: object) -> Secret:
    """
    The `dec_hook` of msgspec for structures that hold secrets.

    Args:
        kind: the type that the field has.
        value: what the configuration says.

    Raises:
        TypeError: the value is no text; msgspec says where.
    """
    if kind is not Secret or not isinstance(value, str):
        raise TypeError("expected a text")
    return Secret(value)


def read_secret(key: str, path: str) -> Secret:
    """
    What a file holds, without the white space around it.

    Args:
        key: of the configuration, named in the error.
        path: the file.

    Raises:
        DisabledError: it cannot be read, is empty, or holds no text.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise DisabledError(Reason.UNUSABLE, f"{key} {path}: {type(error).__name__}") from None
    if not text:
        raise DisabledError(Reason.UNUSABLE, f"{key} {path}: is empty")
    return Secret(text)
