"""
The one error that a parser may raise.
"""

_EXCERPT_LENGTH = 120


class ParseError(ValueError):
    """
    Raised when input claims to be of a format and is not.

    Args:
        expected: the format, in words, with its source.
        found: the input; an excerpt of it is kept.
    """

    def __init__(self, expected: str, found: bytes | str) -> None:
        self.expected = expected
        self.excerpt = repr(found[:_EXCERPT_LENGTH])
        super().__init__(f"expected {expected}, found {self.excerpt}")
