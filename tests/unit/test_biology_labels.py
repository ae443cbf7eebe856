"""Names: every spelling a laboratory uses finds its label, and nothing unknown is counted as something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wbc_core.biology.cell_types import CELL_TYPES, cell_type
from wbc_core.biology.labels import (
    ALL_LABELS,
    LYMPHOBLAST_STUDY,
    SMEAR_PREVALENCE,
    Merge,
    canonical_label,
    parse_labels,
    parse_merge,
)
from wbc_core.errors import DatasetError


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("neutrophil", "neutrophil"),
        ("NEUTROPHIL", "neutrophil"),
        ("Neutrophils", "neutrophil"),
        ("  neutrophils ", "neutrophil"),
        ("polymorph", "neutrophil"),
        ("Polymorphs", "neutrophil"),
        ("Segmented-Neutrophil", "neutrophil"),
        ("band_neutrophils", "neutrophil"),
        ("BNE", "neutrophil"),
        ("SNE", "neutrophil"),
        ("ig", "immature_granulocyte"),
        ("IG", "immature_granulocyte"),
        ("IGs", "immature_granulocyte"),
        ("MY", "immature_granulocyte"),
        ("MMY", "immature_granulocyte"),
        ("PMY", "immature_granulocyte"),
        ("Immature Granulocytes", "immature_granulocyte"),
        ("immature-granulocyte", "immature_granulocyte"),
        # the class names of BloodMNIST carry a remark
        ("immature granulocytes(myelocytes, metamyelocytes and promyelocytes)", "immature_granulocyte"),
        ("nrbc", "erythroblast"),
        ("nucleated red-cells", "erythroblast"),
        ("normoblast", "erythroblast"),
        ("ERB", "erythroblast"),
        ("thrombocytes", "platelet"),
        ("PLT", "platelet"),
        ("baso", "basophil"),
        ("Eos", "eosinophil"),
        ("EOSINOPHIL", "eosinophil"),
        ("lymph", "lymphocyte"),
        ("LY", "lymphocyte"),
        ("mono", "monocyte"),
        ("blast", "lymphoblast"),
        ("ALL", "lymphoblast"),
        ("hem", "normal_precursor"),
        ("normal", "normal_precursor"),
    ],
)
def test_a_spelling_of_the_laboratory_finds_its_label(text: str, label: str) -> None:
    assert canonical_label(text) == label


@pytest.mark.parametrize("label", ALL_LABELS)
@pytest.mark.parametrize("write", [str.upper, str.title, lambda text: text.replace("_", " "), lambda text: text + "s"])
def test_case_separators_and_plural_do_not_matter(label: str, write) -> None:
    assert canonical_label(write(label)) == label


@pytest.mark.parametrize(
    "text",
    ["myeloblast", "reactive lymphocyte", "atypical_lymphocyte", "plasma cell", "smudge cell", "giant platelet", "wbc"],
)
def test_a_cell_outside_the_labels_is_refused_not_renamed(text: str) -> None:
    with pytest.raises(DatasetError, match="is not a known cell type"):
        canonical_label(text)


def test_an_unknown_label_is_answered_with_the_closest_ones() -> None:
    with pytest.raises(DatasetError) as caught:
        canonical_label("neutrofil", CELL_TYPES)
    assert caught.value.message == '"neutrofil" is not a known cell type.'
    assert caught.value.hint == f"The closest: neutrophil. All: {', '.join(CELL_TYPES)}."


def test_a_close_alias_is_suggested_by_the_label_it_stands_for() -> None:
    with pytest.raises(DatasetError) as caught:
        canonical_label("trombocyte", CELL_TYPES)
    assert "platelet" in caught.value.hint.split("All:")[0]


def test_nothing_like_the_name_lists_every_choice() -> None:
    with pytest.raises(DatasetError) as caught:
        canonical_label("42", ("lymphocyte", "monocyte"))
    assert caught.value.hint == "Choose from: lymphocyte, monocyte."


def test_a_known_label_outside_the_choice_says_what_it_means() -> None:
    with pytest.raises(DatasetError) as caught:
        canonical_label("IG", ("lymphocyte", "monocyte"))
    assert caught.value.message == '"IG" means immature_granulocyte, which is not among the cell types to choose from.'


def test_a_model_with_a_merged_class_may_choose_it_by_name() -> None:
    assert canonical_label("Granulocyte", ("granulocyte", "lymphocyte")) == "granulocyte"


@pytest.mark.parametrize("text", ["", "  ", "__", "(remark)"])
def test_an_empty_name_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match=r"A cell type is empty\."):
        canonical_label(text)


def test_a_very_long_name_is_shortened_in_the_error() -> None:
    with pytest.raises(DatasetError) as caught:
        canonical_label("x" * 10_000)
    assert len(caught.value.message) < 120


@given(st.text(max_size=60))
def test_any_text_gives_a_label_or_a_clear_refusal(text: str) -> None:
    try:
        outcome = canonical_label(text)
    except DatasetError as error:
        outcome = error.hint
    assert outcome in ALL_LABELS or all(label in outcome for label in ALL_LABELS)


@given(st.lists(st.sampled_from(ALL_LABELS), min_size=1, unique=True))
def test_a_written_choice_of_labels_is_read_back(labels: list[str]) -> None:
    assert parse_labels(", ".join(labels)) == tuple(labels)


def test_labels_keep_the_order_given_and_resolve_aliases() -> None:
    assert parse_labels("mono, IG,Neutrophils") == ("monocyte", "immature_granulocyte", "neutrophil")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No cell type was named."),
        ("neutrophil,,monocyte", "A cell type is empty."),
        ("neutrophil,", "A cell type is empty."),
        ("ig,promyelocyte", '"ig,promyelocyte" names immature_granulocyte twice.'),  # two aliases of one label
        ("neutrophil;monocyte", '"neutrophil;monocyte" is not a known cell type.'),
    ],
)
def test_a_choice_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_labels(text)
    assert caught.value.message == message


def test_labels_outside_the_model_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"blast.* means lymphoblast"):
        parse_labels("neutrophil,blast", CELL_TYPES)


def test_a_merge_is_read_with_its_members_in_order() -> None:
    expected = Merge("eosinophil_basophil", ("eosinophil", "basophil"))
    assert parse_merge("eosinophil_basophil=eosinophil+basophil") == expected
    assert parse_merge(" Eosinophil_Basophil = Eos + BASO ") == expected


def test_a_merge_may_keep_the_name_of_a_member() -> None:
    assert parse_merge("neutrophil=neutrophil+ig") == Merge("neutrophil", ("neutrophil", "immature_granulocyte"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("eosinophil+basophil", '"eosinophil+basophil" is not a merge: expected one equals sign.'),
        ("a=b=c", '"a=b=c" is not a merge: expected one equals sign.'),
        ("=eo+ba", '"" cannot name a merge: expected a letter, then letters, digits or underscores.'),
        ("two words=eo+ba", '"two words" cannot name a merge: expected a letter, then letters, digits or underscores.'),
        ("both=eo", 'The merge "both=eo" has only one member: expected at least two.'),
        ("both=eo+eosinophils", '"both=eo+eosinophils" names eosinophil twice.'),
        ("both=eo+", "A cell type is empty."),
        ("monocyte=eo+ba", 'The merge "monocyte=eo+ba" takes a name that already means monocyte.'),
        ("mono=eo+ba", 'The merge "mono=eo+ba" takes a name that already means monocyte.'),
    ],
)
def test_a_merge_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_merge(text)
    assert caught.value.message == message
    assert caught.value.hint


def test_the_lymphoblast_study_shares_no_label_with_the_smear() -> None:
    assert not set(LYMPHOBLAST_STUDY) & set(CELL_TYPES)


def test_smear_prevalences_lie_inside_the_normal_ranges() -> None:
    for label, share in SMEAR_PREVALENCE.items():
        normal = cell_type(label).normal
        assert normal is not None
        assert normal.percent_low is not None
        assert normal.percent_high is not None
        assert normal.percent_low <= 100 * share <= normal.percent_high


def test_smear_prevalences_leave_room_for_other_leukocytes_only() -> None:
    assert sum(SMEAR_PREVALENCE.values()) == pytest.approx(0.995)
