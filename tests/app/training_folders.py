"""Run folders and jobs as training leaves them, for the pages that show them."""

from __future__ import annotations

from pathlib import Path

from wbc_core.jobs.queue import Job, open_queue
from wbc_core.recipes.spec import parse_recipe
from wbc_core.runs.folder import SPEC, State, append_log, write_history, write_status
from wbc_core.settings import settings

SPEC_TEXT = """id: {id}
title: {title}
seed: 1
data: [{{name: own}}]
labels: [eosinophil, neutrophil]
network: {{architecture: baseline_cnn, initial_weights: random}}
optimisation: {{epochs: {epochs}, learning_rate: {rate}}}
"""


def spec(title: str = "A training", *, epochs: int = 8, rate: float = 0.001) -> str:
    """Return a recipe's text."""
    return SPEC_TEXT.format(id="trained-here", title=title, epochs=epochs, rate=rate)


def make_run(
    name: str, state: State = "finished", *, title: str = "A training", epochs_done: int = 8, **fields: object
) -> Path:
    """Write a run folder; its validation loss is lowest in the middle. Further fields are those of its status."""
    folder = settings().runs_dir / name
    folder.mkdir(parents=True)
    (folder / SPEC).write_text(spec(title))
    write_status(folder, state, **fields)
    if epochs_done:
        write_history(
            folder,
            [
                {
                    "epoch": float(epoch),
                    "accuracy": 0.5 + epoch / 40,
                    "loss": 1 - epoch / 10,
                    "val_accuracy": 0.6,
                    "val_loss": 0.5 + abs(epoch - epochs_done // 2) / 10,
                    "learning_rate": 0.001,
                    "seconds": 60.0,
                }
                for epoch in range(epochs_done)
            ],
        )
    return folder


def make_job(state: State = "queued", *, title: str = "A training", epochs_done: int = 0, **values: object) -> Job:
    """Put a job into the queue and bring it into a state, with its run folder."""
    queue = open_queue(settings())
    job = queue.submit(parse_recipe(spec(title)))
    folder = make_run(job.id, state, title=title, epochs_done=epochs_done, epoch=epochs_done, **values)
    append_log(folder, "the last line of the log")
    if state == "queued":
        return job
    worker = "nobody:1:1.0"
    queue.take(job.id, worker)
    if state == "preparing":
        return queue.get(job.id)
    seen = {name: values[name] for name in ("heartbeat", "progress", "eta_s") if name in values}
    if seen:
        queue.note(job.id, worker, **seen)
    queue.move(job.id, state, **{name: values[name] for name in ("message", "hint") if name in values})
    return queue.get(job.id)
