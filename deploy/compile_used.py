"""Import what serving imports, so that Python keeps its compiled form: ``python deploy/compile_used.py`` beside app.py.

Compiling every package would take longer and more room than the few that are used; compiling nothing would make each
start under a read-only root take many times as long.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

SERVER = ("streamlit.web.cli", "streamlit.web.bootstrap", "streamlit.web.server.starlette.starlette_app")
LATER = (
    "cleanlab.filter",
    "statsmodels.stats.multitest",
    "tensorboard.compat.proto.event_pb2",
    "pyarrow.compute",
    "alembic.command",
    "prometheus_client",
    "pythonjsonlogger.json",
)
"""Imported by the use case that needs them, after the start."""

FRAME = "wbc_core.ui.frame"
"""Draws when it is imported; the server runs it as a script."""


def compile_used() -> int:
    """Import the modules of the app and of its server; return how many modules came along."""
    for room in ("wbc_core.cli", "wbc_core.services", "wbc_core.ui"):
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if module.name != FRAME:
                importlib.import_module(module.name)
    for name in (*SERVER, *LATER):
        importlib.import_module(name)
    return len(sys.modules)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    print(f"{compile_used()} modules are compiled.")
