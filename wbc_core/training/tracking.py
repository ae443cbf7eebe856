"""A run's figures for other programs: TensorBoard event files always, MLflow where it is set up."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from wbc_core.errors import WbcError
from wbc_core.recipes.spec import Recipe
from wbc_core.runs.folder import EVENTS
from wbc_core.settings import Settings


class Tracker(Protocol):
    """Takes one row of the history after each epoch."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """Take an epoch's row."""

    def close(self) -> None:
        """Write what is still held."""


class TensorBoardEvents:
    """Event files in ``<run>/tensorboard``, begun anew from the history so that every epoch stands there once."""

    def __init__(self, run_dir: Path, history: Sequence[Mapping[str, float]]) -> None:
        from tensorboard.summary import Writer

        folder = run_dir / EVENTS
        shutil.rmtree(folder, ignore_errors=True)
        self._writer = Writer(str(folder))
        for row in history:
            self.epoch(row)

    def epoch(self, row: Mapping[str, float]) -> None:
        """Write each figure of an epoch under its name in the history."""
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, float(value), int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class MlflowRun:
    """One MLflow run of the same name and tags; a resumed training goes on in it."""

    def __init__(self, recipe: Recipe, run_dir: Path, settings: Settings) -> None:
        try:
            import mlflow
        except ImportError as error:
            raise WbcError(
                "WBC_MLFLOW_TRACKING_URI is set, but MLflow is not installed.",
                "Install requirements-cluster.txt, or unset the variable.",
            ) from error
        self._client = mlflow.MlflowClient(tracking_uri=settings.mlflow_tracking_uri)
        experiment = self._client.get_experiment_by_name("wbc-core")
        experiment_id = experiment.experiment_id if experiment else self._client.create_experiment("wbc-core")
        note = run_dir / "mlflow-run.txt"
        if note.is_file():
            self._run_id = note.read_text(encoding="utf-8")
            return
        run = self._client.create_run(experiment_id, run_name=f"{recipe.id} {run_dir.name}")
        self._run_id = run.info.run_id
        note.write_text(self._run_id, encoding="utf-8")
        for name, value in flattened(recipe.model_dump(mode="json")).items():
            self._client.log_param(self._run_id, name, str(value)[:500])

    def epoch(self, row: Mapping[str, float]) -> None:
        """Log an epoch's figures."""
        for name, value in row.items():
            if name != "epoch":
                self._client.log_metric(self._run_id, name, float(value), step=int(row["epoch"]))

    def close(self) -> None:
        """Say that the run has ended."""
        self._client.set_terminated(self._run_id)


def flattened(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested fields as ``outer.inner`` → value; lists are written out."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def trackers(
    recipe: Recipe, run_dir: Path, history: Sequence[Mapping[str, float]], settings: Settings
) -> tuple[Tracker, ...]:
    """Return the trackers of a run."""
    events = TensorBoardEvents(run_dir, history)
    if not settings.mlflow_tracking_uri:
        return (events,)
    return (events, MlflowRun(recipe, run_dir, settings))
