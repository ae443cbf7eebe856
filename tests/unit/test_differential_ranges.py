"""Reference ranges: by age, a laboratory's own with their approver, and what low and high are judged from."""

from __future__ import annotations

from pathlib import Path

import pytest

from wbc_core.biology.age_ranges import AgeRange, built_in_ranges, ranges_at
from wbc_core.biology.ages import parse_age
from wbc_core.biology.counted_cells import lines
from wbc_core.biology.own_ranges import COLUMNS, read_own_ranges
from wbc_core.biology.ranges import NormalRange
from wbc_core.biology.sources import Source
from wbc_core.errors import DatasetError
from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.counts import typed_counts
from wbc_core.smear.differential import differential_of
from wbc_core.smear.flags import flag_of, flag_of_leukocytes
from wbc_core.smear.result import Differential

HEADING = ",".join(COLUMNS)
SIGNED = "own study,head of haematology,2026-03-01"


def at(age: str | None, leukocytes: float | None = None, own: tuple[AgeRange, ...] = (), **cells: int) -> Differential:
    case = Case(leukocytes, age=None if age is None else parse_age(age), sampling="consecutive_fields")
    return differential_of(typed_counts(cells), case, CountingRules(), ranges_at(case.age, own))


def range_of(
    absolute: tuple[float, float] | None, percent: tuple[float, float] | None, below: bool = False
) -> AgeRange:
    low, high = absolute or (None, None)
    share_low, share_high = percent or (None, None)
    limits = NormalRange(low, high, share_low, share_high, below, "adults", "", "", Source("x", "x"))
    return AgeRange("monocyte", 0.0, float("inf"), limits)


@pytest.mark.parametrize(
    ("text", "days", "shown"),
    [
        ("45", 45 * 365.25, "45 years"),
        ("1", 365.25, "1 year"),
        ("45 y", 45 * 365.25, "45 years"),
        ("2.5 years", 2.5 * 365.25, "2.5 years"),
        ("8 months", 8 * 365.25 / 12, "8 months"),
        ("3 Weeks", 21, "3 weeks"),
        ("2d", 2, "2 days"),
        ("0 d", 0, "0 days"),
    ],
)
def test_ages_are_read_as_people_write_them(text: str, days: float, shown: str) -> None:
    age = parse_age(text)
    assert age.days == pytest.approx(days)
    assert age.text == shown


@pytest.mark.parametrize("text", ["", "old", "-3", "3 m", "4 fortnights", "nan", "1e3", "12 y 3 months"])
def test_what_is_no_age_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_age(text)
    assert caught.value.message == f'"{text}" is not an age.'
    assert caught.value.hint == 'Write years as "34", or a number with its unit: "8 months", "3 weeks", "2 days".'


def test_an_age_above_130_years_is_refused() -> None:
    with pytest.raises(DatasetError, match='The age "131" is above 130 years'):
        parse_age("131")


@pytest.mark.parametrize(
    ("age", "cell", "text"),
    [
        (None, "neutrophil", "2–7 × 10⁹/L"),
        ("18", "neutrophil", "2–7 × 10⁹/L"),
        ("90", "leukocyte", "4–10 × 10⁹/L"),
        ("0 d", "leukocyte", "9.1–30.1 × 10⁹/L"),
        ("0 d", "neutrophil", "5.5–18.3 × 10⁹/L"),
        ("1 month", "leukocyte", "6.1–17.5 × 10⁹/L"),
        ("23 months", "lymphocyte", "3.7–10.7 × 10⁹/L"),
        ("24 months", "leukocyte", "4.5–13.5 × 10⁹/L"),
        ("10.9", "leukocyte", "4.5–13.5 × 10⁹/L"),
        ("12", "immature_granulocyte", "0–0.09 × 10⁹/L"),
    ],
)
def test_the_range_of_the_age_is_taken(age: str | None, cell: str, text: str) -> None:
    found = ranges_at(None if age is None else parse_age(age))
    assert found[cell].limits.absolute_text == text


@pytest.mark.parametrize(
    ("age", "cell"),
    [
        ("2 days", "leukocyte"),  # the source has birth and 1 to 23 months
        ("8 months", "neutrophil"),
        ("24 months", "lymphocyte"),
        ("11", "leukocyte"),
        ("17.9", "neutrophil"),
        ("9", "immature_granulocyte"),
    ],
)
def test_where_no_source_has_the_age_there_is_no_range(age: str, cell: str) -> None:
    assert cell not in ranges_at(parse_age(age))


def test_built_in_ranges_of_one_cell_never_overlap_in_age() -> None:
    rows = built_in_ranges()
    for place, row in enumerate(rows):
        for other in rows[:place]:
            apart = row.to_days <= other.from_days or other.to_days <= row.from_days
            assert row.label != other.label or apart


def test_every_ordinary_line_has_an_adult_range_with_its_source() -> None:
    found = ranges_at(None)
    for line in lines():
        if line.shown:
            assert found[line.label].provenance == "Dacie and Lewis 2017"


def test_a_line_without_a_range_at_this_age_has_no_flag_and_a_note() -> None:
    result = at("8 months", 12.0, neutrophil=1, lymphocyte=60, monocyte=39)
    assert result.line("neutrophil").flag is None
    assert result.line("neutrophil").range_absolute == ""
    assert (
        "There is no reference range at the age of 8 months for neutrophils, monocytes, eosinophils, basophils."
        in result.notes
    )
    assert not any("adults" in note for note in result.notes)


def test_an_unknown_age_is_taken_as_adult_and_said() -> None:
    assert "The age is not given: reference ranges are those of adults." in at(None, neutrophil=100).notes


@pytest.mark.parametrize(
    ("percent", "leukocytes", "direction", "basis", "inside"),
    [
        # value, its limits; range 0.2–1.0 × 10⁹/L and 2–10 %
        ((5.0, 3.0, 8.0), 10.0, None, None, None),
        ((2.0, 1.0, 4.0), 10.0, None, None, None),  # on the limit is inside the range
        ((10.0, 8.0, 12.0), 10.0, None, None, None),
        ((1.9, 0.5, 4.0), 10.0, "low", "absolute", True),
        ((1.0, 0.1, 1.9), 10.0, "low", "absolute", False),
        ((10.1, 8.0, 12.0), 10.0, "high", "absolute", True),
        ((30.0, 25.0, 35.0), 10.0, "high", "absolute", False),
        ((30.0, 25.0, 35.0), 2.0, None, None, None),  # a high share of few cells is no high count
        ((3.0, 1.0, 5.0), 100.0, "high", "absolute", True),  # and a normal share of many is
        ((30.0, 25.0, 35.0), None, "high", "percent", False),  # without a leukocyte count the share is judged
        ((1.0, 0.1, 4.0), None, "low", "percent", True),
    ],
)
def test_low_and_high_come_from_the_absolute_count_where_there_is_one(
    percent: tuple[float, float, float],
    leukocytes: float | None,
    direction: str | None,
    basis: str | None,
    inside: bool | None,
) -> None:
    flag = flag_of(range_of((0.2, 1.0), (2, 10)), percent, leukocytes)
    assert (flag and flag.direction, flag and flag.basis, flag and flag.inside_error) == (direction, basis, inside)


@pytest.mark.parametrize(("inside", "words"), [(True, "low, limit inside counting error"), (False, "low")])
def test_a_flag_says_when_the_limit_lies_inside_the_counting_error(inside: bool, words: str) -> None:
    flag = flag_of(range_of((1.0, 2.0), None), (5.0, 4.0, 15.0 if inside else 6.0), 10.0)
    assert flag.words == words


def test_a_range_below_two_percent_leaves_out_its_end() -> None:
    reference = range_of(None, (0, 2), below=True)
    assert flag_of(reference, (1.9, 0.0, 5.0), None) is None
    assert flag_of(reference, (2.0, 0.0, 5.0), None).direction == "high"


def test_a_share_is_judged_where_the_range_has_no_absolute_limits() -> None:
    assert flag_of(range_of(None, (2, 10)), (30.0, 25.0, 35.0), 7.0).basis == "percent"
    assert flag_of(range_of((2, 10), None), (30.0, 25.0, 35.0), None) is None
    assert flag_of(None, (30.0, 25.0, 35.0), 7.0) is None


def test_a_flag_is_not_held_back_in_a_small_count() -> None:
    flag = at("45", 8.0, neutrophil=1, lymphocyte=1).line("lymphocyte").flag
    assert (flag.direction, flag.inside_error) == ("high", True)


def test_the_leukocyte_count_is_flagged_without_an_error_of_ours() -> None:
    assert at("45", 10.0, neutrophil=9).leukocyte_count.flag is None
    flag = at("45", 12.0, neutrophil=9).leukocyte_count.flag
    assert (flag.direction, flag.inside_error, flag.limit) == ("high", False, 10.0)
    assert flag_of_leukocytes(None, 12.0) is None


def write(folder: Path, *rows: str, heading: str = HEADING) -> Path:
    path = folder / "ranges.csv"
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_laboratorys_own_ranges_replace_the_built_in_ones_of_a_cell(tmp_path: Path) -> None:
    own = read_own_ranges(
        write(
            tmp_path,
            f"Leukocytes,18 y,,3.9,10.2,,,{SIGNED}",
            f"neut,18 y,,1.8,7.2,42,77,{SIGNED}",
            f"neut,2 y,18 y,1.5,8.0,,,{SIGNED}",
        )
    )
    found = ranges_at(parse_age("45"), own)
    assert found["neutrophil"].limits.absolute_text == "1.8–7.2 × 10⁹/L"
    assert found["neutrophil"].provenance == "own study, approved by head of haematology on 2026-03-01"
    assert found["leukocyte"].limits.absolute_text == "3.9–10.2 × 10⁹/L"
    assert found["lymphocyte"].provenance == "Dacie and Lewis 2017"
    assert ranges_at(parse_age("5"), own)["neutrophil"].limits.absolute_text == "1.5–8 × 10⁹/L"
    # a built-in range of another age does not come back
    assert "neutrophil" not in ranges_at(parse_age("0 d"), own)
    assert "own study, approved by head of haematology on 2026-03-01" in at("45", 7.2, own, neutrophil=9).sources


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        (
            "neutrophil,,,1,2,,,,head,2026-03-01",
            "the column source is empty.",
            "Every range needs its source, approver and day of approval.",
        ),
        (
            "neutrophil,,,1,2,,,study,,2026-03-01",
            "the column approver is empty.",
            "Every range needs its source, approver and day of approval.",
        ),
        (
            "neutrophil,,,1,2,,,study,head,",
            "the column approved is empty.",
            "Every range needs its source, approver and day of approval.",
        ),
        (
            "neutrophil,,,1,2,,,study,head,March",
            'approved is "March"; expected a day.',
            "Write it as year-month-day, such as 2026-03-01.",
        ),
        (f"neutrophil,,,one,2,,,{SIGNED}", 'absolute_low is "one"; expected a number.', "Write a decimal point."),
        (f"neutrophil,,,1,nan,,,{SIGNED}", 'absolute_high is "nan"; expected a number.', "Write a decimal point."),
        (f"neutrophil,,,1,,,,{SIGNED}", 'absolute_high is ""; expected a number.', "Write a decimal point."),
        (
            f"neutrophil,,,7,2,,,{SIGNED}",
            "the absolute limits are 7 and 2; expected 0 <= low < high.",
            "Give the lower limit first.",
        ),
        (f"neutrophil,,,,,,,{SIGNED}", "the row has no limits.", "Give absolute limits, percent limits, or both."),
        (
            f"neutrophil,18,2,1,2,,,{SIGNED}",
            "the age ends before it begins.",
            "age_to is the first age that the range no longer holds for.",
        ),
        (
            f"neutrophil,young,,1,2,,,{SIGNED}",
            '"young" is not an age.',
            'Write years as "34", or a number with its unit: "8 months", "3 weeks", "2 days".',
        ),
        (
            f"platelet,,,150,400,,,{SIGNED}",
            "platelet is no line of the 100 %.",
            "Give ranges of leukocytes and their types.",
        ),
        (
            f"bands,,,0,1,,,{SIGNED}",
            "band_neutrophil is no line of the 100 %.",
            "Give ranges of leukocytes and their types.",
        ),
    ],
)
def test_a_row_that_cannot_be_trusted_is_refused_with_its_line(
    tmp_path: Path, row: str, message: str, hint: str
) -> None:
    path = write(tmp_path, f"monocyte,,,0.2,1,,,{SIGNED}", row)
    with pytest.raises(DatasetError) as caught:
        read_own_ranges(path)
    assert caught.value.message == f"{path}, line 3: {message}"
    assert caught.value.hint == hint


def test_an_unknown_cell_is_refused_with_the_closest(tmp_path: Path) -> None:
    path = write(tmp_path, f"neutrofil,,,1,2,,,{SIGNED}")
    with pytest.raises(DatasetError) as caught:
        read_own_ranges(path)
    assert caught.value.message == f'{path}, line 2: "neutrofil" is no cell that a differential counts.'
    assert caught.value.hint.startswith("The closest: neutrophil, ")


def test_spaces_in_the_heading_and_empty_lines_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path, "", f"neutrophil,,,1,2,,,{SIGNED}", heading=HEADING.replace(",", " , "))
    assert [row.label for row in read_own_ranges(path)] == ["neutrophil"]
    path = write(tmp_path, "", "", f"neutrophil,,,2,1,,,{SIGNED}")
    with pytest.raises(DatasetError, match=r"ranges\.csv, line 4: the absolute limits are 2 and 1"):
        read_own_ranges(path)


def test_two_rows_for_one_age_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, f"neutrophil,,18 y,1,2,,,{SIGNED}", f"neutrophils,17 y,,1,2,,,{SIGNED}")
    with pytest.raises(DatasetError) as caught:
        read_own_ranges(path)
    assert caught.value.message == f"{path}: the lines 2 and 3 are both for neutrophil at the same age."


def test_a_file_with_other_columns_or_none_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "neutrophil,1,2", heading="cell,low,high")
    with pytest.raises(DatasetError) as caught:
        read_own_ranges(path)
    assert caught.value.message == (
        f"The reference ranges {path} lack the column age_from, age_to, absolute_low, absolute_high, percent_low,"
        " percent_high, source, approver, approved."
    )
    with pytest.raises(DatasetError, match="have no row"):
        read_own_ranges(write(tmp_path))
    with pytest.raises(DatasetError, match="cannot be read"):
        read_own_ranges(tmp_path / "missing.csv")
