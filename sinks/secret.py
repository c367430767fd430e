"""
Text that must not reach a log, an error or a traceback.
"""


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
