"""What this server does, in the text format of Prometheus: counts, times, waiting lines, drift; never a name of a file.

Metrics are made when they are asked for, from counts that cost next to nothing (`prediction_counts`); the library is
imported then, not at the start.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil
from sqlalchemy.exc import SQLAlchemyError

from wbc_core import __version__
from wbc_core.errors import WbcError
from wbc_core.inference.waiting_line import the_line
from wbc_core.jobs.database import database_url, open_database
from wbc_core.jobs.queue import open_queue
from wbc_core.jobs.staff import Staff
from wbc_core.jobs.states import WAITING
from wbc_core.runs.folder import STATES
from wbc_core.services.access import is_loopback, is_public
from wbc_core.services.backup import backup_age_s
from wbc_core.services.backup_contents import database_file
from wbc_core.services.batches import worker
from wbc_core.services.drift import distance, reference_of
from wbc_core.services.prediction_counts import BUCKETS_S, RECENT, ModelCounts, predictions
from wbc_core.settings import Settings, settings

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SHORTEST_TOKEN: Final = 16
PASSED_ON: Final = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via", "cf-ray"})
"""Headers that a proxy adds: a request with one comes from elsewhere, whoever hands it in."""

CHANNELS: Final = ("L", "a", "b")
_STARTED: Final = time.time()

_watched: dict[str, tuple[str, Callable[[], float]]] = {}
_watched_lock = threading.Lock()


def watch(name: str, description: str, value: Callable[[], float]) -> None:
    """Let a number that another room knows be among the metrics.

    Parameters
    ----------
    name : str
        Its name, beginning with ``wbc_``.
    description : str
        What it is, with its unit.
    value : callable
        Returns it, at once.
    """
    with _watched_lock:
        _watched[name] = (description, value)


def may_read(client: str | None, headers: Mapping[str, str], chosen: Settings) -> bool:
    """Return whether a request may read the metrics.

    Parameters
    ----------
    client : str or None
        Address from which the connection comes.
    headers : mapping of str to str
        Of the request, by their names in small letters.
    chosen : Settings
        Say who may.
    """
    if chosen.metrics == "off":
        return False
    if chosen.metrics == "token":
        token = chosen.metrics_token.get_secret_value()
        shown = headers.get("authorization", "")
        return len(token) >= SHORTEST_TOKEN and hmac.compare_digest(shown.encode(), f"Bearer {token}".encode())
    return is_loopback(client) and not PASSED_ON & set(headers)


def exposition() -> tuple[bytes, str]:
    """Return all metrics as text, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Collector:
    """Makes the metrics of one request."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its samples."""
        models, refused = predictions().snapshot()
        yield from _process()
        yield from _results(models, refused)
        yield from _drift(models)
        yield from _waiting()
        if not is_public():
            yield from _jobs()

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: what there is follows from what was done."""
        yield from ()


def _process() -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    yield InfoMetricFamily("wbc", "Version and mode of the program.", {"version": __version__, "mode": settings().mode})
    yield GaugeMetricFamily("wbc_start_time_seconds", "When this process was started, seconds since 1970.", _STARTED)
    memory = psutil.Process().memory_info().rss
    yield GaugeMetricFamily("wbc_memory_bytes", "Resident memory of this process.", memory)


def _results(models: Mapping[str, ModelCounts], refused: Mapping[str, int]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    total = CounterMetricFamily(
        "wbc_predictions", "Pictures and cells answered, by outcome.", labels=("model", "status", "reason")
    )
    seconds = HistogramMetricFamily(
        "wbc_prediction_seconds", "Seconds for one picture asked for alone, with its wait.", labels=("model",)
    )
    abstained = GaugeMetricFamily(
        "wbc_abstention_ratio", f"Share of the latest {RECENT} answers that were unidentified.", labels=("model",)
    )
    for model, counts in models.items():
        for (status, reason), number in sorted(counts.results.items()):
            total.add_metric((model, status, reason), number)
        if any(counts.seconds):
            sums = np.cumsum(counts.seconds).tolist()
            bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
            seconds.add_metric((model,), list(zip(bounds, sums, strict=True)), counts.total_s)
        if counts.confidences:
            abstained.add_metric((model,), float(np.mean([was for _, was in counts.confidences])))
    yield total
    yield seconds
    yield abstained
    taken = CounterMetricFamily("wbc_refused_uploads", "Pictures handed in and not taken, by kind.", labels=("kind",))
    for kind, number in sorted(refused.items()):
        taken.add_metric((kind,), number)
    yield taken


def _drift(models: Mapping[str, ModelCounts]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    def gauge(name: str, description: str, *more: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, description, labels=("model", *more))

    latest = f"the latest {RECENT} answers"
    confidence = gauge("wbc_confidence_mean", f"Mean confidence of {latest}.")
    expected = gauge(
        "wbc_confidence_reference", "Mean confidence of the model's test pictures; missing where none were kept."
    )
    apart = gauge(
        "wbc_confidence_distance",
        f"Largest difference of the distributions of confidence: {latest} against the test pictures; 0 to 1.",
    )
    abstention = gauge("wbc_abstention_reference", "Share of validation pictures abstained on, from the model's card.")
    colour = gauge(
        "wbc_colour_mean", f"Mean CIE L*a*b* of the latest {RECENT} crops as the network saw them.", "channel"
    )
    typical = gauge(
        "wbc_colour_reference",
        "Mean CIE L*a*b* of the colour target; not measured for the model itself, as no card holds it.",
        "channel",
    )
    off = gauge("wbc_colour_distance", "Distance of the two colours above (CIE76 delta E).")
    for model, counts in models.items():
        try:
            reference = reference_of(model)
        except WbcError:
            continue  # removed or altered since: `wbc doctor` says so
        abstention.add_metric((model,), reference.abstention)
        if reference.mean_confidence is not None:
            expected.add_metric((model,), reference.mean_confidence)
        if counts.confidences:
            values = [value for value, _ in counts.confidences]
            confidence.add_metric((model,), float(np.mean(values)))
            if reference.confidences is not None:
                apart.add_metric((model,), distance(values, reference.confidences))
        mean = np.mean(counts.colours, axis=0) if counts.colours else None
        for place, channel in enumerate(CHANNELS):
            if mean is not None:
                colour.add_metric((model, channel), float(mean[place]))
            if reference.colour is not None:
                typical.add_metric((model, channel), reference.colour[place])
        if mean is not None and reference.colour is not None:
            off.add_metric((model,), float(np.linalg.norm(mean - np.array(reference.colour))))
    yield from (confidence, expected, apart, abstention, colour, typical, off)


def _waiting() -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    yield GaugeMetricFamily("wbc_waiting_predictions", "Pictures of visitors that wait in line.", len(the_line()))
    active, pictures = worker().load()
    yield GaugeMetricFamily("wbc_active_batches", "Batches that this process works on.", active)
    yield GaugeMetricFamily("wbc_batch_pictures_left", "Pictures of those batches without a row yet.", pictures)
    with _watched_lock:
        others = dict(_watched)
    for name, (description, value) in sorted(others.items()):
        yield GaugeMetricFamily(name, description, value())


def _jobs() -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    up = GaugeMetricFamily("wbc_database_up", "Whether the database of jobs answers: 1 or 0; 1 before the first job.")
    states = GaugeMetricFamily("wbc_jobs", "Training jobs by state.", labels=("state",))
    length = GaugeMetricFamily("wbc_queue_length", "Training jobs that wait for a worker.")
    at_work = GaugeMetricFamily("wbc_workers", "Workers for training jobs that live.")
    age = GaugeMetricFamily("wbc_backup_age_seconds", "Seconds since the last backup; missing before the first.")
    chosen = settings()
    file = database_file(chosen)
    if file is not None and not file.exists():
        up.add_metric((), 1)
        yield up
        return
    try:
        found = open_queue(chosen).count()
        alive = len(Staff(open_database(database_url(chosen))).alive())
    except (WbcError, SQLAlchemyError):
        up.add_metric((), 0)
        yield up
        return
    up.add_metric((), 1)
    for state in STATES:
        states.add_metric((state,), found.get(state, 0))
    length.add_metric((), sum(found.get(state, 0) for state in WAITING))
    at_work.add_metric((), alive)
    seconds = backup_age_s(chosen)
    if seconds is not None:
        age.add_metric((), seconds)
    yield from (up, states, length, at_work, age)
