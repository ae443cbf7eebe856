"""Specs are compared by what they mean, and shown as they are written."""

from __future__ import annotations

import pytest

from wbc_core.errors import RecipeError
from wbc_core.runs.comparison import SpecDifference, compare_specs

BASE = """id: first
title: First
seed: 1
data: [{name: pbc}]
optimisation: {epochs: 10, learning_rate: 0.001}
"""


def differences(one: str, two: str) -> list[tuple[str, str, str]]:
    found = compare_specs(one, two, ("A", "B"))
    assert found.notes == ()
    return [(row.field, row.first, row.second) for row in found.fields]


def test_only_fields_that_differ_are_listed() -> None:
    other = BASE.replace("first", "second").replace("0.001", "0.01")
    assert differences(BASE, other) == [
        ("id", "first", "second"),
        ("optimisation.learning_rate", "0.001", "0.01"),
    ]


def test_a_default_written_out_equals_one_left_out() -> None:
    assert differences(BASE, BASE + "augmentation_strength: 1.0\n") == []


def test_a_data_set_is_found_by_its_name_and_one_that_is_alone_is_one_field() -> None:
    other = BASE.replace("[{name: pbc}]", "[{name: kaggle, share: 0.3}, {name: pbc, share: 0.7}]")
    assert differences(BASE, other) == [
        ("data.pbc.share", "1", "0.7"),
        ("data.kaggle", "–", "share 0.3, hold_out 0"),
    ]


def test_a_part_that_one_spec_lacks_is_listed_by_its_fields() -> None:
    other = BASE + "settling: {from_epoch: 5}\n"
    assert ("settling.from_epoch", "–", "5") in differences(BASE, other)
    assert "settling" not in {field for field, _, _ in differences(BASE, other)}


def test_the_texts_are_compared_line_by_line() -> None:
    found = compare_specs(BASE, BASE.replace("seed: 1", "seed: 2"), ("A", "B"))
    assert found.text_diff.splitlines()[:2] == ["--- A", "+++ B"]
    assert {"-seed: 1", "+seed: 2"} <= set(found.text_diff.splitlines())
    assert compare_specs(BASE, BASE, ("A", "B")).text_diff == ""


def test_a_spec_of_another_version_is_compared_as_written() -> None:
    found = compare_specs(BASE, "id: old\nepochs: 10\n", ("A", "B"))
    assert found.notes == ("The spec of B is of another version: fields are compared as written.",)
    assert SpecDifference("epochs", "–", "10") in found.fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: [", "The recipe B is no valid YAML."),
        ("just text", "The recipe B holds no fields."),
        ("a: &a [1]\nb: *a\n", "The recipe B uses a YAML alias (*name)."),
        ("x" * 20_001, "The recipe B has 20,001 characters, more than 20,000."),
    ],
)
def test_what_is_no_spec_is_refused(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        compare_specs(BASE, text, ("A", "B"))
    assert caught.value.message == message
    assert caught.value.hint
