"""Batches of a test: a tiny model, a folder and a worker of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.services import batches
from wbc_core.settings import settings


@contextmanager
def own_batches(folder: Path, monkeypatch: pytest.MonkeyPatch, models: dict[str, Sequence[str]]) -> Iterator[None]:
    """Let batches use these tiny models, the first by default, and write below a folder; end the worker afterwards."""
    for model_id, labels in models.items():
        install_tiny_model(folder / "models", model_id, model_id.title(), labels)
    monkeypatch.setenv("WBC_MODELS_DIR", str(folder / "models"))
    monkeypatch.setenv("WBC_BATCHES_DIR", str(folder / "batches"))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", next(iter(models)))
    settings.cache_clear()
    batches.worker.cache_clear()
    try:
        yield
    finally:
        batches.end_batches()
        settings.cache_clear()
        batches.worker.cache_clear()
