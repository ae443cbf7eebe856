"""A laboratory to photograph: drawn cells as a data set, and jobs in every state, in folders of their own.

The finished jobs have the curves, cards and test results of the two models in this project. The other jobs have never
trained: what they show is arranged.
"""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
from sqlalchemy import update

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.running_app import ROOT
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell
from wbc_core.jobs.database import jobs
from wbc_core.jobs.endings import CONTINUES, SMALLER
from wbc_core.jobs.processes import process_name
from wbc_core.jobs.queue import Job, Queue, open_queue
from wbc_core.jobs.staff import APP, Staff
from wbc_core.recipes.spec import parse_recipe
from wbc_core.runs.folder import EXPORT, HISTORY, SPEC, State, append_log, write_status
from wbc_core.settings import Settings

DEFAULT, COMPARED = "wbc8-lite0", "wbc8-lite0-pbc-only"
SET = "drawn-cells"
PARTS = ("train",) * 8 + ("val",) * 3 + ("test",) * 3
DRAWN_PX = 96
HOUR = 3600.0

RECIPE = """id: {id}
title: {title}
seed: 1
data: [{{name: drawn-cells}}]
preprocessing: {{size: 64}}
network: {{architecture: {architecture}, initial_weights: random}}
optimisation: {{epochs: {epochs}, batch_size: 16, learning_rate: 0.001}}
calibrate_on: [drawn-cells]
test_on: [drawn-cells]
"""


@dataclass(frozen=True)
class Laboratory:
    """Folders of a laboratory and the jobs in its queue.

    Attributes
    ----------
    settings : Settings
        Its folders.
    queue : Queue
        Its jobs.
    finished, compared, failed, running : str
        Ids of jobs in these states; ``compared`` has finished as well.
    """

    settings: Settings
    queue: Queue
    finished: str = ""
    compared: str = ""
    failed: str = ""
    running: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that let an app see this laboratory."""
        names = ("data_dir", "datasets_dir", "runs_dir", "models_dir", "cache_dir")
        return {f"WBC_{name.upper()}": str(getattr(self.settings, name)) for name in names}

    def keep_alive(self) -> None:
        """Be the worker of this laboratory, so that no other one trains its jobs, and let its training show life."""
        name = str(process_name())
        staff = Staff(self.queue.engine)
        staff.beat(name)
        staff.hold(APP, name)
        for job in self.queue.listed(states=("running",)):
            write_status(job.run_dir, "running", eta_s=job.eta_s)
            self.queue.note(job.id, name, heartbeat=time.time())


def empty_laboratory(root: Path) -> Laboratory:
    """Return a laboratory with the default model, and neither data set nor job."""
    folders = {f"{name}_dir": root / name for name in ("data", "datasets", "runs", "cache", "models")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    (folders["models_dir"] / DEFAULT).symlink_to(ROOT / "models" / DEFAULT)
    (folders["models_dir"] / "recipes").symlink_to(ROOT / "models" / "recipes")
    settings = Settings(**folders, database_url="")
    return Laboratory(settings, open_queue(settings))


def make_laboratory(root: Path) -> Laboratory:
    """Return a laboratory with a data set of drawn cells and jobs in every state, the newest waiting."""
    bare = empty_laboratory(root)
    bare.keep_alive()
    draw_cells(bare.settings.data_dir / SET)
    compared = _finished(bare.queue, DEFAULT, 52 * HOUR)
    failed = _stopped(
        bare.queue,
        "Compact transformer, large pictures",
        "failed",
        30 * HOUR,
        "The run ran out of memory.",
        SMALLER,
    )
    finished = _finished(bare.queue, COMPARED, 27 * HOUR)
    _stopped(
        bare.queue,
        "Baseline CNN, first try",
        "cancelled",
        4 * HOUR,
        "Cancelled.",
        CONTINUES,
    )
    running = _running(bare.queue)
    waiting = _submitted(bare.queue, "ResNet50 for the course", "resnet50", 20)
    _date(bare.queue, waiting, submitted=240.0)
    return Laboratory(bare.settings, bare.queue, finished.id, compared.id, failed.id, running.id)


def draw_cells(folder: Path) -> None:
    """Write a data set of drawn cells, all types, with its ``split.csv``."""
    folder.mkdir(parents=True)
    with (folder / "split.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(("file", "label", "split"))
        for label in CELL_TYPES:
            for number, part in enumerate(PARTS):
                name = f"{label}-{number:02d}.png"
                cv2.imwrite(str(folder / name), render_cell(label, seed=number, size=DRAWN_PX)[..., ::-1])
                rows.writerow((name, label, part))


def _submitted(queue: Queue, title: str, architecture: str, epochs: int) -> Job:
    identifier = title.lower().replace(",", "").replace(" ", "-")
    text = RECIPE.format(id=identifier, title=title, architecture=architecture, epochs=epochs)
    return queue.submit(parse_recipe(text), text=text)


def _taken(queue: Queue, job: Job) -> None:
    job.run_dir.mkdir(parents=True)
    (job.run_dir / SPEC).write_text(job.spec, encoding="utf-8")
    queue.take(job.id, str(process_name()))


def _finished(queue: Queue, model: str, ago: float) -> Job:
    """Make the job whose training would have left one of the project's models, with that training's own history."""
    text = (ROOT / "models" / "recipes" / f"{model}.yaml").read_text(encoding="utf-8")
    job = queue.submit(parse_recipe(text), text=text)
    _taken(queue, job)
    folder = job.run_dir
    history = (ROOT / "models" / model / HISTORY).read_text(encoding="utf-8")
    (folder / HISTORY).write_text(history, encoding="utf-8")
    (folder / EXPORT).symlink_to(ROOT / "models" / model)
    epochs = list(csv.DictReader(history.splitlines()))
    for epoch in epochs:
        append_log(folder, " ".join(f"{name}={value}" for name, value in epoch.items()))
    write_status(folder, "finished", epoch=len(epochs), epochs=len(epochs))
    queue.move(job.id, "finished", progress=1.0, epoch=len(epochs))
    _date(queue, job, submitted=ago, started=ago, ended=ago - sum(float(epoch["seconds"]) for epoch in epochs))
    return queue.get(job.id)


def _stopped(queue: Queue, title: str, state: State, ago: float, message: str, hint: str) -> Job:
    job = _submitted(queue, title, "compact_transformer" if state == "failed" else "baseline_cnn", 40)
    _taken(queue, job)
    append_log(job.run_dir, message)
    write_status(job.run_dir, state, message=message, hint=hint)
    queue.move(job.id, state, message=message, hint=hint)
    _date(queue, job, submitted=ago, started=ago, ended=ago - 300)
    return queue.get(job.id)


def _running(queue: Queue) -> Job:
    job = _submitted(queue, "MobileNetV2 for the course", "mobilenetv2", 20)
    _taken(queue, job)
    history = (ROOT / "models" / DEFAULT / HISTORY).read_text(encoding="utf-8").splitlines(keepends=True)
    (job.run_dir / HISTORY).write_text("".join(history[:9]), encoding="utf-8")
    append_log(job.run_dir, "epoch 8 of 20")
    done = {"epoch": 8, "epochs": 20, "eta_s": 1440.0}
    write_status(job.run_dir, "running", step=3, steps=8, **done)
    queue.note(job.id, str(process_name()), state="running", progress=0.42, heartbeat=time.time(), **done)
    _date(queue, job, submitted=1200.0, started=1190.0)
    return queue.get(job.id)


def _date(queue: Queue, job: Job, **ago: float) -> None:
    """Move a job's times into the past, by seconds before now."""
    moments = {name: time.time() - seconds for name, seconds in ago.items()}
    with queue.engine.begin() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(**moments))
