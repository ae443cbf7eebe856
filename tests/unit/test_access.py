"""What a public server and one without login refuse, asked of the services themselves, not of pages that hide it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.own_batches import own_batches
from wbc_core.batches.listing import Upload
from wbc_core.datasets.sources import LabelledImage
from wbc_core.errors import AccessError, ImageError
from wbc_core.services import (
    access,
    batch_submission,
    batches,
    curves,
    differential,
    enlargement,
    field_runs,
    jobs,
    live_set,
    models,
    searching,
    single_image,
    training_form,
)
from wbc_core.services.live_run import LiveRun
from wbc_core.services.rate_limit import MOST_SESSIONS, RateLimit
from wbc_core.settings import ROOT, settings
from wbc_core.smear.case import Case

Serve = Callable[..., None]
INSTALLED = {"tiny": ("neutrophil", "lymphocyte"), "study": ("lymphoblast", "normal_precursor")}
COUNT = {"neutrophil": 20, "lymphocyte": 70, "eosinophil": 9, "blast": 1, "smudge_cell": 30}


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return a function that starts a server in the mind of the services: its mode, its address, its settings."""
    with own_batches(tmp_path, monkeypatch, INSTALLED):

        def start(mode: str = "local", address: str | None = "0.0.0.0", **values: object) -> None:
            monkeypatch.setenv("WBC_MODE", mode)
            monkeypatch.setenv("WBC_RUNS_DIR", str(tmp_path / "runs"))
            for name, value in values.items():
                monkeypatch.setenv(f"WBC_{name.upper()}", str(value))
            settings.cache_clear()
            access._limit.cache_clear()
            access.serve_at(address)

        yield start
        access.serve_nobody()
        access.identify_visitors_by(str)
        access._limit.cache_clear()
        monkeypatch.undo()
        settings.cache_clear()


def picture(side: int = 64, seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


TRAINING = {
    "submit": lambda: jobs.submit_job("id: mine"),
    "list": lambda: jobs.list_jobs(),
    "count": lambda: jobs.count_jobs(),
    "show": lambda: jobs.job_details("a"),
    "log": lambda: next(jobs.follow_log("a", 5, every_s=0.1)),
    "cancel": lambda: jobs.cancel_job("a"),
    "resume": lambda: jobs.resume_job("a"),
    "promote": lambda: jobs.promote_job("a"),
    "estimate": lambda: jobs.estimate_job("id: mine"),
    "workers": lambda: jobs.workers_at_work(),
    "search": lambda: searching.search_recipe(Path("recipe.yaml"), trials=1),
    "sets": lambda: training_form.installed_sets(),
    "runs": lambda: curves.run_choices(),
    "curve": lambda: curves.load_run("a"),
    "upload of a curve": lambda: curves.load_uploads([("h.csv", b"epoch,loss\n0,1\n")]),
}


@pytest.mark.parametrize("use", TRAINING)
def test_a_public_server_trains_nothing_and_shows_no_training(serve: Serve, use: str) -> None:
    serve("public", "127.0.0.1")
    with pytest.raises(AccessError) as caught:
        TRAINING[use]()
    assert str(caught.value) == (
        "This public server trains no models. Run it on your own computer: the README says how."
    )


@pytest.mark.parametrize("use", TRAINING)
@pytest.mark.parametrize(
    ("mode", "address"),
    [("local", "0.0.0.0"), ("local", None), ("local", "192.168.1.4"), ("local", "::"), ("laboratory", "127.0.0.1")],
)
def test_training_is_locked_where_others_may_come_and_nobody_logs_in(
    serve: Serve, mode: str, address: str | None, use: str
) -> None:
    serve(mode, address)
    with pytest.raises(AccessError, match=r"^Training is locked: other computers can reach this server"):
        TRAINING[use]()


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_the_person_at_this_computer_may_train(serve: Serve, address: str) -> None:
    serve("local", address)
    assert jobs.list_jobs() == ()
    access.require_this_computer()


def test_a_command_in_the_laboratory_may_train(serve: Serve) -> None:
    serve("laboratory")
    access.serve_nobody()
    assert jobs.list_jobs() == ()


def test_the_public_names_no_file_of_the_server(serve: Serve, tmp_path: Path) -> None:
    serve("public", "127.0.0.1", batch_root=tmp_path)
    (tmp_path / "cell.png").write_bytes(picture())
    for ask in (lambda: batch_submission.allowed_path("cell.png"), lambda: batch_submission.submit_paths([tmp_path])):
        with pytest.raises(
            AccessError, match=r"^This public server opens no files of its own\. Upload the pictures\.$"
        ):
            ask()
    assert settings().batch_root is None


@pytest.mark.parametrize(("mode", "address"), [("public", "127.0.0.1"), ("local", "0.0.0.0"), ("laboratory", "::1")])
def test_a_labelled_folder_is_read_only_for_the_person_at_this_computer(
    serve: Serve, tmp_path: Path, mode: str, address: str
) -> None:
    serve(mode, address)
    with pytest.raises(AccessError, match=r"^Folders of the server can be named only where no other computer"):
        live_set.set_at(tmp_path)


def test_a_public_server_keeps_nothing_on_a_disk_and_nothing_after_its_end(serve: Serve, tmp_path: Path) -> None:
    serve("public")
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    batch_id = batch_submission.submit_uploads([Upload("secret-name.png", picture())])
    assert batches.worker().wait(batch_id, 60)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before
    folder = settings().batches_dir
    assert (folder / batch_id).is_dir()
    assert not folder.is_relative_to(Path.cwd())
    assert settings().batch_days * 24 == pytest.approx(1)
    batches.delete_batch(batch_id)
    assert not (folder / batch_id).exists()


def test_a_public_server_does_not_tell_where_its_files_lie(serve: Serve, tmp_path: Path) -> None:
    sentence = f"The folder {tmp_path}/models/tiny cannot be read, nor {ROOT}/pages."
    serve("laboratory")
    assert access.without_places(sentence) == sentence
    serve("public")
    assert access.without_places(sentence) == "The folder …/tiny cannot be read, nor …/pages."


def test_uploads_to_a_public_server_are_small_whatever_the_settings_say(serve: Serve) -> None:
    serve("public", max_upload_mb=900, max_archive_mb=9000, max_megapixels=400, batch_memory_mb=90000)
    limits = settings()
    assert (limits.max_upload_mb, limits.max_archive_mb, limits.max_megapixels, limits.batch_memory_mb) == (
        10,
        50,
        25.0,
        500,
    )
    with pytest.raises(ImageError, match="limit is 10 MB"):
        single_image.classify_image(bytes(11_000_000), "large.png")


def test_a_laboratory_may_set_smaller_limits_for_the_public(serve: Serve) -> None:
    serve("public", max_upload_mb=2)
    assert settings().max_upload_mb == 2


def test_the_public_is_told_neither_low_nor_high_nor_what_a_clinic_should_do(serve: Serve) -> None:
    case = Case(leukocyte_count=250.0, sampling="consecutive_fields")
    serve("laboratory")
    judged = json.dumps(differential.count_typed(COUNT, case).as_dict())
    assert '"words": "high"' in judged
    assert "second reader" in judged
    assert "smudge cells per 100 leukocytes" in judged
    serve("public")
    result = differential.count_typed(COUNT, case)
    assert [line.flag for line in result.lines] == [None] * len(result.lines)
    assert {line.range_absolute + line.range_percent for line in result.lines} == {""}
    assert result.leukocyte_count is None
    assert {caution.code for caution in result.cautions} <= differential.ABOUT_COUNTING
    told = json.dumps(result.as_dict())
    for word in ("second reader", "albumin", "reference range", "adults", '"words"'):
        assert word not in told
    assert [line.count for line in result.lines if line.label == "lymphocyte"] == [70]


def test_the_lymphoblast_study_names_no_picture_of_the_public(serve: Serve, tmp_path: Path) -> None:
    serve("laboratory")
    assert {model.id for model in models.available_models()} == {"tiny", "study"}
    serve("public")
    assert {model.id for model in models.available_models()} == {"tiny"}
    refused = r"^The model study is a research study on bone marrow and names no pictures on this public server\."
    uses = (
        lambda: single_image.classify_image(picture(), "a.png", model_id="study"),
        lambda: batch_submission.submit_uploads([Upload("a.png", picture())], model_id="study"),
        lambda: field_runs.submit_fields([Upload("a.png", picture())], model_id="study"),
        lambda: enlargement.try_enlargement(picture(), "a.png", factor=2, reduce=False, model_id="study"),
    )
    for use in uses:
        with pytest.raises(AccessError, match=refused):
            use()


def test_each_session_of_a_public_server_has_its_own_limit(serve: Serve) -> None:
    serve("public", public_pictures_at_once=2, public_pictures_per_minute=0.01)
    session = ["a"]
    access.identify_visitors_by(lambda: session[0])
    for _ in range(2):
        single_image.classify_image(picture(), "a.png")
    with pytest.raises(AccessError, match=r"^This session has asked for many pictures in a short time\. Try again in"):
        single_image.classify_image(picture(), "a.png")
    session[0] = "b"
    single_image.classify_image(picture(), "a.png")


def test_a_public_server_takes_only_so_many_pictures_at_once(serve: Serve, tmp_path: Path) -> None:
    serve("public", public_pictures_at_once=4)
    five = [Upload(f"{number}.png", picture(seed=number)) for number in range(5)]
    refused = r"^5 pictures are too many at once for this public server; the limit is 4\. Hand in fewer\.$"
    with pytest.raises(AccessError, match=refused):
        batch_submission.submit_uploads(five)
    with pytest.raises(AccessError, match=refused):  # one field counts for five pictures
        field_runs.submit_fields(five[:1])
    live = live_set.LiveSet("own", tuple(LabelledImage(tmp_path, "neutrophil", str(n), "own") for n in range(3)))
    with pytest.raises(AccessError, match=r"^6 pictures are too many at once"):  # each of them by two models
        LiveRun(live, ("tiny", "study")).start()


@pytest.mark.parametrize("mode", ["local", "laboratory"])
def test_nobody_else_is_limited(serve: Serve, mode: str) -> None:
    serve(mode, public_pictures_at_once=1, public_pictures_per_minute=0.01)
    for _ in range(3):
        single_image.classify_image(picture(), "a.png")


def test_a_bucket_fills_up_with_time_and_never_over_its_rim() -> None:
    now = [0.0]
    limit = RateLimit(per_minute=60, at_once=3, clock=lambda: now[0])
    limit.take("a", 3)
    with pytest.raises(AccessError, match=r"Try again in 2 seconds\.$"):
        limit.take("a", 2)
    now[0] = 2.0
    limit.take("a", 2)
    now[0] = 1000.0
    limit.take("a", 3)
    with pytest.raises(AccessError):
        limit.take("a", 1)


def test_a_flood_of_sessions_takes_no_more_memory_than_a_fixed_number() -> None:
    limit = RateLimit(per_minute=60, at_once=3, clock=lambda: 0.0)
    for number in range(MOST_SESSIONS + 50):
        limit.take(str(number), 1)
    assert len(limit._left) == MOST_SESSIONS
