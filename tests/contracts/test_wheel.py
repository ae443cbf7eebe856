"""The wheel: built from what is in the repository, it runs `wbc` far from the checkout, and holds the data it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.settings import ROOT, own_place

pytestmark = pytest.mark.slow
BUILT_FROM = ("wbc_core", "pyproject.toml", "README.md", "LICENSE", "requirements*.txt")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel alone was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    for pattern in BUILT_FROM:  # a copy: building leaves folders behind
        for source in ROOT.glob(pattern):
            if source.is_dir():
                shutil.copytree(source, folder / "source" / source.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (folder / "source").mkdir(exist_ok=True)
                shutil.copy(source, folder / "source")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--quiet", "-w", str(folder), str(folder / "source")]
    pip(*build)
    (wheel,) = folder.glob("*.whl")
    pip("install", "--no-deps", "--no-index", "--no-compile", "--quiet", "--target", str(folder / "site"), str(wheel))
    return folder / "site"


def pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def wbc(site: Path, cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("WBC_")}
    environment = own | {"PYTHONPATH": str(site), "XDG_DATA_HOME": str(cwd / "share")} | variables
    command = [sys.executable, "-m", "wbc_core", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_names_a_cell_outside_the_checkout(site: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "cell.png"), render_cell("lymphocyte", seed=1)[..., ::-1])
    done = wbc(site, tmp_path, "predict", "cell.png", WBC_MODELS_DIR=str(ROOT / "models"))
    assert done.returncode == 0, done.stderr
    header, row = done.stdout.splitlines()
    assert header.startswith("file,label,confidence,status,reason,error,p_")
    assert row.startswith("cell.png,")
    assert (site / "bin" / "wbc").is_file()


def test_without_a_folder_of_models_the_wheel_says_how_to_name_one(site: Path, tmp_path: Path) -> None:
    done = wbc(site, tmp_path, "predict", "cell.png")
    assert done.returncode == 1
    assert done.stderr == (
        "wbc: There is no model named 'wbc8-lite0'. Set WBC_MODELS_DIR to the folder that holds the models.\n"
    )


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(site: Path) -> None:
    assert {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")} == {"wbc_core", "bin"}
    kept = {path.relative_to(ROOT).as_posix() for path in (ROOT / "wbc_core").glob("*/data/*") if path.is_file()}
    kept |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "wbc_core/jobs/migrations").rglob("*.py")}
    assert kept
    assert kept <= {path.relative_to(site).as_posix() for path in site.rglob("*")}
    assert (site / "wbc_core" / "py.typed").is_file()


def test_an_installed_package_writes_to_the_users_folder_and_a_checkout_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert own_place(tmp_path / "site-packages") == tmp_path / "wbc-core"
    assert own_place(ROOT) == ROOT
