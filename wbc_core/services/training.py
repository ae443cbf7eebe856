"""One training run in the foreground, from recipe to card."""

from __future__ import annotations

import errno
import os
import shutil
import traceback
from pathlib import Path

from wbc_core.errors import RecipeError, WbcError
from wbc_core.inference.cards import ModelCard
from wbc_core.recipes.spec import Recipe, read_recipe
from wbc_core.runs.folder import EXPORT, SPEC, append_log
from wbc_core.runs.reporter import Reporter
from wbc_core.settings import settings

DEVICES = ("auto", "cpu", "gpu")


class RunStopped(WbcError):
    """A run that somebody ended; the same command continues it."""


def train_recipe(
    recipe_path: Path,
    *,
    run_dir: Path | None = None,
    device: str = "auto",
    install: bool = False,
    export: bool = True,
) -> tuple[ModelCard | None, Path]:
    """Train a recipe or continue its run, then export it.

    Parameters
    ----------
    recipe_path : Path
        The recipe's YAML file.
    run_dir : Path, optional
        The run's folder; ``<runs>/<recipe id>`` if not given.
    device : str
        ``auto`` takes a GPU where there is one, ``cpu`` hides it, ``gpu`` insists on one.
    install : bool
        Copy the result to the models folder.
    export : bool
        Without it the run ends after its last epoch: no model, no test figures. The same command with it goes on.

    Returns
    -------
    tuple of (ModelCard or None, Path)
        The card, None without export; and the folder that holds model and card, or the run's.

    Raises
    ------
    RunStopped
        If a signal ended the run at a batch boundary.
    WbcError
        If recipe, data, pretrained weights or device do not hold, or memory, disk or device failed on the way.
    """
    if device not in DEVICES:
        raise RecipeError(f"There is no device {device!r}.", f"Choose {', '.join(DEVICES)}.")
    if device == "cpu":
        # Read by TensorFlow and JAX when they are imported, which happens below.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    recipe = read_recipe(recipe_path)
    folder = run_dir or settings().runs_dir / recipe.id
    folder.mkdir(parents=True, exist_ok=True)
    if recipe_path.resolve() != (folder / SPEC).resolve():
        shutil.copyfile(recipe_path, folder / SPEC)
    with Reporter(folder) as reporter:
        card = _watched(recipe, reporter, device, export=export)
    if card is None:
        return None, folder
    if not install:
        return card, folder / EXPORT
    target = settings().models_dir / recipe.id
    shutil.copytree(folder / EXPORT, target, dirs_exist_ok=True)
    return card, target


def _watched(recipe: Recipe, reporter: Reporter, device: str, *, export: bool) -> ModelCard | None:
    """Run and export, and put whatever ends the run early into its status and into words."""
    from wbc_core.training.stopping import RunCancelled, StopRequest, stop_on_signals

    folder = reporter.run_dir
    try:
        with stop_on_signals(stop := StopRequest()):
            from wbc_core.training.loop import insist_on_gpu, run_training

            if device == "gpu":
                insist_on_gpu()
            run_training(recipe, reporter, settings(), stop)
            if not export:
                reporter.report("finished", eta_s=None)
                return None
            from wbc_core.training.export import export_run

            reporter.report("exporting", eta_s=None)
            card = export_run(recipe, folder, settings())
            reporter.report("finished")
            return card
    except (RunCancelled, KeyboardInterrupt) as error:
        stopped = RunStopped(
            f"The run in {folder} was stopped.", "The same command continues it from its last finished epoch."
        )
        reporter.report("cancelled", message=stopped.message, hint=stopped.hint, eta_s=None)
        raise stopped from error
    except Exception as error:
        fault = error if isinstance(error, WbcError) else explained(error)
        if fault is not error:
            append_log(folder, "".join(traceback.format_exception(error)))
        append_log(folder, f"failed: {fault}")
        reporter.report("failed", message=fault.message, hint=fault.hint, eta_s=None)
        if fault is error:
            raise
        raise fault from error


def explained(error: BaseException) -> WbcError:
    """Put what a framework or the system raised into one sentence and a hint; the run itself is kept."""
    name, text = type(error).__name__, (str(error).strip().splitlines() or [""])[0][:200]
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError" or "out of memory" in text.lower():
        return WbcError(
            "The run ran out of memory.",
            "Make optimisation.batch_size or preprocessing.size smaller under a new id; the run's epochs are kept.",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WbcError(
            "The disk is full: the run could not write its files.",
            "Make room and start the run again; it continues from its last finished epoch.",
        )
    if any(word in f"{name} {text}".lower() for word in ("cuda", "cudnn", "gpu", "device lost")):
        return WbcError(
            f"The GPU failed while the run used it: {text or name}.",
            "Start the run again; it continues from its last finished epoch, with --device cpu also without the GPU.",
        )
    return WbcError(
        f"The run failed with {name}: {text}.", "The last lines of its log.txt say where; its finished epochs are kept."
    )
