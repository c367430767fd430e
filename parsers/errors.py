"""
Define the only error that a parser may raise.
"""

# Enough to recognise a line, short enough for a log.
_EXCERPT_LENGTH = 120


class ParseError(ValueError):
    """
    The input is not of the expected format.

    Args:
        expected: the format, in words, with its source.
        found: the input; the error keeps an excerpt of it.
    """

    def __init__(self, expected: str, found: bytes | str) -> None:
        self.expected = expected
        self.excerpt = repr(found[:_EXCERPT_LENGTH])
        super().__init__(f"expected {expected}, found {self.excerpt}")
