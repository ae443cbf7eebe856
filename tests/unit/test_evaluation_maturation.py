"""How grave a mistake is, by maturation: the definition is data with sources, and every label has its place."""

from __future__ import annotations

import pytest

from wbc_core.biology.labels import ALL_LABELS
from wbc_core.biology.maturation import maturation, maturation_sources, severity
from wbc_core.biology.morphology import forms_of


@pytest.mark.parametrize(
    ("truth", "said", "subtype", "expected"),
    [
        ("neutrophil", "neutrophil", "", "right"),
        ("immature_granulocyte", "neutrophil", "PMY", "major"),
        ("immature_granulocyte", "neutrophil", "MY", "major"),
        ("immature_granulocyte", "neutrophil", "MMY", "minor"),  # a metamyelocyte ripens to a band
        ("immature_granulocyte", "neutrophil", "", "major"),
        ("immature_granulocyte", "monocyte", "MMY", "major"),
        ("neutrophil", "immature_granulocyte", "BNE", "minor"),
        ("neutrophil", "immature_granulocyte", "SNE", "major"),
        ("lymphocyte", "erythroblast", "", "major"),
        ("immature_granulocyte", "erythroblast", "", "other"),
        ("eosinophil", "basophil", "", "other"),
        ("platelet", "lymphocyte", "", "other"),
        ("lymphoblast", "normal_precursor", "", "major"),
        ("normal_precursor", "lymphoblast", "", "major"),
        ("eosinophil_basophil", "immature_granulocyte", "", "major"),
        ("eosinophil_basophil", "neutrophil", "", "other"),
        ("granulocyte", "immature_granulocyte", "", "other"),  # no one knows what is in such a class
    ],
)
def test_a_mistake_is_graded(truth, said, subtype, expected):
    assert severity(truth, said, subtype) == expected


def test_every_label_is_immature_or_mature():
    table = maturation().maturity
    assert sorted((*table.immature, *table.mature)) == sorted(ALL_LABELS)


def test_the_stages_are_those_of_the_morphology():
    for series in maturation().series:
        for stage in series.stages:
            assert stage.name in {form.name for form in forms_of(stage.label)}


def test_the_definition_has_its_sources():
    assert "ICSH" in " ".join(source.short for source in maturation_sources())
    weights = maturation().weights
    assert 0 < weights.minor < weights.other < weights.major
