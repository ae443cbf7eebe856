"""A fitted novelty score ships beside its model: threshold from validation, figures from test; then it answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest

from tests.drawn_cells import draw_set
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.oddities import ODDITIES, photograph
from wbc_core.errors import ModelError
from wbc_core.inference.cards import NOVELTY, load_card
from wbc_core.services import novelty_files
from wbc_core.services.models import verify_model
from wbc_core.services.single_image import classify_image
from wbc_core.settings import settings

RECIPE = """
id: drawn
title: Drawn
seed: 1
data: [{name: drawn}]
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The default model under another folder without its novelty score, as if trained on a small drawn set."""
    shipped = settings().models_dir / settings().default_model
    folder = tmp_path / "models" / "wbc8-lite0"
    folder.mkdir(parents=True)
    draw_set(tmp_path / "data" / "drawn", labels=CELL_TYPES, train=3, val=1, test=1, size=160)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    for name in load_card(shipped).files:
        shutil.copyfile(shipped / name, folder / name)
    card = load_card(shipped)
    facts = card.training.model_copy(update={"recipe": str(tmp_path / "recipe.yaml")})
    files = {name: file for name, file in card.files.items() if name != NOVELTY}
    plain = card.model_copy(update={"training": facts, "novelty": None, "files": files})
    (folder / "card.json").write_text(plain.model_dump_json())
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("WBC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(novelty_files, "ODD_PICTURES", 50)
    settings.cache_clear()
    yield folder
    settings.cache_clear()


def test_the_score_is_written_measured_and_used_from_then_on(model: Path):
    said: list[str] = []
    facts = novelty_files.write_novelty(report=said.append)
    assert said[0] == "24 training cells of drawn"
    assert facts.chosen_on == "drawn validation"
    assert set(facts.accepted) == {"drawn test"}
    assert set(facts.separation) == set(facts.refused) == set(ODDITIES)
    assert facts.separation["photographs"].value > 0.95
    card = verify_model("wbc8-lite0")
    assert card.novelty == facts
    assert NOVELTY in card.files
    done, data = cv2.imencode(".png", photograph(3)[..., ::-1])
    assert done
    assert classify_image(data.tobytes(), "holiday.png").status == "unidentified"


def test_an_unknown_score_is_refused_before_anything_is_read(model: Path):
    with pytest.raises(ModelError, match=r"There is no novelty score 'best'\. Choose one of "):
        novelty_files.write_novelty(score="best")
    assert load_card(model).novelty is None
