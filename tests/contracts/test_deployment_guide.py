"""The guide's way without containers, followed to the letter by a user with an empty home, ends in a running app."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import pytest

from scripts.running_app import answers, free_port
from scripts.visitor import Visitor
from wbc_core.datasets.synthetic import render_cell
from wbc_core.settings import ROOT

GUIDE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
SECTION = "Without containers"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
STRANGER = 54_321  # the number of a user who has no account here and owns nothing
WAIT_S = 480
NETWORK = re.compile(r"PIP_.*|.*_proxy|SSL_CERT_.*|REQUESTS_CA_BUNDLE", re.IGNORECASE)
"""Variables that say how this host reaches packages; a stranger on it has them too, and its pip's files of settings."""

PIP_SETTINGS = (".config/pip/pip.conf", ".pip/pip.conf")
CLASSIFIED = "Neutrophil"


def commands(guide: str, section: str) -> str:
    """Return the commands of a section of the guide, as they stand."""
    text = re.split(r"^## ", guide.partition(f"\n## {section}\n")[2], flags=re.MULTILINE)[0]
    (found,) = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home with a clone of the checkout in it, both owned by somebody else where that can be done."""
    if not (ROOT / ".git").exists():
        pytest.skip("This is no clone: the guide begins with one.")
    folder = Path(tempfile.mkdtemp(prefix="guide-"))  # not pytest's own folder, which a stranger cannot enter
    subprocess.run(["git", "clone", "--quiet", "--shared", ROOT, folder / "clone"], check=True)
    for name in PIP_SETTINGS:
        if (Path.home() / name).is_file():
            (folder / name).parent.mkdir(parents=True)
            shutil.copy(Path.home() / name, folder / name)
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    yield folder
    shutil.rmtree(folder)


def followed(home: Path, port: int, printed: Any) -> subprocess.Popen[bytes]:
    """Start a shell that follows the guide, with nothing of this session but where pip finds packages."""
    environment = {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}
    search = os.pathsep.join([f"{sys.base_prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"])
    environment |= {"HOME": str(home), "PATH": search, "LANG": "C.UTF-8", "WBC_PORT": str(port)}
    ids: dict[str, Any] = {}
    if os.geteuid() == 0:
        ids = {"user": STRANGER, "group": STRANGER, "extra_groups": []}
    return subprocess.Popen(
        ["/bin/sh", "-e", "-c", commands(GUIDE, SECTION)],
        cwd=home / "clone",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **ids,
    )


async def classify(address: str) -> list[str]:
    """Hand in a drawn cell as a browser would, and return the texts of the page that comes back."""
    picture = cv2.imencode(".png", render_cell(CLASSIFIED.lower(), seed=3)[..., ::-1])[1].tobytes()
    async with Visitor(address) as visitor:
        await visitor.open()
        seen = await visitor.classify(picture, "cell.png")
    assert seen.failures == []
    return list(seen.texts)


@pytest.mark.slow
def test_who_follows_the_guide_in_an_empty_account_has_a_running_app(home: Path) -> None:
    port = free_port()
    address, began = f"http://127.0.0.1:{port}", time.monotonic()
    with tempfile.TemporaryFile("w+") as printed:
        shell = followed(home, port, printed)
        try:
            while not answers(address):
                if shell.poll() is not None or time.monotonic() - began > WAIT_S:
                    printed.seek(0)
                    text = printed.read()
                    if "pip" in text[-4000:] and not (home / "clone" / ".venv" / "bin" / "streamlit").exists():
                        message = f"The packages cannot be installed here: is there a network?\n{text}"
                        pytest.fail(message) if IN_CI else pytest.skip(message)
                    pytest.fail(f"The guide does not end in a running app:\n{text}")
                time.sleep(0.2)
            print(f"\nFrom an empty account to a running app: {time.monotonic() - began:.0f} s.")
            with ThreadPoolExecutor(1) as thread:  # the browser tests of this process may hold a running loop
                texts = thread.submit(asyncio.run, classify(address)).result()
            assert CLASSIFIED in texts
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
            shell.wait(30)
