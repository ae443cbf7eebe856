"""Learning rates by step, in closed form, so that a resumed run needs no state for them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from wbc_core.recipes.spec import Constant, Schedule, Step, WarmupCosine


class PlannedRate(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then the recipe's schedule.

    Parameters
    ----------
    schedule : WarmupCosine, Constant or Step
        The recipe's choice; *plateau* is no function of the step and is set epoch by epoch instead.
    peak : float
        Learning rate after the warm-up.
    warmup : int
        Steps of the rise.
    steps, epochs : int
        Steps of an epoch, and epochs of the phase.
    """

    def __init__(self, schedule: Schedule, peak: float, warmup: int, steps: int, epochs: int) -> None:
        self.schedule, self.peak, self.warmup = schedule, peak, warmup
        self.steps, self.total = steps, steps * epochs

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        ops = keras.ops
        step = ops.cast(step, "float32")
        rising = (step + 1) / max(self.warmup, 1)
        return self.peak * ops.minimum(ops.minimum(rising, 1.0), self._falling(step))

    def _falling(self, step: Any) -> Any:
        ops = keras.ops
        match self.schedule:
            case WarmupCosine(floor=floor):
                share = ops.clip((step - self.warmup) / max(self.total - self.warmup, 1), 0.0, 1.0)
                return floor + (1 - floor) * 0.5 * (1 + ops.cos(np.pi * share))
            case Step(every=every, factor=factor):
                return factor ** ops.floor(step / (every * self.steps))
            case Constant():
                return ops.ones_like(step)
        raise ValueError(f"expected a schedule of the step, received {self.schedule.kind}")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            "schedule": self.schedule.model_dump(),
            "peak": self.peak,
            "warmup": self.warmup,
            "steps": self.steps,
            "epochs": self.total // self.steps,
        }
