"""On real fields, leukocytes are found at the rate that ``docs/fields.md`` states."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.field_detection import compared, labelled_fields, resized, white_balance
from wbc_core.imaging.decoding import read_image


@pytest.mark.data
def test_leukocytes_of_real_fields_are_found(data_dir):
    counts: Counter[str] = Counter()
    for path, labelled in labelled_fields("train")[::10][:20]:
        counts.update(compared(read_image(path).pixels, labelled))
    assert counts["refused"] == 0
    assert counts["wbc labelled"] >= 20
    assert counts["wbc found"] == counts["wbc labelled"]
    assert counts["wbc false"] <= 2
    assert counts["platelet found"] >= 0.6 * counts["platelet labelled"]
    assert counts["rbc found"] >= 0.65 * counts["rbc labelled"]


@pytest.mark.data
@pytest.mark.parametrize("change", [resized(0.5), resized(2), white_balance(0.8, 1, 1.15)])
def test_size_and_light_of_a_real_field_do_not_matter(data_dir, change):
    counts: Counter[str] = Counter()
    for path, labelled in labelled_fields("train")[5::40]:
        counts.update(compared(*change(read_image(path).pixels, labelled)))
    assert counts["wbc found"] == counts["wbc labelled"] > 4
