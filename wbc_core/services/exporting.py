"""A model's network as a file for other programs."""

from __future__ import annotations

import shutil
from pathlib import Path

from wbc_core.errors import ModelError
from wbc_core.inference.cards import load_card, read_verified
from wbc_core.services.models import model_folder


def export_model(model_id: str | None, target: Path, file_format: str) -> Path:
    """Copy a model's network to a file, in one of three formats.

    Parameters
    ----------
    model_id : str or None
        The default model for None.
    target : Path
        Folder to write into.
    file_format : str
        ``onnx``, ``keras`` or ``tflite``; the last is converted here and needs TensorFlow.

    Returns
    -------
    Path
        The file written, ``<id>.<format>``.

    Raises
    ------
    ModelError
        If the format is unknown, or the model's file is missing or altered.
    """
    if file_format not in ("onnx", "keras", "tflite"):
        raise ModelError(f"There is no export format {file_format!r}.", "Choose onnx, keras or tflite.")
    folder = model_folder(model_id)
    card = load_card(folder)
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"{card.id}.{file_format}"
    if file_format == "tflite":
        read_verified(folder, card, "model.keras")
        from wbc_core.training.files import write_tflite

        write_tflite(folder / "model.keras", path)
        return path
    read_verified(folder, card, f"model.{file_format}")
    shutil.copyfile(folder / f"model.{file_format}", path)
    return path
