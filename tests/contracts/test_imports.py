"""Imports: what the package uses is what its requirements list, and serving needs no training framework."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PACKAGE_OF = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "mlflow": "mlflow-skinny",
    "pythonjsonlogger": "python-json-logger",
}
TRAINING_ROOMS = ("wbc_core/zoo", "wbc_core/training")
OPTIONAL = {
    "wbc_core/batches/ray_engine.py": "requirements-cluster.txt",
    "wbc_core/jobs/ray_backend.py": "requirements-cluster.txt",
    "wbc_core/training/tracking.py": "requirements-cluster.txt",
    "wbc_core/jobs/search.py": "requirements-train.txt",
}
"""Modules that import an extra's package where it is used, and say what to install where it is missing."""
MODULES = [*sorted(path for room in ("wbc_core", "pages") for path in (ROOT / room).rglob("*.py")), ROOT / "app.py"]


def listed(name: str) -> set[str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return {Requirement(line).name.lower().replace("_", "-") for line in lines if line}


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports, also inside functions, under the names of their distributions."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            roots.add(node.module.partition(".")[0])
    outside = roots - set(sys.stdlib_module_names) - {"wbc_core"}
    return {PACKAGE_OF.get(root, root).lower().replace("_", "-") for root in outside}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_imported_package_is_a_listed_requirement(path: Path) -> None:
    allowed = listed("requirements-serve.txt")
    if str(path.relative_to(ROOT)).startswith(TRAINING_ROOMS):
        allowed |= listed("requirements-train.txt")
    if str(path.relative_to(ROOT)) in OPTIONAL:
        allowed |= listed(OPTIONAL[str(path.relative_to(ROOT))])
    assert imported(path) <= allowed


def test_prediction_and_commands_load_where_tensorflow_is_not_installed() -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('tensorflow', 'keras', 'tf2onnx', 'ray', 'optuna'), None));"
        "import wbc_core.cli.main, wbc_core.services.single_image, wbc_core.services.models, wbc_core.services.curves"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
