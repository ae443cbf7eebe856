"""``wbc models reference``: what the metrics of drift are held against."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def add_drift_command(models_app: typer.Typer) -> None:
    """Add the command to those of models."""
    models_app.command("reference")(reference)


def reference(
    model: Annotated[str | None, typer.Argument(help="Model id; the default model if not given.")] = None,
) -> None:
    """Print confidence, abstention and colour that a model is held against, from its card and its test predictions."""
    from wbc_core.services.drift import reference_of

    print(json.dumps(reference_of(model).as_dict(), indent=1))
