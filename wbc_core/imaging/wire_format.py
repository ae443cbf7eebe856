"""The wire format of Protocol Buffers: fields read and written without their libraries, which serving does not install.

https://protobuf.dev/programming-guides/encoding: a message is a row of fields, each with its number and wire type in
front. What a field means stands in the format's own description; here it is a number or bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

_NUMBER, _EIGHT_BYTES, _DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_WIDTHS: Final = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
_MOST_BITS = 70  # of a number: ten bytes of seven bits


class Field(NamedTuple):
    """One field of a message.

    Attributes
    ----------
    number : int
        Its number in the format's description.
    content : int or memoryview
        A number of variable length; bytes of anything else, without their length.
    raw : memoryview
        The whole field as it stands in the message.
    """

    number: int
    content: int | memoryview
    raw: memoryview


def fields(message: bytes | memoryview) -> Iterator[Field]:
    """Yield the fields of a message, in order.

    Parameters
    ----------
    message : bytes or memoryview
        The whole message; its parts are not copied.

    Raises
    ------
    ValueError
        If the bytes are no such message.
    """
    data = memoryview(message)
    at = 0
    while at < len(data):
        start = at
        key, at = _number(data, at)
        content: int | memoryview
        if key & 7 == _NUMBER:
            content, at = _number(data, at)
        else:
            if key & 7 == _DELIMITED:
                length, at = _number(data, at)
            elif key & 7 in _WIDTHS:
                length = _WIDTHS[key & 7]
            else:
                raise ValueError(f"no message of Protocol Buffers: wire type {key & 7}")
            if at + length > len(data):
                raise ValueError("no message of Protocol Buffers: it ends inside a field")
            content = data[at : at + length]
            at += length
        yield Field(key >> 3, content, data[start:at])


def numbers(packed: memoryview) -> list[int]:
    """Return numbers of variable length that stand one behind the other.

    Raises
    ------
    ValueError
        If the last one does not end.
    """
    values, at = [], 0
    while at < len(packed):
        value, at = _number(packed, at)
        values.append(value)
    return values


def delimited(number: int, content: bytes) -> bytes:
    """Return a field of bytes: its number, at most 15, and its length stand in front."""
    length, count = bytearray(), len(content)
    while count > 127:
        length.append(count & 127 | 128)
        count >>= 7
    length.append(count)
    return bytes([number << 3 | _DELIMITED]) + bytes(length) + content


def _number(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < _MOST_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("no message of Protocol Buffers: a number does not end")
