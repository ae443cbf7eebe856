"""Histories and event files as other programs write them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from wbc_core.runs.curves import Curve, build_curve


def event_file(scalars: Mapping[str, Sequence[float]], *, tensors: bool = False) -> bytes:
    """Return an event file that holds one value of each tag for each step from 0.

    Parameters
    ----------
    scalars : mapping of str to sequence of float
        Values by tag.
    tensors : bool
        Write them as TensorFlow 2 does, as tensors without dimensions.
    """
    events = [Event(wall_time=1.0, file_version="brain.Event:2")]
    for tag, values in scalars.items():
        for step, value in enumerate(values):
            event = Event(wall_time=2.0, step=step)
            entry = event.summary.value.add(tag=tag)
            if tensors:
                entry.tensor.dtype = 1
                entry.tensor.tensor_content = struct.pack("<f", value)
            else:
                entry.simple_value = value
            events.append(event)
    return b"".join(record(event.SerializeToString()) for event in events)


def record(data: bytes) -> bytes:
    """Return a TFRecord."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def curve(**columns: Sequence[float]) -> Curve:
    """Return a curve of these columns, epochs from 1."""
    length = len(next(iter(columns.values())))
    rows = [{"epoch": float(i), **{name: float(values[i]) for name, values in columns.items()}} for i in range(length)]
    return build_curve(rows, "a test")
