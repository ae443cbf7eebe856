"""TensorBoard event files are read from memory, without TensorFlow, and damaged ones are refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.curve_files import event_file, record
from wbc_core.errors import WbcError
from wbc_core.runs.event_files import by_training, curve_of, is_event_file, parse_event_file

TRAINING = {"epoch_loss": [1.0, 0.5], "epoch_accuracy": [0.4, 0.6], "epoch_learning_rate": [0.1, 0.05]}
VALIDATION = {"epoch_loss": [1.1, 0.7], "epoch_accuracy": [0.3, 0.5], "evaluation_loss_vs_iterations": [1.1, 0.7]}


@pytest.mark.parametrize("tensors", [False, True], ids=["simple values", "tensors"])
def test_training_and_validation_file_of_keras_become_one_curve(tensors: bool) -> None:
    training = parse_event_file(event_file(TRAINING, tensors=tensors), "events.out.tfevents.100.host.7.0.v2")
    validation = parse_event_file(event_file(VALIDATION, tensors=tensors), "events.out.tfevents.101.host.7.1.v2")
    found = curve_of([training, validation]).table
    assert found["epoch"].tolist() == [1, 2]
    assert found["loss"].tolist() == [1.0, 0.5]
    assert found["val_accuracy"].tolist() == pytest.approx([0.3, 0.5])
    assert found["learning_rate"].tolist() == pytest.approx([0.1, 0.05])


def test_two_trainings_of_one_notebook_stay_apart() -> None:
    names = [f"events.out.tfevents.{100 + i}.host.7.{i}.v2" for i in range(4)]
    contents = [TRAINING, VALIDATION, TRAINING, VALIDATION]
    files = [parse_event_file(event_file(c), n) for n, c in zip(names, contents, strict=True)]
    groups = by_training([files[3], files[0], files[2], files[1]])
    assert [[file.name for file in group] for group in groups] == [names[:2], names[2:]]


@pytest.mark.parametrize(
    "tags",
    [
        {"loss": [1.0], "val_loss": [2.0]},
        {"train/loss": [1.0], "validation/loss": [2.0]},
        {"epoch_loss": [1.0], "val/epoch_loss": [2.0]},
        {"loss": [1.0], "val_loss": [2.0], "batch_loss": [9.0], "batch/loss": [9.0]},
    ],
    ids=["this program", "folders", "prefix", "values per batch"],
)
def test_tags_of_other_loggers_are_understood(tags: dict[str, list[float]]) -> None:
    found = curve_of([parse_event_file(event_file(tags), "events")]).table
    assert found["loss"].tolist() == [1.0]
    assert found["val_loss"].tolist() == [2.0]


def test_a_file_still_written_ends_before_the_record_that_is_cut_off() -> None:
    data = event_file({"loss": [1.0, 0.5]})
    found = curve_of([parse_event_file(data[:-3], "events")])
    assert found.table["loss"].tolist() == [1.0]
    assert found.notes == ("The last record of events is cut off.",)


def test_steps_that_are_no_epochs_are_named_as_such() -> None:
    file = parse_event_file(event_file({"loss": [1.0]}), "events")
    file.scalars["loss"] = {0: 1.0, 500: 0.5, 1000: 0.25}
    assert curve_of([file]).notes == ("The file counts steps, not epochs: so does the axis.",)


def test_pictures_and_graphs_are_passed_over_without_being_parsed() -> None:
    data = event_file({"loss": [1.0]}) + record(b"\xff" * 1_000_001)
    assert curve_of([parse_event_file(data, "events")]).epochs == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"epoch,loss\n0,1\n", "events is no TensorBoard event file."),
        (b"", "events is no TensorBoard event file."),
        (record(b"\xff\xff\xff"), "events is damaged: a record is no event."),
        (event_file({"loss": [1.0]}) + b"\x01" * 40, "events is damaged at byte 80."),
        (b"\0" * 25_000_001, "events is larger than 25 MB."),
    ],
    ids=["text", "empty", "no event", "damaged", "too large"],
)
def test_a_damaged_file_gets_one_sentence_and_a_hint(data: bytes, message: str) -> None:
    with pytest.raises(WbcError) as caught:
        parse_event_file(data, "events")
    assert caught.value.message == message
    assert caught.value.hint


def test_a_file_without_loss_or_accuracy_is_named() -> None:
    with pytest.raises(WbcError, match="There is no loss or accuracy in events"):
        curve_of([parse_event_file(event_file({"queue_size": [1.0]}), "events")])


def test_the_content_decides_what_a_file_is() -> None:
    assert is_event_file(event_file({"loss": [1.0]}))
    assert not is_event_file(b"epoch,accuracy,loss\n0,0.5,1\n")


def test_reading_an_event_file_imports_no_tensorflow(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(event_file({"loss": [1.0]}))
    program = (
        "import sys; from pathlib import Path; from wbc_core.services.curves import load_uploads\n"
        "run = load_uploads([('a.tfevents.b', Path(sys.argv[1]).read_bytes())])[0]\n"
        "assert run.curve is not None, run.problem\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('tensorflow', 'keras')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "events")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_what_this_program_writes_reads_back(tmp_path: Path) -> None:
    from wbc_core.training.tracking import TensorBoardEvents

    rows = [{"epoch": float(i), "loss": 1 / (i + 1), "val_accuracy": i / 4, "learning_rate": 0.1} for i in range(3)]
    TensorBoardEvents(tmp_path, rows).close()
    files = [parse_event_file(path.read_bytes(), path.name) for path in (tmp_path / "tensorboard").iterdir()]
    found = curve_of(files).table
    assert found["epoch"].tolist() == [1, 2, 3]
    assert found["loss"].tolist() == pytest.approx([1, 1 / 2, 1 / 3])
    assert found["val_accuracy"].tolist() == pytest.approx([0, 0.25, 0.5])
