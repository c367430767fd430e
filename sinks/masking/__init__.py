"""
Hides secrets in texts from outside before they are published, stored or logged.

Hidden are values whose name sounds like a secret, in any common notation; the user part of URLs and the secret part of
webhooks; private keys; tokens, hashes and credentials of a known form; passwords in SQL, logins and command lines. The
rules and what they miss: docs/masking.md. All of them take time in proportion to the text.

    mysql -psecret postgres://app:secret@db/x   →   mysql -p*** postgres://***@db/x
"""

from sinks.masking.command_line import mask_command_line
from sinks.masking.lines import MASK, mask_bytes, mask_lines, mask_named, mask_text

__all__ = ["MASK", "mask_bytes", "mask_command_line", "mask_lines", "mask_named", "mask_text"]
