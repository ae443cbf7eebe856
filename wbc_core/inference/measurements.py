"""What was measured about a model, in the form in which cards and evaluation reports store it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Part):
    """A figure with its 95 % interval; all three in the figure's own unit."""

    value: float
    low: float
    high: float


class ClassMeasures(_Part):
    """One class against all others."""

    precision: Estimate | None = Field(description="None where the class was never named.")
    recall: Estimate | None = Field(description="None where the class does not occur.")
    specificity: Estimate | None
    f1: float
    support: int


class Confusion(_Part):
    """Counts of pictures: rows are true labels, columns the named ones."""

    labels: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]


class Evaluation(_Part):
    """A model on one labelled set of pictures.

    ``accuracy`` counts every picture by its top label; ``accuracy_classified`` only those the model did not abstain
    from. ``ece`` is the top-label expected calibration error over all pictures in 15 bins of equal mass. ``auroc`` is
    measured between two labels only: the chance that a picture of the first ranks above one of the second.
    """

    source: str
    source_sha256: str
    labels: tuple[str, ...]
    n: int
    failed: int = Field(0, description="Pictures that could not be read; not part of n.")
    accuracy: Estimate
    balanced_accuracy: float
    macro_f1: Estimate
    coverage: Estimate
    accuracy_classified: Estimate | None
    ece: Estimate
    log_loss: Estimate
    brier: Estimate
    auroc: Estimate | None = None
    per_class: dict[str, ClassMeasures]
    confusion: Confusion


class Speed(_Part):
    """Prediction from encoded files to labels on a named host."""

    host: str
    threads: int
    images: int
    images_per_second: float
    single_image_ms: float


class Comparison(_Part):
    """Another model's accuracy on sets of the card, for context."""

    model_id: str
    title: str
    accuracy: dict[str, Estimate]
    macro_f1: dict[str, Estimate]
