"""The training loop: phases of gradient steps over a recipe's batches, resumed after a kill as if nothing happened."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from wbc_core.errors import ModelError, RecipeError, WbcError
from wbc_core.recipes.spec import Phase, Plateau, Recipe
from wbc_core.runs.folder import CHECKPOINT, append_log
from wbc_core.runs.reporter import Reporter
from wbc_core.settings import Settings
from wbc_core.training.checkpoint import Arrays, Progress, load_checkpoint
from wbc_core.training.data import TrainingBatches, split_sets
from wbc_core.training.epoch_end import EpochEnd
from wbc_core.training.schedules import PlannedRate
from wbc_core.training.stopping import StopRequest
from wbc_core.training.tracking import trackers
from wbc_core.zoo import registry
from wbc_core.zoo.freezing import freeze_through
from wbc_core.zoo.weights import initialise

LEAST_FREE_BYTES = 500_000_000
"""Room that a run wants on its disk before it begins."""


def run_training(recipe: Recipe, reporter: Reporter, settings: Settings, stop: StopRequest | None = None) -> Progress:
    """Train a recipe, or continue its run from the last finished epoch.

    Parameters
    ----------
    recipe : Recipe
        What to train.
    reporter : Reporter
        Holds the run's folder, and takes its state. A folder that holds another recipe's run is refused.
    settings : Settings
        Where data, pretrained weights and cache lie.
    stop : StopRequest, optional
        May ask for the end at a batch boundary.

    Returns
    -------
    Progress
        History and best epoch. The weights lie in the checkpoint as ``best``.

    Raises
    ------
    RunCancelled
        If ``stop`` asked for the end.
    RecipeError
        If the folder belongs to another recipe or a layer's name is wrong.
    DatasetError, ImageError, ModelError
        If data or pretrained weights are missing or broken.
    """
    stop = stop or StopRequest()
    run_dir = reporter.run_dir
    _claim(recipe, run_dir)
    keras.utils.set_random_seed(recipe.seed % 2**31)
    sets = split_sets(recipe, settings)
    with _precision(recipe):
        network = build_network(recipe)
        model = keras.Model(network.input, network.output["logits"])
        epoch_end = EpochEnd(recipe, reporter, sets, settings, stop)
        checkpoint = run_dir / CHECKPOINT
        groups: dict[str, Arrays] = {}
        if checkpoint.exists():
            epoch_end.progress, groups = load_checkpoint(checkpoint)
            if epoch_end.progress.finished:
                return epoch_end.progress
            model.set_weights(groups["weights"])
            epoch_end.average, epoch_end.best = groups.get("average", []), groups["best"]
        else:
            epoch_end.progress.first_weights = initialise(
                network,
                recipe.network.architecture,
                recipe.network.initial_weights,
                weights_dir=settings.weights_dir,
                models_dir=settings.models_dir,
            )
            append_log(run_dir, f"first weights: {epoch_end.progress.first_weights}")
        progress = epoch_end.progress
        _note_backend(progress)
        stop.check()
        batches = TrainingBatches(recipe, sets, settings.cache_dir, epoch=progress.epoch)
        epoch_end.steps = batches.num_batches
        epoch_end.trackers = trackers(recipe, run_dir, progress.history, settings)
        reporter.report(
            "running", epoch=progress.epoch, epochs=recipe.epochs, step=0, steps=batches.num_batches, eta_s=None
        )
        first = 0
        for phase in recipe.all_phases():
            last = first + phase.epochs
            if progress.epoch < last and not progress.finished:
                if progress.epoch == first and first > 0:
                    # A phase goes on from the best weights so far.
                    model.set_weights(epoch_end.best)
                    epoch_end.average = []
                saved = groups.get("optimiser") if progress.epoch > first else None
                _fit_phase(model, network, recipe, phase, batches, epoch_end, (first, last), saved)
            first = last
        for tracker in epoch_end.trackers:
            tracker.close()
    return progress


def _note_backend(progress: Progress) -> None:
    used = progress.backend.split(", ") if progress.backend else []
    if keras.backend.backend() not in used:
        progress.backend = ", ".join([*used, keras.backend.backend()])


def _claim(recipe: Recipe, run_dir: Path) -> None:
    """Refuse a folder that holds another recipe's run, and a disk without room."""
    stamp = run_dir / "recipe.sha256"
    if stamp.exists() and stamp.read_text(encoding="utf-8") != recipe.digest():
        raise RecipeError(
            f"The run folder {run_dir} holds a run of another recipe.", "Name another folder, or delete this one."
        )
    free = shutil.disk_usage(run_dir).free
    if free < LEAST_FREE_BYTES:
        raise WbcError(
            f"The disk of {run_dir} has {free / 1e6:.0f} MB left; a run wants {LEAST_FREE_BYTES / 1e6:.0f} MB.",
            "Make room, or set WBC_RUNS_DIR to another disk, and start the run again.",
        )
    stamp.write_text(recipe.digest(), encoding="utf-8")


def build_network(recipe: Recipe) -> keras.Model:
    """Build a recipe's network with random weights."""
    choice = recipe.network
    return registry.build(choice.architecture, recipe.preprocessing.size, len(recipe.labels), dropout=choice.dropout)


def _fit_phase(
    model: keras.Model,
    network: keras.Model,
    recipe: Recipe,
    phase: Phase,
    batches: TrainingBatches,
    epoch_end: EpochEnd,
    epochs: tuple[int, int],
    saved: list[Any] | None,
) -> None:
    """Train from the run's epoch to the end of a phase; ``saved`` holds the optimiser's state of a resumed phase."""
    freeze_through(network, phase.frozen_through)
    epoch_end.phase = phase
    batches.epoch = epoch_end.progress.epoch
    optimizer = _optimizer(recipe, phase, batches.num_batches)
    choice = recipe.optimisation
    losses = {"cross_entropy": keras.losses.CategoricalCrossentropy, "focal": keras.losses.CategoricalFocalCrossentropy}
    loss = losses[choice.loss](from_logits=True, label_smoothing=choice.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    if saved is not None:
        optimizer.build(model.trainable_variables)
        for variable, value in zip(optimizer.variables, saved, strict=True):
            variable.assign(value)
    model.fit(
        batches,
        epochs=epochs[1],
        initial_epoch=epoch_end.progress.epoch,
        shuffle=False,
        verbose=0,
        callbacks=[epoch_end],
    )


def _optimizer(recipe: Recipe, phase: Phase, steps: int) -> keras.optimizers.Optimizer:
    choice = recipe.optimisation
    rate: Any = phase.learning_rate
    if not isinstance(choice.schedule, Plateau):
        rate = PlannedRate(choice.schedule, phase.learning_rate, choice.warmup_steps, steps, phase.epochs)
    clip = {"global_clipnorm": choice.clip_norm}
    match choice.optimiser:
        case "adamw":
            optimizer = keras.optimizers.AdamW(rate, weight_decay=choice.weight_decay, **clip)
            optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
            return optimizer
        case "adam":
            return keras.optimizers.Adam(rate, **clip)
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **clip)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate, **clip)


@contextmanager
def _precision(recipe: Recipe) -> Iterator[None]:
    """Compute in bfloat16 where the recipe allows it and there is a GPU; weights stay float32."""
    half = recipe.optimisation.mixed_precision and has_gpu()
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if half else "float32")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy("float32")


def has_gpu() -> bool:
    """Return whether Keras finds a GPU."""
    return any(kind in str(name).lower() for name in keras.distribution.list_devices() for kind in ("gpu", "cuda"))


def insist_on_gpu() -> None:
    """Raise ModelError where Keras finds no GPU."""
    if not has_gpu():
        raise ModelError(
            f"Keras on {keras.backend.backend()} finds no GPU.",
            "Use --device auto, or install a backend with GPU support.",
        )
