"""Morphology in words: joined by name, fitted on training, chosen on validation, refused when altered."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from wbc_core.datasets.sources import LabelledImage, read_split
from wbc_core.errors import DatasetError, ModelError
from wbc_core.explanation.attribute_fitting import STRENGTHS, Part, fit_probe, named
from wbc_core.explanation.attribute_labels import ATTRIBUTES, described_cells
from wbc_core.explanation.attribute_probe import CARD_NAME, WEIGHTS_NAME, Reading, load_probes
from wbc_core.explanation.attribute_words import TITLES, in_a_sentence
from wbc_core.inference.cards import ModelCard, describe_file, load_card
from wbc_core.inference.measurements import Estimate
from wbc_core.services.explaining import explain_image
from wbc_core.settings import settings

HEADER = "img_name,label," + ",".join(ATTRIBUTES)
VALUES = "small,round,irregular,high,densely,no,clear,light blue,coarse,purple,yes"


def image(name: str) -> LabelledImage:
    return LabelledImage(Path(name), "basophil", f"basophil/{name}", "pbc")


def test_cells_are_joined_by_name_whatever_the_file_type(tmp_path: Path) -> None:
    (tmp_path / "attributes.csv").write_text(f"{HEADER}\nBA_1.jpg,Basophil,{VALUES}\n")
    (cell,) = described_cells(tmp_path, [image("BA_1.webp"), image("BA_2.webp")])
    assert cell.image.file == "basophil/BA_1.webp"
    assert cell.values == tuple(VALUES.split(","))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There are no described cells at "),
        ("img_name,cell_size\nBA_1.jpg,big\n", "lacks the column cell_shape and "),
        (f"{HEADER}\nBA_9.jpg,Basophil,{VALUES}\n", "None of the pictures stands in "),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "attributes.csv").write_text(content)
    with pytest.raises(DatasetError, match=message):
        described_cells(tmp_path, [image("BA_1.webp")])


@pytest.mark.parametrize("values", [("no", "yes"), ("nil", "round", "small")])
def test_a_probe_finds_what_is_linear_and_reads_plain_embeddings(values: tuple[str, ...]) -> None:
    random = np.random.default_rng(0)
    centres = random.normal(size=(len(values), 12)) * 3 + 20

    def part(count: int) -> Part:
        truth = random.integers(len(values), size=count)
        rows = centres[truth] + random.normal(size=(count, 12))
        return Part(rows.astype(np.float16), [values[at] for at in truth])

    fitted = fit_probe(part(300), part(100))
    assert fitted.values == values
    assert fitted.strength in STRENGTHS
    test = part(200)
    right = named(fitted.probe, test.embeddings.astype(np.float32), values) == np.array(test.values)
    assert right.mean() > 0.95


def readings(**changes: tuple[str, float]) -> list[Reading]:
    accuracy = Estimate(value=0.9, low=0.8, high=0.95)
    plain = dict(zip(ATTRIBUTES, ((value, 0.99) for value in VALUES.split(",")), strict=True))
    return [Reading(name, *pair, accuracy) for name, pair in (plain | changes).items()]


def test_a_sentence_reads_as_a_report_does_and_marks_what_is_unsure() -> None:
    assert set(TITLES) == set(ATTRIBUTES)
    assert in_a_sentence(readings(nucleus_shape=("segmented-bilobed", 0.5))) == (
        "Cell small, round; nucleus segmented in two lobes (unsure), chromatin dense, nuclear-cytoplasmic ratio high; "
        "cytoplasm light blue, clear, no vacuoles; granules coarse, purple"
    )
    without = in_a_sentence(readings(granularity=("no", 0.9), granule_type=("nil", 0.9)))
    assert without.endswith("; no granules")
    assert in_a_sentence(readings(granule_colour=("nil", 0.9))).endswith("; granules coarse")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The default model's probes, which a test may damage."""
    source = settings().models_dir / settings().default_model
    for name in (CARD_NAME, WEIGHTS_NAME, "card.json"):
        shutil.copyfile(source / name, tmp_path / name)
    return tmp_path


def with_new_digests(folder: Path) -> ModelCard:
    card = load_card(folder)
    return card.model_copy(
        update={"files": card.files | {name: describe_file(folder / name) for name in (CARD_NAME, WEIGHTS_NAME)}}
    )


def test_the_shipped_probes_reach_nine_in_ten_on_test_pictures(copied: Path) -> None:
    probes = load_probes(copied, load_card(copied))
    assert probes is not None
    card = probes.card
    assert tuple(card.attributes) == ATTRIBUTES
    assert card.mean_accuracy.value == pytest.approx(np.mean([row.accuracy.value for row in card.attributes.values()]))
    assert card.mean_accuracy.value >= 0.90
    for row in card.attributes.values():
        assert row.accuracy.low <= row.accuracy.value <= row.accuracy.high
        assert row.accuracy.value > row.most_frequent


def test_a_model_without_probes_has_none(copied: Path) -> None:
    card = load_card(copied)
    files = {name: file for name, file in card.files.items() if name != WEIGHTS_NAME}
    assert load_probes(copied, card.model_copy(update={"files": files})) is None


def pickled() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **{f"{name}.weights": np.array([{}], dtype=object) for name in ATTRIBUTES})
    return stream.getvalue()


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\x93NUMPY", pickled()], ids=["empty", "cut", "npy", "pickle"]
)
def test_weights_that_are_no_plain_arrays_are_refused(copied: Path, content: bytes) -> None:
    (copied / WEIGHTS_NAME).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_probes(copied, with_new_digests(copied))
    assert caught.value.message == "The attribute probes of the model wbc8-lite0 cannot be read."
    assert caught.value.hint == "Write them anew with `wbc models attributes wbc8-lite0`."


def test_altered_probes_and_those_of_another_network_are_refused(copied: Path) -> None:
    content = json.loads((copied / CARD_NAME).read_text())
    (copied / CARD_NAME).write_text(json.dumps(content | {"network_sha256": "0" * 64}))
    with pytest.raises(ModelError, match="differs from the one its card describes"):
        load_probes(copied, load_card(copied))
    with pytest.raises(ModelError, match=r"belong to another network than its model\.onnx"):
        load_probes(copied, with_new_digests(copied))


def test_words_for_real_cells_are_mostly_those_of_the_pathologists(data_dir: Path) -> None:
    folder = data_dir / "pbc"
    cells = described_cells(folder, read_split(folder, "test"))[::60]
    right = []
    for cell in cells:
        found = explain_image(cell.image.path.read_bytes(), cell.image.file).readings
        if found:  # none where the model takes the cell for a type that was not described
            right.append(np.mean([reading.value == value for reading, value in zip(found, cell.values, strict=True)]))
    assert len(right) > 0.9 * len(cells)
    assert np.mean(right) > 0.85
