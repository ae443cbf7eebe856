"""The command ``wbc train-enlarger``: the project's own super-resolution network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train_enlarger(
    out: Annotated[Path, typer.Argument(help="The ONNX file to write; a JSON file with the facts goes beside it.")],
    steps: Annotated[int, typer.Option(min=1, max=1_000_000, help="Batches of 16 patches.")] = 6000,
) -> None:
    """Train the network that enlarges pictures of cells to twice their size, and write it as an ONNX file."""
    from wbc_core.services.enlarging import train_cell_enlarger

    facts = train_cell_enlarger(out, steps=steps)
    print(
        f"{out}: PSNR {facts['validation_psnr_db']:.2f} dB on validation pictures, "
        f"{facts['validation_psnr_bicubic_db']:.2f} dB by bicubic interpolation"
    )
    print(f"SHA-256 {facts['sha256']}")
