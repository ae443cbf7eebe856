"""A batch on a Ray cluster, by Ray Data: every worker holds the network once and takes pictures in slices.

The workers read the files themselves, so the pictures lie on a disk that all of them see.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbc_core.batches.folder import BatchFolder
from wbc_core.batches.listing import Listing, Picture, open_entry, reader_of_file
from wbc_core.batches.local_engine import check_network
from wbc_core.batches.rows import BatchRow, classify, row_of_line
from wbc_core.errors import WbcError
from wbc_core.inference.cards import load_card
from wbc_core.inference.classifier import Classifier
from wbc_core.settings import ROOT, settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLICE = 64
"""Pictures of one task: many times more than a call of the network takes, few enough to be redone without regret."""


class RowMaker:
    """What a Ray worker runs: holds the network, turns slices of pictures into rows.

    Parameters
    ----------
    model : str
        The model's folder.
    labels : sequence of str or None
        Labels to choose between.
    batch_size : int
        Pictures per call of the network.
    """

    def __init__(self, model: str, labels: Sequence[str] | None, batch_size: int) -> None:
        self._classifier = Classifier(Path(model), threads=1)
        self._labels, self._batch_size = labels, batch_size

    def __call__(self, items: Mapping[str, NDArray[np.object_]]) -> dict[str, list[str]]:
        """Return a line of JSON for each picture of a slice."""
        columns = (items["place"], items["name"], items["size"], items["path"], items["entry"])
        pictures = [
            (int(place), _picture(str(name), int(size), Path(str(path)), int(entry)))
            for place, name, size, path, entry in zip(*columns, strict=True)
        ]
        rows = classify(pictures, self._classifier, self._labels, self._batch_size)
        return {"line": [row.to_line() for row in rows]}


def ray_rows(model_folder: Callable[[str], Path], batch_size: int) -> Callable[[BatchFolder, Listing], Any]:
    """Return what makes the rows that a batch still lacks, on the cluster that WBC_RAY_CLUSTER names.

    Parameters
    ----------
    model_folder : callable
        Returns the folder of a model id.
    batch_size : int
        Pictures per call of the network.
    """

    def rows(folder: BatchFolder, listing: Listing) -> Iterator[BatchRow]:
        request = folder.request()
        model = model_folder(request.model_id)
        check_network(request, load_card(model))
        return _on_cluster(folder.remaining(listing.pictures), model, request.asked, batch_size)

    return rows


def _on_cluster(
    pictures: Sequence[tuple[int, Picture]], model: Path, labels: Sequence[str] | None, batch_size: int
) -> Iterator[BatchRow]:
    if any(picture.path is None for _, picture in pictures):
        raise WbcError(
            "Uploaded pictures lie in the memory of this server, where no Ray worker can read them.",
            "Use the local engine, or put the pictures into a folder that the cluster sees.",
        )
    if not pictures:
        return
    data, cpus = _connect()
    items = [
        {
            "place": place,
            "name": picture.name,
            "size": picture.size,
            "path": str(picture.path.absolute()) if picture.path else "",
            "entry": picture.entry,
        }
        for place, picture in pictures
    ]
    slices = max(1, -(-len(items) // SLICE))
    lines = data.from_items(items, override_num_blocks=slices).map_batches(
        RowMaker,
        fn_constructor_args=(str(model.absolute()), tuple(labels) if labels else None, batch_size),
        batch_size=SLICE,
        num_cpus=1,
        concurrency=min(slices, cpus),
    )
    for item in lines.iter_rows():
        yield row_of_line(item["line"])


def _connect() -> tuple[Any, int]:
    """Connect to the cluster once per process; return Ray Data, and how many processors there are.

    Raises
    ------
    WbcError
        If Ray is not installed or no cluster answers.
    """
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise WbcError(
            f"A batch on Ray needs the package {error.name}, which is not installed.",
            "Install it: pip install -c constraints.txt -r requirements-cluster.txt.",
        ) from error
    if not ray.is_initialized():
        variables = {f"WBC_{name.upper()}": str(value) for name, value in settings() if isinstance(value, (int, float))}
        try:
            _knock(settings().ray_cluster)
            ray.init(
                address=settings().ray_cluster,
                runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)} | variables},
                logging_level="WARNING",
            )
        except OSError as error:
            raise WbcError(
                f"No Ray cluster answers at {settings().ray_cluster}.",
                "Start one with `ray start --head`, or set WBC_RAY_CLUSTER to its address.",
            ) from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray.data, max(1, int(ray.cluster_resources().get("CPU", 1)))


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would ask again for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5).close()


def _picture(name: str, size: int, path: Path, entry: int) -> Picture:
    if entry < 0:
        return Picture(name, size, reader_of_file(path), path)
    return Picture(name, size, lambda: open_entry(path, entry), path, entry)
