"""How long a recipe will take, and how much memory and disk, before it is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wbc_core.datasets.checks import counted
from wbc_core.recipes.architectures import ARCHITECTURES
from wbc_core.recipes.spec import Recipe


@dataclass(frozen=True)
class Cost:
    """What an architecture costs in training at 96 px, float32, on a CPU: from ``benchmarks/training_cost.py --all``.

    Attributes
    ----------
    processor_s : float
        Processor seconds a picture, forwards and backwards.
    picture_mb : float
        Memory that each picture of a batch adds, in MB.
    besides_mb : float
        Memory besides: framework, weights, optimiser.
    """

    processor_s: float
    picture_mb: float
    besides_mb: float


COSTS: Mapping[str, Cost] = MappingProxyType(
    {
        "vgg19": Cost(0.1469, 25.5, 1101),
        "inceptionv3": Cost(0.0341, 19.3, 1681),
        "mobilenetv2": Cost(0.0202, 17.9, 1136),
        "densenet201": Cost(0.1055, 63.5, 2491),
        "resnet101v2": Cost(0.1103, 36.4, 2316),
        "resnet50": Cost(0.0670, 23.9, 1676),
        "leaky_cnn": Cost(0.0137, 10.4, 918),
        "baseline_cnn": Cost(0.0158, 10.6, 782),
        "raabin_cnn": Cost(0.0063, 6.7, 773),
        "efficientnet_lite0": Cost(0.0225, 16.7, 1223),
        "compact_transformer": Cost(0.0256, 26.5, 1033),
    }
)

AUGMENTATION_S = 0.0007
"""Processor seconds that varying one picture of 96 px takes."""

PARALLEL = 0.85
"""Share of the second and each further core that training makes use of."""

FORWARD = 1 / 3
"""Cost of a picture that is only predicted, as a share of one that is trained on."""

START_S = 30.0
"""From the start of the process to the first batch, pictures decoded already; and about as long for the export."""

WIDENED = 1.7
"""Side of a picture in the cache of training pictures, as a multiple of the network's input, a little rounded up."""


@dataclass(frozen=True)
class Measured:
    """Epochs of the same kind on this host.

    Attributes
    ----------
    picture_s : float
        Seconds by the clock that an epoch took for each of its training pictures, validation included.
    runs : int
        Runs that this was taken from.
    """

    picture_s: float
    runs: int


@dataclass(frozen=True)
class Disk:
    """What a run writes, in MB: into its folder, and into the cache of pictures."""

    run: float
    cache: float


@dataclass(frozen=True)
class Estimate:
    """What a run will take, roughly.

    Attributes
    ----------
    epochs : int
        Epochs planned; early stopping may end the run before.
    pictures_per_epoch : int
        Training pictures of one epoch.
    seconds_per_epoch, seconds : float
        By the clock; of one epoch, and of the whole run.
    memory_mb : float
        Largest memory of the training process, on a CPU.
    disk : Disk
        What it writes.
    rests_on : str
        Where the figures come from.
    """

    epochs: int
    pictures_per_epoch: int
    seconds_per_epoch: float
    seconds: float
    memory_mb: float
    disk: Disk
    rests_on: str

    def sentence(self) -> str:
        """Return the estimate in words."""
        pictures = counted(self.pictures_per_epoch, "picture") + (" each" if self.epochs > 1 else "")
        return (
            f"About {duration(self.seconds)} for {counted(self.epochs, 'epoch')} of {about(self.seconds_per_epoch)} "
            f"and {pictures}, about {size(self.memory_mb)} of memory and "
            f"{size(self.disk.run + self.disk.cache)} of disk. This rests on {self.rests_on}."
        )


def estimate(
    recipe: Recipe, *, pictures: int, validation: int, cores: int, measured: Measured | None = None
) -> Estimate:
    """Estimate what a run will take.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.
    pictures, validation : int
        Training and validation pictures of all its data sets.
    cores : int
        Processor cores of the host.
    measured : Measured, optional
        How long epochs of this network and input size took on this host; then this counts.

    Returns
    -------
    Estimate
        On a CPU, unless ``measured`` comes from elsewhere. A GPU is many times faster.
    """
    choice = recipe.optimisation
    count = pictures_per_epoch(recipe, pictures)
    if measured is not None:
        seconds = [measured.picture_s * count for _ in range(recipe.epochs)]
        runs = "one finished run" if measured.runs == 1 else f"{measured.runs} finished runs"
        rests_on = f"{runs} of this network at this size on this host"
    else:
        at_once = 1 + PARALLEL * (max(cores, 1) - 1)
        seconds = [
            processor_s / at_once
            for phase in recipe.all_phases()
            for processor_s in [_epoch_processor_s(recipe, count, validation, phase.frozen_through)] * phase.epochs
        ]
        plural = "core" if cores == 1 else "cores"
        rests_on = f"timings of this network at 96 px on two cores, carried over to {cores} {plural} without a GPU"
    cost, scale = COSTS[recipe.network.architecture], (recipe.preprocessing.size / 96) ** 2
    return Estimate(
        epochs=recipe.epochs,
        pictures_per_epoch=count,
        seconds_per_epoch=sum(seconds) / len(seconds),
        seconds=sum(seconds) + 2 * START_S,
        memory_mb=cost.besides_mb + cost.picture_mb * scale * choice.batch_size,
        disk=disk_mb(recipe, pictures + validation),
        rests_on=rests_on,
    )


def pictures_per_epoch(recipe: Recipe, pictures: int) -> int:
    """Return how many pictures one epoch trains on: drawn ones, or one pass over all, the last batch filled up."""
    choice = recipe.optimisation
    steps = choice.steps_per_epoch or -(-pictures // choice.batch_size)
    return steps * choice.batch_size


def _epoch_processor_s(recipe: Recipe, count: int, validation: int, frozen_through: str | None) -> float:
    """Return the processor seconds of one epoch; a frozen backbone is only run forwards."""
    scale = (recipe.preprocessing.size / 96) ** 2
    picture_s = COSTS[recipe.network.architecture].processor_s * scale
    trained = FORWARD if frozen_through == "backbone" else 1.0
    return count * (picture_s * trained + AUGMENTATION_S * scale) + validation * picture_s * FORWARD


def disk_mb(recipe: Recipe, pictures: int) -> Disk:
    """Return what a run writes at most.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.
    pictures : int
        Its training and validation pictures; those that the cache holds already are counted nevertheless.
    """
    weights_mb = 4 * ARCHITECTURES[recipe.network.architecture].parameters_m
    # The checkpoint holds weights, average, best ones and two moments, and its successor is written beside it;
    # the export is a Keras file and an ONNX file.
    run = weights_mb * (2 * 5 + 2)
    cache = pictures * 3 * (WIDENED * recipe.preprocessing.size) ** 2 / 1e6
    return Disk(run=run, cache=cache)


def duration(seconds: float) -> str:
    """Return a duration in words.

    Examples
    --------
    >>> duration(40), duration(200), duration(5400), duration(200000)
    ('40 s', '3 min', '1.5 h', '56 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h"


def about(seconds: float) -> str:
    """Return an estimated duration in words; none is so short that it takes no time.

    Examples
    --------
    >>> about(0.2), about(3.4)
    ('under a second', 'about 3 s')
    """
    return "under a second" if seconds < 1 else f"about {duration(seconds)}"


def size(megabytes: float) -> str:
    """Return a size in words.

    Examples
    --------
    >>> size(320), size(2340)
    ('320 MB', '2.3 GB')
    """
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
