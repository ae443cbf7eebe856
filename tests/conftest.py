"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from wbc_core.settings import settings

# Test files run side by side: with one core for each, the threads of a framework do not wait for one another. Read when
# the framework is loaded, by this process and by those that it starts.
SIDE_BY_SIDE = "PYTEST_XDIST_WORKER" in os.environ
if SIDE_BY_SIDE:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(variable, "1")

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# No deadline: a busy machine is not a broken promise. In CI the examples depend on the code alone.
hypothesis_settings.register_profile("wbc", deadline=None, derandomize=IN_CI)
hypothesis_settings.load_profile("wbc")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, begin with the files of slow tests, so that none of them is left to run alone at the end."""
    if SIDE_BY_SIDE:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


def _present(folder: Path, needed: str, variable: str) -> Path:
    """Return the folder; without it skip the test, or fail it in CI, where nothing may be missing silently."""
    if (folder / needed).exists():
        return folder
    reason = f"{needed} is not in {folder}: set {variable} to the folder that holds it."
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the labelled image sets, as the settings name it."""
    return _present(settings().data_dir, "pbc/split.csv", "WBC_DATA_DIR")


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Folder of the ImageNet-pretrained backbones, as the settings name it."""
    return _present(settings().weights_dir, "efficientnet_lite0_no_top.npz", "WBC_WEIGHTS_DIR")
