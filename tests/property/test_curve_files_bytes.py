"""Whatever bytes are uploaded as a history or an event file: a curve comes of it, or one sentence with a hint."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.curve_files import event_file, record
from wbc_core.runs.overfitting import overfitting
from wbc_core.services.curves import load_uploads

CELLS = st.sampled_from(
    ["epoch", "loss", "val_loss", "accuracy", "0", "1", "-1", "1e309", "nan", "NA", "", "0.5", '"', "9" * 30]
)
TABLES = st.lists(st.lists(CELLS, max_size=5).map(",".join), max_size=12).map("\n".join)
EVENTS = event_file({"loss": [1.0, 0.5], "val_loss": [1.0, 0.75]})


def check(data: bytes) -> None:
    """Read an upload; it must come with a curve that can be judged, or with a problem and a hint."""
    for run in load_uploads([("upload", data)]):
        if run.curve is None:
            assert run.problem is not None
            assert run.problem.message.endswith(".")
            assert run.problem.hint
        else:
            assert run.curve.epochs >= 1
            assert run.curve.table["epoch"].is_monotonic_increasing
            assert overfitting(run.curve).sentences


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    check(data)


@given(TABLES)
def test_any_table(text: str) -> None:
    check(text.encode())


@given(st.integers(0, len(EVENTS) - 1), st.integers(0, 255))
def test_any_byte_of_an_event_file_changed(place: int, value: int) -> None:
    check(EVENTS[:place] + bytes([value]) + EVENTS[place + 1 :])


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_any_records(contents: list[bytes]) -> None:
    check(b"".join(record(data) for data in contents))
