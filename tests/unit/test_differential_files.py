"""Tables of counts: what is read from predictions and counting sheets, and what is said of a table that is neither."""

from __future__ import annotations

import pytest

from wbc_core.errors import DatasetError
from wbc_core.smear.count_files import counts_of_predictions, counts_of_table, kind_of, percentages_of_table

HEADING = "file,label,confidence,status,reason,error,p_lymphocyte,p_neutrophil"
GOOD = "a.png,neutrophil,0.98,classified,,,0.02,0.98"


def table(*rows: str, heading: str = HEADING) -> bytes:
    return ("\n".join([heading, *rows]) + "\n").encode()


def test_only_classified_cells_are_counted_under_their_label() -> None:
    counts = counts_of_predictions(
        table(
            GOOD,
            "b.png,neutrophil,0.97,classified,,,0.03,0.97",
            "c.png,lymphocyte,0.99,classified,,,0.99,0.01",
            "d.png,lymphocyte,0.60,unidentified,low_confidence,,0.60,0.40",
            "e.png,lymphocyte,0.95,unidentified,unknown_cell,,0.95,0.05",
            "f.png,neutrophil,0.95,unidentified,not_a_cell,,0.05,0.95",
            "g.png,neutrophil,0.95,unidentified,poor_quality,,0.05,0.95",
            "h.png,,,failed,,h.png is empty.,,",
        ),
        "cells.csv",
    )
    assert counts.cells == {"neutrophil": 2, "lymphocyte": 1, "unidentified": 3, "not_a_cell": 1}
    assert (counts.failed, counts.repeats, counts.by_eye) == (1, 0, False)


def test_a_picture_that_repeats_an_earlier_one_is_counted_once() -> None:
    heading = f"{HEADING},same_as"
    rows = (f"{GOOD},", "b.png,neutrophil,0.98,classified,,,0.02,0.98,a.png")
    counts = counts_of_predictions(table(*rows, heading=heading), "batch.csv")
    assert (counts.cells["neutrophil"], counts.repeats) == (1, 1)


def test_a_mark_of_the_byte_order_empty_lines_and_spaces_do_not_matter() -> None:
    data = b"\xef\xbb\xbf" + table("", GOOD, "", heading=HEADING.replace(",", ", "))
    assert counts_of_predictions(data, "cells.csv").cells["neutrophil"] == 1


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (table(GOOD), "predictions"),
        (b"label,count\nneutrophil,3\n", "counts"),
        (b"Note,label,count\nx,neutrophil,3\n", "counts"),
        (b"label,percent\nneutrophil,3\n", "percentages"),
    ],
)
def test_the_heading_says_what_a_table_holds(data: bytes, kind: str) -> None:
    assert kind_of(data, "x.csv") == kind


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        (b"", "x.csv is empty.", "Expected a table of `wbc predict`, or the columns label and count,"),
        (b"name,number\n", "x.csv has the columns name, number.", "Expected a table of `wbc predict`, or the columns"),
        (b"label;count\n", "x.csv has the columns label;count.", "Expected a table of `wbc predict`, or the columns"),
        (b"\xff\xfe\x00", "x.csv cannot be read as a table.", "Save it as CSV in UTF-8."),
        (b"label,label,count\n", 'x.csv has the column "label" twice.', "Keep one of them."),
    ],
)
def test_a_file_that_holds_no_count_is_refused(data: bytes, message: str, hint: str) -> None:
    with pytest.raises(DatasetError) as caught:
        kind_of(data, "x.csv")
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("heading", "rows", "message"),
    [
        ("file,label,confidence,status,p_a,p_b", [], "x.csv lacks the column reason, error."),
        (
            "file,label,confidence,status,reason,error",
            [],
            "x.csv lacks the column p_<label> of at least two labels.",
        ),
        (
            "source,file,truth,label,confidence,p_neutrophil,p_lymphocyte",
            [],
            "x.csv lacks the column status, reason, error.",
        ),
        (HEADING, [], "x.csv lists no picture."),
        (HEADING, [GOOD, GOOD], "x.csv lists a.png twice, in lines 2 and 3."),
        (
            HEADING,
            [GOOD, "b.png,neutrofil,0.98,classified,,,0.02,0.98"],
            'x.csv, line 3 (b.png): "neutrofil" is not among the labels of the table.',
        ),
        (
            HEADING,
            ["b.png,neutrophil,nan,classified,,,0.02,0.98"],
            'x.csv, line 2 (b.png): confidence is "nan".',
        ),
        (
            HEADING,
            ["b.png,neutrophil,0.98,classified,,,NaN,0.98"],
            'x.csv, line 2 (b.png): p_lymphocyte is "NaN".',
        ),
        (
            HEADING,
            ["b.png,neutrophil,98,classified,,,0.02,0.98"],
            'x.csv, line 2 (b.png): confidence is "98".',
        ),
        (HEADING, ["b.png,neutrophil,,classified,,,0.02,0.98"], 'x.csv, line 2 (b.png): confidence is "".'),
        (HEADING, ["b.png,neutrophil,0.98,sure,,,0.02,0.98"], 'x.csv, line 2 (b.png): status is "sure".'),
        (HEADING, ["b.png,neutrophil"], "x.csv, line 2: 2 values for 8 columns."),
        (
            "file,label,confidence,status,reason,error,p_neutrophil,p_eosinophil_basophil",
            [],
            "A differential cannot be counted from the class eosinophil_basophil: it holds several cell types.",
        ),
    ],
)
def test_predictions_that_cannot_be_counted_say_where_and_why(heading: str, rows: list[str], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        counts_of_predictions(table(*rows, heading=heading), "x.csv")
    assert caught.value.message == message
    assert caught.value.hint


def test_an_unknown_label_is_answered_with_the_closest() -> None:
    with pytest.raises(DatasetError) as caught:
        counts_of_predictions(table("b.png,neutrofil,0.98,classified,,,0.02,0.98"), "x.csv")
    assert caught.value.hint == "The closest: neutrophil. All: lymphocyte, neutrophil."


def test_a_counting_sheet_may_use_the_names_of_the_laboratory() -> None:
    counts = counts_of_table(b"label,count\nSegs,58\nBands, 4\nlymphs,38\nNRBC,2\n", "sheet.csv")
    assert counts.by_eye
    assert counts.leukocytes == 100
    assert counts.of_line("neutrophil") == 62
    assert counts.cells["blast"] == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"label,number\n", "sheet.csv lacks the column count."),
        (b"label,count\n", "sheet.csv lists no cell."),
        (b"label,count\nmono,3\nmono,4\n", 'sheet.csv lists "mono" twice.'),
        (
            b"label,count\nmono,3\nmonocytes,4\n",
            'sheet.csv: monocyte is counted twice, as "mono" and as "monocytes".',
        ),
        (b"label,count\nmono,-3\n", 'sheet.csv: The count of monocyte is "-3".'),
        (b"label,count\nmono,\n", 'sheet.csv: The count of monocyte is "".'),
        (b"label,count\nmono,nan\n", 'sheet.csv: The count of monocyte is "nan".'),
        (b"label,count\nunicorn,3\n", 'sheet.csv: "unicorn" is no cell that a differential counts.'),
    ],
)
def test_a_counting_sheet_that_cannot_be_counted_says_why(data: bytes, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        counts_of_table(data, "sheet.csv")
    assert caught.value.message == message
    assert caught.value.hint


def test_percentages_of_an_analyser_are_read() -> None:
    assert percentages_of_table(b"label,percent\nneut,60.5\nlymph,27\n", "a.csv") == {"neut": 60.5, "lymph": 27.0}
    with pytest.raises(DatasetError) as caught:
        percentages_of_table(b'label,percent\nneut,"60,5"\n', "a.csv")
    assert caught.value.message == 'a.csv: the percentage of neut is "60,5".'
