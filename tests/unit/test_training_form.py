"""The form's values make a recipe that holds, whatever it starts from, and gaps are named in the form's words."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.errors import RecipeError
from wbc_core.recipes.spec import Recipe, parse_recipe, recipe_yaml
from wbc_core.services import training_form
from wbc_core.services.job_result import job_result
from wbc_core.services.models import classifier_for
from wbc_core.services.training_form import (
    HOLD_OUT,
    InstalledSet,
    blank_recipe,
    checked_recipe,
    first_weights,
    free_id,
    installed_sets,
    recipe_from,
    starting_points,
    values_of,
)
from wbc_core.settings import Settings

PBC = InstalledSet("pbc", ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil", "platelet"), 900, 90)
OWN = InstalledSet("own", ("eosinophil", "neutrophil"), 100, 0)
BASE = parse_recipe(
    """
id: base
title: Base
note: What the original was trained on.
seed: 1
labels: [eosinophil, neutrophil, monocyte]
data: [{name: pbc, share: 0.7, labels: [eosinophil, neutrophil, monocyte]}]
settling: {from_epoch: 15}
network: {architecture: efficientnet_lite0, initial_weights: imagenet, frozen_through: block2b_add}
optimisation: {epochs: 20, schedule: {kind: step, every: 7}}
calibrate_on: [pbc]
test_on: [pbc, raabin]
"""
)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Data sets, runs and models in folders of their own."""
    own = Settings(
        data_dir=tmp_path / "data",
        datasets_dir=tmp_path / "own",
        models_dir=tmp_path / "models",
        runs_dir=tmp_path / "runs",
        default_model="tiny",
    )
    for module in ("training_form", "models", "datasets", "job_result"):
        monkeypatch.setattr(f"wbc_core.services.{module}.settings", lambda: own)
    return own


def write_set(folder: Path, rows: list[tuple[str, str]]) -> None:
    folder.mkdir(parents=True)
    with (folder / "split.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "label", "group", "split"])
        writer.writerows([f"{i}.png", label, i, part] for i, (label, part) in enumerate(rows))


def test_an_unchanged_form_makes_the_recipe_it_started_from_less_its_note() -> None:
    made = recipe_from(BASE, values_of(BASE), [PBC])
    assert made == BASE.model_copy(update={"note": ""})


@pytest.mark.parametrize("name", sorted(starting_points()))
def test_every_recipe_of_the_project_passes_through_the_form(name: str) -> None:
    base = starting_points()[name]
    sets = [
        InstalledSet(part.name, part.labels or base.source_labels(), 100, 0 if part.hold_out else 10)
        for part in base.data
    ]
    values = values_of(base)
    made = recipe_from(base, values, sets)
    assert made == base.model_copy(update={"note": "", "id": values.id, "title": values.title})


def test_another_length_keeps_the_place_where_a_recipe_settles() -> None:
    made = recipe_from(BASE, replace(values_of(BASE), epochs=8), [PBC])
    assert made.settling is not None
    assert (made.epochs, made.settling.from_epoch) == (8, 6)


def test_other_sets_bring_their_own_validation_and_leave_foreign_tests_behind() -> None:
    made = recipe_from(BASE, replace(values_of(BASE), sets=("own",), labels=("eosinophil", "neutrophil")), [PBC, OWN])
    assert [(part.name, part.hold_out, part.labels) for part in made.data] == [("own", HOLD_OUT, None)]
    assert (made.calibrate_on, made.test_on) == ((), ())


def test_fewer_types_leave_the_pictures_of_others_out() -> None:
    made = recipe_from(BASE, replace(values_of(BASE), labels=("monocyte", "neutrophil")), [PBC])
    assert made.data[0].labels == ("monocyte", "neutrophil")
    assert made.data[0].share == 0.7


def test_another_network_takes_no_layer_name_along() -> None:
    values = replace(values_of(BASE), architecture="baseline_cnn", initial_weights="random")
    assert recipe_from(BASE, values, [PBC]).network.frozen_through is None


def test_another_schedule_takes_its_own_defaults() -> None:
    assert recipe_from(BASE, values_of(BASE), [PBC]).optimisation.schedule.model_dump()["every"] == 7
    made = recipe_from(BASE, replace(values_of(BASE), schedule="constant"), [PBC])
    assert made.optimisation.schedule.kind == "constant"


def test_the_plain_recipe_trains_on_the_largest_set() -> None:
    made = blank_recipe([OWN, PBC])
    assert made.data[0].name == "pbc"
    assert made.labels == PBC.labels
    with pytest.raises(RecipeError, match="There is no data set to train on"):
        blank_recipe([])


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (
            {"id": "My Model"},
            "The id 'My Model' is not allowed.",
            "Use 2 to 41 small letters, digits and hyphens, with a letter or a digit first.",
        ),
        ({"id": "tiny"}, "A model with the id 'tiny' is installed already.", "Try tiny-2."),
        ({"title": "  "}, "The model has no title.", "Give it one: it stands in the model chooser."),
        ({"sets": ()}, "No data set is chosen.", "Choose at least one."),
        ({"labels": ("monocyte",)}, "There is nothing to tell apart.", "Choose at least two cell types."),
    ],
)
def test_a_gap_in_the_form_is_named_in_its_words(
    folders: Settings, change: dict[str, object], message: str, hint: str
) -> None:
    install_tiny_model(folders.models_dir, "tiny", "Tiny", ["eosinophil", "neutrophil"])
    with pytest.raises(RecipeError) as caught:
        recipe_from(BASE, replace(values_of(BASE), **change), [PBC])  # type: ignore[arg-type]
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_value_out_of_range_is_named_like_in_any_recipe() -> None:
    with pytest.raises(RecipeError, match=r"In the recipe of this form, optimisation\.batch_size is 5000"):
        recipe_from(BASE, replace(values_of(BASE), batch_size=5000), [PBC])


def test_sets_are_found_in_both_folders_and_read_again_when_their_table_changes(folders: Settings) -> None:
    rows = [("neutrophil", "train"), ("EOSINOPHIL", "train"), ("monocyte", "test")]
    write_set(folders.data_dir / "public", rows)
    write_set(folders.datasets_dir / "ours", [*rows, ("neutrophil", "val")])
    write_set(folders.datasets_dir / "only-test", [("neutrophil", "test")])
    assert installed_sets() == (
        InstalledSet("ours", ("eosinophil", "neutrophil"), 2, 1),
        InstalledSet("public", ("eosinophil", "neutrophil"), 2, 0),
    )
    table = folders.data_dir / "public" / "split.csv"
    table.write_text(table.read_text() + "9.png,platelet,9,train\n")
    assert installed_sets()[1].labels == ("eosinophil", "neutrophil", "platelet")


def test_a_recipe_typed_into_the_page_loads_no_file_of_the_server(folders: Settings) -> None:
    text = recipe_yaml(BASE).replace("block2b_add", "block2b_add\n  initial_weights: /etc/passwd.keras")
    with pytest.raises(RecipeError) as caught:
        checked_recipe(text)
    assert caught.value.hint == "Here it may be imagenet, random; files are taken by `wbc train` only."


def test_the_editor_names_the_line_that_is_no_yaml() -> None:
    with pytest.raises(RecipeError) as caught:
        checked_recipe("id: one\ntitle: [\n")
    assert caught.value.message == "The recipe in the editor is no valid YAML."
    assert caught.value.hint.startswith("Look at line 3: ")


def test_first_weights_are_those_that_fit_the_network(folders: Settings) -> None:
    install_tiny_model(folders.models_dir, "tiny", "Tiny", ["eosinophil", "neutrophil"])
    assert first_weights("efficientnet_lite0") == ("imagenet", "random")
    assert first_weights("baseline_cnn") == ("random",)


def test_an_id_that_is_taken_gets_a_number(folders: Settings) -> None:
    install_tiny_model(folders.models_dir, "tiny", "Tiny", ["eosinophil", "neutrophil"])
    install_tiny_model(folders.models_dir, "tiny-2", "Tiny", ["eosinophil", "neutrophil"])
    assert (free_id("tiny"), free_id("other")) == ("tiny-3", "other")
    assert len(free_id("x" * 41)) <= 41


def test_a_run_says_whether_its_model_is_installed(folders: Settings, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert job_result(run) is None
    install_tiny_model(run, "export", "Tiny", ["eosinophil", "neutrophil"])
    card = (run / "export" / "card.json").read_text().replace('"id": "export"', '"id": "tiny"')
    (run / "export" / "card.json").write_text(card)
    result = job_result(run)
    assert result is not None
    assert (result.model_id, result.installed) == ("tiny", "no")
    install_tiny_model(folders.models_dir, "tiny", "Tiny", ["eosinophil", "neutrophil"])
    result = job_result(run)
    assert result is not None
    assert result.installed == "yes"


def test_a_model_that_replaces_another_answers_without_a_restart(folders: Settings) -> None:
    first = install_tiny_model(folders.models_dir, "tiny", "Tiny", ["eosinophil", "neutrophil"])
    assert classifier_for("tiny").card.labels == ("eosinophil", "neutrophil")
    assert classifier_for("tiny") is classifier_for("tiny")
    first.rename(folders.models_dir / ".old")
    install_tiny_model(folders.models_dir, "tiny", "Tiny", ["monocyte", "platelet"])
    os.utime(first / "card.json", ns=(10**18, 10**18))  # a clock that steps coarsely must not hide the change
    assert classifier_for("tiny").card.labels == ("monocyte", "platelet")


def test_the_form_starts_from_recipes_only(folders: Settings) -> None:
    recipes = folders.models_dir / "recipes"
    (recipes / "full").mkdir(parents=True)
    (recipes / "good.yaml").write_text(recipe_yaml(BASE))
    (recipes / "full" / "good.yaml").write_text(recipe_yaml(BASE))
    (recipes / "broken.yaml").write_text("id: [")
    found = training_form.starting_points()
    assert list(found) == ["good", "full/good"]
    assert all(isinstance(recipe, Recipe) for recipe in found.values())
