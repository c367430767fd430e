"""
The form of the agent's own log records: secrets in texts from outside, such as a peer's answer, are masked.
"""

import logging

from sinks.masking import mask_text


class MaskingFormatter(logging.Formatter):
    """
    Masks the finished text of a record, with its traceback: no call of the log has to remember to.
    """

    def format(self, record: logging.LogRecord) -> str:
        """
        Return the text of a record with secrets masked.
        """
        return mask_text(super().format(record))
