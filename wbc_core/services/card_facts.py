"""What is written into a card after its run: speed on a host, and rows of other models beside it."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

import numpy as np

from wbc_core.batches.listing import list_paths
from wbc_core.errors import ModelError
from wbc_core.inference.cards import load_card, save_card
from wbc_core.inference.measurements import Comparison, Speed
from wbc_core.services.models import model_folder
from wbc_core.services.prediction import predict_paths
from wbc_core.services.single_image import classify_image
from wbc_core.settings import settings


def measure_model_speed(model_id: str, images: Path) -> Speed:
    """Time a model from encoded files to labels on this host, and write the result into its card.

    Parameters
    ----------
    model_id : str
        The model.
    images : Path
        Folder of pictures.

    Returns
    -------
    Speed
        Pictures per second of one batch run over the folder, and the median time of a single picture.
    """
    pending = list_paths([images]).pictures
    if not pending:
        raise ModelError(f"There is no picture in {images} to time the model on.", "Name a folder of pictures.")
    first = [(image.name, image.read()) for image in pending[:40]]
    single = []
    for name, data in first:
        start = time.perf_counter()
        classify_image(data, name, model_id=model_id)
        single.append(time.perf_counter() - start)
    start = time.perf_counter()
    count = sum(1 for _ in predict_paths([images], model_id=model_id))
    seconds = time.perf_counter() - start
    speed = Speed(
        host=f"{_processor()}, {os.cpu_count()} cores",
        threads=settings().inference_threads,
        images=count,
        images_per_second=round(count / seconds, 1),
        single_image_ms=round(float(np.median(single)) * 1e3, 1),
    )
    folder = model_folder(model_id)
    save_card(load_card(folder).model_copy(update={"speed": speed}), folder)
    return speed


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def add_comparison_row(model_id: str, other_id: str) -> Comparison:
    """Copy another model's test figures from its card as a row into a model's card.

    Raises
    ------
    ModelError
        If the two were not measured on the same sets.
    """
    folder, card = model_folder(model_id), load_card(model_folder(model_id))
    other = load_card(model_folder(other_id))
    digests = {row.source: row.source_sha256 for row in card.evaluations}
    rows = [row for row in other.evaluations if digests.get(row.source) == row.source_sha256]
    if not rows:
        raise ModelError(
            f"{model_id} and {other_id} were not measured on the same pictures.", "Train both on one data folder."
        )
    comparison = Comparison(
        model_id=other.id,
        title=other.title,
        accuracy={row.source: row.accuracy for row in rows},
        macro_f1={row.source: row.macro_f1 for row in rows},
    )
    kept = tuple(row for row in card.comparisons if row.model_id != other.id)
    save_card(card.model_copy(update={"comparisons": (*kept, comparison)}), folder)
    return comparison
