"""Every reference system stands beside what its model here reached, and claims nothing of its own accord."""

import shutil

import pytest

from wbc_core.recipes.spec import read_recipe
from wbc_core.services.models import model_details
from wbc_core.services.reference_systems import CLAIMS, reference_rows
from wbc_core.settings import ROOT, settings


def test_every_claim_has_a_recipe_that_is_tested_on_its_sets():
    assert {claim.system for claim in CLAIMS} == set("ABCDE")
    for claim in CLAIMS:
        recipe = read_recipe(ROOT / "models" / "recipes" / f"{claim.model_id}.yaml")
        tested = recipe.test_on or [part.name for part in recipe.data]
        assert {f"{name} test" for name in tested} >= set(claim.on)


@pytest.fixture
def models(tmp_path, monkeypatch):
    """An empty folder of models."""
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_what_is_not_installed_is_not_measured(models):
    assert [row.measured for row in reference_rows()] == [()] * len(CLAIMS)


def test_what_is_installed_is_measured_by_its_card(models):
    shutil.copytree(ROOT / "models" / "wbc8-lite0", models / "c-baseline-cnn")
    card = models / "c-baseline-cnn" / "card.json"
    card.write_text(card.read_text().replace('"id": "wbc8-lite0"', '"id": "c-baseline-cnn"'))
    (row,) = (row for row in reference_rows() if row.measured)
    assert row.claim.model_id == "c-baseline-cnn"
    assert row.measured == (model_details("c-baseline-cnn").evaluations[0],)


def test_a_model_whose_card_does_not_validate_is_not_measured(models):
    (models / "b-kaggle-cnn").mkdir()
    (models / "b-kaggle-cnn" / "card.json").write_text("{")
    assert [row.measured for row in reference_rows()] == [()] * len(CLAIMS)
