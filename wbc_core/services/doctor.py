"""Is this host fit to serve and to train, and if not, what is to be done: one finding for each thing looked at."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import psutil
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from wbc_core.errors import WbcError
from wbc_core.inference.cards import load_card, read_verified
from wbc_core.jobs.database import database_url
from wbc_core.services.doctor_operations import examine_operations
from wbc_core.services.doctor_server import examine_server
from wbc_core.services.findings import Finding
from wbc_core.services.models import installed_ids
from wbc_core.settings import Settings, memory_folder, settings

SERVING: Final = [
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "statsmodels",
    "cleanlab",
    "PIL",
    "cv2",
    "onnxruntime",
    "pydantic",
    "pydantic_settings",
    "yaml",
    "streamlit",
    "starlette",
    "altair",
    "typer",
    "rich",
    "sqlalchemy",
    "tensorboard",
    "psutil",
    "xlsxwriter",
    "alembic",
    "prometheus_client",
    "pythonjsonlogger",
]
TRAINING: Final = ("tensorflow", "keras", "h5py", "onnx", "tf2onnx")

LEAST_MEMORY_GB, GOOD_MEMORY_GB = 1.0, 2.0
LEAST_DISK_MB, GOOD_DISK_MB = 200, 2000
IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
KERAS: Final = "model.keras"
"""Needed for an export only; an image to serve leaves it out."""


def examine() -> tuple[Finding, ...]:
    """Look at everything; a check that fails itself becomes an error among the findings."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _host,
        _packages,
        _models,
        _sets,
        _database,
        _folders,
        _uploads,
        examine_server,
        examine_operations,
    )
    return tuple(finding for check in checks for finding in check(settings()))


def _host(_: Settings) -> Iterator[Finding]:
    yield Finding("ok", "Python", f"Version {platform.python_version()}.")
    cores, memory = os.cpu_count() or 1, psutil.virtual_memory().total / 1e9
    level: Literal["ok", "warning", "error"] = "ok"
    if memory < GOOD_MEMORY_GB:
        level = "error" if memory < LEAST_MEMORY_GB else "warning"
    advice = f"Give it {GOOD_MEMORY_GB:g} GB to serve, 4 GB to train." if level != "ok" else ""
    yield Finding(level, "Host", f"{cores} cores, {memory:.1f} GB of memory.", advice)


def _packages(chosen: Settings) -> Iterator[Finding]:
    missing = [name for name in SERVING if find_spec(name) is None]
    if missing:
        yield Finding(
            "error",
            "Packages",
            f"Not installed: {', '.join(missing)}.",
            "pip install -c constraints.txt -r requirements-serve.txt",
        )
    else:
        yield Finding("ok", "Packages", "All that serving needs are installed.")
    missing = [name for name in TRAINING if find_spec(name) is None]
    if not missing:
        yield Finding("ok", "Training", "Its packages are installed.")
    elif chosen.jobs_worker:
        yield Finding(
            "warning",
            "Training",
            f"Not installed: {', '.join(missing)}; the worker beside the app cannot train.",
            "pip install -c constraints.txt -r requirements.txt, or set WBC_JOBS_WORKER=false.",
        )
    else:
        yield Finding("ok", "Training", "Not installed, and no worker runs beside the app.")


def _models(chosen: Settings) -> Iterator[Finding]:
    found = installed_ids()
    if chosen.default_model not in found:
        yield Finding(
            "error",
            "Models",
            f"The default model {chosen.default_model} is not in {chosen.models_dir}.",
            "Set WBC_MODELS_DIR to the folder of the models, or WBC_DEFAULT_MODEL to one of them.",
        )
    for model_id in found:
        folder = chosen.models_dir / model_id
        try:
            card = load_card(folder)
            absent = KERAS in card.files and not (folder / KERAS).exists()
            names = sorted(set(card.files) - ({KERAS} if absent else set()))
            for name in names:
                read_verified(folder, card, name)
        except WbcError as error:
            yield Finding("error", f"Model {model_id}", error.message, error.hint)
        else:
            without = "; without the Keras file, which only an export needs" if absent else ""
            yield Finding("ok", f"Model {model_id}", f"{len(names)} files are as the card describes them{without}.")


def _sets(chosen: Settings) -> Iterator[Finding]:
    for subject, folder, variable in (
        ("Data sets", chosen.data_dir, "WBC_DATA_DIR"),
        ("Pretrained weights", chosen.weights_dir, "WBC_WEIGHTS_DIR"),
    ):
        if folder.is_dir():
            yield Finding("ok", subject, f"In {folder}.")
        else:
            yield Finding("ok", subject, f"None at {folder}; only training and its tests need them ({variable}).")


def _database(chosen: Settings) -> Iterator[Finding]:
    if chosen.mode == "public":
        yield Finding("ok", "Database", "A public server has no jobs, and none is opened.")
        return
    url = database_url(chosen)
    file = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    if file is not None and not file.exists():
        yield Finding("ok", "Database", f"Made at {file} with the first job.")
        return
    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            sound = file is None or connection.scalar(text("PRAGMA quick_check")) == "ok"
            connection.scalar(text("SELECT 1"))
        engine.dispose()
    except (SQLAlchemyError, ArgumentError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        yield Finding("error", "Database", f"It cannot be opened: {reason}.", "Check WBC_DATABASE_URL and its server.")
        return
    if sound:
        yield Finding("ok", "Database", "It opens and is sound.")
    else:
        yield Finding("error", "Database", f"{file} is damaged.", "Restore it from a backup.")


def _folders(chosen: Settings) -> Iterator[Finding]:
    if chosen.mode == "public":
        return
    for subject, folder, variable in (
        ("Runs", chosen.runs_dir, "WBC_RUNS_DIR"),
        ("Batches", chosen.batches_dir, "WBC_BATCHES_DIR"),
        ("Cache", chosen.cache_dir, "WBC_CACHE_DIR"),
    ):
        present = existing(folder)
        if not os.access(present, os.W_OK):
            yield Finding("error", subject, f"{present} cannot be written.", f"Set {variable} to another folder.")
            continue
        free = shutil.disk_usage(present).free / 1e6
        level: Literal["ok", "warning", "error"] = "ok"
        if free < GOOD_DISK_MB:
            level = "error" if free < LEAST_DISK_MB else "warning"
        advice = f"Make room, or set {variable} to another disk." if level != "ok" else ""
        yield Finding(level, subject, f"{free:,.0f} MB are free for {folder}.", advice)


def _uploads(chosen: Settings) -> Iterator[Finding]:
    folder = memory_folder()
    if not os.access(folder, os.W_OK):
        yield Finding(
            "error",
            "Uploads",
            f"{folder} cannot be written: an upload of more than 1 MB would fail.",
            "Set TMPDIR to a folder on a tmpfs.",
        )
        return
    if file_system(folder) not in IN_MEMORY:
        yield Finding(
            "warning" if chosen.mode == "local" else "error",
            "Uploads",
            f"{folder} lies on a disk: pictures would touch it for the moment of their arrival.",
            "Set TMPDIR to a folder on a tmpfs, for example /dev/shm.",
        )
        return
    free = shutil.disk_usage(folder).free / 1e6
    if free < chosen.max_archive_mb:
        yield Finding(
            "warning",
            "Uploads",
            f"{folder} has room for {free:,.0f} MB; one upload may have {chosen.max_archive_mb}.",
            "Make the tmpfs larger, or WBC_MAX_ARCHIVE_MB smaller.",
        )
    else:
        yield Finding("ok", "Uploads", f"They arrive in memory, in {folder}.")


def existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Return the kind of the file system that a folder lies on; empty where that is not told."""
    try:
        lines = mounts.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        _, place, name, *_ = line.split()
        if folder.resolve().is_relative_to(place) and len(place) >= best:
            best, kind = len(place), name
    return kind
