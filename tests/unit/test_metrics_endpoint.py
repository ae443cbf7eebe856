"""/metrics tells numbers to whom the settings name, and nothing else: no names, no pictures, nothing to the public."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from tests.tiny_models import install_tiny_model
from wbc_core.batches.listing import Upload
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import AccessError, ImageError, ModelError, WbcError
from wbc_core.imaging.colour_normalisation import lab_statistics
from wbc_core.imaging.foreground import lit_pixels
from wbc_core.inference import watching
from wbc_core.inference.cards import ModelCard, describe_file, load_card, save_card
from wbc_core.jobs.database import open_database
from wbc_core.jobs.queue import open_queue
from wbc_core.recipes.spec import parse_recipe
from wbc_core.services import metrics as serving
from wbc_core.services import prediction_counts
from wbc_core.services.batch_submission import submit_uploads
from wbc_core.services.batches import wait_for, worker
from wbc_core.services.drift import reference_of
from wbc_core.services.metrics import exposition, may_read
from wbc_core.services.prediction_counts import PredictionCounts, mean_colour, predictions
from wbc_core.services.single_image import classify_image
from wbc_core.settings import Settings, as_public, settings
from wbc_core.ui.metrics_route import metrics

PATIENT = "Meier_Anna_1980-02-03"
RECIPE = "{id: tiny, title: Tiny, seed: 5, labels: [lymphocyte, neutrophil], data: [{name: one}]}"
Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture(autouse=True)
def own_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of this test alone."""
    monkeypatch.setattr(prediction_counts, "_counts", PredictionCounts())
    monkeypatch.setattr(watching, "_watchers", [])
    monkeypatch.setattr(serving, "_watched", {})
    watching.watch_crops(predictions().see)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Settings]]:
    """Return a function that sets variables for a host with one tiny model and folders of its own."""
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
    for name in ("RUNS", "BATCHES", "MODELS"):
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", "tiny")

    def change(**values: object) -> Settings:
        for name, value in values.items():
            monkeypatch.setenv(f"WBC_{name.upper()}", str(value))
        settings.cache_clear()
        return settings()

    change()
    worker.cache_clear()
    yield change
    worker().end()
    worker.cache_clear()
    monkeypatch.undo()
    settings.cache_clear()
    open_database.cache_clear()


def cell(seed: int = 1, tint: int = 0) -> bytes:
    pixels = np.clip(render_cell("lymphocyte", seed=seed, size=96).astype(int) + np.array((0, 0, tint)), 0, 255)
    return cv2.imencode(".png", pixels.astype(np.uint8)[..., ::-1])[1].tobytes()


def samples() -> dict[Sample, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition()[0].decode())
        for sample in family.samples
    }


def of_tiny(name: str, **labels: str) -> Sample:
    return name, tuple(sorted({"model": "tiny", **labels}.items()))


def test_predictions_are_counted_by_model_and_outcome_with_their_times(host: Callable[..., Settings]) -> None:
    host()
    results = [classify_image(cell(seed), f"{PATIENT}.png") for seed in range(3)]
    found = samples()
    for result in results:
        same = sum((other.status, other.reason) == (result.status, result.reason) for other in results)
        assert found[of_tiny("wbc_predictions_total", status=result.status, reason=result.reason)] == same
    assert found[of_tiny("wbc_prediction_seconds_count")] == 3
    assert found[of_tiny("wbc_prediction_seconds_bucket", le="+Inf")] == 3
    assert found[of_tiny("wbc_prediction_seconds_sum")] > 0
    abstained = sum(result.status == "unidentified" for result in results) / 3
    assert found[of_tiny("wbc_abstention_ratio")] == pytest.approx(abstained)
    assert found[of_tiny("wbc_confidence_mean")] == pytest.approx(np.mean([result.confidence for result in results]))


def test_rows_of_a_batch_are_counted_and_a_bad_file_among_them_is_a_failed_one(host: Callable[..., Settings]) -> None:
    host()
    batch = submit_uploads([*(Upload(f"{number}.png", cell(number)) for number in range(4)), Upload("5.png", b"x")])
    wait_for(batch, lambda _: None)
    found = samples()
    counted = {key: value for key, value in found.items() if key[0] == "wbc_predictions_total"}
    assert sum(counted.values()) == 5
    assert counted[of_tiny("wbc_predictions_total", status="failed", reason="")] == 1
    assert len(predictions().snapshot()[0]["tiny"].colours) == 4
    assert found[("wbc_active_batches", ())] == 0


def test_what_is_refused_is_counted_by_its_kind(host: Callable[..., Settings]) -> None:
    host()
    with pytest.raises(ImageError):
        classify_image(b"no picture", f"{PATIENT}.png")
    with pytest.raises(WbcError):
        submit_uploads([Upload(f"{PATIENT}.txt", b"no picture")])
    predictions().refuse(AccessError("Too many.", ""))
    found = samples()
    assert {key[1][0][1]: value for key, value in found.items() if key[0] == "wbc_refused_uploads_total"} == {
        "no_picture": 1,
        "not_allowed": 1,
        "other": 1,
    }


def test_no_metric_holds_the_name_of_an_upload(host: Callable[..., Settings]) -> None:
    host()
    classify_image(cell(), f"{PATIENT}.png")
    with pytest.raises(ImageError):
        classify_image(b"no picture", f"{PATIENT}.png")
    wait_for(submit_uploads([Upload(f"{PATIENT}.png", cell())]), lambda _: None)
    assert PATIENT not in exposition()[0].decode()
    labels = {name for (_, pairs) in samples() for name, _ in pairs}
    assert labels <= {"model", "status", "reason", "kind", "state", "channel", "le", "mode", "version"}


def keep_predictions(folder: Path, confidences: dict[str, list[float]]) -> ModelCard:
    """Give a model test predictions, and name them in its card."""
    stream = StringIO()
    writer = csv.writer(stream)
    writer.writerow(["source", "file", "truth", "label", "confidence"])
    for source, values in confidences.items():
        writer.writerows([source, "a.png", "neutrophil", "neutrophil", value] for value in values)
    path = folder / "test_predictions.csv"
    path.write_text(stream.getvalue(), encoding="utf-8")
    card = load_card(folder)
    card = card.model_copy(update={"files": card.files | {path.name: describe_file(path)}})
    save_card(card, folder)
    return card


def test_confidence_is_held_against_the_test_set_that_the_model_was_calibrated_for(
    host: Callable[..., Settings], tmp_path: Path
) -> None:
    host()
    card = keep_predictions(tmp_path / "models" / "tiny", {"other": [0.1] * 9, "pbc": [0.9, 0.95, 1.0]})
    classify_image(cell(), "cell.png")
    here = classify_image(cell(), "cell.png").confidence
    found = samples()
    assert found[of_tiny("wbc_confidence_reference")] == pytest.approx(0.95)
    assert reference_of("tiny").source == "pbc"
    expected = np.mean(np.array([0.9, 0.95, 1.0]) > here)
    assert found[of_tiny("wbc_confidence_distance")] == pytest.approx(max(expected, 1 - expected))
    assert found[of_tiny("wbc_abstention_reference")] == pytest.approx(1 - card.abstention.coverage)


def test_without_test_predictions_the_reference_of_confidence_is_missing(host: Callable[..., Settings]) -> None:
    host()
    classify_image(cell(), "cell.png")
    found = samples()
    assert of_tiny("wbc_confidence_mean") in found
    assert of_tiny("wbc_confidence_reference") not in found
    assert of_tiny("wbc_confidence_distance") not in found


def test_predictions_that_the_card_does_not_describe_are_no_reference(
    host: Callable[..., Settings], tmp_path: Path
) -> None:
    host()
    keep_predictions(tmp_path / "models" / "tiny", {"pbc": [0.9]})
    (tmp_path / "models" / "tiny" / "test_predictions.csv").write_text("altered")
    with pytest.raises(ModelError):
        reference_of("tiny")


def test_a_foreign_stain_shows_as_a_distance_of_colour(host: Callable[..., Settings]) -> None:
    host()
    classify_image(cell(), "cell.png")
    usual = samples()
    for seed in range(9):
        classify_image(cell(seed, tint=-120), "cell.png")
    strange = samples()
    assert usual[of_tiny("wbc_colour_reference", channel="L")] == 76.8
    assert strange[of_tiny("wbc_colour_mean", channel="b")] > usual[of_tiny("wbc_colour_mean", channel="b")] + 10
    assert strange[of_tiny("wbc_colour_distance")] > usual[of_tiny("wbc_colour_distance")] + 10


def test_the_quick_mean_colour_is_near_the_exact_one() -> None:
    crop = render_cell("monocyte", seed=3, size=128)
    found, exact = mean_colour(crop), lab_statistics(crop, lit_pixels(crop))[0]
    assert found is not None
    assert found == pytest.approx(exact, abs=2.0)
    white = mean_colour(np.full((64, 64, 3), 255, np.uint8))
    assert white is not None
    assert white == pytest.approx((100, 0, 0), abs=0.5)
    assert mean_colour(np.zeros((64, 64, 3), np.uint8)) is None


def test_jobs_are_counted_by_state_and_a_database_that_is_away_is_told(
    host: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    host()
    assert samples()[("wbc_database_up", ())] == 1  # none yet, and none is made by looking
    assert not settings().runs_dir.exists()
    queue = open_queue(settings())
    first = queue.submit(parse_recipe(RECIPE))
    queue.submit(parse_recipe(RECIPE))
    queue.request_cancel(first.id)
    found = samples()
    assert found[("wbc_jobs", (("state", "queued"),))] == 1
    assert found[("wbc_jobs", (("state", "cancelled"),))] == 1
    assert found[("wbc_jobs", (("state", "running"),))] == 0
    assert found[("wbc_queue_length", ())] == 1
    damaged = host(runs_dir=settings().runs_dir / "damaged").runs_dir / "jobs.sqlite"
    damaged.parent.mkdir()
    damaged.write_bytes(b"no database" * 999)
    found = samples()
    assert found[("wbc_database_up", ())] == 0
    assert ("wbc_queue_length", ()) not in found


def test_another_room_can_have_its_number_told(host: Callable[..., Settings]) -> None:
    host()
    serving.watch("wbc_sessions", "Open sessions.", lambda: 3)
    assert samples()[("wbc_sessions", ())] == 3


TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize(
    ("chosen", "client", "headers", "told"),
    [
        ({}, "127.0.0.1", {}, True),
        ({}, "::1", {}, True),
        ({}, "10.0.0.7", {}, False),
        ({}, None, {}, False),
        ({}, "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, False),
        ({}, "127.0.0.1", {"forwarded": "for=127.0.0.1"}, False),
        ({}, "127.0.0.1", {"x-real-ip": "10.0.0.7"}, False),
        ({"metrics": "off"}, "127.0.0.1", {}, False),
        ({"metrics": "off"}, "127.0.0.1", {"authorization": "Bearer "}, False),
        ({"metrics": "token", "metrics_token": TOKEN}, "10.0.0.7", {"authorization": f"Bearer {TOKEN}"}, True),
        ({"metrics": "token", "metrics_token": TOKEN}, "127.0.0.1", {}, False),
        ({"metrics": "token", "metrics_token": TOKEN}, "10.0.0.7", {"authorization": f"Bearer {TOKEN}x"}, False),
        ({"metrics": "token", "metrics_token": TOKEN}, "10.0.0.7", {"authorization": "Bearer ünïcode"}, False),
        ({"metrics": "token"}, "10.0.0.7", {"authorization": "Bearer "}, False),
        ({"metrics": "token", "metrics_token": "short"}, "10.0.0.7", {"authorization": "Bearer short"}, False),
    ],
)
def test_only_whom_the_settings_name_reads_metrics(
    chosen: dict[str, str], client: str | None, headers: dict[str, str], told: bool
) -> None:
    assert may_read(client, headers, Settings.model_validate(chosen)) is told


def test_a_public_server_tells_nobody_unless_it_has_a_token() -> None:
    assert as_public(Settings(mode="public")).metrics == "off"
    assert as_public(Settings.model_validate({"metrics": "token", "metrics_token": TOKEN})).metrics == "token"


def asked(client: str, **headers: str) -> tuple[int, bytes]:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = metrics(Request({"type": "http", "client": (client, 5), "headers": pairs}))
    return answer.status_code, bytes(answer.body)


def test_who_may_not_read_them_learns_nothing_of_them(host: Callable[..., Settings]) -> None:
    host()
    code, body = asked("127.0.0.1")
    assert code == 200
    assert b"wbc_info" in body
    assert asked("10.0.0.7") == (404, b"There is nothing here.\n")
