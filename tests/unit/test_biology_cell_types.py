"""Facts: each type is described, each figure is the one of its source, and a broken row cannot be loaded."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from wbc_core.biology import statements
from wbc_core.biology.cell_types import CELL_TYPES, CellForm, CellType, NormalRange, Source, all_cell_types, cell_type
from wbc_core.biology.morphology import look_alikes
from wbc_core.biology.sources import source
from wbc_core.biology.tables import read_rows, read_table, validated
from wbc_core.errors import DatasetError


def test_the_labels_are_the_eight_in_alphabetical_order() -> None:
    assert len(CELL_TYPES) == 8
    assert tuple(sorted(CELL_TYPES)) == CELL_TYPES
    assert tuple(kind.label for kind in all_cell_types()) == CELL_TYPES


def test_an_unknown_type_is_refused_with_the_choice() -> None:
    with pytest.raises(DatasetError) as caught:
        cell_type("lymphoblast")
    assert caught.value.hint == f"Choose from: {', '.join(CELL_TYPES)}."


@pytest.mark.parametrize("kind", all_cell_types(), ids=CELL_TYPES)
def test_every_type_is_described_in_full_and_cited(kind: CellType) -> None:
    for text in (kind.lineage, kind.role, kind.look, kind.nucleus, kind.cytoplasm, kind.granules):
        assert text.strip() == text
        assert text
    assert kind.name[0].isupper()
    assert kind.role.endswith(".")
    assert len(kind.against) >= 2
    assert all(sentence.endswith(".") for sentence in kind.against)
    assert kind.mimics
    assert kind.sources


@pytest.mark.parametrize("kind", all_cell_types(), ids=CELL_TYPES)
def test_no_type_is_said_to_be_taken_for_itself(kind: CellType) -> None:
    own = {kind.name.lower(), *(form.name for form in kind.forms)}
    assert not own & set(kind.mimics)


# Dacie and Lewis, 12th ed. 2017: 10⁹/L and percent, the default of every page.
@pytest.mark.parametrize(
    ("label", "absolute", "percent"),
    [
        ("neutrophil", "2–7 × 10⁹/L", "40–80 %"),
        ("lymphocyte", "1–3 × 10⁹/L", "20–40 %"),
        ("monocyte", "0.2–1 × 10⁹/L", "2–10 %"),
        ("eosinophil", "0.02–0.5 × 10⁹/L", "1–6 %"),
        ("basophil", "0.02–0.1 × 10⁹/L", "below 2 %"),
        ("platelet", "150–410 × 10⁹/L", None),  # platelets are no part of the 100 %
    ],
)
def test_the_adult_range_is_the_one_of_dacie_and_lewis(label: str, absolute: str, percent: str | None) -> None:
    normal = cell_type(label).normal
    assert normal is not None
    assert (normal.absolute_text, normal.percent_text) == (absolute, percent)
    assert normal.population == "adults"
    assert normal.source.short == "Dacie and Lewis 2017"


@pytest.mark.parametrize("label", ["erythroblast", "immature_granulocyte"])
def test_precursors_are_normally_absent_and_have_no_range(label: str) -> None:
    kind = cell_type(label)
    assert kind.normally_absent
    assert kind.normal is None
    assert kind.normal_note


@pytest.mark.parametrize("label", sorted(set(CELL_TYPES) - {"erythroblast", "immature_granulocyte"}))
def test_every_other_type_is_normally_present(label: str) -> None:
    assert not cell_type(label).normally_absent


def test_the_analyser_limit_of_immature_granulocytes_is_told() -> None:
    note = cell_type("immature_granulocyte").normal_note
    assert "0.09 × 10⁹/L" in note
    assert "0.9 %" in note
    assert "analyser" in note


def test_platelets_say_that_they_are_outside_the_leukocyte_count() -> None:
    assert "Not part of the 100 %" in cell_type("platelet").normal_note


@pytest.mark.parametrize(
    ("label", "size_um"),
    [
        ("neutrophil", (10, 15)),
        ("eosinophil", (12, 17)),
        ("basophil", (10, 14)),
        ("lymphocyte", (7, 16)),  # small 7–10, large 10–16
        ("monocyte", (12, 20)),
        ("immature_granulocyte", (10, 20)),  # promyelocyte 14–20, myelocyte 12–18, metamyelocyte 10–18
        ("erythroblast", (8, 12)),
        ("platelet", (1.5, 4)),
    ],
)
def test_the_size_spans_every_form_of_the_type(label: str, size_um: tuple[float, float]) -> None:
    assert cell_type(label).size_um == size_um


def test_forms_that_differ_are_described_one_by_one() -> None:
    neutrophil = cell_type("neutrophil")
    assert neutrophil.nucleus.startswith("Segmented neutrophil: 2–5 lobes")
    assert "Band neutrophil: even curved band" in neutrophil.nucleus
    assert neutrophil.cytoplasm == "pale pink"


def test_cells_the_model_does_not_know_are_listed_apart() -> None:
    assert {form.name for form in look_alikes()} == {
        "reactive lymphocyte",
        "giant platelet",
        "lymphoblast",
        "smudge cell",
    }


def test_every_source_is_used_and_every_row_has_one() -> None:
    used = {row["source"] for row in read_rows("normal_ranges.csv")}
    study = list(read_table("study_cells.yaml").values())
    own_forms = [row["form"] for row in study if isinstance(row["form"], dict)]
    for row in [*read_table("morphology.yaml"), *read_table("cell_types.yaml").values(), *study, *own_forms]:
        assert row["sources"]
        used |= set(row["sources"])
    facts = read_table("counting_facts.yaml")
    used |= {row["source"] for row in (facts["reliable_leukocyte_count"], *facts["band_rules"].values())}
    assert used == set(read_table("sources.yaml"))


def test_every_range_row_belongs_to_a_type_and_a_use() -> None:
    rows = read_rows("normal_ranges.csv")
    assert {row["cell_type"] for row in rows} <= {*CELL_TYPES, "leukocyte"}
    assert {row["use"] for row in rows} == {"default", "other", "upper_limit", "by_age"}
    assert all(row["age_from"] for row in rows)
    defaults = [row["cell_type"] for row in rows if row["use"] == "default"]
    assert len(defaults) == len(set(defaults))


def test_facts_cannot_be_changed_by_a_page() -> None:
    with pytest.raises(FrozenInstanceError):
        cell_type("monocyte").name = "Other"  # type: ignore[misc]


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(DatasetError, match='source "hearsay"'):
        source("hearsay")


@pytest.mark.parametrize(
    "limits",
    [
        {"absolute_low": 3.0, "absolute_high": 1.0},  # turned round
        {"absolute_low": None, "absolute_high": 1.0},  # half a range
        {"absolute_low": None, "absolute_high": None},  # no range at all
        {"absolute_low": -1.0, "absolute_high": 1.0},  # negative count
    ],
)
def test_a_range_that_makes_no_sense_is_refused(limits: dict[str, float | None]) -> None:
    fields = {
        "percent_low": None,
        "percent_high": None,
        "percent_high_excluded": False,
        "population": "adults",
        "method": "",
        "remark": "",
        "source": Source("short", "citation"),
    }
    with pytest.raises(DatasetError, match="does not fit"):
        validated(NormalRange, fields | limits, "test")


def test_a_row_with_an_unknown_column_is_refused() -> None:
    row = read_table("morphology.yaml")[0] | {"sources": (Source("short", "citation"),), "colour": "pink"}
    with pytest.raises(DatasetError, match="colour"):
        validated(CellForm, row, "test")


def test_the_research_use_line_is_word_for_word() -> None:
    assert statements.RESEARCH_USE == "For Research Use Only. Not for use in diagnostic procedures."
