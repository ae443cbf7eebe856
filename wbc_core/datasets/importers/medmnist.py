"""BloodMNIST of MedMNIST (Yang et al., Scientific Data 2023;10:41): one ``.npz`` file with six arrays.

``train_images``, ``val_images`` and ``test_images`` are (pictures, side, side, 3) uint8, RGB; ``…_labels`` are
(pictures, 1), numbers 0 to 7 in the order that MedMNIST documents: basophil, eosinophil, erythroblast, immature
granulocytes, lymphocyte, monocyte, neutrophil, platelet. The pictures are those of PBC, made smaller: never train on
one and test on the other.
"""

from __future__ import annotations

import shutil
import threading
import zipfile
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.archives import DEFAULT_LIMITS, disk_full
from wbc_core.datasets.contents import ARRAYS, Contents, Member
from wbc_core.datasets.importers.layout import PUBLISHED, FoundPicture, Layout, Pixels, Reading
from wbc_core.errors import DatasetError

LABELS = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "immature_granulocyte",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)
"""In the order of BloodMNIST's numbers."""

PARTS = ("train", "val", "test")
_BROKEN = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


def read(contents: Contents) -> Reading:
    """Read BloodMNIST. The pictures are unpacked when the first of them is asked for."""
    pictures: list[FoundPicture] = []
    notes: tuple[str, ...] = ()
    for member in contents.ending_in(ARRAYS):
        labels = _labels(member)
        if labels is None:
            continue
        frames = _Frames(member, contents.scratch)
        for part in PARTS:
            pictures += [
                FoundPicture(f"{part}/{at:05d}.png", str(number), None, "", part, frame=partial(frames.read, part, at))
                for at, number in enumerate(labels[part].tolist())
            ]
        notes = ("The pictures are those of PBC made smaller: figures from one to the other flatter.",)
    # Other sets of MedMNIST look alike; only this one has eight classes in colour. Of others the numbers mean nothing.
    numbers = {picture.source_label for picture in pictures}
    known = {str(at): label for at, label in enumerate(LABELS)}
    return Reading(tuple(pictures), meanings=known if numbers == set(known) else {}, notes=notes)


def _labels(member: Member) -> dict[str, NDArray[np.int64]] | None:
    """Return the labels of each part, (pictures,); None where the file is not of MedMNIST's form."""
    try:
        with zipfile.ZipFile(member.path) as archive:
            names = set(archive.namelist())
            if not {f"{part}_{kind}.npy" for part in PARTS for kind in ("images", "labels")} <= names:
                return None
            return {part: _label_array(archive, f"{part}_labels.npy") for part in PARTS}
    except _BROKEN as failure:
        raise _broken(member) from failure


def _label_array(archive: zipfile.ZipFile, name: str) -> NDArray[np.int64]:
    if archive.getinfo(name).file_size > 100_000_000:
        raise ValueError("too many labels")
    with archive.open(name) as stream:
        values = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=10_000)
    if values.dtype.kind not in "iu" or values.size != len(values):
        raise ValueError("labels are whole numbers, one a picture")
    return values.reshape(-1).astype(np.int64)


class _Frames:
    """The pictures of a file, unpacked once into the scratch folder and mapped from there: they may be gigabytes."""

    def __init__(self, member: Member, scratch: Path) -> None:
        self._member, self._scratch = member, scratch
        self._arrays: dict[str, NDArray[np.uint8]] = {}
        self._lock = threading.Lock()

    def read(self, part: str, at: int) -> Pixels:
        """Return one picture, (side, side, 3) uint8."""
        with self._lock:
            if part not in self._arrays:
                self._arrays[part] = self._unpack(part)
        frames = self._arrays[part]
        if at >= len(frames):
            raise _broken(self._member)
        return np.ascontiguousarray(frames[at])

    def _unpack(self, part: str) -> NDArray[np.uint8]:
        path = self._scratch / f"{self._member.stem}-{part}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(self._member.path) as archive, archive.open(f"{part}_images.npy") as stream:
                if archive.getinfo(f"{part}_images.npy").file_size > DEFAULT_LIMITS.file_bytes:
                    raise ValueError("too large")
                with path.open("wb") as target:
                    shutil.copyfileobj(stream, target, 1 << 20)
            frames: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
        except _BROKEN as failure:
            raise disk_full(failure, path.parent) or _broken(self._member) from failure
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
            raise DatasetError(
                f"The pictures of {self._member.name} are {frames.dtype} of shape {frames.shape}, not 8-bit colour.",
                "Of MedMNIST, only BloodMNIST holds blood cells.",
            )
        return frames


def _broken(member: Member) -> DatasetError:
    return DatasetError(f"{member.name} is not a whole MedMNIST file.", "Download it again.")


LAYOUT = Layout(
    "medmnist", "BloodMNIST (MedMNIST)", "bloodmnist.npz with train_images, train_labels, …", PUBLISHED, read
)
