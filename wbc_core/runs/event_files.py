"""Training curves from TensorBoard event files, read from memory without TensorFlow.

An event file is a sequence of TFRecords: length (8 bytes, little endian), its masked CRC-32C (4), data, CRC of the data
(4). TensorBoard's own reader imports TensorFlow wherever that is installed, several seconds and half a gigabyte for a
page that draws a few lines, and wants a file on the disk; so the records are parted here, and only TensorBoard's
protocol buffers are used. Nothing is ever unpickled.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from wbc_core.errors import WbcError
from wbc_core.runs.curves import (
    ACCURACY,
    LARGEST_EPOCHS,
    LARGEST_FILE,
    LOSS,
    VAL_ACCURACY,
    VAL_LOSS,
    Curve,
    build_curve,
    standard_name,
)

_HEADER, _FOOTER = struct.Struct("<QI"), 4
_LARGEST_SCALAR_EVENT = 1_000_000  # bytes; pictures and graphs are larger and are passed over
_EXPECTED = "Expected a file that TensorBoard wrote, named events.out.tfevents.…, with values for each epoch."


def is_event_file(data: bytes) -> bool:
    """Return whether bytes begin like a TFRecord: with the length of its first record and the right checksum of it."""
    if len(data) < _HEADER.size or any(data[4:8]):  # no first record is 4 GB long
        return False
    _, checksum = _HEADER.unpack_from(data)
    return bool(checksum == _masked_crc(data[:8]))


@dataclass(frozen=True)
class EventFile:
    """The single numbers of one event file.

    Attributes
    ----------
    name : str
        Of the file, with its folders where they are known.
    scalars : dict of str to dict of int to float
        Value by tag and step; of repeated steps the last one counts.
    notes : tuple of str
        What reading had to decide.
    """

    name: str
    scalars: dict[str, dict[int, float]]
    notes: tuple[str, ...] = ()

    @property
    def validation(self) -> bool:
        """Whether the file holds validation only: its folder says so, or the tags that Keras writes there."""
        folders = self.name.replace("\\", "/").lower().split("/")[:-1]
        if folders and folders[-1] in ("train", "validation", "val"):
            return folders[-1] != "train"
        return any(tag.startswith("evaluation_") for tag in self.scalars)


def parse_event_file(data: bytes, name: str) -> EventFile:
    """Read an event file of at most 25 MB.

    Raises
    ------
    WbcError
        If it is too large, is no event file, or is damaged.
    """
    if len(data) > LARGEST_FILE:
        raise WbcError(
            f"{name} is larger than {LARGEST_FILE // 1_000_000} MB.", "Upload files without pictures and profiles."
        )
    notes: list[str] = []
    return EventFile(name, _scalars(data, name, notes), tuple(notes))


def by_training(files: Sequence[EventFile]) -> tuple[tuple[EventFile, ...], ...]:
    """Put the files of one training together: Keras writes one of training and, later, one of validation.

    In the order of their names, which begin with the time of writing, a validation file joins the training before it.
    """
    groups: list[list[EventFile]] = []
    for file in sorted(files, key=lambda file: file.name.replace("\\", "/").rpartition("/")[2]):
        if file.validation and groups and not any(other.validation for other in groups[-1]):
            groups[-1].append(file)
        else:
            groups.append([file])
    return tuple(tuple(group) for group in groups)


def curve_of(files: Sequence[EventFile]) -> Curve:
    """Make one curve of the event files of one training; values logged per batch are passed over.

    Raises
    ------
    WbcError
        If they hold no loss or accuracy by epoch.
    """
    columns: dict[str, dict[int, float]] = {}
    notes = [note for file in files for note in file.notes]
    for file in files:
        for tag, values in file.scalars.items():
            column = _column(tag, file.validation)
            if column is not None:
                columns.setdefault(column, {}).update(values)
    names = " and ".join(file.name for file in files)
    steps = sorted({step for values in columns.values() for step in values})
    if not set(columns) & {LOSS, ACCURACY, VAL_LOSS, VAL_ACCURACY}:
        raise WbcError(f"There is no loss or accuracy in {names}.", _EXPECTED)
    if len(steps) > LARGEST_EPOCHS:
        raise WbcError(
            f"{names} holds {len(steps):,} steps; at most {LARGEST_EPOCHS:,} are read.", "Log once an epoch."
        )
    if len(steps) > 1 and steps[-1] - steps[0] > 3 * len(steps):
        notes.append("The file counts steps, not epochs: so does the axis.")
    records = [
        {"epoch": float(step), **{column: values[step] for column, values in columns.items() if step in values}}
        for step in steps
    ]
    return build_curve(records, names, notes)


def _column(tag: str, validation: bool) -> str | None:
    """Return the standard name of a tag; None for values per batch and anything that is no curve."""
    part, _, last = tag.lower().rpartition("/")
    if last.startswith(("batch_", "evaluation_")) or part.startswith("batch"):
        return None
    name = standard_name(last.removeprefix("epoch_"))
    validation = validation or part.split("/")[-1] in ("validation", "val", "valid")
    return f"val_{name}" if validation and not name.startswith("val_") and name != "learning_rate" else name


def _scalars(data: bytes, name: str, notes: list[str]) -> dict[str, dict[int, float]]:
    """Return the single numbers by tag and step."""
    # Imported here: the page that shows no event file needs no protocol buffers.
    from tensorboard.compat.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    for record in _records(data, name, notes):
        try:
            event = Event.FromString(record)
        except Exception as error:  # protocol buffers have their own errors, in a package that is no requirement here
            raise WbcError(f"{name} is damaged: a record is no event.", _EXPECTED) from error
        if event.step < 0 or not event.HasField("summary"):
            continue
        for value in event.summary.value:
            number = _scalar(value)
            if number is not None:
                found.setdefault(value.tag, {})[int(event.step)] = number
    return found


def _scalar(value: Any) -> float | None:
    """Return a summary value's number: old style as itself, new style as a float tensor without dimensions."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or len(value.tensor.tensor_shape.dim) or value.tensor.dtype not in (1, 2):
        return None
    single = value.tensor.dtype == 1  # DT_FLOAT, else DT_DOUBLE
    content = value.tensor.tensor_content
    if len(content) == (4 if single else 8):
        return float(struct.unpack("<f" if single else "<d", content)[0])
    listed: Sequence[float] = value.tensor.float_val if single else value.tensor.double_val
    return float(listed[0]) if len(listed) == 1 else None


def _records(data: bytes, name: str, notes: list[str]) -> Iterator[bytes]:
    """Part the records; a last one that is cut off, as in a file still written, ends the sequence."""
    if not is_event_file(data):
        raise WbcError(f"{name} is no TensorBoard event file.", _EXPECTED)
    at = 0
    while at < len(data):
        if at + _HEADER.size > len(data):
            notes.append(f"The last record of {name} is cut off.")
            return
        length, checksum = _HEADER.unpack_from(data, at)
        if checksum != _masked_crc(data[at : at + 8]):
            raise WbcError(f"{name} is damaged at byte {at:,}.", "Copy the file again from the machine that wrote it.")
        start, at = at + _HEADER.size, at + _HEADER.size + length + _FOOTER
        if at > len(data):
            notes.append(f"The last record of {name} is cut off.")
            return
        if length <= _LARGEST_SCALAR_EVENT:
            yield data[start : start + length]


def _masked_crc(data: bytes) -> int:
    """Return the masked CRC-32C (Castagnoli) of a TFRecord."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    return int(masked_crc32c(data))
