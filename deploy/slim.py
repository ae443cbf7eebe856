"""Remove from an environment what serving never opens: tests, headers, servers and notebooks that packages bring.

Run by the Dockerfile: ``python deploy/slim.py /opt/venv``. That is some 350 MB; a test installs the slim
set, removes it, and then serves pages, classifies, compares and reads TensorBoard's events.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

UNUSED = (
    "pip",
    "setuptools",
    "_distutils_hack",
    "distutils-precedence.pth",
    "**/tests",
    "numpy/distutils",
    "onnxruntime/capi/libonnxruntime.so*",  # for programs in C; the Python module holds its own
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "pyarrow/include",
    "pyarrow/_flight*",  # remote procedure calls and cloud storage
    "pyarrow/_s3fs*",
    "pyarrow/libarrow_flight*",
    "pyarrow/libarrow_python_flight*",
    "pyarrow/libarrow_s3*",
    "pydeck/nbextension",  # notebooks
    "sklearn/datasets/data/*.gz",
    "sklearn/datasets/images/*.jpg",
    "sqlalchemy/testing",
    "statsmodels/datasets",
    "statsmodels/sandbox",
    "statsmodels/tsa",
    "tensorboard/webfiles.zip",  # TensorBoard's own server
    "tensorboard_data_server/bin",
    "grpc",
    "vl_convert",  # charts as files: browsers save them too, and the pages leave the buttons out
)
"""Patterns below the folder of the packages."""


def slim(environment: Path) -> int:
    """Remove what is not used from an environment and return how many bytes that were."""
    (packages,) = environment.glob("lib/python3*/site-packages")
    removed = 0
    for pattern in UNUSED:
        for path in sorted(packages.glob(pattern)):
            if path.is_dir():
                removed += size_of(path)
                shutil.rmtree(path)
            elif path.exists():
                removed += path.stat().st_size
                path.unlink()
    return removed


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


if __name__ == "__main__":
    place = Path(sys.argv[1])
    gone = slim(place)
    print(f"Removed {gone / 1e6:.0f} MB; {size_of(place) / 1e6:.0f} MB stay.")
