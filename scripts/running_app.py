"""The real app as a child process on a free port, and the system's Chromium: for screenshots and browser tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """Return the path of the system's Chromium; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def running_app(environment: Mapping[str, str] | None = None, script: Path = ROOT / "app.py") -> Iterator[str]:
    """Serve the app and give its address; ends the server afterwards. Its batches go to a folder that ends with it.

    Parameters
    ----------
    environment : mapping of str to str, optional
        Variables to set for the server on top of this process's own.
    script : Path
        Another script of Streamlit to serve in the app's place, to compare with.

    Raises
    ------
    RuntimeError
        If the server ends or does not answer within a minute; with what it printed.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    address = f"http://127.0.0.1:{port}"
    # A pipe that nobody reads would fill up and stop the server.
    with tempfile.TemporaryDirectory() as batches, tempfile.TemporaryFile("w+") as printed:
        server = subprocess.Popen(  # its own process group, so that nothing it starts is left behind
            command,
            cwd=ROOT,
            env=os.environ | {"WBC_BATCHES_DIR": batches} | dict(environment or {}),
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not answers(address):
                if server.poll() is not None or time.monotonic() > deadline:
                    printed.seek(0)
                    raise RuntimeError(f"The app did not start:\n{printed.read()}")
                time.sleep(0.1)
            yield address
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Return whether the app at this address says that it is up."""
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
