"""The project's own super-resolution network, trained again on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wbc_core.errors import WbcError
from wbc_core.settings import settings


def train_cell_enlarger(target: Path, *, steps: int) -> dict[str, Any]:
    """Train the cell enlarger and write its ONNX file, with the facts of its training beside it.

    Parameters
    ----------
    target : Path
        The ONNX file; its folder must be there.
    steps : int
        Batches of the training.

    Returns
    -------
    dict
        Pictures, steps, seed and PSNR on validation, see :func:`wbc_core.training.enlarging.train_enlarger`.

    Raises
    ------
    WbcError
        If the packages for training are missing, or the folder is.
    DatasetError, ImageError
        If the pictures are missing or broken.
    """
    if not target.parent.is_dir():
        raise WbcError(f"There is no folder {target.parent}.", "Make it, or name a file elsewhere.")
    try:
        from wbc_core.training.enlarging import train_enlarger
    except ImportError as error:
        raise WbcError(
            f"Training needs a package that is not installed: {error.name}.",
            "Install requirements.txt; requirements-serve.txt is for prediction alone.",
        ) from error
    return train_enlarger(target, settings(), steps=steps)
