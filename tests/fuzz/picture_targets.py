"""Pictures and archives, as they are uploaded and imported."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.drawn_cells import cell
from tests.fuzz import mutations
from tests.fuzz.engine import Target
from wbc_core.batches.listing import Upload, list_uploads
from wbc_core.datasets.archives import Limits
from wbc_core.datasets.installing import install
from wbc_core.errors import WbcError
from wbc_core.imaging.decoding import LEAST_SIDE, LONGEST_SIDE
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.inference.pipeline import prepare
from wbc_core.services.live_set import uploaded_set

TIGHT = Limits(members=60, total_bytes=2_000_000, file_bytes=1_000_000, ratio=50, ratio_from=200_000)
_NETWORK_INPUT = Preprocessing(size=32)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _pictures() -> dict[str, tuple[bytes, ...]]:
    """Return drawn cells in five formats, several kinds each."""
    pixels = cv2.resize(cell("neutrophil", 3), (36, 40), interpolation=cv2.INTER_AREA)
    image = Image.fromarray(pixels)
    deep = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR).astype(np.uint16) * 256
    exif = Image.Exif()
    exif[274] = 6
    return {
        "jpeg": (
            encoded(image, "JPEG", quality=80, exif=exif),
            encoded(image, "JPEG", progressive=True),
            encoded(image.convert("CMYK"), "JPEG"),
            encoded(image.convert("L"), "JPEG", dpi=(300, 300)),
        ),
        "png": (
            encoded(image, "PNG", exif=exif),
            encoded(image.convert("P"), "PNG", transparency=3),
            encoded(image.convert("RGBA"), "PNG"),
            cv2.imencode(".png", deep)[1].tobytes(),
        ),
        "tiff": (
            *(encoded(image, "TIFF", compression=c) for c in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg")),
            encoded(image.convert("P"), "TIFF", compression="packbits"),
            encoded(image, "TIFF", big_tiff=True),
            cv2.imencode(".tif", deep)[1].tobytes(),
        ),
        "webp": (
            encoded(image, "WEBP"),
            encoded(image, "WEBP", lossless=True, exif=exif),
            encoded(image.convert("RGBA"), "WEBP"),
        ),
        "bmp": tuple(encoded(image.convert(mode), "BMP") for mode in ("RGB", "P", "1", "RGBA")),
    }


def hand_in_picture(data: bytes, place: Path, *, name: str) -> None:
    """Take an upload as the single-image page does, to the network's input."""
    prepared = prepare(data, name, _NETWORK_INPUT)
    height, width = prepared.decoded.pixels.shape[:2]
    assert prepared.decoded.pixels.dtype == np.uint8
    assert prepared.decoded.pixels.shape == (height, width, 3)
    assert LEAST_SIDE <= min(height, width) <= max(height, width) <= LONGEST_SIDE
    assert height * width <= 1_000_000
    assert prepared.crop.shape == (32, 32, 3)


_OWN = {
    "jpeg": (
        mutations.reorder_jpeg,
        mutations.with_tokens(
            (b"\xff\xd9", b"\xff\xda", b"\xff\xdb", b"\xff\xc4", b"\xff\xe1", b"Exif\0\0II*\0", b"\xff\0")
        ),
    ),
    "png": (mutations.reorder_png,),
    "tiff": (mutations.edit_tiff_entry, mutations.with_tokens((b"II*\0", b"MM\0*", b"II+\0", b"\x87\x69", b"\xfe\0"))),
    "webp": (
        mutations.edit_a_length,
        mutations.with_tokens(
            (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"\x9d\x01\x2a", b"\x2f")
        ),
    ),
    "bmp": (mutations.edit_bmp_header,),
}


def zipped(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _archives() -> tuple[bytes, ...]:
    small = _pictures()["webp"][0], _pictures()["jpeg"][3]
    table = b"file,label\nmonocyte/a.webp,monocyte\nneutrophil/b.jpg,neutrophil\n"
    folders = [("monocyte/a.webp", small[0]), ("neutrophil/b.jpg", small[1])]
    return (
        zipped(folders),
        zipped([("set/monocyte/a.webp", small[0]), ("set/readme.txt", b"x" * 40), ("set/more.zip", zipped(folders))]),
        zipped([*folders, ("labels.csv", table)], zipfile.ZIP_STORED),
    )


def hand_in_archive(data: bytes, place: Path) -> None:
    """Take an uploaded archive as the pages Batch and Compare do; a bad picture in it is that picture's error alone."""
    listing = list_uploads([Upload("cells.zip", data)])
    for picture in listing.pictures:
        assert picture.name.isprintable() or not picture.name.isascii()
        try:
            assert len(picture.read()) <= 5_000_000
        except WbcError as error:
            assert str(error)
    folder = place / "unfolded"
    folder.mkdir()
    try:
        uploaded_set([("cells.zip", data)], folder)
    finally:
        assert not any(path.is_symlink() for path in folder.rglob("*"))
        shutil.rmtree(folder)


def import_archive(data: bytes, place: Path) -> None:
    """Import an archive as a data set; after a refusal nothing is left behind."""
    source, target = place / "cells.zip", place / "datasets" / "cells"
    source.write_bytes(data)
    try:
        install(source, target, limits=TIGHT)
    except WbcError:
        assert not target.exists()
        raise
    finally:
        shutil.rmtree(target, ignore_errors=True)
        assert sorted(path.name for path in (place / "datasets").iterdir()) == []


_ZIP = (
    mutations.edit_zip_directory,
    mutations.edit_zip_directory,
    mutations.with_tokens(
        (
            b"../../etc/a.jpg",
            b"/etc/passwd.jpg",
            b"C:\\a.jpg",
            b"..\\..\\a.png",
            b"\0.png",
            b"\x1b[31m.jpg",
            b"=1+1.jpg",
            b"PK\1\2",
            b"PK\5\6",
            b"PK\6\6",
            b"PK\3\4",
            b"\xff\xfe.jpg",
        )
    ),
)


def picture_targets() -> list[Target]:
    counts = {"jpeg": 2400, "png": 2600, "tiff": 2600, "webp": 2400, "bmp": 2600}
    endings = {"jpeg": "jpg", "tiff": "tif"}
    return [
        Target(
            name,
            lambda name=name: _pictures()[name],  # type: ignore[misc]
            partial(hand_in_picture, name=f"upload.{endings.get(name, name)}"),
            _OWN[name],
            count,
        )
        for name, count in counts.items()
    ]


def archive_targets() -> list[Target]:
    return [
        Target("zip", _archives, hand_in_archive, _ZIP, 2400),
        Target("import", lambda: _archives()[:2], import_archive, _ZIP, 500),
    ]
