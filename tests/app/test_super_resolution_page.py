"""Super resolution: every way to enlarge is tried on a picture; what cannot be used says why; the study is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from stand_ins import failure, texts
from streamlit.testing.v1 import AppTest

from tests.tiny_models import install_tiny_model
from wbc_core.imaging.enlargement import METHODS
from wbc_core.services import enlargement
from wbc_core.settings import settings
from wbc_core.ui import enlargement_view

PAGE = "../../pages/lab/super_resolution.py"
OWN = {"bicubic", "Lanczos", "cell enlarger", "bicubic, then sharpened"}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_home: Callable[[], AppTest]) -> Iterator[AppTest]:
    """The page, with a tiny model and no files of foreign networks."""
    monkeypatch.setenv("WBC_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("WBC_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.setenv("WBC_DEFAULT_MODEL", "tiny")
    settings.cache_clear()
    st.cache_data.clear()
    install_tiny_model(tmp_path / "models", "tiny", "Tiny", ["eosinophil", "neutrophil"])
    opened = open_home().switch_page(PAGE)
    opened.run()
    assert not opened.exception
    yield opened
    settings.cache_clear()


def test_a_drawn_sample_is_enlarged_by_what_is_at_hand_and_the_rest_says_why(page: AppTest) -> None:
    table = page.dataframe[0].value
    assert set(table["Method"]) == OWN | {"the picture before"}
    assert all(float(value) > 15 for value in table["PSNR, dB"][:-1])
    assert set(METHODS[2]) - OWN == {"FSRCNN", "ESPCN", "LapSRN"}
    assert [warning.proto.title for warning in page.warning] == ["FSRCNN, ESPCN and LapSRN could not be used here"]
    assert "Set WBC" in page.warning[0].value


def test_four_times_and_as_it_is(page: AppTest) -> None:
    page.segmented_control(key="enlarge_factor").set_value(4).run()
    assert "cell enlarger, twice" in set(page.dataframe[0].value["Method"])
    page.toggle(key="enlarge_reduce").set_value(False).run()
    assert not page.exception
    assert set(page.dataframe[0].value["PSNR, dB"]) == {"–"}
    assert "the picture before" not in set(page.dataframe[0].value["Method"])


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"no picture at all", "notes.png"), (b"", "notes.png")],
)
def test_a_file_that_is_no_picture_is_refused(page: AppTest, data: bytes, message: str) -> None:
    page.file_uploader(key="enlarge_upload").set_value(("notes.png", data, "image/png")).run()
    assert not page.exception
    assert message in failure(page)[0]


def test_it_never_claims_recovered_detail(page: AppTest) -> None:
    words = texts(page).lower()
    assert "holds no detail that the small one did not hold" in words
    assert "recover" not in words


def test_the_study_is_shown_as_it_was_written(page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tmp_path / "study.csv"
    study.write_text(
        "pictures,factor,method,n,psnr_db,ssim,ms,accuracy,accuracy_low,accuracy_high,p_against_bicubic\n"
        "pbc test,2,bicubic,600,30.125,0.9512,0.31,0.9512,0.9311,0.9657,\n"
        "pbc test,2,FSRCNN,600,31.5,0.96,9.1,0.96,0.941,0.973,0.0421\n"
        "kaggle test,2,bicubic,600,,,0.2,0.8,0.77,0.83,\n"
    )
    monkeypatch.setattr(enlargement_view, "super_resolution_study", lambda: enlargement.super_resolution_study(study))
    page.session_state["enlarge_tab"] = "What many pictures showed"
    page.run()
    assert not page.exception
    first, second = (table.value for table in page.dataframe)
    assert list(first["Accuracy"]) == ["95.1 % (93.1 to 96.6)", "96.0 % (94.1 to 97.3)"]
    assert list(first["p against bicubic"]) == ["–", "0.042"]
    assert "SSIM" not in second


def test_without_the_study_its_command_is_named(page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        enlargement_view, "super_resolution_study", lambda: enlargement.super_resolution_study(tmp_path / "none")
    )
    page.session_state["enlarge_tab"] = "What many pictures showed"
    page.run()
    assert page.info[0].proto.title == "The study was not run yet"


def test_the_page_and_the_document_round_the_studys_figures_alike() -> None:
    table = enlargement.super_resolution_study()
    assert table is not None
    document = (enlargement.STUDY.with_suffix(".md")).read_text(encoding="utf-8")
    for (pictures, factor), rows in table.groupby(["pictures", "factor"]):
        for row in enlargement_view.as_shown(rows).to_dict("records"):
            share = row["Accuracy"].replace(" %", "")
            quality = [row.get("PSNR, dB", "–"), row.get("SSIM", "–")]
            cells = [pictures, f"×{factor}", row["Method"], *quality, row["ms a picture"], share]
            assert f"| {' | '.join([*cells, row['p against bicubic']])} |" in document
