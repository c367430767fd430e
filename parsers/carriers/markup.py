r"""
Undo what terminals, web pages and editors do to the characters of a text.

Colours, window titles, typing errors undone with a backspace, no-break spaces, HTML entities and tags, Markdown
escapes, line ends of all systems, and reports whose lines were run together into one.

    \[ 7096.161113\] php-fpm invoked oom-killer: gfp\_mask=0xcc0, order=0, oom\_score\_adj=0<br>
"""

import html
import re
from typing import Final

_ESCAPE: Final = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b\n]{0,512}(?:\x07|\x1b\\)|\x1b[()][0-9A-Z]|\x1b[=>]|[\x00\x07]"
)
# What `cat -v` and forums leave of colours.
_CARET_ESCAPE: Final = re.compile(r"\^\[\[[0-9;]*[mK]")
_LINE_END: Final = re.compile(r"\r+\n?")
_BLANKS: Final = {
    **dict.fromkeys((0xA0, 0x2007, 0x202F, 0x2002, 0x2003, 0x2009, 0x3000), " "),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD), None),
    0x2028: "\n",
    0x85: "\n",
}
_BREAK: Final = re.compile(r"(?:<br ?/?>|</(?:p|div|li|tr|pre)>)\n?", re.IGNORECASE)
_TAG: Final = re.compile(
    r"</?(?:pre|code|p|div|span|tt|table|tbody|tr|td|ul|ol|li|font|b|i|em|strong|samp|a|mark)(?: [^<>\n]{0,512})?>",
    re.IGNORECASE,
)
# What shells, editors and terminals print where they wrap a line.
_CONTINUED: Final = re.compile(r"[\\↩⏎↵]\n([ \t]*)|\n[ \t]*[↪⤷↳]([ \t]?)")
_ENTITY: Final = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#[0-9]{1,6}|#[xX][0-9a-fA-F]{1,5});")
_MARKDOWN_ESCAPE: Final = re.compile(r"\\([_\[\]*<>`#.()~|!+=:{}-])")

_STAMP: Final = r"(?:<[0-9]{1,3}>)?\[ *[0-9]{1,12}\.[0-9]{6}\]"
_DATE: Final = (
    r"(?:[A-Z][a-z]{2} [ 0-9]?[0-9] [0-9:]{8}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9:]{4,6})?)"
)
# Where a message begins, with all of its prefix. `journalctl -o short-monotonic` has a stamp before the host, too.
_START: Final = re.compile(
    rf"(?:{_DATE}|{_STAMP}) [^\s\[\]]{{1,64}} kernel: *(?:{_STAMP})?"
    rf"|{_STAMP}|\[[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ 0-9]?[0-9] [0-9:]{{8}} [0-9]{{4}}\]"
)
# How messages without a prefix begin that were run together.
_BARE_START: Final = re.compile(
    r"(?=oom-kill:constraint=|Memory cgroup out of memory: |Out of memory: Kill|Memory cgroup stats for "
    r"|Tasks state \(|memory: usage |memory\+swap: usage |kmem: usage |\[ *pid *\] +uid "
    r"|\[ *[0-9]+\] +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ "
    r"|CPU: [0-9]+ PID: )"
)
_BARE_WORDS: Final = ("constraint=", "ut of memory: ", "cgroup stats for ", "Tasks state (", ": usage ", "[", "CPU: ")
_BARE_STARTS_AT_LEAST: Final = 4
_RUN_TOGETHER_AT_LEAST: Final = 120
# A line feed inside a JSON or C string that was copied with its escapes.
_ESCAPED_LINE_FEED: Final = re.compile(
    rf"(?:\\r)?\\n(?={_STAMP}|{_DATE}|\[[A-Z][a-z]{{2}} |[0-9]{{1,4}},[0-9]+,[0-9]+,)"
)


def cleaned_lines(text: str) -> list[str]:
    """
    Return the lines of a text without the traces of the program that it was copied from, one message a line.
    """
    if "\x1b" in text or "\x00" in text or "\x07" in text:
        text = _ESCAPE.sub("", text)
    if "^[[" in text:
        text = _CARET_ESCAPE.sub("", text)
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    if not text.isascii():
        text = text.translate(_BLANKS)
    if "\x08" in text:
        text = "\n".join(line if "\x08" not in line else _without_backspaces(line) for line in text.split("\n"))
    text = _without_markup(text)
    if ("\\\n" in text or not text.isascii()) and _CONTINUED.search(text) is not None:
        text = _CONTINUED.sub(lambda match: " " if match[1] else "", text)
    if "\\n" in text and '":' not in text:
        text = _ESCAPED_LINE_FEED.sub("\n", text)
    return [
        line
        for row in text.split("\n")
        for line in (_taken_apart(row) if len(row) >= _RUN_TOGETHER_AT_LEAST else (row,))
    ]


def _without_markup(text: str) -> str:
    if "<" in text and ("<br" in text or "</" in text or "<pre" in text or "<BR" in text):
        text = _TAG.sub("", _BREAK.sub("\n", text))
    if "&" in text and _ENTITY.search(text) is not None:
        text = html.unescape(text).replace("\xa0", " ")
    if "\\_" in text or "\\[" in text:
        text = _MARKDOWN_ESCAPE.sub(r"\1", text)
    return text


def _without_backspaces(line: str) -> str:
    """
    Return a line as a terminal shows it: each backspace takes back one character.
    """
    shown: list[str] = []
    for character in line:
        if character != "\x08":
            shown.append(character)
        elif shown:
            shown.pop()
    return "".join(shown)


def _taken_apart(line: str) -> list[str]:
    """
    Return the messages of a line that were run together, each as a line.
    """
    if '":' in line[:256] or '" : ' in line[:256]:
        return [line]
    stamps = line.count("[") + line.count(" kernel:")
    if stamps == 1 and _START.search(line) is not None:
        return [line]
    starts = [match.start() for match in _START.finditer(line)] if stamps > 1 else []
    if len(starts) == 1 or (not starts and ("oom" not in line or _bare_starts(line) < _BARE_STARTS_AT_LEAST)):
        return [line]
    if not starts:
        starts = [match.start() for match in _BARE_START.finditer(line)]
        if len(starts) < _BARE_STARTS_AT_LEAST:
            return [line]
    cuts = [0, *(start for start in starts[0 if starts[0] else 1 :] if start)]
    if len(starts) > 1 and line[: starts[0]].strip() and _START.match(line, starts[0]):
        cuts.remove(starts[0])  # what is in front of the first stamp is its prefix
    return [line[begin:end].rstrip() for begin, end in zip(cuts, [*cuts[1:], len(line)], strict=True)]


def _bare_starts(line: str) -> int:
    """
    Return an upper bound on the number of messages without a prefix in a line: cheaper than their pattern.
    """
    return sum(map(line.count, _BARE_WORDS))
