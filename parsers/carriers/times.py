"""
Patterns of the times that tools print in front of a message.
"""

from typing import Final

_US_DIGITS: Final = 6
# printk's stamp, perhaps with the delta of `dmesg -d` or `journalctl -o short-delta`, and with the caller of
# CONFIG_PRINTK_CALLER, before which newer dmesg leaves a blank.
STAMP: Final = (
    r"\[ *(?P<s>[0-9]{1,12})\.(?P<fraction>[0-9]{1,9})(?: *<[ 0-9.*]{1,24}>)?\]"
    r"(?: ?\[ *(?P<caller>[TC][0-9]{1,10})\])? ?"
)
ISO: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
# `Apr 18 00:37:34` with the month in any language; `Fri 2024-05-17 19:54:29 UTC`.
LOCAL: Final = (
    rf"[^\s\[\]:]{{1,12}} +[0-9]{{1,2}} {CLOCK}"
    rf"|(?:[^\s\[\]:]{{1,12}} )?[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} {CLOCK}(?:[+-][0-9]{{4}}| [A-Z]{{1,5}}\b)?"
)
# The time of day distinguishes the date of `dmesg -T` and `-e`, in any language, from a row of the task table.
BRACKETED: Final = r"\[[^\[\]]{0,40}?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: [^\[\]]{0,20})?\] ?"
# Talos: `[2024-10-30T09:13:57.161113000Z]: `.
ISO_BRACKETED: Final = rf"\[(?P<iso>{ISO})\]:? ?"
# The decimal point is that of the language.
DELTA: Final = r"\[ *(?:\+[0-9]{1,12}[.,][0-9]{6}|< *[0-9]{1,12}[.,][0-9]{6}>)\] ?"
UNIX: Final = r"[0-9]{10}\.[0-9]{6}"


def microseconds(fraction: str) -> int:
    """
    Return the digits after the point as microseconds; dmesg prints six, people and other tools cut them.
    """
    return int(fraction[:_US_DIGITS].ljust(_US_DIGITS, "0"))


def rfc3339(iso: str) -> str:
    """
    Return an ISO time with a dot before the fraction and a colon in the offset.
    """
    iso = iso.replace(",", ".")
    return iso if iso[-1:] == "Z" or iso[-3:-2] == ":" else f"{iso[:-2]}:{iso[-2:]}"
