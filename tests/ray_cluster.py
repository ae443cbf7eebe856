"""A Ray cluster of one node, started for tests and ended as the process group it is."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

WAIT_S = 240  # a busy machine is not a broken promise


@dataclass(frozen=True)
class RayHead:
    """Where a cluster answers: its own address, and that of its job API."""

    address: str
    jobs: str


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@contextmanager
def ray_head(cpus: int = 1) -> Iterator[RayHead]:
    """Start a head with its job API, wait until it answers, end it with all it started."""
    names = ("--port", "--dashboard-port", "--dashboard-agent-listen-port", "--dashboard-agent-grpc-port")
    names += ("--metrics-export-port", "--ray-client-server-port", "--runtime-env-agent-port")
    ports = free_ports(len(names))
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the paths of its sockets must stay short
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", str(cpus)]
    command += ["--include-dashboard", "true", "--node-ip-address", "127.0.0.1", "--temp-dir", folder]
    command += [str(part) for pair in zip(names, ports, strict=True) for part in pair]
    where = RayHead(f"127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
    with (Path(folder) / "head.log").open("w+") as printed:
        head = subprocess.Popen(
            command,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + WAIT_S
            while not _answers(head, printed, where.jobs):
                assert time.monotonic() < deadline, "the cluster does not answer"
                time.sleep(0.1)
            yield where
        finally:
            # Not `ray stop`, which ends every Ray of the host.
            _send(head, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                head.wait(3)
            _send(head, signal.SIGKILL)
            head.wait()
            shutil.rmtree(folder, ignore_errors=True)


def _answers(head: subprocess.Popen[bytes], printed: IO[str], jobs: str) -> bool:
    printed.seek(0)
    assert head.poll() is None, f"Ray did not start:\n{printed.read()}"
    try:
        with urllib.request.urlopen(f"{jobs}/api/jobs/", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _send(head: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(head.pid, number)
