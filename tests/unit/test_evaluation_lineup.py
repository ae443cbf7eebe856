"""Models side by side: shared pictures, shared labels, merged classes, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest

from wbc_core.biology.labels import parse_merge
from wbc_core.errors import DatasetError
from wbc_core.evaluation.lineup import line_up
from wbc_core.evaluation.prediction_table import PredictionTable

FIVE = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")


def table(name, labels, truths, *, first=0, group="", seed=0):
    """Answers to pictures numbered from ``first`` on."""
    n = len(truths)
    values = np.random.default_rng(seed).dirichlet(np.ones(len(labels)), n)
    files = np.array([f"{first + index}.webp" for index in range(n)], dtype=object)
    return PredictionTable(
        name,
        tuple(labels),
        np.full(n, "pbc", dtype=object),
        files,
        np.array([labels.index(truth) for truth in truths]),
        values,
        np.array([group and f"{group}{index}" for index in range(n)], dtype=object),
        np.full(n, "", dtype=object),
    )


def test_models_meet_on_the_pictures_that_all_have():
    lineup = line_up([table("a", FIVE, FIVE * 8), table("b", FIVE, FIVE * 6, first=10)])
    assert lineup.file.tolist() == [f"{index}.webp" for index in range(10, 40)]
    assert lineup.labels == FIVE
    assert "30 pictures are shared by all models, of up to 40 that one has." in lineup.notes


def test_the_order_of_the_pictures_in_a_file_does_not_matter():
    first, second = table("a", FIVE, FIVE * 8), table("b", FIVE, FIVE * 8, seed=1)
    turned = second.rows(np.arange(40)[::-1])
    np.testing.assert_array_equal(line_up([first, second]).probabilities, line_up([first, turned]).probabilities)


def test_models_of_different_labels_meet_on_those_that_both_know():
    three = ("monocyte", "lymphocyte", "platelet")
    lineup = line_up([table("a", FIVE, FIVE * 8), table("b", three, ["monocyte", "lymphocyte"] * 10)])
    assert lineup.labels == ("lymphocyte", "monocyte")
    assert set(lineup.truth.tolist()) == {0, 1}
    np.testing.assert_allclose(lineup.probabilities.sum(axis=2), 1)
    assert "Every model chooses between lymphocyte, monocyte; its other probabilities are left out." in lineup.notes
    assert any("of classes that not every model knows: left out" in note for note in lineup.notes)


def test_the_choice_is_among_the_types_that_the_pictures_have():
    lineup = line_up([table("a", FIVE, ["monocyte", "neutrophil"] * 10)])
    assert lineup.labels == ("monocyte", "neutrophil")


def test_what_one_model_answers_as_one_class_is_one_class_for_all():
    merged = ("lymphocyte", "monocyte", "neutrophil", "eosinophil_basophil")
    truths = [label if label in merged else "eosinophil_basophil" for label in FIVE]
    first = table("a", FIVE, FIVE * 8)
    lineup = line_up([first, table("e", merged, truths * 8)])
    assert len(lineup) == 40
    assert set(lineup.labels) == set(merged)
    both = lineup.probabilities[0][:, lineup.labels.index("eosinophil_basophil")]
    np.testing.assert_allclose(both, first.probabilities[:, :2].sum(axis=1))
    assert "eosinophil and basophil are counted as one class, eosinophil_basophil." in lineup.notes


def test_a_declared_merge_is_one_class():
    merge = parse_merge("granulocyte=neutrophil+eosinophil+basophil")
    lineup = line_up([table("a", FIVE, FIVE * 8)], merges=[merge])
    assert lineup.labels == ("lymphocyte", "monocyte", "granulocyte")
    assert (lineup.truth == 2).sum() == 24


def test_pictures_whose_true_label_is_disputed_are_left_out():
    lineup = line_up([table("a", FIVE, FIVE * 8), table("b", FIVE, ["monocyte", *(FIVE * 8)[1:]])])
    assert len(lineup) == 39
    assert "1 shared pictures bear different true labels in the files: left out." in lineup.notes


def test_labels_can_be_chosen():
    assert line_up([table("a", FIVE, FIVE * 8)], labels=("monocyte", "basophil")).labels == ("monocyte", "basophil")
    with pytest.raises(DatasetError, match=r"Not every model knows platelet. All of them know basophil, eosinophil"):
        line_up([table("a", FIVE, FIVE * 8)], labels=("monocyte", "platelet"))


def test_models_without_a_common_picture_are_refused():
    with pytest.raises(DatasetError, match=r"a and b have no picture in common whose label all of them know."):
        line_up([table("a", FIVE, FIVE * 4), table("b", FIVE, FIVE * 4, first=100)])


def test_models_that_answer_another_question_are_refused():
    marrow = ("lymphoblast", "normal_precursor")
    with pytest.raises(DatasetError, match=r"a, b and c have fewer than two labels in common."):
        line_up([table("a", FIVE, FIVE), table("b", FIVE, FIVE), table("c", marrow, marrow)])


@pytest.mark.parametrize(
    ("truths", "group", "words"),
    [
        (["monocyte", "neutrophil"] * 3, "", "There are only 6 pictures"),
        (["monocyte"] * 20, "", "All pictures are of one class, monocyte"),
        (["monocyte", "neutrophil"] * 10, "", "No slide or donor is known"),
    ],
)
def test_a_set_that_allows_few_conclusions_says_so(truths, group, words):
    lineup = line_up([table("a", FIVE, truths, group=group)])
    assert any(note.startswith(words) for note in lineup.notes)


def test_pictures_of_one_class_keep_all_labels_to_choose_from():
    assert line_up([table("a", FIVE, ["monocyte"] * 20)]).labels == FIVE


def test_few_groups_are_told():
    answers = table("a", FIVE, FIVE * 8)
    answers.group[:] = [f"slide {index % 6}" for index in range(40)]
    assert any("come from only 6 groups" in note for note in line_up([answers]).notes)
    assert line_up([answers]).resampling().groups == 6
