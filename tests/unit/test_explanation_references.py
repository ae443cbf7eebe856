"""Reference cells are training cells, named and never shipped as pictures; the nearest one comes first."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from wbc_core.datasets.sources import LabelledImage, read_split
from wbc_core.errors import ModelError
from wbc_core.explanation.reference_cells import (
    CARD_NAME,
    INDEX_NAME,
    Neighbour,
    build_index,
    load_index,
    packed_index,
    spread_choice,
)
from wbc_core.inference.cards import describe_file, load_card
from wbc_core.services.explaining import neighbour_picture
from wbc_core.settings import settings


def images(source: str, label: str, count: int, groups: int | None = None) -> list[LabelledImage]:
    return [
        LabelledImage(Path(f"{at}.webp"), label, f"{label}/{at}.webp", source, str(at % (groups or count)))
        for at in range(count)
    ]


def test_the_choice_is_even_over_data_sets_and_leaves_near_duplicates_out() -> None:
    pool = images("pbc", "monocyte", 60, groups=30) + images("raabin", "monocyte", 5, groups=2)
    chosen = spread_choice(pool, 20)
    assert len(chosen) == 20
    assert sum(image.source == "raabin" for image in chosen) == 5  # two slides, many cells
    groups = [image.group for image in chosen if image.source == "pbc"]
    assert len(groups) == len(set(groups)) == 15
    assert spread_choice(pool[::-1], 20) == chosen


def test_a_cell_of_the_index_is_nearest_to_itself_and_its_kind_comes_next() -> None:
    random = np.random.default_rng(0)
    cells = images("pbc", "monocyte", 20) + images("pbc", "platelet", 20)
    rows = random.normal(size=(40, 30)).astype(np.float32)
    rows[20:, 0] += 20
    index = build_index(cells, rows, axes=8)
    found = index.nearest(rows[25], 6)
    assert found[0].file == "platelet/5.webp"
    assert found[0].similarity == pytest.approx(1.0, abs=2e-3)
    assert {near.label for near in found} == {"platelet"}
    closeness = [near.similarity for near in found]
    assert closeness == sorted(closeness, reverse=True)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    source = settings().models_dir / settings().default_model
    for name in (CARD_NAME, INDEX_NAME, "card.json"):
        shutil.copyfile(source / name, tmp_path / name)
    return tmp_path


def test_the_shipped_index_is_small_and_has_every_class(copied: Path) -> None:
    assert (copied / INDEX_NAME).stat().st_size <= 3_000_000
    card = load_card(copied)
    known, index = load_index(copied, card)  # type: ignore[misc]
    assert set(known.cells) == set(card.labels)
    assert sum(sum(by_set.values()) for by_set in known.cells.values()) == len(index.names) == len(set(index.names))
    assert all(sum(by_set.values()) <= 250 for by_set in known.cells.values())


def test_every_shipped_reference_is_a_training_picture_under_its_label(copied: Path, data_dir: Path) -> None:
    _, index = load_index(copied, load_card(copied))  # type: ignore[misc]
    for source in {name for name, _, _ in index.names}:
        training = {(image.file, image.label) for image in read_split(data_dir / source, "train")}
        assert {(file, label) for name, file, label in index.names if name == source} <= training


def test_an_index_that_is_altered_or_of_another_network_is_refused(copied: Path) -> None:
    card = load_card(copied)
    _, index = load_index(copied, card)  # type: ignore[misc]
    (copied / INDEX_NAME).write_bytes(packed_index(index)[:-100])
    with pytest.raises(ModelError, match="differs from the one its card describes"):
        load_index(copied, card)
    cut = card.model_copy(update={"files": card.files | {INDEX_NAME: describe_file(copied / INDEX_NAME)}})
    with pytest.raises(ModelError, match=r"The reference cells of the model wbc8-lite0 cannot be read\."):
        load_index(copied, cut)
    onnx = card.files["model.onnx"].model_copy(update={"sha256": "0" * 64})
    (copied / INDEX_NAME).write_bytes(packed_index(index))
    again = describe_file(copied / INDEX_NAME)
    with pytest.raises(ModelError, match="belong to another network"):
        load_index(copied, card.model_copy(update={"files": card.files | {"model.onnx": onnx, INDEX_NAME: again}}))


@pytest.mark.parametrize(("source", "file"), [("pbc", "../../secret.png"), ("..", "secret.png"), ("pbc", "none.webp")])
def test_no_picture_outside_a_data_set_is_ever_read(source: str, file: str, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "data" / "pbc").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"")

    def read(path: Path) -> None:
        raise AssertionError(f"{path} was read")

    changed = settings().model_copy(update={"data_dir": tmp_path / "data", "datasets_dir": tmp_path / "data"})
    monkeypatch.setattr("wbc_core.services.explaining.settings", lambda: changed)
    monkeypatch.setattr("wbc_core.services.explaining.read_image", read)
    assert neighbour_picture(Neighbour(source, file, "monocyte", 0.5), settings().default_model) is None
