"""Overlapping fields of one smear count each cell once, whatever happened to the light between the pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic_fields import render_field
from wbc_core.imaging.decoding import read_image
from wbc_core.inference.classifier import Classifier, load_classifier
from wbc_core.services.field_joining import joined
from wbc_core.services.field_results import ELSEWHERE, MORE_COLUMNS, FieldResult, as_rows, as_summary
from wbc_core.services.field_totals import totals_of
from wbc_core.services.fields import find_in_field
from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.once import count_once
from wbc_core.smear.fields.overlaps import Overlap, find_overlaps, overview_of

SIDE = 160
LABELS = (
    ("neutrophil", "platelet", "lymphocyte", "monocyte"),
    ("platelet", "eosinophil", "neutrophil", "platelet"),
    ("monocyte", "lymphocyte", "platelet", "neutrophil"),
)
LEUKOCYTES = 8
STAGE = ((0, 0), (200, 0), (200, 120), (0, 120))  # x and y of the pictures on the film below
PICTURE = (440, 360)  # width and height


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    return render_field(LABELS, seed=4, side=SIDE)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    models = tmp_path_factory.mktemp("models")
    install_tiny_model(models, "tiny", "Tiny", CELL_TYPES)
    return load_classifier(models / "tiny")


def taken(film: np.ndarray, x: int, y: int, size: tuple[int, int], *, light: float = 1.0, seed: int = 0) -> np.ndarray:
    """A picture of a part of a film, with the camera's noise."""
    part = film[y : y + size[1], x : x + size[0]].astype(float) * light
    return np.clip(part + np.random.default_rng(seed).normal(0, 3, part.shape), 0, 255).astype(np.uint8)


def found_in(pictures: list[np.ndarray], classifier: Classifier) -> list[FieldResult]:
    return joined([find_in_field(pixels, f"{at}.png", classifier) for at, pixels in enumerate(pictures)])


def counted(fields: list[FieldResult], kind: str = "wbc") -> int:
    return sum(len(field.counted(kind)) for field in fields)


def test_four_overlapping_pictures_count_what_one_of_all_counts(film, classifier):
    pictures = [taken(film, x, y, PICTURE, light=1 - 0.06 * at, seed=at) for at, (x, y) in enumerate(STAGE)]
    alone = [find_in_field(pixels, f"{at}.png", classifier) for at, pixels in enumerate(pictures)]
    whole = find_in_field(film, "film.png", classifier)
    assert counted(alone) > len(whole.counted("wbc")) == LEUKOCYTES
    together = joined(alone)
    assert counted(together) == LEUKOCYTES
    assert counted(together, "platelet") == len(whole.counted("platelet"))
    assert all(found.counts for found in together[0].cells if not found.cell.cut)
    assert totals_of(together).repeated == counted(alone) - LEUKOCYTES


def test_a_cell_that_one_picture_cuts_counts_where_it_is_whole(film, classifier):
    # The left edge of the second picture cuts the cell around x = 240: by the rule of the border it would count there.
    second = found_in([taken(film, 0, 0, (410, 360)), taken(film, 230, 0, (410, 360))], classifier)[1]
    cut = [found for found in second.cells if found.cell.kind == "wbc" and found.cell.cut and found.cell.counted]
    assert cut
    assert all(found.reason == ELSEWHERE and found.counted_in == "0.png" for found in cut)


def test_a_picture_handed_in_twice_counts_once_and_says_so(film, classifier):
    field = film[:360, :440]
    first, second = found_in([field, field.copy()], classifier)
    assert all(found.counts for found in first.cells if found.cell.counted)
    assert not any(found.counts for found in second.cells)
    assert {found.counted_in for found in second.cells if found.cell.counted} == {"0.png"}
    (note,) = [note for note in second.notes if "0.png" in note]
    assert note.startswith("Shows the same part of the film as 0.png: ") and note.endswith(" counted there.")
    assert as_summary(second)["leukocytes"] == 0
    assert as_summary(second)["counted_in_other_fields"] == sum(found.cell.counted for found in second.cells)
    rows = as_rows(second, MORE_COLUMNS)
    assert rows[0] == {"reason": "counted_in_another_field", "counted_in": "0.png"}


def test_red_cells_seen_twice_measure_once(film, classifier):
    field = film[:360, :440]
    alone, twice = found_in([field], classifier), found_in([field, field], classifier)
    assert [len(each.round_red_cells) for each in twice] == [len(alone[0].round_red_cells), 0]
    assert twice[0].scale == alone[0].scale


def test_fields_that_do_not_overlap_are_left_alone(classifier):
    fields = found_in([render_field(LABELS[:2], seed=seed, side=SIDE) for seed in (30, 60)], classifier)
    assert not any(found.reason == ELSEWHERE for field in fields for found in field.cells)
    assert all(found.counts is found.cell.counted for field in fields for found in field.cells)


@pytest.mark.parametrize(("x", "y"), [(120, 0), (-90, 70), (0, -105), (13, 8)])
def test_the_displacement_is_found_whatever_the_light(film, x, y):
    one, other = (
        overview_of(taken(film, 120 + right, 110 + below, (400, 260), light=light, seed=seed))
        for right, below, light, seed in ((0, 0, 1.0, 1), (x, y, 0.8, 2))
    )
    (found,) = find_overlaps([one, other], red_cell=40 * SIDE / 200 * 320 / 400)
    away = 400 / 320
    assert (found.x * away, found.y * away) == pytest.approx((x, y), abs=3)
    assert found.agreement > 0.8


def box(x: float, y: float, *, kind: str = "rbc", cut: bool = False, counted: bool = True) -> FieldCell:
    return FieldCell(x - 10, y - 10, x + 10, y + 10, kind, 1.0, cut, counted, 20.0)


def test_a_chain_of_fields_counts_a_cell_once_though_its_ends_were_not_compared():
    film = [(x, y) for x in range(20, 300, 30) for y in (20, 50, 80)]
    places = (0, 60, 120)
    fields = [[box(x - left, y) for x, y in film if 10 <= x - left <= 170] for left in places]
    chain = [Overlap(0, 1, 60.5, 0, 30, 0.95), Overlap(1, 2, 59.0, 1.0, 30, 0.95)]
    once = count_once(fields, chain, (180, 100), 20)
    kept = {
        (fields[field][cell].xmin + places[field], fields[field][cell].ymin)
        for field in range(3)
        for cell in range(len(fields[field]))
        if (field, cell) not in once.elsewhere
    }
    total = sum(len(cells) for cells in fields)
    assert total - len(once.elsewhere) == len(kept) == len([x for x, _ in film if x <= 290])
    assert once.elsewhere[(2, 0)] == 0  # seen by all three


def test_chance_agreement_without_common_cells_leaves_both_fields_alone():
    one = [box(x, y) for x in range(20, 200, 45) for y in (20, 65)]
    other = [box(x + 22, y + 22) for x in range(20, 160, 45) for y in (20, 40)]
    assert not count_once([one, other], [Overlap(0, 1, 0.0, 0.0, 40, 0.9)], (200, 100), 20).elsewhere


@pytest.mark.parametrize(
    ("one", "other", "keeper"),
    [
        (box(100, 50), box(40, 50), 0),  # whole in both: the first
        (box(100, 50, cut=True), box(40, 50), 1),  # whole in the second alone
        (box(100, 50, cut=True), box(40, 50, cut=True), 0),  # whole in none
        (box(100, 50, kind="wbc"), box(40, 50, kind="platelet"), 0),  # one cell under two names
    ],
)
def test_a_cell_counts_in_the_first_field_that_shows_it_whole(one, other, keeper):
    around = [box(x, 20) for x in (80, 110, 140)]
    fields = [[one, *around], [other, *(box(x - 60, 20) for x in (80, 110, 140))]]
    once = count_once(fields, [Overlap(0, 1, 60, 0, 40, 0.9)], (180, 100), 20)
    assert ((1 - keeper, 0) in once.elsewhere) and once.elsewhere[(1 - keeper, 0)] == keeper
    assert (keeper, 0) not in once.elsewhere


def test_real_fields_that_overlap_are_recognised_and_others_are_not(data_dir: Path):
    """The first two show one leukocyte at different focus and light, the others something else each."""
    names = ("00224", "00264", "00107", "00108", "00001", "00002")
    pictures = [read_image(data_dir / "bccd" / "JPEGImages" / f"BloodImage_{name}.jpg").pixels for name in names]
    pairs = [(pair.first, pair.second) for pair in find_overlaps([overview_of(each) for each in pictures], 45.0)]
    assert pairs == [(0, 1), (2, 3)]


@pytest.mark.parametrize(("shift", "light"), [((150, 60), 1.0), ((-200, 40), 0.85), ((60, -140), 0.92)])
def test_two_cuttings_of_a_real_field_count_what_the_field_counts(data_dir: Path, classifier, shift, light):
    pixels = read_image(data_dir / "bccd" / "JPEGImages" / "BloodImage_00382.jpg").pixels
    height, width = pixels.shape[0] - abs(shift[1]), pixels.shape[1] - abs(shift[0])
    x, y = max(0, -shift[0]), max(0, -shift[1])
    one = taken(pixels, x, y, (width, height))
    other = taken(pixels, x + shift[0], y + shift[1], (width, height), light=light, seed=1)
    alone = [find_in_field(picture, name, classifier) for name, picture in (("a", one), ("b", other))]
    fields = joined(alone)
    assert counted(fields) == 1 and counted(alone) >= 1
    assert any("in common with a" in note for note in fields[1].notes)
