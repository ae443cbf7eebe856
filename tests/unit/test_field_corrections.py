"""A person's word goes before the model's: counts, limits and files follow, and every step can be taken back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from wbc_core.batches.listing import Listing, Picture
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.errors import WbcError
from wbc_core.services import field_corrections as corrections
from wbc_core.services import field_runs
from wbc_core.services.differential import count_table
from wbc_core.services.field_results import (
    COLUMNS,
    ELSEWHERE,
    MORE_COLUMNS,
    ON_BORDER,
    REVIEW_COLUMNS,
    FieldResult,
    FoundCell,
    as_rows,
    as_summary,
)
from wbc_core.services.field_totals import count_fields, totals_of
from wbc_core.smear.case import Case
from wbc_core.smear.decisions import choices_for
from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.film_words import CAUTIONS
from wbc_core.smear.intervals import AFTER_REVIEW, BEFORE_REVIEW

LABELS = tuple(CELL_TYPES)


def cell(at: int, kind: str = "wbc", label: str = "") -> FieldCell:
    return FieldCell(100.0 * at, 10, 100.0 * at + 60, 70, kind, 0.8, cut=False, counted=True, diameter=60, label=label)


def leukocyte(at: int, label: str, status: str = "classified", reason: str = "", **more: Any) -> FoundCell:
    shares = dict.fromkeys(LABELS, 0.01) | {label: 0.93}
    return FoundCell(cell(at), label, 0.93, status, reason, shares, **more)


def field_of(*cells: FoundCell, name: str = "a.png", notes: tuple[str, ...] = ()) -> FieldResult:
    return FieldResult(name, 1000, 400, cells, red_cell=35.0, notes=notes)


@pytest.fixture
def run() -> Iterator[field_runs.FieldRun]:
    """Two fields: four leukocytes of which one is left open, a smudge cell, a red cell; one more leukocyte."""
    first = field_of(
        leukocyte(0, "neutrophil"),
        leukocyte(1, "neutrophil"),
        leukocyte(2, "basophil"),
        leukocyte(3, "monocyte", "unidentified", "low_confidence"),
        FoundCell(cell(4, "smudge_cell", "smudge_cell"), "smudge_cell"),
        FoundCell(cell(5, "rbc", "red_cell"), "red_cell"),
        leukocyte(6, "neutrophil", "not_counted", ON_BORDER),
        leukocyte(7, "neutrophil", "not_counted", ELSEWHERE, counted_in="b.png"),
        notes=(CAUTIONS["thick"],),
    )
    second = field_of(leukocyte(0, "lymphocyte"), name="b.png")
    failed = FieldResult("c.png", status="failed", reason="not_a_field")
    pictures = [Picture(name, 1, bytes) for name in ("a.png", "b.png", "c.png")]
    made = field_runs.FieldRun(
        "0" * 24, "Three", "tiny", "Tiny", LABELS, None, Listing(pictures), 3, [first, second, failed]
    )
    made.ended = time.monotonic()
    field_runs.runner().submit(made)
    yield made
    field_runs.forget_fields(made.id)


def counted(run: field_runs.FieldRun) -> dict[str, int]:
    totals = totals_of(corrections.corrected_results(run))
    return {**totals.classified, **totals.reasons, **{name: count for name, count in totals.outside.items() if count}}


BEFORE = {"neutrophil": 2, "basophil": 1, "lymphocyte": 1, "low_confidence": 1, "smudge_cell": 1}


@pytest.mark.parametrize(
    ("number", "label", "after"),
    [
        (1, "lymphocyte", {**BEFORE, "neutrophil": 1, "lymphocyte": 2}),
        (1, "band_neutrophil", {**BEFORE, "neutrophil": 1, "band_neutrophil": 1}),
        (1, "smudge_cell", {**BEFORE, "neutrophil": 1, "smudge_cell": 2}),
        (1, "artefact", {**BEFORE, "neutrophil": 1, "artefact": 1}),
        (1, "not_classed", {**BEFORE, "neutrophil": 1, "not_classed": 1}),
        (1, "not_a_cell", {**BEFORE, "neutrophil": 1, "not_classed": 1}),
        (1, "unidentified", {**BEFORE, "neutrophil": 1, "left_open": 1}),
        (1, "platelet", {**BEFORE, "neutrophil": 1}),
        (3, "monocyte", {**{key: count for key, count in BEFORE.items() if key != "low_confidence"}, "monocyte": 1}),
        (4, "lymphocyte", {**{key: count for key, count in BEFORE.items() if key != "smudge_cell"}, "lymphocyte": 2}),
        (5, "erythroblast", {**BEFORE, "erythroblast": 1}),
    ],
)
def test_counts_follow_each_correction_and_its_undoing(run, number, label, after):
    assert counted(run) == BEFORE
    corrections.decide(run.id, 0, number, label)
    assert counted(run) == after
    assert corrections.take_back(run.id)
    assert counted(run) == BEFORE
    assert not corrections.take_back(run.id)


def test_the_limits_are_those_of_the_corrected_counts_and_of_a_model_until_every_cell_was_decided(run):
    def differential():
        results = corrections.corrected_results(run)
        return count_fields(results, LABELS, Case(), reviewed=corrections.review_of(run).finished)

    before = differential()
    assert (before.leukocytes, before.limits_are) == (4, BEFORE_REVIEW)
    assert [caution.code for caution in before.cautions][:3] == ["unidentified", "thick", "failed"]
    corrections.decide(run.id, 0, 2, "blast")
    after = differential()
    assert after.line("basophil").count == 0 and after.line("blast").count == 1
    assert after.line("blast").percent_shown == "25"
    assert after.cautions[0].code == "blasts"
    corrections.confirm_rest(run.id, 0)
    corrections.confirm_rest(run.id, 1)
    assert differential().limits_are == BEFORE_REVIEW, "one is still open"
    corrections.decide(run.id, 0, 3, "unidentified")
    assert not corrections.review_of(run).finished, "left open is not decided"
    corrections.decide(run.id, 0, 3, "plasma_cell")
    done = differential()
    assert (done.leukocytes, done.limits_are, done.reviewed) == (5, AFTER_REVIEW, True)
    assert {caution.code for caution in done.cautions}.isdisjoint({"not_reviewed", "not_assessed", "unidentified"})


def test_a_missed_cell_is_added_by_a_point_and_goes_again(run):
    number = corrections.add_cell(run.id, 1, 500, 200, "eosinophil")
    added = corrections.corrected_results(run)[1].cells[number]
    assert (added.cell.xmin, added.cell.ymax, added.corrected_from, added.counts) == (470, 230, "not_found", True)
    assert counted(run) == {**BEFORE, "eosinophil": 1}
    corrections.decide(run.id, 1, number, "monocyte")
    assert counted(run) == {**BEFORE, "monocyte": 1}
    assert corrections.review_of(run).added == 1
    corrections.take_back(run.id)
    corrections.take_back(run.id)
    assert counted(run) == BEFORE and not run.added


REFUSED = {
    "a name that is none": (
        lambda run: corrections.decide(run.id, 0, 0, "hairy"),
        '"hairy" is no name for a cell here.',
    ),
    "a cell that is not there": (
        lambda run: corrections.decide(run.id, 0, 99, "blast"),
        "There is no such cell in this run.",
    ),
    "a cell counted in another field": (
        lambda run: corrections.decide(run.id, 0, 7, "blast"),
        "This cell is counted in b.png.",
    ),
    "a cell that the edge cuts": (
        lambda run: corrections.decide(run.id, 0, 6, "blast"),
        "The lower or right edge cuts this cell: it counts in the neighbouring field.",
    ),
    "letting no name stand": (
        lambda run: corrections.confirm(run.id, 0, 3),
        "This cell has no name yet that could stand.",
    ),
    "adding on a cell": (
        lambda run: corrections.add_cell(run.id, 0, 30, 40, "blast"),
        "There is a cell already at this point.",
    ),
    "adding outside": (
        lambda run: corrections.add_cell(run.id, 0, 1000, 40, "blast"),
        "This point lies outside the field.",
    ),
    "adding nothing": (
        lambda run: corrections.add_cell(run.id, 0, 500, 300, "not_a_cell"),
        "What is added must have a name.",
    ),
    "a run that is gone": (
        lambda run: corrections.decide("f" * 24, 0, 0, "blast"),
        "The server no longer has these fields.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_corrected_says_why_and_changes_nothing(run, case):
    action, message = REFUSED[case]
    with pytest.raises(WbcError) as refused:
        action(run)
    assert refused.value.message == message
    assert refused.value.hint
    assert counted(run) == BEFORE and not run.decisions.steps


def test_nothing_is_corrected_while_fields_are_worked_off(run):
    run.ended = None
    with pytest.raises(WbcError, match="These fields are still being worked off"):
        corrections.decide(run.id, 0, 0, "blast")
    run.ended = time.monotonic()


def test_the_next_cell_to_look_at_is_one_that_nobody_has_seen(run):
    assert corrections.next_unseen(run, 0, None) == (0, 0)
    corrections.confirm(run.id, 0, 0)
    assert corrections.next_unseen(run, 0, 0) == (0, 1)
    assert corrections.confirm_rest(run.id, 0) == 3
    assert corrections.next_unseen(run, 0, 0) == (0, 3)
    assert corrections.next_unseen(run, 0, 3) == (1, 0)
    assert corrections.next_unseen(run, 1, 0) == (0, 3), "from the first field on"
    assert corrections.review_of(run) == corrections.Review(cells=6, seen=4, left_open=0, corrected=0, added=0)


def test_rows_hold_what_the_model_said_beside_what_a_person_says(run):
    corrections.decide(run.id, 0, 2, "eosinophil")
    corrections.confirm(run.id, 0, 0)
    result = corrections.corrected_results(run)[0]
    rows = as_rows(result, (*COLUMNS, *REVIEW_COLUMNS))
    said = [{name: row[name] for name in ("label", "confidence", *REVIEW_COLUMNS)} for row in rows]
    assert said[2] == {
        "label": "eosinophil", "confidence": "", "reviewed": True, "corrected_from": "basophil",
        "model_label": "basophil", "model_confidence": 0.93,
    }  # fmt: skip
    assert (said[0]["reviewed"], said[0]["corrected_from"], said[0]["confidence"]) == (True, "", 0.93)
    assert (said[1]["reviewed"], said[5]["model_label"]) == (False, "")
    assert (as_summary(result)["reviewed"], as_summary(result)["corrected"]) == (2, 1)


def test_a_file_of_fields_gives_the_same_differential_as_the_page(run):
    corrections.decide(run.id, 0, 2, "blast")
    corrections.decide(run.id, 0, 1, "not_a_cell")
    results = corrections.corrected_results(run)
    written = json.dumps(
        {
            "labels": LABELS,
            "reviewed": False,
            "fields": [as_summary(result) for result in results],
            "results": [row for result in results for row in as_rows(result, (*COLUMNS, *MORE_COLUMNS))],
        }
    ).encode()
    assert count_table(written, "fields.json", Case()) == count_fields(results, LABELS, Case())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "f.json cannot be read as JSON."),
        (b'{"fields": [], "cells": []}', "f.json holds no fields with their cells and the labels of a model."),
        (
            b'{"fields": [{}], "cells": [], "labels": ["a"]}',
            "f.json has a field or a cell without all that belongs to it.",
        ),
        (
            b'{"fields": [], "labels": ["neutrophil"], "cells": [{"kind": "wbc", "label": "x", "status": "classified",'
            b' "reason": ""}]}',
            'f.json: "x" is no cell that a differential counts.',
        ),
    ],
)
def test_a_file_that_holds_no_fields_says_what_it_lacks(data, message):
    with pytest.raises(WbcError) as refused:
        count_table(data, "f.json", Case())
    assert refused.value.message == message


def test_choices_are_those_of_a_report_and_of_a_study_only_its_own():
    assert choices_for(LABELS)[:3] == ("neutrophil", "segmented_neutrophil", "band_neutrophil")
    assert choices_for(LABELS)[-4:] == ("artefact", "not_classed", "not_a_cell", "unidentified")
    assert choices_for(("eosinophil_basophil", "neutrophil"))[0] == "eosinophil_basophil"
    assert "neutrophil" not in choices_for(("lymphoblast", "normal_precursor"))
