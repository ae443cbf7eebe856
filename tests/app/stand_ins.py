"""A classifier that answers what a test wants, and a reader of pages."""

from __future__ import annotations

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.services.models import ModelSummary
from wbc_core.services.single_image import ImageResult


class Service:
    """Stands in for the classifier: remembers what it was asked, answers with what the test gave it."""

    def __init__(self) -> None:
        self.calls: list[dict[str, object]] = []
        self.answer: ImageResult | Exception = result()

    def __call__(self, data: bytes, name: str, **options: object) -> ImageResult:
        self.calls.append({"data": data, "name": name, **options})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def result(**changes: object) -> ImageResult:
    """Return a result as the service gives it: a sure eosinophil unless changed."""
    shares = dict.fromkeys(CELL_TYPES, 0.002) | {"eosinophil": 0.966, "neutrophil": 0.022}
    fields: dict[str, object] = {
        "file": "cell.png",
        "label": "eosinophil",
        "confidence": 0.966,
        "status": "classified",
        "probabilities": shares,
        "width": 360,
        "height": 360,
        "format": "PNG",
        "cell_x": 180.0,
        "cell_y": 180.0,
        "cell_diameter_px": 90.0,
        "crop": np.zeros((128, 128, 3), np.uint8),
        "model_id": "wbc8-lite0",
        "model_title": "Eight blood cells",
        "milliseconds": {"decode": 3.0, "locate": 2.0, "predict": 9.0, "total": 15.0},
    }
    return ImageResult(**(fields | changes))  # type: ignore[arg-type]


def summary(model_id: str, title: str) -> ModelSummary:
    """Return a line of the model chooser."""
    return ModelSummary(model_id, title, CELL_TYPES, (128, 128, 3), 3_400_000, {"pbc": 0.99}, "pbc 99.0 % of 2,220")


def offer_models(monkeypatch: pytest.MonkeyPatch, *models: ModelSummary) -> None:
    """Offer these models on the page."""
    monkeypatch.setattr("wbc_core.ui.options.available_models", lambda: models)
    monkeypatch.setattr("wbc_core.ui.options.installed_ids", lambda: tuple(model.id for model in models))


def texts(app: AppTest) -> str:
    """Return what a visitor can read on the page, in one string, with the marks of Markdown's escapes taken away."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.text)
    found = [element.value for kind in kinds for element in kind]
    found += [f"{alert.proto.title}\n{alert.value}" for alert in [*app.error, *app.warning]]
    found += [f"{metric.label}: {metric.value}" for metric in app.metric]
    return re.sub(r"\\([^\w\s])", r"\1", "\n".join(found))


def failure(app: AppTest) -> tuple[str, str]:
    """Return sentence and hint of the only error on the page."""
    assert len(app.error) == 1
    return tuple(re.sub(r"\\([^\w\s])", r"\1", text) for text in (app.error[0].proto.title, app.error[0].value))  # type: ignore[return-value]
