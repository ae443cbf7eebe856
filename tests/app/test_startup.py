"""Uploads are spooled in memory where there is a place for it, and where the administrator says otherwise."""

import gc
import tempfile

import pytest

from wbc_core.ui.startup import spare_what_stays, spool_uploads_in_memory


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("TMPDIR", raising=False)


def test_large_uploads_go_to_memory(tmp_path):
    assert spool_uploads_in_memory(tmp_path)
    with tempfile.SpooledTemporaryFile(max_size=10) as stream, tempfile.NamedTemporaryFile() as named:
        stream.write(bytes(100))
        assert named.name.startswith(str(tmp_path))


def test_the_administrators_folder_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "chosen"))
    assert not spool_uploads_in_memory(tmp_path)
    assert tempfile.tempdir is None


def test_without_a_place_in_memory_nothing_changes(tmp_path):
    assert not spool_uploads_in_memory(tmp_path / "missing")
    assert tempfile.tempdir is None


def test_collections_pass_over_what_the_server_has_loaded():
    stays = [[number] for number in range(1000)]
    try:
        spare_what_stays()
        assert gc.get_freeze_count() > len(stays)
        assert not any(each is stays for each in gc.get_objects())
    finally:
        gc.unfreeze()
