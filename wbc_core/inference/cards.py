"""The model card: everything a model's files mean, its schema and its checks."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wbc_core.errors import ModelError
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.inference.measurements import Comparison, Estimate, Evaluation, Speed

SCHEMA_VERSION = 1
CARD = "card.json"
NOVELTY = "novelty.npz"
ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,40}$"
LARGEST_CARD = 5_000_000  # bytes; those shipped have less than a hundredth of it
LARGEST_MODEL_FILE = 2_000_000_000  # bytes; no single ONNX file can be larger
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrainingSetFacts(_Part):
    """One data set of the training."""

    name: str
    train_images: int
    validation_images: int
    train_sha256: str
    validation_sha256: str
    validation_balanced_accuracy: float


class TrainingFacts(_Part):
    """Where the weights come from."""

    recipe: str
    recipe_sha256: str
    seed: int
    initial_weights: str
    sets: tuple[TrainingSetFacts, ...]
    epochs: int
    best_epoch: int
    seconds: float
    keras: str
    backend: str


class Calibration(_Part):
    """Temperature that divides the logits (Guo et al. 2017, arXiv:1706.04599)."""

    temperature: float = Field(gt=0)
    fitted_on: str
    images: int
    ece_before: float
    ece_after: float


class Abstention(_Part):
    """Confidence below which the model says *unidentified*."""

    threshold: float = Field(ge=0, le=1)
    rule: str
    chosen_on: str
    coverage: float = Field(description="Share of validation pictures answered.")
    errors: int = Field(description="Errors among the answered.")
    error_upper_bound: float = Field(description="One-sided exact 95 % upper bound of the error among the answered.")


class NoveltyFacts(_Part):
    """From which distance to its training cells on a model says *unknown cell*."""

    score: str = Field(description="One of wbc_core.inference.novelty.METHODS.")
    threshold: float
    rule: str
    fitted_on: str
    chosen_on: str
    accepted: dict[str, Estimate] = Field(description="Share of each set's test pictures that stay below.")
    separation: dict[str, Estimate] = Field(description="AUROC of what is no known cell against pbc's test pictures.")
    refused: dict[str, Estimate] = Field(description="Share of what is no known cell that lies above.")


class ModelFile(_Part):
    """One file beside the card."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int


class ModelCard(_Part):
    """Card of one model, ``models/<id>/card.json``."""

    schema_version: Literal[1] = 1
    id: str = Field(pattern=ID_PATTERN)
    title: str
    task: Literal["single_cell_classification"] = "single_cell_classification"
    labels: tuple[str, ...] = Field(min_length=2)
    architecture: str
    input_size: tuple[int, int, int]
    preprocessing: Preprocessing
    training: TrainingFacts
    calibration: Calibration
    abstention: Abstention
    evaluations: tuple[Evaluation, ...]
    precision_at_smear_prevalence: dict[str, Estimate]
    comparisons: tuple[Comparison, ...] = ()
    keras_agreement: float = Field(
        description="Largest difference of a softmax value between Keras and ONNX on the test pictures."
    )
    storage_difference: float = Field(
        0.0, description="Largest change of a softmax value by storing the weights in half, on the test pictures."
    )
    novelty: NoveltyFacts | None = None
    speed: Speed | None = None
    parameters: int
    files: dict[str, ModelFile]
    licence: str
    intended_use: str
    splits: dict[str, str] = Field(description="By what each test split is parted from training.")
    never_seen: tuple[str, ...]
    limits: tuple[str, ...]

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        size = self.preprocessing.size
        if self.input_size != (size, size, 3):
            raise ValueError(f"input_size {self.input_size} differs from the preprocessing's size {size}")
        foreign = [name for name in self.files if not _FILE_NAME.fullmatch(name)]
        if foreign:
            raise ValueError(f"files names {foreign[0][:80]!r}, which is no file beside the card")
        if "model.onnx" not in self.files:
            raise ValueError("files lacks model.onnx")
        if self.novelty is not None and NOVELTY not in self.files:
            raise ValueError(f"files lacks {NOVELTY}")
        return self

    def evaluation(self, source: str) -> Evaluation | None:
        """Return the evaluation of that source's name, if the card has one."""
        return next((row for row in self.evaluations if row.source == source), None)


def load_card(folder: Path) -> ModelCard:
    """Read and check a model's card.

    Parameters
    ----------
    folder : Path
        The model's folder.

    Returns
    -------
    ModelCard

    Raises
    ------
    ModelError
        If there is no card, it is of a newer schema, or it does not validate.
    """
    path = folder / CARD
    try:
        content = json.loads(read_bounded(path, LARGEST_CARD).decode("utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"There is no model card at {path}.", "Choose a model that `wbc models list` names."
        ) from error
    except (OSError, ValueError, RecursionError) as error:  # no JSON, or a number of thousands of digits
        raise ModelError(f"The model card {path} cannot be read as JSON.", "Fetch the model's folder again.") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ModelError(
            f"The model card {path} has schema version {version}; this program reads up to {SCHEMA_VERSION}.",
            "Update wbc-core, or choose another model.",
        )
    try:
        return ModelCard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step)[:80] for step in first["loc"]) or "the card"
        raise ModelError(
            f"The model card {path} does not validate: {field}: {first['msg'][:400]}.",
            "Fetch the model's folder again.",
        ) from error


def read_bounded(path: Path, most: int) -> bytes:
    """Return the bytes of a file that is no device and no pipe, and has at most so many.

    Raises
    ------
    OSError
        If there is none, or it is something else or larger.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "no file", str(path))
    with path.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, "too large", str(path))
    return data


def save_card(card: ModelCard, folder: Path) -> None:
    """Write a card into its model's folder, replacing the old one atomically."""
    partial = folder / f"{CARD}.partial"
    partial.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / CARD)


def describe_file(path: Path) -> ModelFile:
    """Return digest and size of a file."""
    return ModelFile(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=path.stat().st_size)


def read_verified(folder: Path, card: ModelCard, name: str) -> bytes:
    """Read one of a model's files and check it against the card before anything parses it.

    Raises
    ------
    ModelError
        If the file is missing or its digest differs from the card's.
    """
    if name not in card.files:
        raise ModelError(f"The model {card.id} has no file {name}.", f"Its card lists {', '.join(sorted(card.files))}.")
    try:
        data = read_bounded(folder / name, LARGEST_MODEL_FILE)
    except OSError as error:
        raise ModelError(
            f"The file {name} of the model {card.id} cannot be read.", "Fetch the model's folder again."
        ) from error
    if hashlib.sha256(data).hexdigest() != card.files[name].sha256:
        raise ModelError(
            f"The file {name} of the model {card.id} differs from the one its card describes.",
            "It may be damaged or altered: fetch the model's folder again and run `wbc models verify`.",
        )
    return data
