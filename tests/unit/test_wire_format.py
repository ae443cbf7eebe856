"""Messages of Protocol Buffers are read as their official writer writes them, and broken ones are refused."""

import pytest
from onnx import TensorProto

from wbc_core.imaging.wire_format import delimited, fields, numbers

MESSAGE = TensorProto(dims=[3, 70000], data_type=1, float_data=[1.5], name="weight" * 40, raw_data=b"\x00\xff")


def test_every_field_of_a_message_is_found_and_together_they_are_the_message():
    data = MESSAGE.SerializeToString()
    found = list(fields(data))
    assert b"".join(field.raw for field in found) == data
    content = {field.number: field.content for field in found}
    assert content[2] == 1
    assert content[8] == MESSAGE.name.encode()
    assert content[9] == b"\x00\xff"
    dims = [field.content for field in found if field.number == 1]
    assert dims == [3, 70000] or numbers(dims[0]) == [3, 70000]


@pytest.mark.parametrize("length", [0, 1, 127, 128, 20_000])
def test_what_is_written_is_read_again(length):
    (field,) = fields(delimited(5, bytes(length)))
    assert (field.number, bytes(field.content)) == (5, bytes(length))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x0b", "no message of Protocol Buffers: wire type 3"),
        (b"\x0a\x05ab", "no message of Protocol Buffers: it ends inside a field"),
        (b"\x0d\x00\x00", "no message of Protocol Buffers: it ends inside a field"),
        (b"\x08\x80", "no message of Protocol Buffers: a number does not end"),
        (b"\x08" + b"\x80" * 20, "no message of Protocol Buffers: a number does not end"),
    ],
)
def test_what_is_no_message_is_refused(data, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        list(fields(data))
