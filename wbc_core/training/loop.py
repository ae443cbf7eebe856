"""The training loop: fit, average the weights, validate the average by data set, keep the best, resume after a kill."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from wbc_core.errors import RecipeError, WbcError
from wbc_core.settings import Settings
from wbc_core.training.checkpoint import Arrays, Progress, load_checkpoint, save_checkpoint
from wbc_core.training.data import BalancedBatches, SplitSet, exact_crops, split_set
from wbc_core.recipes.spec import Network, Recipe
from wbc_core.zoo import efficientnet_lite0

CHECKPOINT = "checkpoints/last.npz"
BACKBONES = {"efficientnet_lite0": "efficientnet_lite0_no_top.npz"}


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then half a cosine to a hundredth of the peak (Loshchilov and Hutter 2017, arXiv:1608.03983).

    Closed form in the step number, so that a resumed run needs no state for it.
    """

    def __init__(self, peak: float, warmup: int, total: int) -> None:
        self.peak, self.warmup, self.total = peak, warmup, total

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        ops = keras.ops
        step = ops.cast(step, "float32")
        rising = (step + 1) / max(self.warmup, 1)
        share = ops.clip((step - self.warmup) / max(self.total - self.warmup, 1), 0.0, 1.0)
        falling = 0.01 + 0.99 * 0.5 * (1 + ops.cos(np.pi * share))
        return self.peak * ops.minimum(rising, falling)

    def get_config(self) -> dict[str, float]:
        """Return the arguments."""
        return {"peak": self.peak, "warmup": self.warmup, "total": self.total}


def build_network(network: Network, size: int, classes: int, weights_dir: Path | None) -> keras.Model:
    """Build a recipe's network, with its first weights where ``weights_dir`` is given, and freeze what stays."""
    path = None
    if weights_dir is not None and network.initial_weights == "imagenet":
        path = weights_dir / BACKBONES[network.architecture]
    model = efficientnet_lite0.build(size, classes, dropout=network.dropout, weights=path)
    if network.frozen_through is not None:
        names = [layer.name for layer in model.layers]
        if network.frozen_through not in names:
            raise RecipeError(
                f"The network has no layer {network.frozen_through!r} to freeze through.",
                f"Its blocks end in {', '.join(name for name in names if name.endswith('_add'))}.",
            )
        for layer in model.layers[: names.index(network.frozen_through) + 1]:
            layer.trainable = False
    return model


class _EpochEnd(keras.callbacks.Callback):
    """Average weights step by step; at each epoch's end validate the average, keep the best, write the checkpoint."""

    def __init__(self, recipe: Recipe, run_dir: Path, sets: tuple[SplitSet, ...], settings: Settings) -> None:
        super().__init__()
        self.recipe, self.run_dir = recipe, run_dir
        self.validation = {part.name: exact_crops(part.validation, recipe, settings.cache_dir) for part in sets}
        self.progress = Progress()
        self.average: Arrays = []
        self.best: Arrays = []
        self.started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.started = time.perf_counter()
        for layer in self.model.layers:
            if hasattr(layer, "seed_generator"):
                layer.seed_generator.state.assign(np.array([self.recipe.seed % 2**31, epoch], np.uint32))

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if not self.average:
            self.average = [np.array(weight) for weight in self.model.get_weights()]
            return
        keep = self.recipe.optimisation.average_decay
        for average, weight in zip(self.average, self.model.weights, strict=True):
            value = keras.ops.convert_to_numpy(weight)
            average += (1 - keep) * (value - average)
        if batch % 25 == 0:
            write_status(self.run_dir, "running", epoch=self.progress.epoch, step=batch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = dict(logs or {})
        current = self.model.get_weights()
        self.model.set_weights(self.average)
        scores = self._validate()
        self.model.set_weights(current)
        row = {
            "epoch": float(epoch),
            **{key: float(value) for key, value in logs.items()},
            **scores,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": time.perf_counter() - self.started,
        }
        progress = self.progress
        progress.epoch = epoch + 1
        progress.history.append(row)
        # The loss, not the mean of the sets' balanced accuracies: that one jumps with single pictures of a small set.
        if scores["val_loss"] < progress.best_loss:
            progress.best_loss, progress.best_epoch = scores["val_loss"], epoch
            self.best = [average.copy() for average in self.average]
        waited = epoch - progress.best_epoch
        total = self.recipe.optimisation.epochs
        progress.finished = epoch + 1 >= total or waited >= self.recipe.optimisation.patience
        if progress.finished:
            self.model.stop_training = True
        save_checkpoint(
            self.run_dir / CHECKPOINT,
            progress,
            weights=current,
            average=self.average,
            best=self.best,
            optimiser=[keras.ops.convert_to_numpy(variable) for variable in self.model.optimizer.variables],
        )
        write_history(self.run_dir / "history.csv", progress)
        write_status(self.run_dir, "finished" if progress.finished else "running", epoch=epoch + 1, step=0)
        with (self.run_dir / "log.txt").open("a", encoding="utf-8") as stream:
            stream.write(" ".join(f"{key}={value:.5g}" for key, value in row.items()) + "\n")

    def _validate(self) -> dict[str, float]:
        scores: dict[str, float] = {}
        losses, hits, count = 0.0, 0.0, 0
        for name, (crops, labels) in self.validation.items():
            logits = predict_logits(self.model, crops)
            shifted = logits - logits.max(axis=1, keepdims=True)
            log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            found = logits.argmax(axis=1)
            scores[f"val_balanced_accuracy_{name}"] = float(balanced_accuracy_score(labels, found))
            losses -= float(log_probability[np.arange(len(labels)), labels].sum())
            hits += float((found == labels).sum())
            count += len(labels)
        return {**scores, "val_loss": losses / count, "val_accuracy": hits / count}


def predict_logits(model: keras.Model, crops: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
    """Return a single-output Keras model's logits, (images, classes), for uint8 crops."""
    parts = [model.predict_on_batch(crops[at : at + batch].astype(np.float32)) for at in range(0, len(crops), batch)]
    return np.concatenate([np.asarray(part) for part in parts])


def write_status(run_dir: Path, state: str, **values: Any) -> None:
    """Write ``status.json`` atomically, with the time as heartbeat."""
    partial = run_dir / "status.json.partial"
    partial.write_text(json.dumps({"state": state, "heartbeat": time.time(), "pid": os.getpid(), **values}, indent=1))
    partial.replace(run_dir / "status.json")


def write_history(path: Path, progress: Progress) -> None:
    """Write the whole history as CSV in CSVLogger's columns, replaced atomically: every epoch stands there once."""
    partial = path.with_suffix(".partial")
    table = pd.DataFrame(progress.history)
    table["epoch"] = table["epoch"].astype(int)
    table.to_csv(partial, index=False, float_format="%.6g")
    partial.replace(path)


def run_training(recipe: Recipe, run_dir: Path, settings: Settings) -> Progress:
    """Train a recipe, or continue its run from the last finished epoch.

    Parameters
    ----------
    recipe : Recipe
        What to train.
    run_dir : Path
        The run's folder. One that holds another recipe's run is refused.
    settings : Settings
        Where data, pretrained weights and cache lie.

    Returns
    -------
    Progress
        History and best epoch. The weights lie in the checkpoint as ``best``.

    Raises
    ------
    RecipeError
        If the folder belongs to another recipe or a layer's name is wrong.
    DatasetError, ImageError, ModelError
        If data or pretrained weights are missing or broken.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    stamp = run_dir / "recipe.sha256"
    if stamp.exists() and stamp.read_text() != recipe.digest():
        raise RecipeError(
            f"The run folder {run_dir} holds a run of another recipe.", "Name another folder, or delete this one."
        )
    stamp.write_text(recipe.digest())
    keras.utils.set_random_seed(recipe.seed % 2**31)
    sets = tuple(split_set(part, recipe, settings.data_dir) for part in recipe.data)
    write_status(run_dir, "preparing")
    size = recipe.preprocessing.size
    network = build_network(recipe.network, size, len(recipe.labels), settings.weights_dir)
    model = keras.Model(network.input, network.output["logits"])
    choice = recipe.optimisation
    schedule = WarmupCosine(choice.learning_rate, choice.warmup_steps, choice.epochs * choice.steps_per_epoch)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=choice.weight_decay, global_clipnorm=choice.clip_norm)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=choice.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    epoch_end = _EpochEnd(recipe, run_dir, sets, settings)
    checkpoint = run_dir / CHECKPOINT
    if checkpoint.exists():
        progress, groups = load_checkpoint(checkpoint)
        if progress.finished:
            return progress
        model.set_weights(groups["weights"])
        optimizer.build(model.trainable_variables)
        for variable, value in zip(optimizer.variables, groups["optimiser"], strict=True):
            variable.assign(value)
        epoch_end.progress, epoch_end.average, epoch_end.best = progress, groups["average"], groups["best"]
    first = epoch_end.progress.epoch
    batches = BalancedBatches(recipe, sets, settings.cache_dir, epoch=first)
    model.fit(batches, epochs=choice.epochs, initial_epoch=first, shuffle=False, verbose=0, callbacks=[epoch_end])
    return epoch_end.progress


def insist_on_gpu() -> None:
    """Raise WbcError where Keras finds no GPU."""
    if not any("gpu" in str(name).lower() for name in keras.distribution.list_devices()):
        raise WbcError(
            f"Keras on {keras.backend.backend()} finds no GPU.",
            "Use --device auto, or install a backend with GPU support.",
        )
