"""The training recipe: a YAML file that says everything a run depends on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.errors import RecipeError
from wbc_core.imaging.preprocessing import Preprocessing


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingSet(_Part):
    """One data set of the shared folder and its share of every batch."""

    name: str
    share: float = Field(gt=0, description="Share of a batch; shares are normalised to sum 1.")
    hold_out: float = Field(
        0.0, ge=0, lt=0.5, description="Share parted from train by group for validation, where the set has no val part."
    )


class Network(_Part):
    """Architecture, its first weights, and what of it stays as it is."""

    architecture: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    initial_weights: str = Field("imagenet", description="'imagenet' or 'random'.")
    frozen_through: str | None = Field(None, description="Layers up to and including this one are not trained.")
    dropout: float = Field(0.2, ge=0, lt=1)
    orientations: Literal[1, 2, 4] = Field(1, description="Mirrored views that the exported network averages over.")

    @field_validator("initial_weights")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("imagenet", "random"):
            raise ValueError("must be 'imagenet' or 'random'")
        return value


class Optimisation(_Part):
    """AdamW with warm-up and cosine decay; averaged weights are the ones validated and exported."""

    batch_size: int = Field(32, ge=1)
    steps_per_epoch: int = Field(250, ge=1)
    epochs: int = Field(14, ge=1)
    learning_rate: float = Field(5e-4, gt=0, description="Peak learning rate.")
    warmup_steps: int = Field(150, ge=0)
    weight_decay: float = Field(0.02, ge=0)
    clip_norm: float = Field(1.0, gt=0)
    label_smoothing: float = Field(0.05, ge=0, lt=0.5)
    average_decay: float = Field(0.995, gt=0, lt=1, description="Decay per step of the exponential average of weights.")
    patience: int = Field(5, ge=1, description="Epochs without a lower validation loss before the run stops.")


class Settling(_Part):
    """The last epochs: milder variation and classes nearer to their natural shares, to win back accuracy at home."""

    from_epoch: int = Field(ge=1, description="First epoch, counted from 0, that settles.")
    augmentation_strength: float = Field(0.6, ge=0, le=2)
    class_balance: float = Field(0.25, ge=0, le=1, description="1 draws classes evenly, 0 by their number of pictures.")


class Recipe(_Part):
    """Everything a training run depends on."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,40}$")
    title: str
    seed: int = Field(ge=0)
    labels: tuple[str, ...] = CELL_TYPES
    data: tuple[TrainingSet, ...] = Field(min_length=1)
    preprocessing: Preprocessing = Preprocessing()
    augmentation_strength: float = Field(1.0, ge=0, le=2)
    settling: Settling | None = None
    network: Network = Network()
    optimisation: Optimisation = Optimisation()
    calibrate_on: tuple[str, ...] = Field(description="Sets whose validation parts choose the temperature.")

    def digest(self) -> str:
        """Return the SHA-256 of the recipe's content in hexadecimal."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    RecipeError
        If the file is missing, is no YAML, or a field is unknown or out of range; the message names field and value.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"The recipe {path} cannot be read.", "Name a YAML file, see models/recipes.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"The recipe {path} is no valid YAML.", str(error).splitlines()[0]) from error
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "the file"
        raise RecipeError(
            f"In the recipe {path.name}, {field} is {first['input']!r}: {first['msg']}.",
            "Correct the field; the recipes in models/recipes show every one.",
        ) from error
