"""Every class that a model can answer with has a name and, where one is known, a sourced description."""

from __future__ import annotations

import pytest

from wbc_core.biology.cell_types import CELL_TYPES, cell_type
from wbc_core.biology.classes import class_facts
from wbc_core.biology.labels import (
    ALL_LABELS,
    LYMPHOBLAST_STUDY,
    fits_differential,
    in_bone_marrow_study,
    members_of,
)
from wbc_core.biology.morphology import look_alike
from wbc_core.errors import DatasetError


@pytest.mark.parametrize("label", CELL_TYPES)
def test_a_cell_type_is_described_as_ever(label: str) -> None:
    named, cell = class_facts(label), cell_type(label)
    assert (named.name, named.plural, named.look) == (cell.name, cell.plural, cell.look)
    assert (named.mimics, named.against, named.members) == (cell.mimics, cell.against, (cell,))


@pytest.mark.parametrize("label", LYMPHOBLAST_STUDY)
def test_the_classes_of_the_study_are_described_and_cited(label: str) -> None:
    named = class_facts(label)
    (cell,) = named.members
    assert cell.label == label
    for text in (cell.role, cell.look, cell.nucleus, cell.cytoplasm, cell.granules, cell.normal_note):
        assert text.strip() == text != ""
    assert cell.sources
    assert "immunophenotype decides" in " ".join(named.against)
    assert cell.normal is None


def test_the_lymphoblast_is_the_one_of_the_morphology_table() -> None:
    (cell,) = class_facts("lymphoblast").members
    form = look_alike("lymphoblast")
    assert cell.forms == (form,)
    assert cell.size_um == (10, 20)
    assert set(form.sources) <= set(cell.sources)


def test_no_size_is_claimed_where_no_source_states_one() -> None:
    (cell,) = class_facts("normal_precursor").members
    assert cell.size_um is None


def test_a_merged_class_bears_the_names_of_its_members() -> None:
    named = class_facts("eosinophil_basophil")
    assert named.name == "Eosinophil or basophil"
    assert named.name_inside == "eosinophil or basophil"
    assert named.plural == "eosinophils or basophils"
    assert [member.label for member in named.members] == ["eosinophil", "basophil"]
    assert cell_type("eosinophil").look in named.look
    assert cell_type("basophil").look in named.look


def test_what_parts_merged_types_from_each_other_is_no_doubt_about_their_class() -> None:
    named = class_facts("eosinophil_basophil")
    own = {"eosinophil", "basophil"}
    assert {sentence.partition(":")[0] for sentence in named.against} == {"Eosinophil", "Basophil"}
    assert not any("basophil" in sentence for sentence in named.against if sentence.startswith("Eosinophil: "))
    assert not own & set(named.mimics)


@pytest.mark.parametrize(
    ("label", "members"),
    [
        ("eosinophil_basophil", ("eosinophil", "basophil")),
        ("immature_granulocyte_neutrophil", ("immature_granulocyte", "neutrophil")),
        ("neutrophil_eosinophil_basophil", ("neutrophil", "eosinophil", "basophil")),
        ("neutrophil", ()),
        ("immature_granulocyte", ()),
        ("normal_precursor", ()),
        ("granulocyte", ()),
        ("neutrophil_neutrophil", ()),
        ("neutrophil_", ()),
        ("", ()),
    ],
)
def test_the_members_of_a_merge_are_read_from_its_name(label: str, members: tuple[str, ...]) -> None:
    assert members_of(label) == members


def test_a_class_of_another_name_stands_for_itself() -> None:
    named = class_facts("granular_cell")
    assert (named.name, named.plural) == ("Granular cell", "cells of the class granular cell")
    assert (named.look, named.mimics, named.against, named.members) == ("", (), (), ())


@pytest.mark.parametrize(
    ("labels", "differential", "study"),
    [
        (CELL_TYPES, True, False),
        (("neutrophil", "lymphocyte"), True, False),
        (LYMPHOBLAST_STUDY, False, True),
        (("neutrophil", "lymphocyte", "monocyte", "eosinophil_basophil"), False, False),
        (ALL_LABELS, False, True),
    ],
)
def test_only_models_of_unmerged_types_of_ordinary_blood_fit_a_differential(
    labels: tuple[str, ...], differential: bool, study: bool
) -> None:
    assert fits_differential(labels) is differential
    assert in_bone_marrow_study(labels) is study


def test_an_unknown_look_alike_is_refused() -> None:
    with pytest.raises(DatasetError, match='no look-alike "unicorn"'):
        look_alike("unicorn")
