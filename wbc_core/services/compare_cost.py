"""What a model costs: parameters, file size, and speed and memory measured on this host in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wbc_core.batches.listing import list_paths
from wbc_core.errors import ModelError
from wbc_core.evaluation.subgroups import on_pareto_front
from wbc_core.inference.cards import load_card
from wbc_core.services.access import require
from wbc_core.services.comparing import ModelComparison
from wbc_core.services.cost_here import CostHere
from wbc_core.services.models import model_folder
from wbc_core.services.roles import Action

LONGEST_S = 600
_CHILD = "import sys; from wbc_core.services.cost_here import measure_here; measure_here(*sys.argv[1:])"


@dataclass(frozen=True)
class Cost:
    """What a model's card says it costs; None where its speed was not measured.

    Attributes
    ----------
    model_id : str
        The model.
    parameters : int
        Weights of the network.
    network_bytes : int
        Size of the served file.
    images_per_second, single_image_ms : float or None
        From encoded file to label, on ``host``.
    host : str
        Processor and cores; empty where nothing was measured.
    """

    model_id: str
    parameters: int
    network_bytes: int
    images_per_second: float | None
    single_image_ms: float | None
    host: str


@dataclass(frozen=True)
class ParetoPoint:
    """One model of the plot of accuracy against speed; on the front if none is better in both."""

    model_id: str
    accuracy: float | None
    images_per_second: float | None
    on_front: bool


def cost_of(model_id: str) -> Cost:
    """Return a model's cost as its card has it.

    Raises
    ------
    ModelError
        If there is no such model, or its card does not validate.
    """
    require(Action.LOOK)
    card = load_card(model_folder(model_id))
    speed = card.speed
    return Cost(
        card.id,
        card.parameters,
        card.files["model.onnx"].bytes,
        None if speed is None else speed.images_per_second,
        None if speed is None else speed.single_image_ms,
        "" if speed is None else speed.host,
    )


def accuracy_against_speed(comparison: ModelComparison, costs: Sequence[Cost]) -> tuple[ParetoPoint, ...]:
    """Return the points of the Pareto plot.

    Speeds of different hosts cannot be compared: only those of the host on which most were measured take part.

    Parameters
    ----------
    comparison : ModelComparison
        The models.
    costs : sequence of Cost
        Of those that are installed.
    """
    hosts = [cost.host for cost in costs if cost.host]
    host = max(dict.fromkeys(hosts), key=hosts.count, default="")
    speeds = {cost.model_id: cost.images_per_second for cost in costs if cost.host == host}
    accuracies = [row.figures["accuracy"].value for row in comparison.measures]
    points = [
        (row.name, accuracy, speeds.get(row.name))
        for row, accuracy in zip(comparison.measures, accuracies, strict=True)
    ]
    front = on_pareto_front([None if a is None or s is None else (a, s) for _, a, s in points])
    return tuple(ParetoPoint(name, a, s, on) for (name, a, s), on in zip(points, front, strict=True))


def measure_cost(model_id: str, images: Path) -> CostHere:
    """Measure a model's speed and memory on this host, in a fresh process, so that nothing else counts.

    Parameters
    ----------
    model_id : str
        The model.
    images : Path
        Folder, archive or file of pictures; a hundred are enough.

    Raises
    ------
    ModelError
        If the model cannot be loaded, there is no picture, or the process fails.
    """
    model_folder(model_id)
    if not images.exists() or not list_paths([images]).pictures:
        raise ModelError(f"There is no picture in {images} to time the model on.", "Name a folder of pictures.")
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, arguments as a list
            [sys.executable, "-c", _CHILD, model_id, str(images)],
            capture_output=True,
            text=True,
            check=True,
            timeout=LONGEST_S,
        )
        return CostHere(**json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError, TypeError) as error:
        raise ModelError(
            f"The cost of {model_id} could not be measured.", "See `wbc models verify`, or name fewer pictures."
        ) from error
