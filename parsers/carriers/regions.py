"""
Cut a text of any size into the parts that can matter, in one pass and with bounded memory.

Nearly all lines of a large log have nothing to do with an OOM, and nothing needs to be decoded or split to know that:
a part without any of the words of a report is skipped as bytes. Around each word a context is kept, and from the head
of a report on everything until shortly after its kill, because the rows of the task table have none of the words.
A small text is one part.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from parsers.kernel.recognition import WORD_GROUPS

# PowerShell redirects output as UTF-16.
_MARKS: Final = ((codecs.BOM_UTF8, None), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Words that each line with a fact has, or a piece of it if it is wrapped, in small letters. Single words such as "oom"
# are in the logs of any busy host; each line that is selected costs a thousand times as much as one that is not.
_OOM_WORDS: Final = (
    b"oom-kill", b"oom_", b"memory.oom.group", b"manual oom", b"oom killer", b"systemd-oomd killed", b"oomd kill",
    b"oomkill", b"oom encountered", b"sys oom event",
)  # fmt: skip
_MEMORY_WORDS: Final = (
    b"due to mem", b"ut of memory", b"task_memcg", b"memory cgroup stats", b"locked on mem",
)  # fmt: skip
_PROCESS_WORDS: Final = (b"illed process", b"ill process", b"illing process")
_SINGLE_WORDS: Final = (
    b"due to swap", b"kb, failcnt", b"constraint_", b"total-vm", b"anon-rss", b"is already exiting",
    b"a result of limit", b"tasks state", b" tgid ", b"sending sig", b"for killing", b"taking action", b"to the victim",
    b'message":[', b'message" : [',
)  # fmt: skip
# By a word that a text with any of them has: each search costs, and nearly all texts have none.
GROUPS: Final = (
    (b"oom", _OOM_WORDS),
    (b"mem", _MEMORY_WORDS),
    (b" process", _PROCESS_WORDS),
    *((word, (word,)) for word in _SINGLE_WORDS),
    *((shared.encode(), tuple(word.encode() for word in words)) for shared, words in WORD_GROUPS),
)
_SNIFF_BYTES: Final = 4
HEAD: Final = b"invoked oom-kill"
KILL: Final = b"killed process"
_AFTER_KILL_BYTES: Final = 64 * 1024
_REPORT_BYTES: Final = 1024 * 1024
_AROUND_BYTES: Final = 32 * 1024
# A line that is longer is cut, at the end of a record if it has any.
_LINE_BYTES_AT_MOST: Final = 256 * 1024
# Between two records of an array: as nearly all programs write it, and as any may.
_RECORD_ENDS: Final = ((b"},{", b"},\n{"), (b"}, {", b"},\n{"), (b"],[", b"],\n["), (b"], [", b"],\n["))
_RARE_RECORD_END: Final = re.compile(rb"([\]}],)[^\S\n]\s*(?=[\[{])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """
    How much of a text is held at once. What is found in it does not depend on these.

    Attributes:
        small_bytes: a text of at most so many bytes is one part.
        part_bytes: how long a part of a larger text can be, except for its last lines.
        block_bytes: the granularity in which parts are selected.
        messages: how many messages are put in order at once.
    """

    small_bytes: int = 512 * 1024
    part_bytes: int = 1024 * 1024
    block_bytes: int = 32 * 1024
    messages: int = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    A part of a text.

    Attributes:
        data: whole lines, UTF-8 where the text is valid.
        number: the number of the first line in the text, from 1.
        joined: it begins where the part before it ends.
        whole: it is the whole text, and all of its lines are wanted.
    """

    data: bytes
    number: int
    joined: bool = False
    whole: bool = False


def parts(chunks: Iterable[bytes], bounds: Bounds) -> Iterator[Part]:
    """
    Yield the parts of a text that can matter, in their order.

    Args:
        chunks: the text, in pieces of any size.
        bounds: how large the parts are.
    """
    blocks = _blocks(_utf8(chunks), bounds.block_bytes)
    small, rest = _small(blocks, bounds.small_bytes)
    if rest is None:
        if small:
            yield Part(data=b"".join(small), number=1, whole=True)
        return
    yield from _selected(chain(small, [rest], blocks), bounds)


def _small(blocks: Iterator[bytes], small_bytes: int) -> tuple[list[bytes], bytes | None]:
    """
    Return the first blocks, and the one with which the text is no longer small, if it is that long.
    """
    first: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        if size > small_bytes:
            return first, block
        first.append(block)
    return first, None


def _selected(blocks: Iterable[bytes], bounds: Bounds) -> Iterator[Part]:
    part = bytearray()
    before = b""
    number = open_bytes = 0
    joined = False
    for block in blocks:
        reach = _reach(block)
        wanted = reach is not None or open_bytes > 0
        if wanted:
            if not part and before:
                part += before
                number -= before.count(b"\n")
            part += block
            open_bytes = max(reach, 0) if reach is not None else open_bytes - len(block)
            before = b""
        if part and (not wanted or len(part) >= bounds.part_bytes):
            yield Part(data=bytes(part), number=number + 1, joined=joined)
            number += part.count(b"\n")
            part = bytearray()
            joined = wanted
        if not wanted:
            number += block.count(b"\n")
            before = block
            joined = False
    if part:
        yield Part(data=bytes(part), number=number + 1, joined=joined)


def _reach(block: bytes) -> int | None:
    """
    Return how many bytes after a block are wanted, too; None if the block has none of the words.
    """
    text = block.lower()
    if not any(shared in text and any(word in text for word in words) for shared, words in GROUPS):
        return None
    head, kill = text.rfind(HEAD), text.rfind(KILL)
    if head > kill:
        return _REPORT_BYTES
    return _AFTER_KILL_BYTES if kill >= 0 else _AROUND_BYTES


def _blocks(chunks: Iterable[bytes], block_bytes: int) -> Iterator[bytes]:
    """
    Yield the text in blocks of whole lines; a line that is very long is cut.
    """
    held = bytearray()
    for chunk in chunks:
        held += chunk
        yield from _whole_lines(held, block_bytes)
        while len(held) >= _LINE_BYTES_AT_MOST:
            held[:] = _apart(bytes(held))
            if b"\n" not in held:
                yield bytes(held)
                held.clear()
            yield from _whole_lines(held, block_bytes)
    if held:
        yield bytes(held)


def _whole_lines(held: bytearray, block_bytes: int) -> Iterator[bytes]:
    """
    Take blocks of whole lines away from the beginning of a text.
    """
    at = 0
    while len(held) - at >= block_bytes:
        end = _line_end(held, at, block_bytes)
        if not end:
            break
        yield bytes(held[at:end])
        at = end
    del held[:at]


def _line_end(held: bytearray, at: int, block_bytes: int) -> int:
    """
    Return the end of the last line that fits in a block, or of the first one; 0 if no line ends.
    """
    for end in (b"\n", b"\r"):
        found = held.rfind(end, at, at + block_bytes) + 1 or held.find(end, at + block_bytes) + 1
        if found:
            return found
    return 0


def _apart(line: bytes) -> bytes:
    """
    Return a long line with a line feed after each record, as in a JSON array without line ends.
    """
    for end, parted in _RECORD_ENDS:
        line = line.replace(end, parted)
    return _RARE_RECORD_END.sub(rb"\1\n", line)


def _utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """
    Decode UTF-16 and drop the byte order mark.
    """
    pieces = iter(chunks)
    first = next(pieces, b"")
    while len(first) < _SNIFF_BYTES and (more := next(pieces, None)) is not None:
        first += more
    encoding = None
    for mark, name in _MARKS:
        if first.startswith(mark):
            first, encoding = first[len(mark) :], name
            break
    else:
        if first[1:2] == first[3:4] == b"\0" and b"\0" not in first[:1] + first[2:3]:
            encoding = "utf-16-le"
    if encoding is None:
        yield first
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(first).encode("utf-8", "replace")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "replace")
