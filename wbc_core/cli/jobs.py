"""The ``wbc jobs`` commands: the queue of training jobs, its worker, and searches."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from wbc_core.errors import WbcError

jobs_app = typer.Typer(help="Queue training jobs, watch them, stop and resume them.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Job id, see `wbc jobs list`.")]
BackendOption = Annotated[str, typer.Option(help="local, or ray for the cluster at WBC_RAY_ADDRESS.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

FOLLOW_S = 0.5


@jobs_app.command("submit")
def submit(
    recipe: Annotated[Path, typer.Argument(help="Recipe, one YAML file; see models/recipes.")],
    backend: BackendOption = "local",
    device: DeviceOption = "auto",
    replace: Annotated[bool, typer.Option("--replace", help="The id may be an installed model's.")] = False,
) -> None:
    """Check a recipe and put it into the queue."""
    from wbc_core.services.jobs import submit_job, workers_at_work

    job = submit_job(recipe, backend=backend, device=device, replace=replace)
    print(job.id)
    if not workers_at_work():
        print("No worker is at work: start one with `wbc jobs worker`, or the app.")


@jobs_app.command("estimate")
def estimate(
    recipe: Annotated[Path, typer.Argument(help="Recipe, one YAML file; see models/recipes.")],
    as_json: JsonOption = False,
) -> None:
    """Say how long a recipe will take, and how much memory and disk."""
    from dataclasses import asdict

    from wbc_core.recipes.spec import read_recipe
    from wbc_core.services.jobs import estimate_job

    found = estimate_job(read_recipe(recipe))
    print(json.dumps(asdict(found), indent=1) if as_json else found.sentence())


@jobs_app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List jobs, the newest first."""
    from wbc_core.services.jobs import list_jobs

    jobs = list_jobs(limit)
    if as_json:
        print(json.dumps([job.as_dict() for job in jobs], indent=1))
        return
    for job in jobs:
        done = f"{100 * job.progress:.0f} %"
        print("\t".join([job.id, job.state, done, job.recipe_id, job.title, job.message]).rstrip())


@jobs_app.command("show")
def show(job_id: IdArgument, as_json: JsonOption = False) -> None:
    """Show a job: how far it is, what happened, the last lines of its log."""
    from wbc_core.recipes.estimate import about
    from wbc_core.services.jobs import job_details

    job = job_details(job_id)
    if as_json:
        print(json.dumps(job.as_dict(), indent=1))
        return
    epochs = f"{job.epoch} of {job.epochs}" if job.epochs else str(job.epoch)
    left = f", {about(job.eta_s)} left" if job.eta_s is not None else ""
    rows = {
        "id": job.id,
        "recipe": f"{job.recipe_id}: {job.title}",
        "state": f"{job.state}{' (to be cancelled)' if job.cancel_requested else ''}",
        "progress": f"{100 * job.progress:.0f} %, epoch {epochs}{left}",
        "where": f"{job.backend}, device {job.device}",
        "submitted": _time(job.submitted),
        "started": _time(job.started),
        "ended": _time(job.ended),
        "folder": str(job.run_dir),
        "message": f"{job.message} {job.hint}".strip(),
    }
    if job.waiting and not job.workers:
        rows["waits"] = "No worker is at work: start one with `wbc jobs worker`, or the app."
    for name, value in rows.items():
        if value:
            print(f"{name + ':':<11} {value}")
    for line in job.last_lines:
        print(f"| {line}")


def _time(seconds: float | None) -> str:
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


@jobs_app.command("logs")
def logs(
    job_id: IdArgument,
    lines: Annotated[int, typer.Option(min=1, help="At most so many, the last.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the job has ended.")] = False,
) -> None:
    """Print the end of a job's log."""
    from wbc_core.services.jobs import follow_log, job_details

    if follow:
        for line in follow_log(job_id, lines, every_s=FOLLOW_S):
            print(line, flush=True)
        return
    for line in job_details(job_id, lines).last_lines:
        print(line)


@jobs_app.command("cancel")
def cancel(job_id: IdArgument) -> None:
    """Cancel a waiting job at once, let a running one end at its next batch boundary; either can be resumed."""
    from wbc_core.services.jobs import cancel_job

    job = cancel_job(job_id)
    print(f"{job.id}: {'will be cancelled at its next batch' if job.cancel_requested else job.state}")


@jobs_app.command("resume")
def resume(
    job_id: IdArgument,
    device: Annotated[str | None, typer.Option(help="Continue on another device: auto, cpu or gpu.")] = None,
) -> None:
    """Put a cancelled or failed job back into the queue; it continues from its last finished epoch."""
    from wbc_core.services.jobs import resume_job

    job = resume_job(job_id, device=device)
    print(f"{job.id}: {job.state}")


@jobs_app.command("promote")
def promote(
    job_id: IdArgument,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an installed model of that id.")] = False,
) -> None:
    """Copy a finished job's model into the models folder."""
    from wbc_core.services.jobs import promote_job

    print(promote_job(job_id, replace=replace))


@jobs_app.command("worker")
def worker(
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to do.")] = False,
    beside_app: Annotated[bool, typer.Option("--beside-app", hidden=True)] = False,
) -> None:
    """Work off the queue, until it is ended by Ctrl-C or SIGTERM."""
    from wbc_core.services.jobs import run_worker
    from wbc_core.services.logs import set_up_logs
    from wbc_core.services.restore_moves import settle_restore
    from wbc_core.settings import settings

    set_up_logs(settings())
    settle_restore(settings())
    run_worker(once=once, beside_app=beside_app)


@jobs_app.command("search")
def search(
    recipe: Annotated[Path, typer.Argument(help="Recipe to start from, one YAML file.")],
    trials: Annotated[
        int, typer.Option(min=1, help="Trials in all; the same command goes on until there are so many.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of the search; the recipe's id if not given.")] = None,
    parameters: Annotated[
        str, typer.Option(help="What to vary, separated by commas.")
    ] = "learning_rate,dropout,augmentation_strength,input_size",
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of a trial; a third of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the choices; the recipe's if not given.")] = None,
    backend: BackendOption = "local",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Look for better values on validation pictures: every trial is a job, poor ones are given up early."""
    from wbc_core.services.searching import SearchStopped, search_recipe

    if not as_json:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        result = search_recipe(
            recipe,
            trials=trials,
            name=name,
            parameters=tuple(part.strip() for part in parameters.split(",") if part.strip()),
            epochs=epochs,
            seed=seed,
            backend=backend,
            device=device,
        )
    except SearchStopped as stop:
        print(f"wbc: {stop}", file=sys.stderr)
        raise typer.Exit(3) from stop
    if as_json:
        print(json.dumps(result.as_dict(), indent=1))
        return
    print(result.table())
    if result.best_recipe is None:
        raise WbcError("No trial came to its end.", f"See `wbc jobs list` and {result.folder}.")
    print(f"The best recipe is {result.best_recipe}; train it with `wbc jobs submit {result.best_recipe}`.")
