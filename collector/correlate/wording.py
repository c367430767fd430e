"""
Sizes and names as they stand in sentences.
"""

from typing import Final

_KIB: Final = 1024


def size(size_bytes: int | None) -> str | None:
    """
    A size for people: `512 MiB`, `1.5 GiB`.
    """
    if size_bytes is None:
        return None
    value, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def shown(name: str | None) -> str:
    """
    A name that a process or a person gave, on one line: what cannot be printed is shown by its number.
    """
    if name is None:
        return "?"
    return name if name.isprintable() else "".join(map(_shown, name))


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    is_byte = "\ud800" <= char <= "\udfff"  # a byte that is no UTF-8
    return "\N{REPLACEMENT CHARACTER}" if is_byte else char.encode("unicode_escape").decode("ascii")
