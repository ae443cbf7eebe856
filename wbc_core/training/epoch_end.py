"""What happens beside the gradient steps: averaged weights, validation, the best epoch, checkpoint, history, status."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score

from wbc_core.datasets.parts import SplitSet
from wbc_core.recipes.spec import Phase, Plateau, Recipe
from wbc_core.runs.folder import CHECKPOINT, append_log, write_history
from wbc_core.runs.reporter import Reporter
from wbc_core.settings import Settings
from wbc_core.training.checkpoint import Arrays, Progress, save_checkpoint
from wbc_core.training.data import exact_crops
from wbc_core.training.stopping import StopRequest
from wbc_core.training.tracking import Tracker

AVERAGED_EVERY = 4
"""Batches. Reading all weights after each one would take a large, shallow network as long as its training step."""


class EpochEnd(keras.callbacks.Callback):
    """Average weights step by step; at each epoch's end validate, keep the best, write the checkpoint.

    Parameters
    ----------
    recipe : Recipe
        The run's recipe.
    reporter : Reporter
        Takes the run's state.
    sets : tuple of SplitSet
        Their validation parts are measured.
    settings : Settings
        Where the cache lies.
    stop : StopRequest
        Checked after every batch.
    """

    def __init__(
        self, recipe: Recipe, reporter: Reporter, sets: tuple[SplitSet, ...], settings: Settings, stop: StopRequest
    ) -> None:
        super().__init__()
        self.recipe, self.reporter, self.stop = recipe, reporter, stop
        self.run_dir: Path = reporter.run_dir
        self.validation = {part.name: exact_crops(part.validation, recipe, settings.cache_dir) for part in sets}
        self.progress = Progress()
        self.average: Arrays = []
        self.best: Arrays = []
        self.trackers: tuple[Tracker, ...] = ()
        self.phase: Phase = recipe.all_phases()[0]
        self.steps = 0
        self.started = 0.0
        self._since_average = 0

    @property
    def averages(self) -> bool:
        """Whether the recipe averages weights."""
        return self.recipe.optimisation.average_decay > 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.started = time.perf_counter()
        self._since_average = 0
        for layer in self.model.layers:
            if hasattr(layer, "seed_generator"):
                layer.seed_generator.state.assign(np.array([self.recipe.seed % 2**31, epoch], np.uint32))
        if isinstance(self.recipe.optimisation.schedule, Plateau):
            self.model.optimizer.learning_rate.assign(self.phase.learning_rate * self.progress.plateau_factor)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._since_average += 1
        if self.averages and self._since_average == AVERAGED_EVERY:
            self._average()
        done, seconds = batch + 1, time.perf_counter() - self.started
        left = self.recipe.epochs * self.steps - self.progress.epoch * self.steps - done
        self.reporter.step(done, seconds / done * left)
        self.stop.check()

    def _average(self) -> None:
        """Let the weights of the last batches into the average; in place, as large networks have many of them."""
        weights = self._current()
        keep = self.recipe.optimisation.average_decay**self._since_average
        self._since_average = 0
        if not self.average:
            self.average = weights
            return
        for average, weight in zip(self.average, weights, strict=True):
            weight -= average
            weight *= 1 - keep
            average += weight

    def _current(self) -> Arrays:
        if keras.backend.backend() == "jax":  # its trainer keeps the weights outside the model within an epoch
            self.model.jax_state_sync()
        return [np.array(keras.ops.convert_to_numpy(weight)) for weight in self.model.weights]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        current = self._current()
        if self.averages:
            if self._since_average:
                self._average()
            self.model.set_weights(self.average)
        scores = self._validate()
        if self.averages:
            self.model.set_weights(current)
        row = {
            "epoch": float(epoch),
            **{key: float(value) for key, value in (logs or {}).items()},
            **scores,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": time.perf_counter() - self.started,
        }
        progress = self.progress
        progress.epoch = epoch + 1
        progress.history.append(row)
        # The loss, not the mean of the sets' balanced accuracies: that one jumps with single pictures of a small set.
        improved = scores["val_loss"] < progress.best_loss
        progress.best_loss = min(progress.best_loss, scores["val_loss"])
        if improved or self.recipe.optimisation.keep == "last":
            progress.best_epoch = epoch
            self.best = [array.copy() for array in (self.average if self.averages else current)]
        self._step_down(improved=improved)
        # Earlier phases run to their end: a frozen network that has learned all it can is no reason to stop.
        last_phase = self.recipe.epochs - self.recipe.all_phases()[-1].epochs
        waited = epoch - max(progress.best_epoch, last_phase)
        progress.finished = epoch + 1 >= self.recipe.epochs or waited >= self.recipe.optimisation.patience
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
        write_history(self.run_dir, progress.history)
        append_log(self.run_dir, " ".join(f"{key}={value:.5g}" for key, value in row.items()))
        for tracker in self.trackers:
            tracker.epoch(row)
        self.reporter.report("running", epoch=progress.epoch, step=0)

    def _step_down(self, *, improved: bool) -> None:
        """Follow the plateau schedule (Keras's ReduceLROnPlateau, but kept in the checkpoint)."""
        schedule, progress = self.recipe.optimisation.schedule, self.progress
        if not isinstance(schedule, Plateau):
            return
        progress.plateau_waited = 0 if improved else progress.plateau_waited + 1
        if progress.plateau_waited >= schedule.patience:
            lowest = schedule.least / self.phase.learning_rate
            progress.plateau_factor = max(progress.plateau_factor * schedule.factor, lowest)
            progress.plateau_waited = 0

    def _validate(self) -> dict[str, float]:
        scores: dict[str, float] = {}
        losses, hits, count = 0.0, 0.0, 0
        for name, (crops, labels) in self.validation.items():
            logits = predict_logits(self.model, crops).astype(np.float64)
            shifted = logits - logits.max(axis=1, keepdims=True)
            log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            found = logits.argmax(axis=1)
            scores[f"val_balanced_accuracy_{name}"] = float(balanced_accuracy_score(labels, found))
            losses -= float(log_probability[np.arange(len(labels)), labels].sum())
            hits += float((found == labels).sum())
            count += len(labels)
        return {**scores, "val_loss": losses / count, "val_accuracy": hits / count}


def predict_logits(model: Any, crops: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
    """Return a single-output Keras model's logits, (images, classes), for uint8 crops."""
    parts = [model.predict_on_batch(crops[at : at + batch].astype(np.float32)) for at in range(0, len(crops), batch)]
    return np.concatenate([np.asarray(part, dtype=np.float32) for part in parts])
