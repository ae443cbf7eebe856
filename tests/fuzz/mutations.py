"""How a valid file is spoiled: everywhere the same, and by what each format is made of."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
LONGEST = 60_000
"""Bytes of a mutated file; a length that a field only claims has no limit."""


def _place(data: bytes, chance: Random) -> int:
    """Return a place, in six of ten cases near the begin, where headers lie."""
    reach = min(len(data), 256) if chance.random() < 0.6 else len(data)
    return chance.randrange(max(1, reach))


def flip_bits(data: bytes, chance: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8)) if changed else 0):
        changed[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, chance: Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.randbytes(chance.randrange(1, 6)) + data[at + 4 :]


def truncate(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def edit_a_length(data: bytes, chance: Random) -> bytes:
    """Write an extreme number where some length, size or offset may stand, in either byte order."""
    form = chance.choice(("<H", ">H", "<I", ">I", "<Q"))
    width = struct.calcsize(form)
    at = _place(data, chance)
    value = chance.choice((*EXTREMES, len(data), chance.randrange(1 << 16))) & ((1 << 8 * width) - 1)
    return data[:at] + struct.pack(form, value) + data[at + width :]


def move_a_piece(data: bytes, chance: Random) -> bytes:
    """Cut a piece out and put it, or a copy of it, elsewhere."""
    start, size, to = _place(data, chance), chance.randrange(1, 200), _place(data, chance)
    piece = data[start : start + size]
    rest = data if chance.random() < 0.5 else data[:start] + data[start + size :]
    return rest[:to] + piece + rest[to:]


def delete_a_piece(data: bytes, chance: Random) -> bytes:
    start = _place(data, chance)
    return data[:start] + data[start + chance.randrange(1, 40) :]


def repeat_the_head(data: bytes, chance: Random) -> bytes:
    head = data[: chance.choice((2, 8, 12, 33, 64))]
    return head * chance.choice((1, 2, 50)) + data


ANYWHERE: tuple[Mutation, ...] = (
    flip_bits,
    overwrite,
    truncate,
    edit_a_length,
    move_a_piece,
    delete_a_piece,
    repeat_the_head,
)


def with_tokens(tokens: Sequence[bytes]) -> Mutation:
    """Return a mutation that puts a word of the format somewhere, over what is there or between it."""

    def put(data: bytes, chance: Random) -> bytes:
        at, token = _place(data, chance), chance.choice(tokens)
        return data[:at] + token + data[at + (len(token) if chance.random() < 0.5 else 0) :]

    return put


def spliced(data: bytes, other: bytes, chance: Random) -> bytes:
    """Return the begin of one file and the end of another."""
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def mutated(seeds: Sequence[bytes], own: Sequence[Mutation], chance: Random) -> bytes:
    """Return one of the seeds after one to three mutations, half of them of the format's own."""
    data = chance.choice(seeds)
    for _ in range(chance.choice((1, 1, 2, 3))):
        if chance.random() < 0.08:
            data = spliced(data, chance.choice(seeds), chance)
        else:
            data = chance.choice(own if own and chance.random() < 0.5 else ANYWHERE)(data, chance)
    return data[:LONGEST]


# --- pictures -------------------------------------------------------------------------------------------------------


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and content of a PNG's chunks, as far as they can be read."""
    found, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + min(length, LONGEST)]))
        at += 12 + length
    return found


def reorder_png(data: bytes, chance: Random) -> bytes:
    """Shuffle, repeat, spoil or enlarge a PNG's chunks under right checksums, so that the decoder meets the damage."""
    chunks = png_chunks(data)
    if not chunks:
        return data
    way = chance.randrange(5)
    at = chance.randrange(len(chunks))
    kind, body = chunks[at]
    if way == 0:
        chance.shuffle(chunks)
    elif way == 1:
        chunks.insert(chance.randrange(len(chunks) + 1), (kind, body))
    elif way == 2:
        chunks[at] = (kind, flip_bits(body, chance))
    elif way == 3 and len(chunks[0][1]) >= 8:
        sides = struct.pack(">II", *(chance.choice((*EXTREMES, 30, 1001)) for _ in range(2)))
        chunks[0] = (chunks[0][0], sides + chunks[0][1][8:])
    else:
        chunks.insert(1, (chance.choice((b"tRNS", b"PLTE", b"acTL", b"eXIf", b"iCCP", b"IDAT")), chance.randbytes(20)))
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def reorder_jpeg(data: bytes, chance: Random) -> bytes:
    """Swap, repeat or drop a JPEG's segments, or write other sides into its frame."""
    marks, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        marks.append(data[at : at + length])
        at += length
    if not marks:
        return data
    tail, way = data[at:], chance.randrange(4)
    if way == 0:
        chance.shuffle(marks)
    elif way == 1:
        marks += [chance.choice(marks)] * chance.choice((1, 3, 40))
    elif way == 2:
        marks.pop(chance.randrange(len(marks)))
    else:
        sides = struct.pack(">HH", *(chance.choice((0, 1, 24, 999, 65535)) for _ in range(2)))
        marks = [mark[:5] + sides + mark[9:] if mark[1] in (0xC0, 0xC2) and len(mark) > 9 else mark for mark in marks]
    return data[:2] + b"".join(marks) + tail


def edit_tiff_entry(data: bytes, chance: Random) -> bytes:
    """Write another tag, type, count or value into a TIFF's directory."""
    if len(data) < 16:
        return data
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    if start + 14 > len(data):
        return data
    (count,) = struct.unpack_from(f"{order}H", data, start)
    at = start + 2 + 12 * chance.randrange(max(1, min(count, 40)))
    tag = struct.unpack_from(f"{order}H", data, at)[0] if at + 12 <= len(data) and chance.random() < 0.8 else 0x8769
    entry = struct.pack(
        f"{order}HHII",
        tag,
        chance.randrange(14),
        chance.choice((*EXTREMES, 2, 3)) & 0xFFFFFFFF,
        chance.choice(EXTREMES),
    )
    return data[:at] + entry + data[at + 12 :]


def edit_bmp_header(data: bytes, chance: Random) -> bytes:
    """Write an extreme number into one of the fields of a bitmap's header."""
    at = chance.choice((2, 10, 14, 18, 22, 26, 28, 30, 34, 46, 50))
    return data[:at] + struct.pack("<I", chance.choice((*EXTREMES, 24, 32, 40, 108, 124))) + data[at + 4 :]


# --- zip ------------------------------------------------------------------------------------------------------------


def edit_zip_directory(data: bytes, chance: Random) -> bytes:
    """Let the central directory, a local header or the end of an archive say something untrue."""
    signature = chance.choice((b"PK\1\2", b"PK\3\4", b"PK\5\6"))
    places = [at for at in range(len(data) - 3) if data[at : at + 4] == signature]
    if not places:
        return data
    at = chance.choice(places) + 4 + 2 * chance.randrange(20)
    form = chance.choice(("<H", "<I"))
    value = chance.choice((*EXTREMES, 8, 9, 12, 14, len(data))) & ((1 << 8 * struct.calcsize(form)) - 1)
    return data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :]


# --- texts ----------------------------------------------------------------------------------------------------------


def change_lines(data: bytes, chance: Random) -> bytes:
    """Repeat, swap, drop or lengthen lines."""
    lines = data.split(b"\n")
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    way = chance.randrange(5)
    if way == 0:
        lines[at:at] = [lines[other]] * chance.choice((1, 2, 60))
    elif way == 1:
        lines[at], lines[other] = lines[other], lines[at]
    elif way == 2:
        del lines[at]
    elif way == 3:
        lines[at] += chance.choice((b"x", b",", b'"', b" ", b"9", b"[")) * chance.choice((1, 300, 20_000))
    else:
        lines[at] = lines[other][: len(lines[other]) // 2] + lines[at]
    return b"\n".join(lines)


def change_a_cell(cells: Sequence[bytes]) -> Mutation:
    """Return a mutation that puts something else into one cell of a table."""

    def change(data: bytes, chance: Random) -> bytes:
        lines = data.split(b"\n")
        at = chance.randrange(len(lines))
        row = lines[at].split(b",")
        row[chance.randrange(len(row))] = chance.choice(cells)
        lines[at] = b",".join(row)
        return b"\n".join(lines)

    return change


def write_differently(data: bytes, chance: Random) -> bytes:
    """Write a text in another encoding, with a mark at its begin, other line ends, or NUL between its letters."""
    text = data.decode("utf-8", "replace")
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: text.encode("utf-16"),
        lambda: text.encode("utf-16-le"),
        lambda: text.encode("latin-1", "replace") + b"\xe9\xff",
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data.replace(b"\n", b"\r"),
        lambda: data.replace(b",", chance.choice((b";", b"\t", b"\0", b'"'))),
        lambda: data[: len(data) // 2] + b"\0" + data[len(data) // 2 :],
    )
    return chance.choice(ways)()


def change_json(values: Sequence[Any]) -> Mutation:
    """Return a mutation that puts another value at some place of a JSON document, drops a field, or adds one."""

    def change(data: bytes, chance: Random) -> bytes:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            return flip_bits(data, chance)
        node: Any = document
        while isinstance(node, (dict, list)) and node:
            key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
            below = node[key]
            if isinstance(below, (dict, list)) and below and chance.random() < 0.7:
                node = below
                continue
            way = chance.randrange(4)
            if way == 0:
                del node[key]
            elif way == 1 and isinstance(node, dict):
                node[chance.choice(("__class__", "extra", "schema_version", "../x", ""))] = below
            else:
                node[key] = chance.choice(values)
            break
        return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")

    return change


def nest(data: bytes, chance: Random) -> bytes:
    """Put thousands of brackets somewhere."""
    at, deep = _place(data, chance), chance.choice((10, 900, 5000))
    opened, closed = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"{a: ", b"}"), (b"- ", b"")))
    return data[:at] + opened * deep + closed * (deep if chance.random() < 0.5 else 0) + data[at:]
