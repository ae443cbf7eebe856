"""The differential: what is part of the 100 %, in which order, and what a reader is warned of."""

from __future__ import annotations

import math

import pytest

from wbc_core.biology.age_ranges import ranges_at
from wbc_core.biology.counted_cells import counted_cells, counted_label, lines
from wbc_core.errors import DatasetError
from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.counts import model_counts, pooled_counts, typed_counts
from wbc_core.smear.differential import differential_of
from wbc_core.smear.intervals import AFTER_REVIEW, BEFORE_REVIEW, exact_limits
from wbc_core.smear.leukocyte_count import corrected_count
from wbc_core.smear.percentages import as_text, decimals_of, largest_remainder
from wbc_core.smear.progress import progress_to
from wbc_core.smear.result import Differential

EIGHT = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "immature_granulocyte",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)


def by_eye(case: Case | None = None, rules: CountingRules | None = None, **cells: int) -> Differential:
    chosen = case or Case(sampling="consecutive_fields")
    return differential_of(typed_counts(cells), chosen, rules or CountingRules(), ranges_at(chosen.age))


def by_model(
    classified: dict[str, int], reasons: dict[str, int] | None = None, *, failed: int = 0, repeats: int = 0
) -> Differential:
    counts = model_counts(EIGHT, classified, reasons or {}, failed=failed, repeats=repeats)
    return differential_of(counts, Case(), CountingRules(), ranges_at(None))


def codes(result: Differential) -> list[str]:
    return [caution.code for caution in result.cautions]


@pytest.mark.parametrize(
    ("units", "counts", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # of equal remainders and counts the first
        (100, [0, 1, 1, 1], [0, 34, 33, 33]),  # who has no cell gets nothing
        (100, [62, 28, 6, 3, 1], [62, 28, 6, 3, 1]),
        (100, [2, 1], [67, 33]),
        (1000, [124, 52, 14, 7, 1, 2], [620, 260, 70, 35, 5, 10]),
        (1000, [1, 1999], [0, 1000]),  # 0.5 and 999.5: of equal remainders the larger count
        (0, [0, 0], [0, 0]),
    ],
)
def test_what_is_left_goes_to_the_largest_remainders(units: int, counts: list[int], shares: list[int]) -> None:
    assert largest_remainder(units, counts) == shares


@pytest.mark.parametrize(("total", "decimals"), [(1, 0), (100, 0), (199, 0), (200, 1), (500, 1)])
def test_no_decimals_are_shown_below_200_cells(total: int, decimals: int) -> None:
    assert decimals_of(total) == decimals


def test_percentages_are_written_with_their_decimals() -> None:
    assert (as_text(5, 1), as_text(1000, 1), as_text(0, 0)) == ("0.5", "100.0", "0")


def test_rows_stand_in_the_order_of_the_laboratory_however_they_were_counted() -> None:
    result = by_eye(basophil=1, blast=2, monocyte=6, plasma_cell=1, neutrophil=60, IG=3, lymph=25, eos=2)
    assert [line.label for line in result.lines] == [
        "neutrophil",
        "lymphocyte",
        "monocyte",
        "eosinophil",
        "basophil",
        "immature_granulocyte",
        "blast",
        "plasma_cell",
    ]


def test_ordinary_types_stand_in_the_table_at_zero_and_rare_ones_do_not() -> None:
    result = by_eye(neutrophil=100)
    assert [line.label for line in result.lines] == [
        "neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil"
    ]  # fmt: skip
    assert {line.label for line in result.unseen} == {
        "reactive_lymphocyte", "immature_granulocyte", "blast", "plasma_cell", "other_leukocyte"
    }  # fmt: skip
    assert any(note.startswith("None seen is not absent: lymphocytes, monocytes") for note in result.notes)


def test_the_hundred_percent_are_leukocytes_only() -> None:
    result = by_eye(
        neutrophil=60, lymphocyte=40, nrbc=10, platelet=500, smudge=5, artefact=7, unidentified=3, not_classed=2, rbc=9
    )
    assert result.leukocytes == 100
    assert result.line("neutrophil").percent == 60
    assert {row.label: row.count for row in result.outside} == {
        "erythroblast": 10,
        "smudge_cell": 5,
        "unidentified": 3,
        "not_classed": 2,
        "platelet": 500,
        "artefact": 7,
        "red_cell": 9,
    }
    assert {row.label: row.per_100 for row in result.outside if row.per_100 is not None} == {
        "erythroblast": 10,
        "smudge_cell": 5,
    }


def test_bands_are_counted_with_neutrophils_by_default() -> None:
    result = by_eye(segs=58, bands=4, lymphocyte=38)
    neutrophils = result.line("neutrophil")
    assert (neutrophils.count, neutrophils.parts) == (62, ())
    assert "4 bands were counted with the neutrophils." in result.notes


@pytest.mark.parametrize(
    ("rule", "title", "note"),
    [
        (
            "filament",
            "bands (filament rule)",
            "told apart by the filament rule: a nucleus whose lobes no thin filament",
        ),
        ("one_third", "bands (one-third rule)", "told apart by the one-third rule: a nucleus whose narrowest part is"),
    ],
)
def test_a_band_line_names_its_rule(rule: str, title: str, note: str) -> None:
    result = by_eye(rules=CountingRules(band_rule=rule), segs=58, bands=4, lymphocyte=38)
    neutrophils = result.line("neutrophil")
    assert neutrophils.percent_shown == "62"
    assert [(part.title, part.count, part.percent_shown) for part in neutrophils.parts] == [
        ("segmented", 58, "58"),
        (title, 4, "4"),
    ]
    assert any(note in text for text in result.notes)


def test_a_count_that_did_not_tell_bands_says_so() -> None:
    result = by_eye(rules=CountingRules(band_rule="filament"), neutrophil=100)
    assert any(text.endswith("; in this count they were not.") for text in result.notes)


def test_immature_granulocytes_are_the_sum_of_their_stages_without_bands_and_blasts() -> None:
    result = by_eye(neutrophil=80, bands=10, blast=3, promyelocyte=1, myelocyte=2, metamyelocyte=4)
    immature = result.line("immature_granulocyte")
    assert immature.count == 7
    assert [(part.label, part.percent_shown) for part in immature.parts] == [
        ("promyelocyte", "1"),
        ("myelocyte", "2"),
        ("metamyelocyte", "4"),
    ]
    assert result.line("blast").count == 3


def test_a_blast_calls_for_a_second_reader() -> None:
    (caution,) = [row for row in by_eye(neutrophil=199, blast=1).cautions if row.code == "blasts"]
    assert caution.sentence == "1 blast was counted: one is a reason for a second reader, whatever the share."
    assert "blasts" not in codes(by_eye(neutrophil=200))


def test_an_unidentified_cell_is_outside_until_a_person_decides() -> None:
    result = by_model({"neutrophil": 60, "lymphocyte": 30}, {"low_confidence": 8, "unknown_cell": 2, "not_a_cell": 5})
    assert result.leukocytes == 90
    assert result.count_outside("unidentified") == 10
    assert result.count_outside("not_a_cell") == 5
    neutrophils = result.line("neutrophil")
    assert (neutrophils.open_low, neutrophils.open_high) == (60, 70)
    (caution,) = [row for row in result.cautions if row.code == "unidentified"]
    assert caution.sentence == (
        "10 cells were not identified: outside the 100 % until a person decides. The share of neutrophils may then"
        " become 60.0 to 70.0 %."
    )


def test_limits_are_named_a_pre_classification_until_a_person_has_seen_every_cell() -> None:
    predicted = by_model({"neutrophil": 100})
    assert (predicted.reviewed, predicted.limits_are) == (False, BEFORE_REVIEW)
    assert BEFORE_REVIEW == "pre-classification, counting error only"
    assert "not_reviewed" in codes(predicted)
    seen = by_eye(neutrophil=100)
    assert (seen.reviewed, seen.limits_are) == (True, AFTER_REVIEW)
    assert "not_reviewed" not in codes(seen)


def test_what_the_model_has_no_class_for_is_not_assessed_and_not_zero() -> None:
    counts = model_counts(("neutrophil", "lymphocyte", "monocyte", "eosinophil"), {"neutrophil": 100}, {})
    result = differential_of(counts, Case(), CountingRules(), ranges_at(None))
    assert [line.label for line in result.lines] == ["neutrophil", "lymphocyte", "monocyte", "eosinophil"]
    (caution,) = [row for row in result.cautions if row.code == "not_assessed"]
    assert caution.sentence == (
        "Not assessed, since the model knows no such class: reactive lymphocytes, basophils, immature granulocytes,"
        " blasts, plasma cells."
    )
    assert "not_assessed" not in codes(by_eye(neutrophil=100))


def test_pictures_that_were_not_counted_are_numbered() -> None:
    result = by_model({"neutrophil": 100}, {"not_a_cell": 1}, failed=2, repeats=3)
    sentences = {caution.code: caution.sentence for caution in result.cautions}
    assert sentences["failed"] == "2 pictures could not be read and were not counted; their rows say why."
    assert sentences["not_a_cell"] == (
        "1 picture was without a stained cell, as the model sees it, and not counted; look for missed cells."
    )
    assert sentences["repeats"] == "3 pictures were the same as an earlier one and counted once."


@pytest.mark.parametrize(
    ("sampling", "code"),
    [("consecutive_fields", None), ("chosen_crops", "chosen_crops"), ("unknown", "sampling_unknown")],
)
def test_how_the_cells_were_sampled_is_said(sampling: str, code: str | None) -> None:
    found = set(codes(by_eye(Case(sampling=sampling), neutrophil=100)))
    assert found == ({code} if code else set())


@pytest.mark.parametrize(
    ("count", "code"),
    [(1.49, "leukocytes_below"), (1.5, None), (7.2, None), (30.0, None), (30.1, "leukocytes_above")],
)
def test_a_leukocyte_count_outside_what_was_found_reliable_is_warned_of(count: float, code: str | None) -> None:
    found = codes(by_eye(Case(count, sampling="consecutive_fields"), neutrophil=60, lymphocyte=40))
    assert [name for name in found if name.startswith("leukocytes_")] == ([code] if code else [])


def test_the_warning_of_the_leukocyte_count_names_limits_and_study() -> None:
    (caution,) = by_eye(Case(0.9, sampling="consecutive_fields"), neutrophil=100).cautions
    assert caution.sentence == (
        "The leukocyte count of 0.9 × 10⁹/L is below 1.5: counting from pictures was found to agree well with eyes only"
        " between 1.5 and 30 (Zhao 2024)."
    )


@pytest.mark.parametrize(("smudge", "warned"), [(0, False), (9, False), (10, True), (80, True)])
def test_many_smudge_cells_bias_a_differential(smudge: int, warned: bool) -> None:
    assert ("smudge_cells" in codes(by_eye(neutrophil=60, lymphocyte=40, smudge_cell=smudge))) is warned


def test_smudge_cells_may_be_counted_as_lymphocytes_where_their_origin_is_plain() -> None:
    case = Case(sampling="consecutive_fields", smudge_as_lymphocytes=True)
    result = by_eye(case, neutrophil=20, lymphocyte=60, smudge_cell=20)
    assert result.leukocytes == 100
    assert result.line("lymphocyte").count == 80
    assert result.count_outside("smudge_cell") == 20
    assert "20 smudge cells were counted as lymphocytes." in result.notes
    assert codes(result) == []


def test_clumps_make_a_platelet_estimate_void() -> None:
    assert codes(by_eye(neutrophil=100, platelet_clump=1)) == ["platelet_clumps"]


@pytest.mark.parametrize(
    ("includes", "threshold", "corrected", "asked"),
    [
        (None, 0, None, True),  # nobody has said: asked, and taken as no
        (True, 0, 7.5, False),
        (True, 20, 7.5, False),
        (True, 21, None, False),  # below the laboratory's threshold
        (False, 0, None, False),
    ],
)
def test_the_leukocyte_count_is_corrected_only_if_the_counter_includes_erythroblasts(
    includes: bool | None, threshold: float, corrected: float | None, asked: bool
) -> None:
    case = Case(9.0, includes, sampling="consecutive_fields")
    result = by_eye(case, CountingRules(erythroblast_threshold=threshold), neutrophil=60, lymphocyte=40, nrbc=20)
    count = result.leukocyte_count
    assert count.corrected == corrected
    assert bool(count.question) is asked
    assert ("erythroblasts" in codes(result)) is asked
    assert result.line("neutrophil").absolute.value == pytest.approx(0.6 * (corrected or 9.0))


def test_nothing_is_asked_about_the_counter_where_no_erythroblast_was_seen() -> None:
    assert by_eye(Case(9.0), neutrophil=100).leukocyte_count.question == ""


def test_the_correction_is_the_formula() -> None:
    assert corrected_count(20.0, 100) == 10.0
    assert corrected_count(7.2, 0) == 7.2


def test_absolute_counts_carry_the_limits_of_the_share() -> None:
    line = by_eye(Case(8.0), neutrophil=50, lymphocyte=50).line("neutrophil")
    assert line.absolute.value == 4.0
    assert line.absolute.low == pytest.approx(0.08 * line.low)
    assert line.absolute.high == pytest.approx(0.08 * line.high)
    assert by_eye(neutrophil=50).line("neutrophil").absolute is None


@pytest.mark.parametrize(
    ("target", "counted", "reached", "sentence"),
    [
        ("100", 0, False, "0 of 100 leukocytes: 100 to go, or sign with fewer and print the number."),
        ("100", 99, False, "99 of 100 leukocytes: 1 to go, or sign with fewer and print the number."),
        ("100", 100, True, "100 leukocytes, 100 asked for."),
        ("200", 1234, True, "1,234 leukocytes, 200 asked for."),
        ("2x200", 200, False, "200 leukocytes, 200 asked for; a second examiner counts another 200."),
    ],
)
def test_progress_counts_to_what_the_laboratory_asks_for(
    target: str, counted: int, reached: bool, sentence: str
) -> None:
    progress = progress_to(target, [counted])
    assert (progress.reached, progress.sentence) == (reached, sentence)


def test_only_leukocytes_count_to_the_target() -> None:
    result = by_eye(neutrophil=90, nrbc=30, smudge_cell=8, platelet=50)
    assert result.progress.counted == (90,)


@pytest.mark.parametrize(
    ("first", "second", "reached", "sentence"),
    [
        (200, 200, True, "200 and 200 leukocytes by two examiners, 200 asked for of each."),
        (
            200,
            150,
            False,
            "200 and 150 of 200 leukocytes by two examiners: 50 to go, or sign with fewer and print the number.",
        ),
    ],
)
def test_two_examiners_are_counted_together_and_each_to_the_goal(
    first: int, second: int, reached: bool, sentence: str
) -> None:
    one = typed_counts({"neutrophil": first - 50, "lymphocyte": 50, "nrbc": 2})
    other = typed_counts({"neutrophil": second - 40, "lymphocyte": 40, "smudge_cell": 1})
    rules = CountingRules(target="2x200")
    result = differential_of(pooled_counts(one, other), Case(), rules, ranges_at(None))
    assert (result.progress.reached, result.progress.sentence) == (reached, sentence)
    assert result.leukocytes == first + second
    assert result.line("lymphocyte").count == 90
    assert result.line("lymphocyte").low == exact_limits(90, first + second)[0]
    assert (result.count_outside("erythroblast"), result.count_outside("smudge_cell")) == (2, 1)


def test_smudge_cells_counted_as_lymphocytes_bring_each_examiner_nearer_the_goal() -> None:
    one, other = typed_counts({"lymphocyte": 150, "smudge": 50}), typed_counts({"lymphocyte": 200})
    case = Case(smudge_as_lymphocytes=True)
    result = differential_of(pooled_counts(one, other), case, CountingRules(target="2x200"), ranges_at(None))
    assert result.progress.counted == (200, 200)


def test_a_model_is_no_second_examiner() -> None:
    with pytest.raises(DatasetError, match="A model is no examiner: only two counts by eye are added up"):
        pooled_counts(typed_counts({"neutrophil": 100}), model_counts(EIGHT, {"neutrophil": 100}, {}))


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (
            {"neutrophil": -3},
            "The count of neutrophil is -3.",
            "Expected a whole number from 0 to 1,000,000.",
        ),
        ({"monocyte": math.nan}, "The count of monocyte is nan.", "Expected a whole number from 0 to 1,000,000."),
        ({"monocyte": 2.5}, "The count of monocyte is 2.5.", "Expected a whole number from 0 to 1,000,000."),
        ({"monocyte": True}, "The count of monocyte is True.", "Expected a whole number from 0 to 1,000,000."),
        ({"monocyte": "six"}, 'The count of monocyte is "six".', "Expected a whole number from 0 to 1,000,000."),
        ({"monocyte": 10**7}, "The count of monocyte is 10000000.", "Expected a whole number from 0 to 1,000,000."),
        (
            {"lymph": 3, "Lymphocytes": 4},
            'lymphocyte is counted twice, as "lymph" and as "Lymphocytes".',
            "Give one count for each cell.",
        ),
        (
            {"neutrofil": 3},
            '"neutrofil" is no cell that a differential counts.',
            f"The closest: neutrophil, band_neutrophil. All: {', '.join(counted_cells())}.",
        ),
        ({"": 3}, "The name of a cell is empty.", f"Choose from: {', '.join(counted_cells())}."),
    ],
)
def test_a_count_that_cannot_be_is_refused(given: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(DatasetError) as caught:
        typed_counts(given)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({}, "No leukocyte was counted."),
        ({"neutrophil": 0}, "No leukocyte was counted."),
        ({"platelet": 12, "nrbc": 3}, "No leukocyte was counted (erythroblasts: 3; platelets: 12)."),
    ],
)
def test_an_empty_count_is_refused_with_what_was_seen(cells: dict[str, int], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        by_eye(**cells)
    assert (caught.value.message, caught.value.hint) == (message, "A differential needs at least one leukocyte.")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            ("neutrophil", "eosinophil_basophil"),
            "A differential cannot be counted from the class eosinophil_basophil: it holds several cell types.",
        ),
        (
            ("lymphoblast", "normal_precursor"),
            "A differential cannot be counted from the class lymphoblast: it is no cell type of ordinary blood.",
        ),
    ],
)
def test_models_of_other_classes_give_no_differential(labels: tuple[str, ...], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        model_counts(labels, {}, {})
    assert caught.value.message == message
    assert caught.value.hint.startswith("Choose a model")


@pytest.mark.parametrize(
    ("count", "shown"), [(0.0, "0"), (-1.0, "-1"), (7200.0, "7200"), (math.nan, "nan"), (math.inf, "inf")]
)
def test_a_leukocyte_count_in_another_unit_is_refused(count: float, shown: str) -> None:
    with pytest.raises(DatasetError) as caught:
        Case(count)
    assert caught.value.message == f"The leukocyte count is {shown} × 10⁹/L; expected more than 0 and at most 2000."
    assert caught.value.hint == "Give it in 10⁹/L: 7,200 per µL are 7.2."


def test_an_unknown_way_of_sampling_is_refused() -> None:
    with pytest.raises(DatasetError, match='"nicest" is no way to sample cells'):
        Case(sampling="nicest")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Segs", "segmented_neutrophil"),
        ("band neutrophils", "band_neutrophil"),
        ("polymorphs", "neutrophil"),
        ("Lymphs", "lymphocyte"),
        ("IG", "immature_granulocyte"),
        ("myelocytes", "myelocyte"),
        ("Blasts", "blast"),
        ("lymphoblast", "blast"),  # by eye a blast is a blast
        ("NRBC", "erythroblast"),
        ("smudge cells", "smudge_cell"),
        ("PLT", "platelet"),
        ("variant lymphocytes", "reactive_lymphocyte"),
    ],
)
def test_the_names_of_a_counting_sheet_are_understood(text: str, label: str) -> None:
    assert counted_label(text) == label


def test_every_part_belongs_to_a_line() -> None:
    line_labels = {line.label for line in lines()}
    for cell in counted_cells().values():
        assert (cell.place == "part") == bool(cell.part_of)
        assert not cell.part_of or cell.part_of in line_labels
