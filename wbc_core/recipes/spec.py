"""The training recipe: a YAML file that says everything a run depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.biology.labels import Merge, canonical_label, parse_merge
from wbc_core.errors import DatasetError, RecipeError
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.recipes.architectures import ARCHITECTURES
from wbc_core.recipes.yaml_text import load_fields, read_text

ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,40}$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrainingSet(_Part):
    """One data set and its share of every batch."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Folder of the set, with its split.csv, in the data folder or among the imported sets.",
    )
    share: float = Field(1.0, gt=0, description="Share of a batch; shares are normalised to sum 1.")
    hold_out: float = Field(
        0.0, ge=0, lt=0.5, description="Share parted from train by group for validation, where the set has no val part."
    )
    labels: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Only pictures of these labels, before any merge; all labels of the set if not given.",
    )


class Network(_Part):
    """Architecture, its first weights, and what of it stays as it is."""

    architecture: str = "efficientnet_lite0"
    initial_weights: str = Field(
        "imagenet", min_length=1, description="'imagenet', 'random', the id of an installed model, or a .keras file."
    )
    frozen_through: str | None = Field(
        None, description="Layers up to and including this one are not trained; 'backbone' leaves only the head."
    )
    dropout: float = Field(0.2, ge=0, lt=1)
    orientations: Literal[1, 2, 4] = Field(1, description="Mirrored views that the exported network averages over.")

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ARCHITECTURES:
            close = get_close_matches(value, ARCHITECTURES, n=2, cutoff=0.4)
            near = f" The closest: {', '.join(close)}." if close else ""
            raise ValueError(f"there is no architecture of that name.{near} Allowed: {', '.join(ARCHITECTURES)}")
        return value


class WarmupCosine(_Part):
    """Half a cosine from the peak to ``floor`` times the peak (Loshchilov and Hutter 2017, arXiv:1608.03983)."""

    kind: Literal["cosine"] = "cosine"
    floor: float = Field(0.01, ge=0, le=1)


class Constant(_Part):
    """The same learning rate throughout, after the warm-up."""

    kind: Literal["constant"]


class Step(_Part):
    """The learning rate is multiplied by ``factor`` every ``every`` epochs."""

    kind: Literal["step"]
    every: int = Field(5, ge=1)
    factor: float = Field(0.3, gt=0, lt=1)


class Plateau(_Part):
    """The learning rate is multiplied by ``factor`` after ``patience`` epochs without a lower validation loss."""

    kind: Literal["plateau"]
    patience: int = Field(3, ge=1)
    factor: float = Field(0.3, gt=0, lt=1)
    least: float = Field(1e-6, gt=0, description="No lower than this.")


Schedule = Annotated[WarmupCosine | Constant | Step | Plateau, Field(discriminator="kind")]


class Phase(_Part):
    """Some epochs with their own frozen layers and learning rate; the optimiser starts anew with each phase."""

    epochs: int = Field(ge=1)
    frozen_through: str | None = Field(
        None, description="Layers up to and including this one are not trained; 'backbone' leaves only the head."
    )
    learning_rate: float = Field(gt=0, description="Peak learning rate of the phase.")


class Optimisation(_Part):
    """How the weights are found; averaged weights, where asked for, are the ones validated and exported."""

    optimiser: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    batch_size: int = Field(32, ge=1, le=1024)
    steps_per_epoch: int | None = Field(
        None, ge=1, description="Steps of balanced draws; without it an epoch is one shuffled pass over all pictures."
    )
    epochs: int = Field(14, ge=1, le=1000, description="Ignored where phases are given: their epochs are added.")
    learning_rate: float = Field(5e-4, gt=0, le=1, description="Peak learning rate; phases bring their own.")
    warmup_steps: int = Field(0, ge=0, description="Steps of linear rise at the begin of each phase.")
    schedule: Schedule = WarmupCosine()
    weight_decay: float = Field(0.0, ge=0, le=1, description="Of adamw.")
    clip_norm: float = Field(1.0, gt=0)
    loss: Literal["cross_entropy", "focal"] = Field(
        "cross_entropy", description="'focal' weighs down what is already right (Lin et al. 2017, arXiv:1708.02002)."
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="'balanced' weighs a picture by the inverse share of its class."
    )
    label_smoothing: float = Field(0.05, ge=0, lt=0.5)
    average_decay: float = Field(
        0.0, ge=0, lt=1, description="Decay per step of the exponential average of weights; 0 averages nothing."
    )
    mixed_precision: bool = Field(True, description="On a GPU, compute in half precision; a CPU always uses float32.")
    patience: int = Field(5, ge=1, description="Epochs without a lower validation loss before the run stops.")
    keep: Literal["best", "last"] = Field(
        "best",
        description="Whose weights are exported: the epoch's with the lowest validation loss, or the last's, good for "
        "a short schedule that ends near 0 where validation is of other people, whose loss favours not learning.",
    )


class Settling(_Part):
    """The last epochs: milder variation and classes nearer to their natural shares, to win back accuracy at home."""

    from_epoch: int = Field(ge=1, description="First epoch, counted from 0, that settles.")
    augmentation_strength: float = Field(0.6, ge=0, le=2)
    class_balance: float = Field(0.25, ge=0, le=1, description="1 draws classes evenly, 0 by their number of pictures.")


class Recipe(_Part):
    """Everything a training run depends on."""

    id: str = Field(pattern=ID_PATTERN, description="Id of the run and of the model that comes of it.")
    title: str = Field(min_length=1, max_length=120)
    note: str = Field("", max_length=600, description="What the model's card adds to its limits.")
    seed: int = Field(ge=0)
    labels: tuple[str, ...] = Field(
        CELL_TYPES, min_length=2, description="Classes in output order, merged names included."
    )
    merges: tuple[str, ...] = Field((), description="Classes counted as one, each new=a+b.")
    data: tuple[TrainingSet, ...] = Field(min_length=1)
    preprocessing: Preprocessing = Preprocessing()
    augmentation_strength: float = Field(1.0, ge=0, le=2)
    settling: Settling | None = None
    network: Network = Network()
    phases: tuple[Phase, ...] = Field((), description="Without any, one phase from network and optimisation.")
    optimisation: Optimisation = Optimisation()
    storage: Literal["float32", "float16"] = Field(
        "float32", description="Of the exported weights; 'float16' halves the file and ships no Keras file."
    )
    calibrate_on: tuple[str, ...] = Field(
        (),
        description="Sets whose validation parts choose temperature and threshold; all of the recipe's if not given.",
    )
    test_on: tuple[str, ...] = Field(
        (), description="Sets whose test parts are measured; all of the recipe's if not given."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels names one class twice: {', '.join(self.labels)}")
        sources = self.source_labels()
        twice = sorted({label for label in sources if sources.count(label) > 1})
        if twice:
            raise ValueError(f"labels holds {', '.join(twice)} both alone and in a merge, or in two merges")
        names = [part.name for part in self.data]
        if len(set(names)) < len(names):
            raise ValueError(f"data names one set twice: {', '.join(names)}")
        foreign = [name for name in self.calibrate_on if name not in names]
        if foreign:
            raise ValueError(f"calibrate_on names {', '.join(foreign)}, which is not among the data sets {names}")
        return self

    @property
    def epochs(self) -> int:
        """Epochs of all phases."""
        return sum(phase.epochs for phase in self.all_phases())

    def all_phases(self) -> tuple[Phase, ...]:
        """Return the phases; one made of network and optimisation where none is given."""
        if self.phases:
            return self.phases
        choice = self.optimisation
        return (
            Phase(epochs=choice.epochs, frozen_through=self.network.frozen_through, learning_rate=choice.learning_rate),
        )

    def merge_list(self) -> tuple[Merge, ...]:
        """Return the declared merges."""
        return tuple(parse_merge(text) for text in self.merges)

    def source_labels(self) -> tuple[str, ...]:
        """Return the labels that pictures may carry before any merge."""
        members = {merge.name: merge.members for merge in self.merge_list()}
        return tuple(source for label in self.labels for source in members.get(label) or (canonical_label(label),))

    def merged(self, label: str) -> str:
        """Return the class that a picture of a label counts as."""
        return next((merge.name for merge in self.merge_list() if label in merge.members), label)

    def digest(self) -> str:
        """Return the SHA-256 in hexadecimal of what the recipe says, fields at their defaults left out."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    RecipeError
        If the file is missing, is no YAML, or a field is unknown or out of range; the message names field and value.
    """
    return parse_recipe(read_text(path), path.name)


def parse_recipe(text: str, name: str = "recipe") -> Recipe:
    """Check the text of a recipe, see :func:`read_recipe`."""
    try:
        return Recipe.model_validate(load_fields(text, name))
    except DatasetError as error:  # from the names of labels
        raise RecipeError(f"In the recipe {name}: {error.message}", error.hint) from error
    except ValidationError as error:
        raise _explained(error, name) from error


def _explained(error: ValidationError, name: str) -> RecipeError:
    """Put the first fault into words: field, value, what is allowed, and the closest field where one is misspelt."""
    first = error.errors()[0]
    steps = [step for step in first["loc"] if step not in ("cosine", "constant", "step", "plateau")]
    field = ".".join(str(step) for step in steps)
    hint = "Correct the field; the recipes in models/recipes show every one."
    if first["type"] == "extra_forbidden":
        close = get_close_matches(str(steps[-1]), _fields_at(steps[:-1]), n=2, cutoff=0.5)
        if close:
            hint = f"The closest: {', '.join(close)}."
        return RecipeError(f"In the recipe {name}, there is no field {field}.", hint)
    if not field:
        return RecipeError(f"In the recipe {name}: {first['msg'].removeprefix('Value error, ')}.", hint)
    if first["type"] == "missing":
        return RecipeError(f"In the recipe {name}, the field {field} is missing.", hint)
    shown = repr(first["input"])
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return RecipeError(f"In the recipe {name}, {field} is {shown}: {first['msg'].removeprefix('Value error, ')}.", hint)


def _fields_at(steps: Sequence[Any]) -> list[str]:
    """Return the names of the fields beside the one that ``steps`` leads to."""
    part: type[BaseModel] = Recipe
    for step in steps:
        if isinstance(step, int):
            continue
        members: dict[str, type[BaseModel]] = {
            "data": TrainingSet,
            "network": Network,
            "optimisation": Optimisation,
            "settling": Settling,
            "phases": Phase,
            "preprocessing": Preprocessing,
        }
        part = members.get(str(step), part)
    return list(part.model_fields)


def recipe_yaml(recipe: Recipe) -> str:
    """Return the YAML text of a recipe, fields at their defaults left out."""
    content = recipe.model_dump(mode="json", exclude_defaults=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
