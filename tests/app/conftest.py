"""The pages without a browser: the frame runs, and only the classifier behind it is replaced where a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from stand_ins import Service, offer_models, summary
from streamlit.testing.v1 import AppTest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.imaging.decoding import decode_image
from wbc_core.settings import ROOT, settings

FRAME = ROOT / "wbc_core" / "ui" / "frame.py"
SINGLE_IMAGE = "../../pages/use/single_image.py"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """Replace the classifier and offer one model."""
    stand_in = Service()

    def answer(data: bytes, name: str, **options: object) -> tuple[object, object]:
        return stand_in(data, name, **options), decode_image(data, name).pixels

    monkeypatch.setattr("wbc_core.ui.state.classify_and_keep", answer)
    card = SimpleNamespace(abstention=SimpleNamespace(threshold=0.9))
    monkeypatch.setattr("wbc_core.ui.state.model_details", lambda model_id: card)
    offer_models(monkeypatch, summary("wbc8-lite0", "Eight blood cells"))
    return stand_in


@pytest.fixture
def open_home() -> Callable[[], AppTest]:
    """Return a function that opens the start page in a new session."""
    return lambda: AppTest.from_file(str(FRAME), default_timeout=120).run()


@pytest.fixture
def open_single_image(open_home: Callable[[], AppTest]) -> Callable[[], AppTest]:
    """Return a function that opens the single-image page in a new session."""
    return lambda: open_home().switch_page(SINGLE_IMAGE).run()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No models, pictures and trainings but those that the test puts into this folder."""
    for name in ("RUNS", "MODELS", "DATA", "DATASETS", "CACHE"):
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name.lower()))
    (tmp_path / "models").mkdir()
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A drawn eosinophil as a PNG file."""
    pixels = cv2.cvtColor(render_cell("eosinophil", seed=1), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", pixels)[1].tobytes()
