"""Archives, links and addresses in files lead nowhere: nothing is written or read elsewhere, no socket is opened."""

from __future__ import annotations

import io
import os
import socket
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.drawn_cells import cell, write
from wbc_core.batches.listing import Upload, list_paths, list_uploads
from wbc_core.cli.main import app
from wbc_core.datasets.contents import contents_of
from wbc_core.datasets.installing import install
from wbc_core.datasets.sources import read_source
from wbc_core.errors import DatasetError, WbcError
from wbc_core.recipes.spec import parse_recipe
from wbc_core.services.comparing import uploaded_predictions
from wbc_core.services.curves import load_uploads
from wbc_core.services.live_set import uploaded_set
from wbc_core.services.single_image import classify_image
from wbc_core.settings import settings

ELSEWHERE = {
    "absolute": "/tmp/wbc-slip/neutrophil/a.png",
    "upwards": "../../neutrophil/a.png",
    "upwards inside": "neutrophil/../../../a.png",
    "drive letter": "C:\\neutrophil\\a.png",
    "drive letter with slashes": "c:/neutrophil/a.png",
    "backslashes": "..\\..\\neutrophil\\a.png",
    "network": "\\\\host\\share\\a.png",
    "mixed": "neutrophil\\..\\../..\\a.png",
}
LOOKALIKES = {
    "fraction slash": "..\u2215..\u2215neutrophil\u2215a.png",
    "wide dots": "\uff0e\uff0e/neutrophil/a.png",
    "encoded": "..%2f..%2fneutrophil/a.png",
    "twice encoded": "%252e%252e/neutrophil/a.png",
    "direction": "neutrophil/\u202egnp.a.png",
    "long": f"neutrophil/{'é' * 300}.png",
    "one dot": "./neutrophil/./a.png",
    "reserved": "neutrophil/nul.png",
    "tilde": "~/neutrophil/a.png",
}


@pytest.fixture
def outside(tmp_path: Path):
    """A folder deep enough that a step upwards stays in it; what lies around must be the same afterwards."""
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "a" / "beside.txt").write_text("untouched")

    def around() -> list[str]:
        return sorted(str(path) for path in tmp_path.rglob("*") if deep not in path.parents)

    before = around()
    yield deep
    assert around() == before
    assert not Path("/tmp/wbc-slip").exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() and deep / "source" not in path.parents]


def picture() -> bytes:
    stream = io.BytesIO()
    from PIL import Image

    Image.fromarray(cell("neutrophil", 1)).save(stream, "PNG")
    return stream.getvalue()


def zipped(*members: tuple[str, bytes, int]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo("x")
            info.filename, info.external_attr = name, mode << 16
            archive.writestr(info, data)
    return stream.getvalue()


@pytest.mark.parametrize("name", ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_archive_whose_names_lead_elsewhere_is_refused(outside: Path, name: str) -> None:
    data = zipped(("neutrophil/b.png", picture(), 0), (name, picture(), 0))
    (outside / "x.zip").write_bytes(data)
    with pytest.raises(DatasetError, match=r"absolute path|leads out of its folder"):
        install(outside / "x.zip", outside / "set")
    (outside / "unfolded").mkdir()
    with pytest.raises(DatasetError, match=r"absolute path|leads out of its folder"):
        uploaded_set([("x.zip", data)], outside / "unfolded")
    assert not (outside / "set").exists()
    # A batch never writes what it reads: there a name is no more than a name, and bears no sign that a terminal obeys.
    listing = list_uploads([Upload("x.zip", data)])
    assert {picture.read()[:4] for picture in listing.pictures} == {b"\x89PNG"}
    assert all(picture.name.isprintable() for picture in listing.pictures)


@pytest.mark.parametrize("name", LOOKALIKES.values(), ids=LOOKALIKES)
def test_a_name_that_only_looks_so_stays_in_the_folder(outside: Path, name: str) -> None:
    (outside / "x.zip").write_bytes(zipped(("monocyte/b.png", picture(), 0), (name, picture() + b" ", 0)))
    try:
        install(outside / "x.zip", outside / "set")
    except DatasetError:
        assert not (outside / "set").exists()
        return
    written = [path for path in (outside / "set").rglob("*") if path.is_file()]
    assert len(written) >= 3
    assert all(path.resolve().is_relative_to(outside / "set") for path in written)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_are_refused(outside: Path, kind: int) -> None:
    (outside / "x.zip").write_bytes(zipped(("neutrophil/a.png", b"/etc/passwd", kind | 0o777)))
    with pytest.raises(DatasetError, match="holds a link or a device"):
        install(outside / "x.zip", outside / "set")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(outside: Path, kind: bytes) -> None:
    with tarfile.open(outside / "x.tar", "w") as archive:
        info = tarfile.TarInfo("neutrophil/a.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(DatasetError, match="holds a link or a device"):
        install(outside / "x.tar", outside / "set")


def test_an_import_of_a_folder_leaves_out_links_that_lead_out_of_it(outside: Path) -> None:
    source, secret = outside / "source", outside / "secret"
    write(source / "neutrophil" / "a.png", cell("neutrophil", 1))
    write(source / "monocyte" / "a.png", cell("monocyte", 2))
    write(secret / "b.png", cell("monocyte", 3))
    (source / "monocyte" / "b.png").symlink_to(secret / "b.png")
    (source / "monocyte" / "inside.png").symlink_to(source / "monocyte" / "a.png")
    (source / "eosinophil").symlink_to(secret, target_is_directory=True)
    found = contents_of(source, outside / "scratch")
    assert [member.name for member in found.members] == [
        "monocyte/a.png",
        "monocyte/inside.png",
        "neutrophil/a.png",
    ]
    assert [(each.file, each.reason) for each in found.skipped] == [
        ("monocyte/b.png", "is a link that leads out of the folder")
    ]


def test_a_folder_open_to_the_batch_page_leads_nowhere_else_by_links(tmp_path: Path, monkeypatch) -> None:
    root, secret = tmp_path / "open", tmp_path / "secret"
    write(root / "cells" / "a.png", cell("neutrophil", 1))
    write(secret / "b.png", cell("monocyte", 2))
    (root / "cells" / "b.png").symlink_to(secret / "b.png")
    (root / "cells" / "inside.png").symlink_to(root / "cells" / "a.png")
    (root / "cells" / "all").symlink_to(secret, target_is_directory=True)
    monkeypatch.setenv("WBC_BATCH_ROOT", str(root))
    settings.cache_clear()
    try:
        listing = list_paths([root / "cells"])
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert [Path(picture.name).name for picture in listing.pictures] == ["a.png", "inside.png"]
    assert list(listing.left_out) == [str(root / "cells" / "b.png")]


@pytest.mark.parametrize("make", [lambda path: os.mkfifo(path), lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_named_as_a_picture_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.png")
    (picture,) = list_paths([tmp_path / "a.png"]).pictures
    with pytest.raises(WbcError, match="no file but a device or a pipe"):
        picture.read()
    assert list_paths([tmp_path]).pictures == []


# --- addresses ------------------------------------------------------------------------------------------------------

ADDRESSES = (
    "http://169.254.169.254/latest/meta-data",
    "https://127.0.0.1:1/a.png",
    "file:///etc/passwd",
    "//host/a.png",
)


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a socket or asking for a host's address fails the test."""

    def opened(*arguments: object, **options: object) -> object:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", opened)
    monkeypatch.setattr(socket, "getaddrinfo", opened)
    monkeypatch.setattr(socket.socket, "connect", opened)
    monkeypatch.setattr("urllib.request.urlopen", opened)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_in_a_file_or_for_a_file_is_never_asked(no_socket: None, tmp_path: Path, address: str) -> None:
    (tmp_path / "labels.csv").write_text(f"file,label\n{address},neutrophil\n")
    (tmp_path / "unfolded").mkdir()
    table = (tmp_path / "labels.csv").read_bytes()
    with pytest.raises(WbcError, match=r"None of the pictures that labels\.csv names is here"):
        uploaded_set([("labels.csv", table), ("a.png", picture())], tmp_path / "unfolded")
    with pytest.raises(WbcError):
        install(tmp_path / "labels.csv", tmp_path / "set")
    (labelled,) = read_source(tmp_path / "labels.csv")
    assert not labelled.path.exists() or str(labelled.path).startswith("/etc")
    for listed in list_paths([Path(address)]).pictures:
        with pytest.raises(WbcError):
            listed.read()
    with pytest.raises(WbcError):
        classify_image(address.encode(), address)
    rows = f"source,file,truth,label,confidence,p_monocyte,p_neutrophil\npbc,{address},monocyte,monocyte,0.9,0.9,0.1\n"
    assert len(uploaded_predictions(rows.encode(), address)) == 1
    assert load_uploads([(address, address.encode())])[0].problem is not None
    assert parse_recipe(f"id: ab\ntitle: A\nseed: 1\ndata: [{{name: pbc}}]\nnetwork: {{initial_weights: '{address}'}}")


@pytest.mark.parametrize("address", ADDRESSES[:2])
@pytest.mark.parametrize(
    "command",
    [
        ["predict"],
        ["batch"],
        ["detect"],
        ["evaluate"],
        ["datasets", "import"],
        ["datasets", "check"],
        ["differential"],
        ["compare", "wbc8-lite0", "--on"],
        ["jobs", "submit"],
        ["jobs", "estimate"],
    ],
    ids=" ".join,
)
def test_no_command_loads_an_address(
    no_socket: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], address: str
) -> None:
    for name in ("BATCHES", "RUNS", "DATASETS"):
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name))
    settings.cache_clear()
    try:
        ended = CliRunner().invoke(app, [*command, address])
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert ended.exit_code != 0
    assert ended.exception is None or isinstance(ended.exception, (WbcError, SystemExit)), ended.exception


@pytest.mark.parametrize("name", ["../../x", "/tmp/wbc-slip", "a/b", "..", "A B", "a\0b", "-x", "x" * 80])
def test_the_id_of_a_batch_or_job_leads_to_no_other_folder(tmp_path: Path, monkeypatch, name: str) -> None:
    from wbc_core.services import batch_submission, batches, jobs

    for place in ("BATCHES", "RUNS"):
        monkeypatch.setenv(f"WBC_{place}_DIR", str(tmp_path / "in" / place.lower()))
    settings.cache_clear()
    write(tmp_path / "a.png", cell("neutrophil", 1))
    try:
        assert not batches.exists(name)
        for use in (
            lambda: batches.view_batch(name),
            lambda: batches.delete_batch(name),
            lambda: batch_submission.submit_paths([tmp_path / "a.png"], batch_id=name),
            lambda: batch_submission.continue_batch(name),
            lambda: jobs.job_details(name),
            lambda: jobs.cancel_job(name),
        ):
            with pytest.raises(WbcError):
                use()
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "a.png"}
    assert not Path("/tmp/wbc-slip").exists()
