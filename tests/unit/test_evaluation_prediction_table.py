"""Tables of predictions: what is read, what is refused with which words, and what is left out and said."""

from __future__ import annotations

import numpy as np
import pytest

from wbc_core.errors import DatasetError
from wbc_core.evaluation.prediction_table import SMALLEST_PROBABILITY, parse_predictions

HEADING = "source,file,truth,label,confidence,p_lymphocyte,p_monocyte"
GOOD = "pbc,a.webp,lymphocyte,lymphocyte,0.9,0.9,0.1\npbc,b.webp,monocyte,monocyte,0.7,0.3,0.7"
LIMIT = 1_000_000


def parse(rows: str = GOOD, heading: str = HEADING):
    return parse_predictions(f"{heading}\n{rows}\n".encode(), "mine.csv", most_bytes=LIMIT)


def test_a_table_is_read():
    table = parse()
    assert table.labels == ("lymphocyte", "monocyte")
    assert table.truth.tolist() == [0, 1]
    assert table.probabilities.tolist() == [[0.9, 0.1], [0.3, 0.7]]
    assert table.sets() == {"pbc": 2}
    assert table.notes == ()


def test_groups_and_subtypes_are_read_where_they_are_there():
    table = parse("pbc,a.webp,lymphocyte,lymphocyte,0.9,0.9,0.1,slide 1,LY", f"{HEADING},group,subtype")
    assert (table.group.tolist(), table.subtype.tolist()) == (["slide 1"], ["LY"])


def test_aliases_of_the_truth_are_understood():
    assert parse(GOOD.replace("monocyte,monocyte", "Monocytes,monocyte")).truth.tolist() == [0, 1]


def test_a_printed_zero_is_a_small_probability_and_not_an_impossibility():
    table = parse("pbc,a.webp,lymphocyte,lymphocyte,1.0,1.000000,0.000000")
    assert table.probabilities[0, 1] == pytest.approx(SMALLEST_PROBABILITY)
    assert np.isfinite(np.log(table.probabilities)).all()


@pytest.mark.parametrize(
    ("rows", "heading", "message", "hint"),
    [
        (
            GOOD,
            HEADING.replace("truth,", "").replace("file,", ""),
            "mine.csv lacks the column file, truth.",
            "Expected the columns source, file, truth, label, confidence and one p_<label> for each label.",
        ),
        (
            "pbc,a.webp,lymphocyte,lymphocyte,0.9,0.9",
            "source,file,truth,label,confidence,p_lymphocyte",
            "mine.csv lacks the column p_<label> of at least two labels.",
            "Expected the columns",
        ),
        (GOOD, f"{HEADING},p_monocyte", "mine.csv has the column p_monocyte twice.", "Expected the columns"),
        (
            GOOD,
            HEADING.replace("p_mono", "p_=cmd|mono"),
            "mine.csv has the column p_=cmd|monocyte, which",
            "lower case",
        ),
        ("", HEADING, "mine.csv lists no picture.", "Add one line per picture"),
        (
            GOOD.replace("0.3,0.7", "nan,0.7"),
            HEADING,
            "mine.csv, line 3 (b.webp): p_lymphocyte is not a number; so are 1 values in all.",
            "Every probability must be a number from 0 to 1; leave out pictures without an answer.",
        ),
        (GOOD.replace("0.3,0.7", ",0.7"), HEADING, "line 3 (b.webp): p_lymphocyte is not a number", "Every"),
        (GOOD.replace("0.3,0.7", "inf,0.7"), HEADING, "line 3 (b.webp): p_lymphocyte is not a number", "Every"),
        (GOOD.replace("0.3,0.7", "high,0.7"), HEADING, "line 3 (b.webp): p_lymphocyte is not a number", "Every"),
        (GOOD.replace("0.3,0.7", "0.3"), HEADING, "line 3 (b.webp): p_monocyte is not a number", "Every"),
        (
            GOOD.replace("0.9,0.9,0.1", "0.9,1.9,-0.9"),
            HEADING,
            "mine.csv, line 2 (a.webp): p_lymphocyte is 1.9; expected 0 to 1.",
            "Write probabilities, not logits or percentages.",
        ),
        (
            GOOD.replace("0.3,0.7", "0.3,0.5"),
            HEADING,
            "mine.csv, line 3 (b.webp): the probabilities sum to 0.800; expected 1.",
            "So are 1 of 2 rows. Keep every label's column, with four decimals or more.",
        ),
        (
            f"{GOOD}\n{GOOD}",
            HEADING,
            "mine.csv lists pbc/a.webp twice, in lines 2 and 4.",
            "Keep one line per picture; 2 pictures too many in all.",
        ),
        (GOOD.replace("monocyte,mono", "unicorn,mono"), HEADING, 'mine.csv: "unicorn" is not a known', "Choose from"),
        (
            GOOD.replace("lymphocyte,lymph", "basophil,lymph").replace("monocyte,mono", "platelet,mono"),
            HEADING,
            "No picture of mine.csv has a label that its predictions know: they are basophil, platelet.",
            "The predictions choose between lymphocyte, monocyte.",
        ),
    ],
)
def test_what_is_no_table_of_predictions_is_refused_in_words(rows, heading, message, hint):
    with pytest.raises(DatasetError) as caught:
        parse(rows, heading)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_over_the_limit_is_refused_unread():
    with pytest.raises(DatasetError, match=r"mine.csv has 2 MB; the limit is 1 MB."):
        parse_predictions(b"\xff" * 2_000_000, "mine.csv", most_bytes=LIMIT)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"\x00" * 50, b'source,"file\n' * 3, b"PK\x03\x04\x00\x01,,,,"])
def test_bytes_that_are_no_table_are_refused(data):
    with pytest.raises(DatasetError):
        parse_predictions(data, "mine.csv", most_bytes=LIMIT)


def test_pictures_of_a_class_that_the_model_does_not_know_are_left_out_and_counted():
    table = parse(f"{GOOD}\npbc,c.webp,lymphoblast,monocyte,0.8,0.2,0.8")
    assert len(table) == 2
    assert table.notes == ("1 picture labelled lymphoblast left out: mine.csv knows no such class.",)


def test_a_label_that_is_not_the_most_probable_is_told():
    table = parse(GOOD.replace("monocyte,monocyte", "monocyte,lymphocyte"))
    assert table.truth.tolist() == [0, 1]
    assert table.notes == ("In 1 of 2 rows label is not the largest probability's; the probabilities decide.",)


def test_a_set_that_the_table_lacks_is_refused():
    with pytest.raises(DatasetError, match=r"have no picture of the set 'kaggle'. They have pbc."):
        parse().of_set("kaggle")
