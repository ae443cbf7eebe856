"""After a real session nothing of it is left: no picture, no EXIF, no file name, neither on the disk nor in the log."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Page, expect

from scripts.running_app import ROOT
from tests.browser.test_login import free_port
from tests.tiny_models import install_tiny_model
from wbc_core.datasets.synthetic import render_cell

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SLOW_MS = 90_000
START_SECONDS = 60
NAME = "MUSTERFRAU-Erika-1962"
MARKER = "Praxis-Dr-Geheim-Kamera-4711"
LATITUDE = (48.0, 8.0, 13.37)


def photograph() -> bytes:
    """Return a JPEG file of about 5 MB: a drawn cell amid noise, with place, camera and a comment in its EXIF."""
    side = (1500, 2200)
    pixels = np.random.default_rng(5).integers(60, 200, (*side, 3), np.uint8)
    cell = cv2.resize(render_cell("neutrophil", seed=7), (1200, 1200), interpolation=cv2.INTER_CUBIC)
    pixels[150:1350, 500:1700] = cell
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.ImageDescription] = MARKER, MARKER
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", LATITUDE
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = MARKER.encode()
    written = io.BytesIO()
    image.save(written, "JPEG", quality=98, subsampling=0, exif=exif)
    return written.getvalue()


def pieces(data: bytes) -> list[bytes]:
    """Return some stretches of a file's own bytes, from its beginning to its end."""
    return [data[start : start + 48] for start in range(4096, len(data) - 64, len(data) // 8)]


def places_of(wanted: Iterable[bytes], folder: Path) -> set[str]:
    """Return the files below a folder that hold one of these, in their bytes or in their path."""
    needles = list(wanted)
    held = set()
    for path in folder.rglob("*"):
        told = os.fsencode(path.relative_to(folder)) + (path.read_bytes() if path.is_file() else b"")
        if any(needle in told for needle in needles):
            held.add(str(path.relative_to(folder)))
    return held


def unnamed_files(process: int, folder: Path) -> list[str]:
    """Return the files that a process holds open below a folder although they have no name any more."""
    held = []
    for link in Path(f"/proc/{process}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue  # closed meanwhile
        if target.startswith(str(folder)) and target.endswith("(deleted)"):
            held.append(target)
    return held


def settled(page: Page) -> None:
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible(timeout=SLOW_MS)


def test_nothing_of_a_session_is_left_behind(new_page: Callable[..., Page], tmp_path: Path) -> None:
    data = photograph()
    assert 4_000_000 < len(data) < 8_000_000
    secrets = [MARKER.encode(), *pieces(data)]
    assert all(secret in data for secret in secrets)
    folder = tmp_path / "server"
    places = {name: folder / name for name in ("home", "tmp", "runs", "batches", "cache", "data")}
    for place in places.values():
        place.mkdir(parents=True)
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
    address = f"http://127.0.0.1:{free_port()}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")} | {
        "HOME": str(places["home"]),
        "TMPDIR": str(places["tmp"]),
        "WBC_RUNS_DIR": str(places["runs"]),
        "WBC_BATCHES_DIR": str(places["batches"]),
        "WBC_CACHE_DIR": str(places["cache"]),
        "WBC_DATASETS_DIR": str(places["data"]),
        "WBC_MODELS_DIR": str(tmp_path / "models"),
        "WBC_DEFAULT_MODEL": "tiny",
        "WBC_JOBS_WORKER": "false",
        "WBC_MODE": "local",
        "WBC_PORT": address.rpartition(":")[2],
    }
    log = folder / "server.log"
    with log.open("wb") as printed:
        command = [sys.executable, "-m", "wbc_core", "serve"]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=printed, stderr=printed)
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=2).close()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        page = new_page()
        page.set_default_timeout(SLOW_MS)
        single_image(page, address, tmp_path, data)
        assert places_of([*secrets, NAME.encode()], folder) == set()
        assert unnamed_files(server.pid, folder) == []
        kept = batch(page, address, tmp_path, data, folder)
        assert kept, "the scan finds a file name where one is kept"
        assert all(name.startswith("batches/") for name in kept)
        assert places_of(secrets, folder) == set()
        delete_batch(page)
        assert places_of([*secrets, NAME.encode()], folder) == set()
        assert {cookie["name"] for cookie in page.context.cookies()} == {"_streamlit_xsrf"}
    finally:
        server.terminate()
        server.wait(timeout=120)
    assert places_of([*secrets, NAME.encode()], folder) == set(), log.read_text(errors="replace")


def single_image(page: Page, address: str, desk: Path, data: bytes) -> None:
    """Have the picture classified, look at all that the page shows of it, and take it away again."""
    page.goto(f"{address}/single_image")
    settled(page)
    chooser = page.locator("input[type=file]").first
    broken, sound = desk / f"{NAME}.png", desk / f"{NAME}.jpg"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    sound.write_bytes(data)
    chooser.set_input_files(broken, timeout=SLOW_MS)
    expect(page.get_by_test_id("stAlert").first).to_be_visible(timeout=SLOW_MS)  # one that fails is not logged either
    chooser.set_input_files(sound, timeout=SLOW_MS)
    expect(page.get_by_role("button", name="Download as JSON")).to_be_visible(timeout=SLOW_MS)
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as JSON").click()
    exported = Path(download.value.path()).read_bytes()
    assert json.loads(exported)["file"] == f"{NAME}.jpg"
    shown = [page.content().encode(), exported]
    expect(page.locator("img[src*='/media/']").first).to_be_attached(timeout=SLOW_MS)
    for source in page.evaluate("[...document.images].map(image => image.src)"):
        if source.startswith(f"{address}/media/"):
            answer = page.request.get(source).body()
            assert not Image.open(io.BytesIO(answer)).getexif()
            shown.append(answer)
    assert len(shown) > 2, "the page shows the picture"
    for part in shown:
        assert MARKER.encode() not in part
        assert b"13.37" not in part
    page.get_by_role("button", name=f"Remove {NAME}.jpg").click()
    expect(page.get_by_text("No picture yet.")).to_be_visible(timeout=SLOW_MS)


def batch(page: Page, address: str, desk: Path, data: bytes, folder: Path) -> set[str]:
    """Have a zip classified; return where its name is kept then."""
    packed = desk / f"{NAME}.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for number in range(2):
            archive.writestr(f"{NAME}-{number}.jpg", data)
    page.goto(f"{address}/batch")
    settled(page)
    page.locator("input[type=file]").first.set_input_files(packed, timeout=SLOW_MS)
    page.get_by_role("button", name="Classify them").click(timeout=SLOW_MS)
    expect(page.get_by_text("Take the results along")).to_be_visible(timeout=SLOW_MS)
    settled(page)
    return places_of([NAME.encode()], folder)


def delete_batch(page: Page) -> None:
    """Delete the batch that is shown."""
    page.get_by_role("button", name="Delete this batch").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No pictures yet.")).to_be_visible(timeout=SLOW_MS)
    settled(page)


def test_the_scan_finds_what_is_there(tmp_path: Path) -> None:
    data = photograph()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "spooled").write_bytes(b"x" * 999 + data)
    (tmp_path / f"{NAME}.txt").touch()
    (tmp_path / "harmless").write_bytes(b"x" * 9999)
    assert places_of(pieces(data)[-1:], tmp_path) == {"below/spooled"}
    assert places_of([NAME.encode()], tmp_path) == {f"{NAME}.txt"}
    with (tmp_path / "open").open("wb"):
        (tmp_path / "open").unlink()
        assert unnamed_files(os.getpid(), tmp_path) == [f"{tmp_path / 'open'} (deleted)"]
