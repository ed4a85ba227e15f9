"""Cut a stream of CSV bytes into blocks that end where a record ends.

What a record is depends on the bytes alone, never on how they arrive. A quoted field may hold line
breaks (RFC 4180); a record whose quoting is broken, or is still open after MAX_RECORD bytes, ends
at its first line end, so that one stray quote costs one line and not the rest of the file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.ports import ByteStream
from core.records import FIELDS, RECORD, unquote

# Small enough for a block of nothing but tiny rows, large enough for work on columns to pay.
BLOCK_SIZE = 1024 * 1024
MAX_RECORD = 1024 * 1024
BOM = b"\xef\xbb\xbf"
PLACEHOLDER = b'"'

_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
# A CR at the very end may be the first half of a CRLF.
_SURE_LINE_BREAK = re.compile(rb"\r\n|\r(?!\Z)|\n")
_LONE_CR = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True, slots=True)
class ExactRecord:
    """A record that must be split field by field: it holds a quote or bytes that are not UTF-8.

    `raw` is cut to MAX_RECORD bytes, `size` is the true length; `breaks` are its line breaks.
    """

    raw: bytes
    size: int
    breaks: int = 0
    is_broken: bool = False

    def fields(self) -> list[bytes] | None:
        """The values as they are meant, without quoting; None where that can't be split."""
        if self.is_broken or self.size > MAX_RECORD:
            return None
        return [unquote(value) for value in FIELDS.findall(self.raw)]

    def without_last(self, count: int) -> bytes:
        """The raw record without its last `count` fields, of which it has more."""
        starts = [match.start() for match in FIELDS.finditer(self.raw)]
        return self.raw[: starts[-count]]


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records from byte `offset` on.

    `skeleton` has one line for each, ended by LF or CRLF; where an exact record stood there is a
    PLACEHOLDER, which no other line can be, as every record with a quote is an exact one.
    """

    offset: int
    size: int
    skeleton: bytes
    exact: tuple[ExactRecord, ...]


def blocks(stream: ByteStream, offset: int) -> Iterator[Block]:
    """Cut `stream`, whose first byte is byte `offset` of the source and begins a record."""
    data, is_last = b"", False
    while not is_last:
        chunk = _read_fully(stream, BLOCK_SIZE)
        is_last = len(chunk) < BLOCK_SIZE
        data += chunk
        if offset == 0 and data.startswith(BOM):
            data, offset = data[len(BOM) :], len(BOM)
        end = len(data) if is_last else _last_line_end(data)
        block = _scan(data, end, offset, is_last=is_last)
        if block.size:
            yield block
            offset += block.size
            data = data[block.size :]
        elif end == 0 and len(data) > MAX_RECORD + 1:
            block, data = _skip_line(data, stream, offset)
            yield block
            offset += block.size


def isolate_undecodable(block: Block) -> Block:
    """Make an exact record of each line of the skeleton that is not UTF-8."""
    known = iter(block.exact)
    exact: list[ExactRecord] = []
    lines = block.skeleton.split(b"\n")
    for number, line in enumerate(lines):
        text = line.removesuffix(b"\r")
        if text == PLACEHOLDER:
            exact.append(next(known))
        elif not _is_utf8(text):
            exact.append(ExactRecord(text[:MAX_RECORD], len(text)))
            lines[number] = PLACEHOLDER + line[len(text) :]
    return Block(block.offset, block.size, b"\n".join(lines), tuple(exact))


def _read_fully(stream: ByteStream, size: int) -> bytes:
    parts: list[bytes] = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _last_line_end(data: bytes) -> int:
    # A CR at the very end may be the first half of a CRLF.
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1


def _scan(data: bytes, end: int, offset: int, *, is_last: bool) -> Block:
    """Find the exact records in data[:end]; stop before one that may go on in the next bytes."""
    pieces: list[bytes] = []
    exact: list[ExactRecord] = []
    done = 0
    while (quote := data.find(b'"', done, end)) >= 0:
        start = max(done, data.rfind(b"\n", done, quote) + 1, data.rfind(b"\r", done, quote) + 1)
        match = RECORD.match(data, start, end)
        if match and match.end() - start <= MAX_RECORD:
            stop = match.end()
            record = ExactRecord(data[start:stop], stop - start, _count_breaks(data[start:stop]))
        elif is_last or len(data) - start > MAX_RECORD + 1:
            stop = _first_line_end(data, start, end)
            raw = data[start : min(stop, start + MAX_RECORD)]
            record = ExactRecord(raw, stop - start, is_broken=True)
        else:
            end = start
            break
        exact.append(record)
        pieces += (data[done:start], PLACEHOLDER)
        done = stop
    pieces.append(data[done:end])
    skeleton = b"".join(pieces)
    if skeleton.count(b"\r") != skeleton.count(b"\r\n"):
        skeleton = _LONE_CR.sub(b"\n", skeleton)
    return Block(offset, end, skeleton, tuple(exact))


def _skip_line(data: bytes, stream: ByteStream, offset: int) -> tuple[Block, bytes]:
    """Read past a line that is longer than any record may be; return it and what follows it."""
    raw, size = data[:MAX_RECORD], 0
    while not (match := _SURE_LINE_BREAK.search(data)):
        # The last byte stays: it may be that CR.
        chunk = stream.read(BLOCK_SIZE)
        if not chunk:
            match = _LINE_BREAK.search(data)
            break
        size += len(data) - 1
        data = data[-1:] + chunk
    start, end = match.span() if match else (len(data), len(data))
    record = ExactRecord(raw, size + start, is_broken=True)
    skeleton = PLACEHOLDER + _LONE_CR.sub(b"\n", data[start:end])
    return Block(offset, size + end, skeleton, (record,)), data[end:]


def _first_line_end(data: bytes, start: int, end: int) -> int:
    match = _LINE_BREAK.search(data, start, end)
    return match.start() if match else end


def _count_breaks(raw: bytes) -> int:
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
