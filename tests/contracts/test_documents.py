"""Documents: links lead somewhere, names that the documents teach are understood, and no file outgrows its subject."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.biology.labels import canonical_label
from wbc_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SOURCES = sorted(path for room in ("wbc_core", "pages") for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_picture_inside_the_project_exists(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert missing == []


def test_the_names_that_the_documents_teach_are_understood() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", (ROOT / "docs/datasets.md").read_text(encoding="utf-8"), re.MULTILINE)
    taught = {label: re.findall(r"[\w ]+", names) for label, names in rows if label in CELL_TYPES}
    assert set(taught) == set(CELL_TYPES)
    for label, names in taught.items():
        assert {canonical_label(name) for name in names if name.strip()} == {label}


def test_the_settings_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"`WBC_([A-Z_]+)`", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme[readme.index("| `make …`") :].split("\n\n")[0]
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", readme, re.MULTILINE)) | set(re.findall(r"`([a-z]+)`", table))
    assert {"run", "test", "lint", "bench"} <= named
    assert named <= targets


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_has_one_subject_and_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
